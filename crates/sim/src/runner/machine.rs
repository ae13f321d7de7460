//! One stack, its clock and its device: everything that a script can touch.

use crate::drawing::{Diagram, Recorder, Side};
use bytes::Bytes;
use lastack_observe::{Flow, Instant, SocketRow};
use lastack_stack::{Config, Cursor, Knobs, Secrets, Sockets, Stack};
use lastack_wire::Frame;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of the public tool: the stack's and the peer's.
pub(super) const STACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1)),
];
pub(super) const PEER: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1)),
];

/// Scripts begin here, so that nothing needs a time before the clock's zero.
pub(super) const START: Instant = Instant::from_millis(1_000_000);

pub(super) struct Machine {
    pub(super) stack: Stack,
    pub(super) sockets: Sockets,
    pub(super) now: Instant,
    /// What the stack sent and no step has expected yet, with its time.
    pub(super) sent: VecDeque<(Instant, Bytes)>,
    /// When a waiting call has to be asked again although nothing happened.
    pub(super) alarms: BTreeSet<Instant>,
    rng: ChaCha8Rng,
    /// Sees everything, when the run is to be drawn: the peer on the left, the stack on the right.
    recorder: Option<Recorder>,
}

impl Machine {
    pub(super) fn new(knobs: Knobs) -> Machine {
        // Any seed will do: a script must not depend on what is random. A fixed one makes failures repeat.
        let mut rng = ChaCha8Rng::seed_from_u64(0x1a57_ac4b);
        let secrets = Secrets::from_rng(&mut rng);
        let mut config = Config::new(vec![(STACK[0], 24), (STACK[1], 64)]);
        config.knobs = knobs;
        let stack = Stack::new(config, secrets);
        let sockets = stack.sockets();
        let (sent, alarms) = (VecDeque::new(), BTreeSet::new());
        Machine { stack, sockets, now: START, sent, alarms, rng, recorder: None }
    }

    /// Records the run from now on.
    pub(super) fn record(&mut self, title: &str) {
        self.stack.keep_events(4096);
        let ends = ["the script's peer".to_owned(), "the stack".to_owned()];
        self.recorder = Some(Recorder::new(START, title, ends));
    }

    /// What was recorded.
    pub(super) fn recorded(&mut self) -> Option<Diagram> {
        self.recorder.take().map(Recorder::finish)
    }

    /// Records what the script's application says.
    pub(super) fn said(&mut self, text: String) {
        if let Some(recorder) = &mut self.recorder {
            recorder.call(self.now, Side::Right, 0, text);
        }
    }

    /// Hands a packet to the stack.
    pub(super) fn deliver(&mut self, packet: Vec<u8>) {
        self.crossed(Side::Left, &packet);
        self.stack.handle_frame(self.now, &mut self.rng, Frame::plain(packet));
        self.tell();
    }

    /// A script's wire takes no time.
    fn crossed(&mut self, from: Side, octets: &[u8]) {
        let Some(recorder) = &mut self.recorder else { return };
        if let Some(packet) = recorder.sent(self.now, from, octets, false) {
            recorder.arrived(self.now, packet);
        }
    }

    fn tell(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        while let Some(event) = self.stack.poll_event() {
            recorder.event(Side::Right, &event);
        }
    }

    /// One turn of a driver's loop; true when something moved.
    pub(super) fn turn(&mut self) -> bool {
        let dirty = self.sockets.is_dirty();
        let more = self.stack.handle_sockets(self.now, &mut self.rng);
        let before = self.sent.len();
        let (now, sent) = (self.now, &mut self.sent);
        let packets = self.stack.poll_transmit(now, 64, &mut |packet| {
            sent.push_back((now, packet.to_frame().data));
        });
        self.tell();
        if self.recorder.is_some() {
            let new: Vec<Bytes> = self.sent.range(before..).map(|(_, packet)| packet.clone()).collect();
            new.iter().for_each(|packet| self.crossed(Side::Right, packet));
        }
        dirty || more || packets > 0
    }

    /// Lets time pass to the next deadline, but not beyond `limit`; false when `limit` came first.
    pub(super) fn step_to(&mut self, limit: Instant) -> bool {
        let next = self.stack.deadline().map_or(limit, |deadline| deadline.min(limit));
        if let Some(alarm) = self.alarms.pop_first() {
            if alarm < next {
                self.now = self.now.max(alarm);
                return true;
            }
            self.alarms.insert(alarm);
        }
        match self.stack.deadline() {
            Some(deadline) if deadline <= limit => {
                self.now = self.now.max(deadline);
                self.stack.handle_timeout(self.now, &mut self.rng);
                self.tell();
                true
            }
            _ => {
                self.now = self.now.max(limit);
                false
            }
        }
    }

    /// True when only the script can make something happen.
    pub(super) fn is_idle(&self) -> bool {
        self.stack.deadline().is_none() && self.alarms.is_empty()
    }

    /// The row of a flow.
    pub(super) fn row(&mut self, flow: Flow) -> Option<SocketRow> {
        let (mut found, mut cursor) = (None, Some(Cursor::default()));
        while let Some(at) = cursor {
            cursor = self.stack.snapshot(self.now, at, 64, &mut |row| {
                if row.flow == flow {
                    found = Some(row);
                }
            });
        }
        found
    }
}
