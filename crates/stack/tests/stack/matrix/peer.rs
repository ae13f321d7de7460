//! The peer of a cell: brings one flow into its state, sends one segment and writes down what came of it.

use super::cells::{Outcome, Segment};
use crate::raw::{PEER, Raw};
use crate::world::address;
use lastack_stack::Socket;
use lastack_stack::observe::Counter;
use lastack_stack::wire::Seq;
use lastack_stack::wire::tcp::{Flags, Header, Options, Timestamps};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

const IRS: u32 = 70_000;
/// Where a flow that does not exist would be.
const NEVER_WAS: Seq = Seq(5001);
const PORT: u16 = 80;
const SYN_ACK: Flags = Flags(0x12);
const FIN_ACK: Flags = Flags(0x11);

pub(super) struct Peer {
    raw: Raw,
    timestamps: bool,
    listener: Option<Socket>,
    socket: Option<Socket>,
    /// The peer's port and the stack's.
    ports: (u16, u16),
    snd_nxt: Seq,
    peer_nxt: Seq,
    /// The last TSval that the stack sent.
    echo: u32,
}

impl Peer {
    pub(super) fn new(timestamps: bool) -> Peer {
        Peer {
            raw: Raw::new(),
            timestamps,
            listener: None,
            socket: None,
            ports: (41_000, PORT),
            snd_nxt: NEVER_WAS,
            peer_nxt: Seq(IRS + 1),
            echo: 0,
        }
    }

    /// The peer's clock: one tick per millisecond.
    fn clock(&self) -> u32 {
        500_000 + (self.raw.world.now.as_millis() as u32)
    }

    fn say(&mut self, flags: Flags, seq: Seq, ack: Seq, len: usize, age: u32) {
        let mut options = Options::default();
        if flags.syn() {
            options = Options {
                mss: Some(1460),
                window_scale: Some(7),
                sack_permitted: true,
                ..Options::default()
            };
        }
        if self.timestamps {
            let echo = if flags.ack() { self.echo } else { 0 };
            options.timestamps = Some(Timestamps { value: self.clock() - age, echo });
        }
        let ack = if flags.ack() { ack } else { Seq(0) };
        let header = Header { seq, ack, flags, window: 65_535, options, ..Header::default() };
        self.raw.send(self.ports.0, self.ports.1, header, &"xxxxxxxxxx"[..len]);
    }

    /// What the stack sent since the last look.
    fn hear(&mut self) -> Vec<Header> {
        let headers: Vec<Header> = self.raw.segments().into_iter().map(|(_, header)| header).collect();
        for header in &headers {
            self.echo = header.options.timestamps.map_or(self.echo, |stamps| stamps.value);
        }
        headers
    }

    fn plain(&mut self, flags: Flags) {
        self.say(flags, self.peer_nxt, self.snd_nxt, 0, 0);
        self.hear();
    }

    fn listen(&mut self) {
        self.listener = Some(self.raw.world.listener(0, PORT, 16));
    }

    /// Our own SYN, on its way.
    fn connect(&mut self) {
        self.ports.0 = PORT;
        let socket = self.raw.world.connect(0, SocketAddr::new(PEER, PORT));
        let syn = self.hear().pop().expect("a SYN");
        self.ports.1 = socket.local_addr().expect("a port was chosen").port();
        self.snd_nxt = syn.seq + 1;
        self.socket = Some(socket);
    }

    /// A request of the peer's, answered.
    fn request(&mut self) {
        self.listen();
        self.say(Flags::SYN, Seq(IRS), Seq(0), 0, 0);
        let answer = self.hear().pop().expect("a SYN-ACK");
        self.snd_nxt = answer.seq + 1;
    }

    fn establish(&mut self) {
        self.request();
        self.plain(Flags::ACK);
        let (socket, _) = self.listener.as_ref().expect("a listener").try_accept().expect("a connection");
        self.socket = Some(socket);
        self.raw.world.run_ms(5);
    }

    /// Our FIN leaves: by `shutdown()`, or by `close()`, after which nobody owns the connection.
    fn finish(&mut self, orphan: bool) {
        if orphan {
            self.socket = None;
        } else {
            let socket = self.socket.as_ref().expect("a socket");
            socket.shutdown(lastack_stack::Shutdown::Write).expect("shutdown");
        }
        assert!(self.hear().iter().any(|header| header.flags.fin()), "a FIN");
        self.snd_nxt += 1;
    }

    /// The peer's FIN, which acknowledges `ack`.
    fn peer_finishes(&mut self, ack: Seq) {
        self.say(FIN_ACK, self.peer_nxt, ack, 0, 0);
        self.peer_nxt += 1;
        // It may be acknowledged late.
        self.raw.world.run_ms(50);
        self.hear();
    }

