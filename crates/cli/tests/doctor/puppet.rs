//! Peers that do what no kernel would: behind a TUN, every address of 198.18.0.0/15 but the host's own is this puppet. It lives
//! in the test's own namespace, so that nothing of it leaves.

use lastack::device::tun::{Config, Tun};
use lastack::device::{Device, Sent};
use lastack::wire::packet::{self, BuildOptions};
use lastack::wire::tcp::{Flags, Header};
use lastack::wire::{Payload, Protocol, Seq};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Where the kernel is.
pub(crate) const HOST: &str = "198.18.0.1";
/// Its first sequence number, always.
const ISS: u32 = 1000;

pub(crate) struct Puppet {
    tun: Tun,
}

/// A segment of the kernel.
pub(crate) struct Segment {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) flags: Flags,
    pub(crate) seq: Seq,
    len: u32,
}

impl Puppet {
    pub(crate) fn new() -> Puppet {
        let host = vec![(HOST.parse().unwrap(), 15)];
        let tun = Tun::create(&Config { name: "puppet%d".to_owned(), mtu: 1500, host })
            .expect("we are root in here");
        Puppet { tun }
    }

    pub(crate) fn send(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        flags: Flags,
        seq: Seq,
        ack: Seq,
        window: u16,
    ) {
        let header = Header { seq, ack, flags, window, ..Header::default() };
        let packet = packet::tcp(from, to, &header, Payload::empty(), BuildOptions::default());
        while self.tun.send(&packet).expect("the interface is there") == Sent::Full {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A SYN, as a client would send it.
    pub(crate) fn syn(&mut self, from: SocketAddr, to: SocketAddr) {
        self.send(from, to, Flags::SYN, Seq(ISS), Seq(0), 65_535);
    }

    /// What came meanwhile.
    pub(crate) fn take(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        let received = self.tun.receive(1024, &mut |frame| {
            let Ok(parsed) = packet::parse(&frame.data) else { return };
            if parsed.protocol != Protocol::TCP {
                return;
            }
            let tcp = &frame.data[parsed.payload.clone()];
            let (source, destination, header, header_len) =
                lastack::wire::tcp::parse(tcp).expect("the kernel knows TCP");
            segments.push(Segment {
                from: SocketAddr::new(parsed.source, source),
                to: SocketAddr::new(parsed.destination, destination),
                flags: header.flags,
                seq: header.seq,
                len: (tcp.len() - header_len) as u32,
            });
        });
        received.expect("the interface is there");
        segments
    }

    /// Plays servers in the background until the stage is dropped.
    pub(crate) fn play(self, role: Role) -> Stage {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let thread = thread::spawn(move || {
            let mut server = Server { puppet: self, role, flows: HashMap::new() };
            while !told.load(Ordering::Relaxed) {
                server.turn();
                thread::sleep(Duration::from_millis(2));
            }
        });
        Stage { over, thread: Some(thread) }
    }
}

/// Where a role is played.
pub(crate) struct Stage {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How servers behave.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    /// The window in every segment.
    pub(crate) window: u16,
    /// Acknowledges what comes.
    pub(crate) acks: bool,
    /// Closes as soon as the connection stands.
    pub(crate) closes: bool,
    /// How many SYN-ACKs a SYN gets: one at once, the others from half a second later, as if the third segment were lost.
    pub(crate) syn_acks: u32,
}

impl Role {
    pub(crate) const GOOD: Role = Role { window: 65_535, acks: true, closes: false, syn_acks: 1 };
}

struct Flow {
    next: Seq,
    closed: bool,
    syn_acks: u32,
    again: Instant,
}

struct Server {
    puppet: Puppet,
    role: Role,
    flows: HashMap<(SocketAddr, SocketAddr), Flow>,
}

impl Server {
    fn turn(&mut self) {
        for segment in self.puppet.take() {
            self.answer(&segment);
        }
        let SynAck { flags, window } = self.syn_ack();
        for ((client, server), flow) in &mut self.flows {
            if flow.syn_acks > 0 && Instant::now() >= flow.again {
                flow.syn_acks -= 1;
                flow.again += Duration::from_millis(200);
                self.puppet.send(*server, *client, flags, Seq(ISS), flow.next, window);
            }
        }
    }

    fn syn_ack(&self) -> SynAck {
        SynAck { flags: Flags::SYN.with(Flags::ACK), window: self.role.window }
    }

    fn answer(&mut self, segment: &Segment) {
        let Segment { from, to, flags, seq, len } = *segment;
        let (role, mine) = (self.role, Seq(ISS + 1));
        if flags.syn() {
            let next = Seq(seq.0.wrapping_add(1));
            let again = Instant::now() + Duration::from_millis(500);
            let flow = Flow { next, closed: false, syn_acks: role.syn_acks - 1, again };
            self.flows.insert((from, to), flow);
            let SynAck { flags, window } = self.syn_ack();
            return self.puppet.send(to, from, flags, Seq(ISS), next, window);
        }
        let Some(flow) = self.flows.get_mut(&(from, to)).filter(|_| !flags.rst()) else { return };
        if role.closes && !flow.closed {
            flow.closed = true;
            return self.puppet.send(to, from, Flags::FIN.with(Flags::ACK), mine, flow.next, role.window);
        }
        let probe = seq.lt(flow.next);
        if role.acks && (len > 0 || flags.fin() || probe) {
            let end = Seq(seq.0.wrapping_add(len + u32::from(flags.fin())));
            // With a closed window nothing is taken.
            if role.window > 0 {
                flow.next = flow.next.max(end);
            }
            self.puppet.send(to, from, Flags::ACK, mine, flow.next, role.window);
        }
    }
}

struct SynAck {
    flags: Flags,
    window: u16,
}
