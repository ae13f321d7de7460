//! One stack, its applications, its peer and the clock.

use crate::peer::Peer;
use crate::step::{Call, Step};
use bytes::Bytes;
use lastack_stack::wire::Frame;
use lastack_stack::{Config, Instant, Linger, Secrets, Shutdown, Socket, Stack};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The stack and its peer, by family.
const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
];
const PORT: u16 = 80;
/// A stack that is not at rest after so many turns at one instant never will be.
const TURNS_MAX: usize = 10_000;
/// Deadlines that the last flows of a stack without applications may need.
const FAREWELL_MAX: usize = 20_000;

/// Everything.
pub struct World {
    stack: Stack,
    rng: ChaCha8Rng,
    now: Instant,
    peer: Peer,
    peer_address: IpAddr,
    /// The first listens.
    sockets: Vec<Socket>,
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let [own, peer] = if seed.is_multiple_of(2) { V4 } else { V6 };
        let stack = Stack::new(Config::new(vec![(own, 24)]), Secrets::from_rng(&mut rng));
        let at = SocketAddr::new(own, PORT);
        let mut world = World {
            stack,
            rng,
            now: Instant::from_millis(1),
            peer: Peer::new(peer, at),
            peer_address: peer,
            sockets: Vec::new(),
        };
        let listener = world.stack.sockets().stream(at.into());
        listener.bind(at).expect("a fresh socket may be bound");
        listener.listen(4).expect("a bound socket may listen");
        world.sockets.push(listener);
        world.settle();
        world
    }

    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Segment(bent) => self.take(self.peer.say(&bent)),
            Step::Octets(octets) => self.take(Frame::plain(octets)),
            Step::Unreachable { code, mtu } => {
                if let Some(frame) = self.peer.complain(code, mtu) {
                    self.take(frame);
                }
            }
            Step::Wait(millis) => self.pass(Duration::from_millis(u64::from(millis))),
            Step::WaitLong(seconds) => self.pass(Duration::from_secs(u64::from(seconds))),
            Step::ToDeadline => {
                if let Some(deadline) = self.stack.deadline() {
                    self.now = self.now.max(deadline);
                }
            }
            Step::Call { socket, call } => self.call(usize::from(socket), call),
        }
        self.settle();
    }

    /// Every application goes; then every flow must end by itself.
    pub fn end(mut self) {
        self.sockets.clear();
        self.settle();
        for _ in 0..FAREWELL_MAX {
            match self.stack.deadline() {
                Some(deadline) => self.now = self.now.max(deadline),
                None => break,
            }
            self.settle();
        }
        let census = self.stack.census();
        assert_eq!(census.total(), 0, "flows that nobody will ever end: {census:?}");
    }

    fn take(&mut self, frame: Frame) {
        self.stack.handle_frame(self.now, &mut self.rng, frame);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.stack.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.settle();
        }
        self.now = until;
    }

    /// Lets the stack come to rest at this instant.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            let due = self.stack.deadline().is_some_and(|deadline| deadline <= self.now);
            if due {
                self.stack.handle_timeout(self.now, &mut self.rng);
            }
            let more = self.stack.handle_sockets(self.now, &mut self.rng);
            let peer = &mut self.peer;
            let sent = self.stack.poll_transmit(self.now, 64, &mut |packet| peer.hear(&packet.to_frame()));
            if !due && !more && sent == 0 {
                return;
            }
        }
        panic!("the stack does not come to rest");
    }

    fn call(&mut self, index: usize, call: Call) {
        let at = index % self.sockets.len();
        let socket = &self.sockets[at];
        // A call that is not allowed now answers with an error, which is right.
        match call {
            Call::Connect { port } => {
                let to = SocketAddr::new(self.peer_address, 1000 + u16::from(port % 4));
                let fresh = self.stack.sockets().stream(to.into());
                let _ = fresh.connect(to);
                self.sockets.push(fresh);
            }
            Call::Accept => {
                if let Ok((accepted, _)) = self.sockets[0].try_accept() {
                    self.sockets.push(accepted);
                }
            }
            Call::Read(max) => {
                let _ = socket.try_read(usize::from(max).max(1));
            }
            Call::Write(len) => {
                let _ = socket.try_write(Bytes::from(vec![0xa5; usize::from(len)]));
            }
            Call::ShutdownRead => {
                let _ = socket.shutdown(Shutdown::Read);
            }
            Call::ShutdownWrite => {
                let _ = socket.shutdown(Shutdown::Write);
            }
            // The listener stays, or the world becomes a dull one.
            Call::Close if at > 0 => drop(self.sockets.swap_remove(at)),
            Call::Abort if at > 0 => self.sockets.swap_remove(at).abort(),
            Call::Close | Call::Abort => {}
            Call::NoDelay(on) => socket.set_options(|options| options.nodelay = on),
            Call::Cork(on) => socket.set_options(|options| options.cork = on),
            Call::Keepalive(on) => socket.set_options(|options| options.keepalive = on),
            Call::Linger(seconds) => socket.set_options(|options| {
                options.linger = match seconds {
                    None => Linger::Off,
                    Some(0) => Linger::Reset,
                    Some(seconds) => Linger::Wait(Duration::from_secs(u64::from(seconds))),
                }
            }),
            Call::ReceiveBuffer(octets) => {
                socket.set_options(|options| options.rcvbuf = Some(u32::from(octets)))
            }
        }
    }
}
