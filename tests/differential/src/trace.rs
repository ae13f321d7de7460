//! What one side did: for each step the answer of the call, the segments at once and later, the socket's row, the counters.
//!
//! Numbers are comparable: the stack's sequence numbers count from its own SYN, its TSvals from its first. The peer's are its own.

use crate::sequence::Step;
use lastack_observe::{Counter, State, TimerKind};
use lastack_sim::octets::Seen;
use lastack_sim::script::ast::{Opt, Segment};
use std::time::Duration;

/// The first TSval of a side, in a trace: so far from zero that an echo of zero is something else.
pub const CLOCK_BASE: u32 = 1_000_000;
/// The longest gap between steps that follow each other at once.
const UNDISTURBED: Duration = Duration::from_micros(1800);
/// How far a new connection's number lies beyond the one that TIME_WAIT kept (Linux: 65535 and two).
const BEYOND_TIME_WAIT: u32 = 65_537;

/// A segment as the peer sends it: its ACK, SACK blocks and echo are in the scale of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The segment.
    pub segment: Segment,
    /// With a wrong checksum.
    pub damaged: bool,
}

/// A segment that a side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its header, in the scale of the trace.
    pub segment: Segment,
    /// Its octets.
    pub payload: Vec<u8>,
}

/// What `ss` shows of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// State.
    pub state: State,
    /// Which timer runs.
    pub timer: TimerKind,
    /// Recv-Q.
    pub recv_queue: u32,
    /// Send-Q.
    pub send_queue: u32,
}

/// One step and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// When it was done, since the first step.
    pub at: Duration,
    /// The segment that was sent.
    pub sent: Option<Sent>,
    /// What the call answered, or minus its errno.
    pub answer: Option<i64>,
    /// What came back at once.
    pub at_once: Vec<Reply>,
    /// What came before the next step, with its time since the first step.
    pub later: Vec<(Duration, Reply)>,
    /// The flow's row after the step; `None`: there is none.
    pub row: Option<Row>,
    /// How much counters grew in the step; zeros are left out. `None`: not looked at.
    pub counters: Option<Vec<(Counter, u64)>>,
}

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The steps.
    pub moments: Vec<Moment>,
    /// When it was left alone, since the first step.
    pub end: Duration,
    /// The flow's row at the end.
    pub end_row: Option<Row>,
    /// The machine was busy with something else between its steps: it tells nothing about times.
    pub timeless: bool,
}

impl Trace {
    /// The machine was busy with something else between two steps: timers of a few milliseconds, which a kernel fires on its
    /// ticks, may lie on the other side of a step.
    pub fn was_disturbed(&self, steps: &[Step]) -> bool {
        let gaps = self.moments.windows(2).zip(steps);
        gaps.filter(|(_, step)| !matches!(step, Step::Wait(_)))
            .any(|(pair, _)| pair[1].at - pair[0].at > UNDISTURBED)
    }
}

/// How a side's own numbers become those of a trace.
#[derive(Clone, Debug, Default)]
pub struct Scale {
    iss: Option<u32>,
    clock: Option<u32>,
    /// The number after the highest that was seen.
    next: u32,
}

impl Scale {
    /// A segment of the peer as it goes on this side's wire.
    pub fn live(&self, segment: &Segment) -> Segment {
        let mut live = segment.clone();
        let number = |number: u32| number.wrapping_add(self.iss.unwrap_or(0));
        live.ack = live.ack.map(number);
        for option in live.options.iter_mut().flatten() {
            match option {
                Opt::Sack(blocks) => {
                    blocks.iter_mut().for_each(|block| *block = (number(block.0), number(block.1)));
                }
                Opt::Timestamps(_, echo) if *echo != 0 => {
                    *echo = echo.wrapping_add(self.clock.unwrap_or(0));
                }
                _ => {}
            }
        }
        live
    }

    /// What the side sent, in the trace's numbers.
    pub fn reply(&mut self, seen: Seen) -> Reply {
        let mut segment = seen.segment;
        if segment.flags.syn() {
            let number = segment.start.wrapping_sub(self.iss.unwrap_or(0));
            let again =
                self.iss.is_some() && (number == 0 || number == self.next.wrapping_add(BEYOND_TIME_WAIT));
            if !again {
                self.iss = Some(segment.start);
                self.next = 1;
            }
        }
        // An answer to a segment without ACK has the number zero, whatever was agreed on (RFC 9293 section 3.10.7.1).
        let plain_zero = segment.flags.rst() && segment.flags.ack() && segment.start == 0;
        if !plain_zero {
            segment.start = segment.start.wrapping_sub(self.iss.unwrap_or(0));
        }
        if !segment.flags.rst() {
            let extra = u32::from(segment.flags.syn()) + u32::from(segment.flags.fin());
            let end = segment.start.wrapping_add(segment.len).wrapping_add(extra);
            if end.wrapping_sub(self.next) as i32 > 0 {
                self.next = end;
            }
        }
        for option in segment.options.iter_mut().flatten() {
            if let Opt::Timestamps(value, _) = option {
                let clock = *self.clock.get_or_insert(value.wrapping_sub(CLOCK_BASE));
                *value = value.wrapping_sub(clock);
            }
        }
        Reply { segment, payload: seen.payload }
    }
}