    pub(super) fn bring_to(&mut self, state: &str) {
        match state {
            "CLOSED" => {}
            "LISTEN" => self.listen(),
            "SYN_SENT" => self.connect(),
            "SYN_RECV" => self.request(),
            "SYN_RECV(simultaneous open)" => {
                self.connect();
                self.say(Flags::SYN, Seq(IRS), Seq(0), 0, 0);
                assert!(self.hear().iter().any(|header| header.flags == SYN_ACK));
            }
            "ESTABLISHED" => self.establish(),
            "FIN_WAIT1" | "FIN_WAIT1(orphan)" | "FIN_WAIT2" | "FIN_WAIT2(orphan)" => {
                self.establish();
                self.finish(state.ends_with("(orphan)"));
                if state.starts_with("FIN_WAIT2") {
                    self.plain(Flags::ACK);
                }
            }
            "CLOSING" => {
                self.establish();
                let una = self.snd_nxt;
                self.finish(false);
                self.peer_finishes(una);
            }
            "TIME_WAIT" => {
                self.establish();
                self.finish(true);
                self.peer_finishes(self.snd_nxt);
            }
            "CLOSE_WAIT" | "LAST_ACK" => {
                self.establish();
                self.peer_finishes(self.snd_nxt);
                if state == "LAST_ACK" {
                    self.finish(true);
                }
            }
            other => panic!("no way to {other} is known"),
        }
        self.raw.world.run_ms(5);
        self.hear();
        let expected = state.split('(').next().unwrap_or(state);
        let expected = if matches!(state, "CLOSED" | "LISTEN") { "none" } else { expected };
        assert_eq!(self.state(), expected, "on the way to {state}");
    }

    pub(super) fn inject(&mut self, segment: &Segment) {
        let shifted = |seq: Seq, by: i64| Seq((i64::from(seq.0) + by).rem_euclid(1 << 32) as u32);
        let seq = segment.seq.map_or(Seq(IRS), |by| shifted(self.peer_nxt, by));
        let ack = shifted(self.snd_nxt, segment.ack.unwrap_or(0));
        let age = if segment.name.starts_with("PAWS") { 10_000 } else { 0 };
        self.say(segment.flags, seq, ack, segment.len, age);
    }

    fn state(&mut self) -> String {
        let (peer, host) = (SocketAddr::new(PEER, self.ports.0), address(0, self.ports.1));
        let rows = self.raw.world.rows(0);
        let row = rows.iter().find(|row| (row.flow.remote, row.flow.local) == (peer, host));
        row.map_or_else(|| "none".to_owned(), |row| row.state.name().to_owned())
    }

    pub(super) fn counters(&self, watched: &BTreeSet<String>) -> BTreeMap<String, u64> {
        let value = |name: &String| {
            let counter = Counter::ALL.iter().find(|counter| {
                let full = counter.name();
                full == name || full.strip_prefix("TcpExt") == Some(name)
            });
            let counter = counter.unwrap_or_else(|| panic!("there is no counter {name}"));
            (name.clone(), self.raw.world.counter(0, *counter))
        };
        watched.iter().map(value).collect()
    }

    /// What came of the segment within 60 ms.
    pub(super) fn outcome(&mut self, before: &BTreeMap<String, u64>, watched: &BTreeSet<String>) -> Outcome {
        self.raw.world.run_ms(60);
        let replies: Vec<String> = self.hear().iter().map(|header| self.describe(header)).collect();
        let error = self.socket.as_ref().and_then(Socket::take_error);
        let now = self.counters(watched);
        let change = |(name, value): (&String, &u64)| {
            let by = value - before.get(name).copied().unwrap_or(0);
            (by > 0).then(|| format!("{name}+{by}"))
        };
        let mut counters: Vec<String> = now.iter().filter_map(change).collect();
        counters.sort();
        Outcome {
            replies: if replies.is_empty() { "-".to_owned() } else { replies.join(", ") },
            state: self.state(),
            error: error.map_or_else(|| "-".to_owned(), |error| error.name().to_owned()),
            counters,
        }
    }

    /// A reply as the data writes it.
    fn describe(&self, header: &Header) -> String {
        let flags = header.flags;
        let names = [(Flags::SYN, "SYN"), (Flags::RST, "RST"), (Flags::FIN, "FIN"), (Flags::ACK, "ACK")];
        let names: Vec<&str> =
            names.iter().filter(|(flag, _)| flags.contains(*flag)).map(|&(_, name)| name).collect();
        let mut text = names.join("|");
        let fresh = self.snd_nxt == NEVER_WAS && flags.syn();
        text += &match header.seq {
            _ if fresh => " isn".to_owned(),
            Seq(0) if flags.contains(Flags::RST.with(Flags::ACK)) => " zero".to_owned(),
            seq => format!(" {:+}", seq.since(self.snd_nxt)),
        };
        if flags.ack() {
            text += &format!(" {:+}", header.ack.since(self.peer_nxt));
        }
        if !header.options.sack.is_empty() {
            text += " sack";
        }
        text
    }
}
