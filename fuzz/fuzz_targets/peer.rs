//! The peer: remembers the last segment the stack sent it, so that what it says next is nearly right.

use crate::bent::Bent;
use bytes::Bytes;
use lastack_stack::wire::packet::{self, BuildOptions};
use lastack_stack::wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};
use lastack_stack::wire::{Frame, Payload, Protocol, Seq, tcp};
use std::net::{IpAddr, SocketAddr};

/// What the peer knows.
#[derive(Debug)]
pub struct Peer {
    address: IpAddr,
    stack: SocketAddr,
    last: Option<Heard>,
    packet: Option<Bytes>,
}

/// A segment of the stack.
#[derive(Clone, Debug)]
struct Heard {
    /// The peer's port.
    port: u16,
    /// The stack's port.
    from: u16,
    header: Header,
    /// The sequence number behind it.
    next: Seq,
}

impl Peer {
    pub fn new(address: IpAddr, stack: SocketAddr) -> Peer {
        Peer { address, stack, last: None, packet: None }
    }

    /// Takes a packet of the stack, which must be sound.
    pub fn hear(&mut self, frame: &Frame) {
        let parsed = packet::parse(&frame.data).expect("the stack sends packets that can be read");
        assert_eq!(parsed.source, self.stack.ip());
        if parsed.protocol != Protocol::TCP {
            return;
        }
        assert!(parsed.tcp_checksum_holds(&frame.data, &frame.offload), "the checksum");
        let octets = &frame.data[parsed.payload];
        let (from, port, header, offset) =
            tcp::parse(octets).expect("the stack sends segments that can be read");
        let control =
            u32::from(header.flags.contains(Flags::SYN)) + u32::from(header.flags.contains(Flags::FIN));
        let next = Seq(header.seq.0.wrapping_add((octets.len() - offset) as u32).wrapping_add(control));
        self.last = Some(Heard { port, from, header, next });
        self.packet = Some(frame.data.clone());
    }

    /// The next segment.
    pub fn say(&self, bent: &Bent) -> Frame {
        let open = Heard {
            port: 40_000 + u16::from(bent.port % 8),
            from: self.stack.port() + u16::from(!bent.to_listener),
            header: Header::default(),
            next: Seq(0),
        };
        let starts = bent.flags & (Flags::SYN.0 | Flags::ACK.0) == Flags::SYN.0;
        let heard = if starts { &open } else { self.last.as_ref().unwrap_or(&open) };
        let bend = |value: Seq, by: i16| {
            if bent.straight { value } else { Seq(value.0.wrapping_add_signed(i32::from(by))) }
        };
        let ack = bend(heard.next, bent.ack);
        let timestamps = bent.timestamp.map(|step| Timestamps {
            value: 1_000_000_u32.wrapping_add_signed(i32::from(step)),
            echo: heard.header.options.timestamps.map_or(0, |theirs| theirs.value),
        });
        let mut options = Options { timestamps, ..Options::default() };
        if bent.flags & Flags::SYN.0 != 0 {
            options.mss = Some(536 + bent.window % 1024);
            options.window_scale = (bent.len % 2 == 0).then_some(7);
            options.sack_permitted = bent.sack.is_some();
        } else if let Some((from, len)) = bent.sack {
            let left = Seq(ack.0.wrapping_add(u32::from(from)));
            options.sack.push(SackBlock { left, right: Seq(left.0.wrapping_add(u32::from(len))) });
        }
        let header = Header {
            seq: bend(heard.header.ack, bent.seq),
            ack,
            flags: Flags(bent.flags),
            window: bent.window,
            urgent: bent.ack as u16,
            options,
        };
        let payload = Payload::from(Bytes::from(vec![0x5a; usize::from(bent.len % 1400)]));
        let source = SocketAddr::new(self.address, heard.port);
        let destination = SocketAddr::new(self.stack.ip(), heard.from);
        packet::tcp(source, destination, &header, payload, BuildOptions::default()).to_frame()
    }

    /// An error about the last packet of the stack.
    pub fn complain(&self, code: u8, mtu: Option<u16>) -> Option<Frame> {
        let quoted = self.packet.as_ref()?;
        let (IpAddr::V4(from), IpAddr::V4(to)) = (self.address, self.stack.ip()) else { return None };
        let mut body = vec![3, if mtu.is_some() { 4 } else { code }, 0, 0, 0, 0];
        body.extend_from_slice(&mtu.unwrap_or(0).to_be_bytes());
        body.extend_from_slice(&quoted[..quoted.len().min(64)]);
        let sum = !lastack_stack::wire::checksum::sum(&body);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut octets = vec![0x45, 0];
        octets.extend_from_slice(&(20 + body.len() as u16).to_be_bytes());
        octets.extend_from_slice(&[0, 0, 0, 0, 64, 1, 0, 0]);
        octets.extend_from_slice(&from.octets());
        octets.extend_from_slice(&to.octets());
        let sum = !lastack_stack::wire::checksum::sum(&octets);
        octets[10..12].copy_from_slice(&sum.to_be_bytes());
        octets.extend_from_slice(&body);
        Some(Frame::plain(octets))
    }
}
