//! Two lastack stacks joined in memory, driven as a device driver would drive them, on a virtual clock.
//!
//! Checksums are left to the device, which has nothing to do here; super-segments are off, so that frames are what a
//! peer without offloads would see.

use bytes::Bytes;
#[cfg(test)]
use lastack_stack::observe::State;
use lastack_stack::wire::{Checksum, Frame};
use lastack_stack::{Capabilities, Config, Family, Instant, Secrets, Socket, SocketError, Sockets, Stack};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Short connections come here, idle ones there: ports are scarce per destination, and this is about packets.
const SHORT_PORT: u16 = 80;
const IDLE_PORT: u16 = 81;
const REQUEST: &[u8] = &[b'q'; 100];
const RESPONSE: &[u8] = &[b'a'; 100];
/// Frames taken or sent per turn of a host.
const BUDGET: usize = 64;

struct Host {
    stack: Stack,
    sockets: Sockets,
    rng: ChaCha8Rng,
    inbox: VecDeque<Frame>,
}

impl Host {
    fn new(last_octet: u8) -> Host {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(last_octet));
        let mut config = Config::new(vec![(Ipv4Addr::new(10, 0, 0, last_octet).into(), 24)]);
        config.device = Capabilities { tso: false, checksum_offload: true };
        let stack = Stack::new(config, Secrets::from_rng(&mut rng));
        let sockets = stack.sockets();
        Host { stack, sockets, rng, inbox: VecDeque::new() }
    }

    /// One turn of a driver's loop; what leaves goes to `peer`.
    fn turn(&mut self, now: Instant, peer: &mut VecDeque<Frame>) {
        if self.stack.deadline().is_some_and(|deadline| deadline <= now) {
            self.stack.handle_timeout(now, &mut self.rng);
        }
        for frame in self.inbox.drain(..) {
            self.stack.handle_frame(now, &mut self.rng, frame);
        }
        while self.sockets.is_dirty() && self.stack.handle_sockets(now, &mut self.rng) {}
        self.stack.poll_transmit(now, BUDGET, &mut |packet| {
            let mut frame = packet.to_frame();
            frame.offload.checksum = Checksum::Valid;
            peer.push_back(frame);
        });
    }
}

fn listen(server: &Host, port: u16) -> Socket {
    let listener = server.sockets.stream(Family::V4);
    listener.bind(SocketAddr::from((SERVER, port))).expect("a fresh socket may be bound");
    listener.listen(128).expect("a bound socket may listen");
    listener
}

/// Two hosts with some idle connections between them.
pub(crate) struct Lastack {
    client: Host,
    server: Host,
    listener: Socket,
    idle: Vec<(Socket, Socket)>,
    now: Instant,
}

/// Both ends of one connection.
pub(crate) struct Stream {
    ours: Socket,
    theirs: Socket,
}

impl Lastack {
    /// Two hosts, joined, with `idle` established connections.
    pub(crate) fn new(idle: usize) -> Lastack {
        let (client, server) = (Host::new(1), Host::new(2));
        let listener = listen(&server, SHORT_PORT);
        let idle_listener = listen(&server, IDLE_PORT);
        let mut rig = Lastack { client, server, listener, idle: Vec::new(), now: Instant::from_millis(1) };
        rig.settle();
        for _ in 0..idle {
            let ours = rig.connect(IDLE_PORT);
            let (theirs, _) = idle_listener.try_accept().expect("the handshake is complete");
            rig.idle.push((ours, theirs));
        }
        rig
    }

    /// Connect, 100 octets there, 100 octets back, close from both sides: the client first.
    pub(crate) fn short_connection(&mut self) {
        let (ours, theirs) = self.open();
        ours.try_write(Bytes::from_static(REQUEST)).expect("an established socket takes data");
        self.settle();
        assert_eq!(theirs.try_read(128).expect("the request is there"), REQUEST);
        theirs.try_write(Bytes::from_static(RESPONSE)).expect("an established socket takes data");
        self.settle();
        assert_eq!(ours.try_read(128).expect("the response is there"), RESPONSE);
        drop(ours);
        self.settle();
        assert_eq!(theirs.try_read(128).expect("the client closed").len(), 0);
        drop(theirs);
        self.settle();
        // At this rate 3,000 TIME_WAITs stand at any time, far from what the ephemeral range holds.
        self.now += Duration::from_millis(20);
    }

    /// One connection that stays.
    pub(crate) fn stream(&mut self) -> Stream {
        let (ours, theirs) = self.open();
        Stream { ours, theirs }
    }

    /// 100 octets there, 100 octets back.
    pub(crate) fn request(&mut self, stream: &Stream) {
        stream.ours.try_write(Bytes::from_static(REQUEST)).expect("an established socket takes data");
        self.settle();
        assert_eq!(stream.theirs.try_read(128).expect("the request is there"), REQUEST);
        stream.theirs.try_write(Bytes::from_static(RESPONSE)).expect("an established socket takes data");
        self.settle();
        assert_eq!(stream.ours.try_read(128).expect("the response is there"), RESPONSE);
    }

    /// Octets there, as fast as they are taken; read and thrown away.
    pub(crate) fn bulk(&mut self, stream: &Stream, octets: Bytes) {
        let mut left = octets.len();
        let mut unwritten = octets;
        while left > 0 {
            if let Ok(taken) = stream.ours.try_write(unwritten.clone()) {
                unwritten = unwritten.slice(taken..);
            }
            self.settle();
            while let Ok(read) = stream.theirs.try_read(usize::MAX) {
                left -= read.len();
            }
            // A delayed acknowledgment may be what both wait for.
            self.now += Duration::from_millis(1);
            self.client.turn(self.now, &mut self.server.inbox);
            self.server.turn(self.now, &mut self.client.inbox);
        }
    }

    /// Connections that the client still knows, and its TIME_WAITs.
    #[cfg(test)]
    fn census(&self) -> (u32, u32) {
        let census = self.client.stack.census();
        (census.count(State::Established), census.count(State::TimeWait))
    }

    fn open(&mut self) -> (Socket, Socket) {
        let ours = self.connect(SHORT_PORT);
        let (theirs, _) = self.listener.try_accept().expect("the handshake is complete");
        (ours, theirs)
    }

    fn connect(&mut self, port: u16) -> Socket {
        let ours = self.client.sockets.stream(Family::V4);
        ours.connect(SocketAddr::from((SERVER, port))).expect("a fresh socket may connect");
        self.settle();
        assert_eq!(ours.try_connected(), Ok::<(), SocketError>(()));
        ours
    }

    /// Turns both hosts until neither has anything to do at this instant.
    fn settle(&mut self) {
        self.now += Duration::from_micros(10);
        let idle = |host: &Host| host.inbox.is_empty() && !host.sockets.is_dirty();
        loop {
            if !idle(&self.client) {
                self.client.turn(self.now, &mut self.server.inbox);
            }
            if !idle(&self.server) {
                self.server.turn(self.now, &mut self.client.inbox);
            }
            if idle(&self.client) && idle(&self.server) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_carries_requests_and_bulk() {
        let mut rig = Lastack::new(0);
        let stream = rig.stream();
        rig.request(&stream);
        rig.bulk(&stream, Bytes::from(vec![1; 300_000]));
        rig.request(&stream);
        assert_eq!(rig.census(), (1, 0));
    }

    #[test]
    fn a_short_connection_lives_its_whole_life_beside_idle_ones() {
        let mut rig = Lastack::new(3);
        for _ in 0..5 {
            rig.short_connection();
        }
        assert_eq!(rig.census(), (3, 5));
    }
}
