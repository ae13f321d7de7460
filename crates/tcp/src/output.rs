//! Where a flow puts what a segment demands at once: replies (ACK, RST, SYN-ACK), counters, events.
//!
//! Not for data: data leaves only by polling. The reply list is bounded; when it is full a reply is dropped and
//! counted, as a full device queue would do, and TCP's own retransmission repairs it.

use crate::fast_open::BlackHole;
use crate::{Knobs, Segment};
use lastack_observe::{
    Cause, Counter, Counters, DropReason, Event, EventKind, FastOpenFailure, Flow, Instant, ResetReason,
    State,
};
use std::collections::VecDeque;

/// Replies, counters and events of one shard. The stack calls [`Output::begin`] before it calls a flow.
#[derive(Debug)]
pub struct Output {
    /// The shard's counters.
    pub counters: Counters,
    now: Instant,
    flow: Flow,
    replies: VecDeque<(Flow, Segment)>,
    replies_max: usize,
    events: VecDeque<Event>,
    events_max: usize,
    events_lost: u64,
    /// The second in which challenges were last counted, and how many.
    challenge_second: u64,
    challenges: u32,
    /// What clients know of networks that swallow Fast Open.
    pub black_hole: BlackHole,
}

impl Output {
    /// An output that holds at most `replies_max` replies, and the last `events_max` events (zero: nobody listens).
    pub fn new(replies_max: usize, events_max: usize) -> Output {
        Output {
            counters: Counters::default(),
            now: Instant::ZERO,
            flow: Flow::NONE,
            replies: VecDeque::new(),
            replies_max,
            events: VecDeque::new(),
            events_max,
            events_lost: 0,
            challenge_second: 0,
            challenges: 0,
            black_hole: BlackHole::default(),
        }
    }

    /// Names the flow that is about to be called, and the time.
    pub fn begin(&mut self, now: Instant, flow: Flow) {
        self.now = now;
        self.flow = flow;
    }

    /// Queues a reply of the current flow.
    pub fn reply(&mut self, segment: Segment) {
        if self.replies.len() >= self.replies_max {
            self.counters.bump(Counter::OutputFull);
            self.event(EventKind::SegmentDropped { reason: DropReason::OutputFull });
            return;
        }
        if segment.header.flags.rst() {
            self.counters.bump(Counter::OutRsts);
        }
        self.replies.push_back((self.flow, segment));
    }

    /// Queues a RST of the current flow and says why.
    pub fn reset(&mut self, segment: Segment, reason: ResetReason) {
        debug_assert!(segment.header.flags.rst());
        self.event(EventKind::ResetSent { reason });
        self.reply(segment);
    }

    /// True when one more challenge ACK fits this second's budget of the stack (RFC 5961 section 7); it counts as sent.
    pub fn take_challenge(&mut self, per_second: u32) -> bool {
        let second = self.now.0 / 1_000_000_000;
        if self.challenge_second != second {
            self.challenge_second = second;
            self.challenges = 0;
        }
        let fits = self.challenges < per_second;
        self.challenges += u32::from(fits);
        fits
    }

    /// Something on the way seems to swallow Fast Open: connect() leaves it alone for a while.
    pub(crate) fn suspect_black_hole(&mut self, knobs: &Knobs) {
        if self.black_hole.suspect(knobs, self.now) {
            self.count(Counter::FastOpenBlackhole);
            self.event(EventKind::FastOpenFellBack { reason: FastOpenFailure::BlackHole });
        }
    }

    /// Takes the oldest reply.
    pub fn poll_reply(&mut self) -> Option<(Flow, Segment)> {
        self.replies.pop_front()
    }

    /// Adds one to a counter.
    pub fn count(&mut self, counter: Counter) {
        self.counters.bump(counter);
    }

    /// Reports a dropped segment.
    pub fn dropped(&mut self, reason: DropReason) {
        self.event(EventKind::SegmentDropped { reason });
    }

    /// Reports a state change.
    pub fn state_changed(&mut self, from: State, to: State, cause: Cause) {
        self.event(EventKind::StateChanged { from, to, cause });
    }

    /// Reports an event of the current flow. When the list is full the oldest gives way.
    pub fn event(&mut self, kind: EventKind) {
        if self.events_max == 0 {
            return;
        }
        if self.events.len() == self.events_max {
            self.events.pop_front();
            self.events_lost += 1;
        }
        self.events.push_back(Event { at: self.now, flow: self.flow, kind });
    }

    /// Reports an event that is no flow's.
    pub fn event_of_stack(&mut self, kind: EventKind) {
        let flow = std::mem::replace(&mut self.flow, Flow::NONE);
        self.event(kind);
        self.flow = flow;
    }

    /// Changes how many events are kept; zero stops listening.
    pub fn listen_to_events(&mut self, events_max: usize) {
        self.events_max = events_max;
        self.events.truncate(events_max);
    }

    /// How many events have given way to later ones, since the start.
    pub fn events_lost(&self) -> u64 {
        self.events_lost
    }

    /// Takes the oldest event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
