//! Hosts of one or more shards, a wire with a fixed delay between them, and a clock that jumps to the next event.

use bytes::Bytes;
use lastack_stack::observe::{Counter, SocketRow, State};
use lastack_stack::wire::{Frame, Packet};
use lastack_stack::{
    Budget, Config, Cursor, Family, Instant, Secrets, Shard, ShardId, Socket, SocketError, Stack,
};
use rand_core::TryRng;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// splitmix64: the same numbers for the same seed.
pub(crate) struct Seeded(pub(crate) u64);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) type Rule = Box<dyn FnMut(usize, &Packet) -> bool>;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) rng: Seeded,
    /// Shards of each host.
    pub(crate) hosts: Vec<Vec<Stack>>,
    wire: BTreeMap<(Instant, u64), (usize, Frame)>,
    sent: u64,
    pub(crate) delay: Duration,
    /// Which packets (with the number of the sending host) pass.
    pub(crate) rule: Option<Rule>,
}

/// The address of a host: 10.0.0.1 is host 0.
pub(crate) fn ip(host: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, host as u8 + 1])
}

pub(crate) fn address(host: usize, port: u16) -> SocketAddr {
    SocketAddr::new(ip(host), port)
}

pub(crate) fn ipv6(host: usize) -> IpAddr {
    IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, host as u16 + 1])
}

pub(crate) fn config(host: usize) -> Config {
    Config::new(vec![(ip(host), 24), (ipv6(host), 64)])
}

impl World {
    /// Two hosts of one shard each.
    pub(crate) fn pair() -> World {
        World::with(vec![(config(0), 1), (config(1), 1)])
    }

    pub(crate) fn with(hosts: Vec<(Config, u16)>) -> World {
        let mut rng = Seeded(7);
        let hosts = hosts
            .into_iter()
            .map(|(config, count)| {
                let (secrets, budget) = (Secrets::from_rng(&mut rng), Arc::new(Budget::new()));
                let shard = |index| {
                    let config = Config { shard: Shard { index, count }, ..config.clone() };
                    Stack::with_budget(config, secrets.clone(), budget.clone())
                };
                (0..count).map(shard).collect()
            })
            .collect();
        World {
            now: Instant::from_millis(1000),
            rng,
            hosts,
            wire: BTreeMap::new(),
            sent: 0,
            delay: Duration::from_millis(1),
            rule: None,
        }
    }

    pub(crate) fn stack(&mut self, host: usize) -> &mut Stack {
        &mut self.hosts[host][0]
    }

    pub(crate) fn socket(&self, host: usize) -> Socket {
        self.hosts[host][0].sockets().stream(Family::V4)
    }

    /// Puts a frame on the wire to a host.
    pub(crate) fn inject(&mut self, host: usize, frame: Frame) {
        self.sent += 1;
        self.wire.insert((self.now, self.sent), (host, frame));
    }

