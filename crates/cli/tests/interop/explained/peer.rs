//! A peer on a TUN device of the test's own that sends what it is told and answers nothing by itself: so that the other end
//! stays in the state where it is.

use bytes::Bytes;
use lastack::device::Device;
use lastack::device::tun::{Config, Tun};
use lastack::wire::tcp::Flags;
use lastack::wire::{Packet, Payload};
use lastack_sim::octets::{self, Ends};
use lastack_sim::script::ast::{Opt, Segment};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

/// The host's end of the device.
pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The peer's.
pub(super) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

const FIN_ACK: Flags = Flags(0x11);
const PATIENCE: Duration = Duration::from_secs(10);

/// What is read of a segment that came. Its checksum may be left to a device that has none.
#[derive(Clone, Copy, Debug)]
struct Heard {
    from: SocketAddr,
    to: SocketAddr,
    seq: u32,
    flags: Flags,
    len: u32,
}

fn heard(packet: &[u8]) -> Option<Heard> {
    if packet.first()? >> 4 != 4 || *packet.get(9)? != 6 {
        return None;
    }
    let tcp = packet.get(usize::from(packet[0] & 15) * 4..)?;
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..at + 4)?.first_chunk::<4>()?));
    let port = |at: usize| Some(u16::from_be_bytes(*tcp.get(at..)?.first_chunk()?));
    Some(Heard {
        from: SocketAddr::new(address(12)?.into(), port(0)?),
        to: SocketAddr::new(address(16)?.into(), port(2)?),
        seq: u32::from_be_bytes(*tcp.get(4..)?.first_chunk()?),
        flags: Flags(*tcp.get(13)?),
        len: u32::try_from(tcp.len()).ok()? - u32::from(*tcp.get(12)? >> 4) * 4,
    })
}

pub(super) struct Peer {
    tun: Tun,
    heard: Vec<Heard>,
}

/// One connection as the peer has it: what it sends next, and what it would acknowledge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    ends: Ends,
    seq: u32,
    ack: u32,
}

impl Peer {
    pub(super) fn new() -> Peer {
        let config = Config { name: "peer0".to_owned(), mtu: 1500, host: vec![(HOST.into(), 24)] };
        Peer {
            tun: Tun::create(&config).expect("a TUN device in a namespace of one's own"),
            heard: Vec::new(),
        }
    }

    fn send(&mut self, line: Line, flags: Flags) {
        let segment = Segment {
            flags,
            start: line.seq,
            len: 0,
            ack: flags.ack().then_some(line.ack),
            window: Some(65_535),
            urgent: None,
            options: flags.syn().then(|| vec![Opt::Mss(1460)]),
            marks: Default::default(),
        };
        let payload = Payload::from(Bytes::from(octets::encode(line.ends, &segment)));
        let packet = Packet { head: Default::default(), payload, offload: Default::default() };
        self.tun.send(&packet).expect("the device is up");
    }

    /// Waits for a segment to this port.
    fn wait(&mut self, port: u16, is_it: impl Fn(&Heard) -> bool) -> Heard {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = &mut self.heard;
            let drained = self.tun.receive(64, &mut |frame| all.extend(heard(&frame.data)));
            drained.expect("the device is up");
            if let Some(at) = all.iter().position(|heard| heard.to.port() == port && is_it(heard)) {
                return all.remove(at);
            }
            assert!(Instant::now() < deadline, "nothing came to port {port}; {all:?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A SYN, and nothing after it.
    pub(super) fn syn(&mut self, from: u16, to: SocketAddr) -> Line {
        let ends = Ends { from: SocketAddr::new(PEER.into(), from), to };
        let line = Line { ends, seq: 7_000, ack: 0 };
        self.send(line, Flags::SYN);
        Line { seq: line.seq + 1, ..line }
    }

    /// The whole handshake.
    pub(super) fn connect(&mut self, from: u16, to: SocketAddr) -> Line {
        let line = self.syn(from, to);
        let answer = self.wait(from, |heard| heard.flags.syn());
        let line = Line { ack: answer.seq + 1, ..line };
        self.send(line, Flags::ACK);
        line
    }

    /// Someone connects to this port: the handshake from the other side.
    pub(super) fn accept(&mut self, port: u16) -> Line {
        let line = self.asked(port);
        self.send(line, Flags::SYN.with(Flags::ACK));
        let line = Line { seq: line.seq + 1, ..line };
        self.wait(port, |heard| heard.flags == Flags::ACK && heard.len == 0);
        line
    }

    /// Someone connects to this port and gets a SYN that acknowledges nothing.
    pub(super) fn cross(&mut self, port: u16) {
        let line = self.asked(port);
        self.send(line, Flags::SYN);
        self.wait(port, |heard| heard.flags.syn() && heard.flags.ack());
    }

    fn asked(&mut self, port: u16) -> Line {
        let syn = self.wait(port, |heard| heard.flags.syn());
        let ends = Ends { from: syn.to, to: syn.from };
        Line { ends, seq: 9_000, ack: syn.seq + 1 }
    }

    /// A FIN that acknowledges what was acknowledged before.
    pub(super) fn fin(&mut self, line: Line) -> Line {
        self.send(line, FIN_ACK);
        Line { seq: line.seq + 1, ..line }
    }

    /// Waits for the FIN of the other end, and does not acknowledge it.
    pub(super) fn hear_fin(&mut self, line: Line) -> Line {
        let fin = self.wait(line.ends.from.port(), |heard| heard.flags.fin());
        Line { ack: fin.seq + fin.len + 1, ..line }
    }

    /// Acknowledges what was heard.
    pub(super) fn acknowledge(&mut self, line: Line) {
        self.send(line, Flags::ACK);
    }
}
