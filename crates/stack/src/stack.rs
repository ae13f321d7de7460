//! One shard of a stack, and the calls that drive it.

use crate::{Census, Config, Message, Secrets, ShardId, Sockets};
use lastack_observe::{Counters, Event, Instant, SocketRow};
use lastack_tcp::{Knobs, Output};
use lastack_wire::{Frame, Packet};
use rand_core::Rng;

/// One shard. The driver's loop: frames and timeouts in, `handle_sockets`, packets out, sleep until `deadline`.
pub struct Stack {
    config: Config,
    secrets: Secrets,
    sockets: Sockets,
    output: Output,
    census: Census,
}

/// Where a snapshot goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cursor {
    part: u8,
    slot: u32,
}

impl Stack {
    /// An empty stack.
    pub fn new(config: Config, secrets: Secrets) -> Stack {
        let output = Output::new(config.limits.replies, config.limits.events);
        Stack { config, secrets, sockets: Sockets::new(), output, census: Census::default() }
    }

    /// The maker of this shard's sockets.
    pub fn sockets(&self) -> Sockets {
        self.sockets.clone()
    }

    /// Takes one packet from the device.
    pub fn handle_frame(&mut self, now: Instant, rng: &mut dyn Rng, frame: Frame) {
        let _ = (now, rng, frame, &self.secrets);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant, rng: &mut dyn Rng) {
        let _ = (now, rng);
    }

    /// Applies what applications asked for since the last turn. Bounded work: true when there is more.
    pub fn handle_sockets(&mut self, now: Instant, rng: &mut dyn Rng) -> bool {
        let _ = (now, rng);
        false
    }

    /// Hands at most `budget` packets to the sink: replies first, then flows with work, round robin. Says how many.
    pub fn poll_transmit(&mut self, now: Instant, budget: usize, sink: &mut dyn FnMut(Packet)) -> usize {
        let _ = (now, budget, sink);
        0
    }

    /// When `handle_timeout` is due next: exact, or earlier when the timers want to be sorted first.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The oldest event that nobody has taken. None are kept until [`Stack::keep_events`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.output.poll_event()
    }

    /// Keeps the last `events` events for a reader; zero stops.
    pub fn keep_events(&mut self, events: usize) {
        self.output.listen_to_events(events);
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.output.counters
    }

    /// How many flows are in each state.
    pub fn census(&self) -> Census {
        self.census
    }

    /// The knobs in force.
    pub fn knobs(&self) -> &Knobs {
        &self.config.knobs
    }

    /// Replaces the knobs. What runs keeps the deadlines it has.
    pub fn set_knobs(&mut self, knobs: Knobs) {
        self.config.knobs = knobs;
    }

    /// Hands at most `rows_max` socket rows to the sink, listeners included; `None` when the last was told. Start with the
    /// default cursor. Between two turns sockets may come and go.
    pub fn snapshot(
        &mut self,
        now: Instant,
        cursor: Cursor,
        rows_max: usize,
        sink: &mut dyn FnMut(SocketRow),
    ) -> Option<Cursor> {
        let _ = (now, cursor.part, cursor.slot, rows_max, sink);
        None
    }

    /// Takes a message from another shard.
    pub fn handle_message(&mut self, now: Instant, rng: &mut dyn Rng, message: Message) {
        let _ = (now, rng, message);
    }

    /// A message for another shard.
    pub fn poll_message(&mut self) -> Option<(ShardId, Message)> {
        None
    }

    /// The device is gone: every socket ends with `NetworkDown`.
    pub fn device_lost(&mut self, now: Instant) {
        let _ = now;
    }
}