    /// Lets every stack do what it can at this instant; true when anything happened.
    fn turn(&mut self) -> bool {
        let mut busy = false;
        for host in 0..self.hosts.len() {
            for shard in 0..self.hosts[host].len() {
                busy |= self.turn_of(host, shard);
            }
        }
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (host, frame) = entry.remove();
            // Any shard may get any frame, as with a device that knows nothing of our hash.
            let shard = self.sent as usize % self.hosts[host].len();
            self.hosts[host][shard].handle_frame(self.now, &mut self.rng, frame);
            busy = true;
        }
        busy
    }

    fn turn_of(&mut self, host: usize, shard: usize) -> bool {
        let (now, mut busy) = (self.now, false);
        let stack = &mut self.hosts[host][shard];
        if stack.deadline().is_some_and(|deadline| deadline <= now) {
            stack.handle_timeout(now, &mut self.rng);
            busy = true;
        }
        while stack.handle_sockets(now, &mut self.rng) {
            busy = true;
        }
        let mut packets = Vec::new();
        busy |= stack.poll_transmit(now, 64, &mut |packet| packets.push(packet)) > 0;
        let mut messages = Vec::new();
        while let Some(message) = stack.poll_message() {
            messages.push(message);
        }
        for (ShardId(to), message) in messages {
            self.hosts[host][usize::from(to)].handle_message(now, &mut self.rng, message);
            busy = true;
        }
        for packet in packets {
            if self.rule.as_mut().is_some_and(|rule| !rule(host, &packet)) {
                continue;
            }
            let to = self.destination(&packet);
            self.sent += 1;
            if let Some(to) = to {
                self.wire.insert((now + self.delay, self.sent), (to, packet.to_frame()));
            }
        }
        busy
    }

    fn destination(&self, packet: &Packet) -> Option<usize> {
        let parsed =
            lastack_stack::wire::packet::parse(&packet.to_frame().data).expect("a stack sent nonsense");
        (0..self.hosts.len()).find(|&host| ip(host) == parsed.destination || ipv6(host) == parsed.destination)
    }

    /// Runs until everything that happens within the time has happened.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..5_000_000 {
            if self.turn() {
                continue;
            }
            let deadlines = self.hosts.iter().flatten().filter_map(Stack::deadline).min();
            let arrival = self.wire.keys().next().map(|&(at, _)| at);
            match deadlines.into_iter().chain(arrival).min() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("the world does not come to rest");
    }

    pub(crate) fn run_ms(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms));
    }

    pub(crate) fn listener(&mut self, host: usize, port: u16, backlog: u32) -> Socket {
        let socket = self.socket(host);
        socket.bind(address(host, port)).expect("bind is asked for");
        socket.listen(backlog).expect("listen is asked for");
        self.run_ms(0);
        assert_eq!(socket.try_listening(), Ok(()));
        socket
    }

    pub(crate) fn connect(&mut self, host: usize, peer: SocketAddr) -> Socket {
        let socket = self.hosts[host][0].sockets().stream(peer.into());
        socket.connect(peer).expect("connect is asked for");
        socket
    }

    /// A connected pair: client on host 0, accepted on host 1.
    pub(crate) fn connected(&mut self, listener: &Socket) -> (Socket, Socket) {
        let peer = listener.local_addr().expect("a listener has an address");
        let client = self.connect(0, peer);
        self.run_ms(10);
        assert_eq!(client.try_connected(), Ok(()));
        let (server, from) = listener.try_accept().expect("it was connected");
        assert_eq!(Some(from), client.local_addr());
        (client, server)
    }

    pub(crate) fn counter(&self, host: usize, counter: Counter) -> u64 {
        self.hosts[host].iter().map(|stack| stack.counters().value(counter)).sum()
    }

    pub(crate) fn count(&self, host: usize, state: State) -> u32 {
        self.hosts[host].iter().map(|stack| stack.census().count(state)).sum()
    }

    pub(crate) fn rows(&mut self, host: usize) -> Vec<SocketRow> {
        self.rows_from(host, Cursor::default())
    }

    pub(crate) fn rows_from(&mut self, host: usize, first: Cursor) -> Vec<SocketRow> {
        let (mut rows, now) = (Vec::new(), self.now);
        for stack in &mut self.hosts[host] {
            let mut cursor = Some(first);
            while let Some(from) = cursor {
                cursor = stack.snapshot(now, from, 3, &mut |row| rows.push(row));
            }
        }
        rows
    }
}

/// Everything that can be read now.
pub(crate) fn read_all(socket: &Socket) -> (Vec<u8>, Result<(), SocketError>) {
    let mut octets = Vec::new();
    loop {
        match socket.try_read(usize::MAX) {
            Ok(chunk) if chunk.is_empty() => return (octets, Ok(())),
            Ok(chunk) => octets.extend_from_slice(&chunk),
            Err(error) => return (octets, Err(error)),
        }
    }
}

pub(crate) fn text(words: &'static str) -> Bytes {
    Bytes::from_static(words.as_bytes())
}
