//! A peer without a stack: segments by hand, and what came back.

use crate::world::{World, config, ip};
use bytes::Bytes;
use lastack_stack::wire::packet::{self, BuildOptions};
use lastack_stack::wire::tcp::{self, Flags, Header, Options};
use lastack_stack::wire::{Frame, Payload, Seq};
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Where the peer is.
pub(crate) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 99));

/// One host, and everything that it sent.
pub(crate) struct Raw {
    pub(crate) world: World,
    sent: Rc<RefCell<Vec<Frame>>>,
}

impl Raw {
    pub(crate) fn new() -> Raw {
        let mut world = World::with(vec![(config(0), 1)]);
        let sent = Rc::new(RefCell::new(Vec::new()));
        let log = sent.clone();
        world.rule = Some(Box::new(move |_, packet| {
            log.borrow_mut().push(packet.to_frame());
            true
        }));
        Raw { world, sent }
    }

    /// What was sent since the last look.
    pub(crate) fn frames(&mut self) -> Vec<Frame> {
        self.world.run_ms(0);
        self.sent.borrow_mut().drain(..).collect()
    }

    /// The same, as TCP: destination port and header.
    pub(crate) fn segments(&mut self) -> Vec<(u16, Header)> {
        let tcp_of = |frame: &Frame| {
            let parsed = packet::parse(&frame.data).ok()?;
            let (_, port, header, _) = tcp::parse(&frame.data[parsed.payload]).ok()?;
            Some((port, header))
        };
        self.frames().iter().filter_map(tcp_of).collect()
    }

    pub(crate) fn send(&mut self, from: u16, to: u16, header: Header, payload: &'static str) {
        let frame = segment(SocketAddr::new(PEER, from), to, &header, payload);
        self.world.inject(0, frame);
    }

    /// Opens a connection to `to` and completes it; returns our number, and the host's, after the handshake.
    pub(crate) fn open(&mut self, from: u16, to: u16) -> (Seq, Seq) {
        self.send(from, to, syn(100), "");
        let (_, answer) = self.segments().pop().expect("a SYN-ACK");
        assert!(answer.flags.contains(Flags::SYN.with(Flags::ACK)), "{answer:?}");
        self.send(from, to, ack(101, answer.seq.0.wrapping_add(1)), "");
        self.segments();
        (Seq(101), answer.seq + 1)
    }
}

pub(crate) fn segment(from: SocketAddr, to: u16, header: &Header, payload: &'static str) -> Frame {
    segment_to(from, SocketAddr::new(ip(0), to), header, payload)
}

pub(crate) fn segment_to(from: SocketAddr, to: SocketAddr, header: &Header, payload: &'static str) -> Frame {
    let payload = Payload::from(Bytes::from_static(payload.as_bytes()));
    packet::tcp(from, to, header, payload, BuildOptions::default()).to_frame()
}

pub(crate) fn syn(seq: u32) -> Header {
    let options = Options { mss: Some(1460), ..Options::default() };
    Header { seq: Seq(seq), flags: Flags::SYN, window: 65535, options, ..Header::default() }
}

pub(crate) fn ack(seq: u32, ack: u32) -> Header {
    Header { seq: Seq(seq), ack: Seq(ack), flags: Flags::ACK, window: 65535, ..Header::default() }
}
