//! The order in which segments left, first times and repetitions alike: RACK looks at the oldest first (RFC 8985 section 6.2;
//! Linux's tsorted_sent_queue).
//!
//! A record is only a hint: it counts for the runs that were sent last when it says, and for none when they were
//! acknowledged, sent again or joined since. Such records are dropped when they come to the front, or when there are more
//! of them than of runs.

use super::runs::{Run, Runs};
use crate::{Instant, Seq};
use std::collections::VecDeque;

/// Records that may be stale before they are looked for.
const SLACK: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Departure {
    start: Seq,
    end: Seq,
    at: Instant,
}

/// What a look at a run says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is of no interest any more.
    Done,
    /// It is to be looked at again.
    Wait,
    /// Nothing that left later is to be looked at.
    Stop,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Departures {
    list: VecDeque<Departure>,
}

impl Departures {
    /// `[start, end)` leaves now.
    pub(super) fn record(&mut self, start: Seq, end: Seq, at: Instant, runs: &Runs) {
        if let Some(last) = self.list.back_mut()
            && last.end == start
            && last.at == at
        {
            last.end = end;
            return;
        }
        if self.list.len() > 2 * runs.len() + SLACK {
            self.list.retain(|departure| departure.runs(runs).next().is_some());
        }
        self.list.push_back(Departure { start, end, at });
    }

    /// Looks at the runs in the order in which they left.
    pub(super) fn look(&mut self, runs: &mut Runs, mut look: impl FnMut(&mut Run) -> Look) {
        let mut kept = 0;
        while let Some(departure) = self.list.get(kept) {
            let mut waits = false;
            let (mut index, end, at) = (runs.find(departure.start), departure.end, departure.at);
            while let Some(run) = runs.at_mut(index).filter(|run| run.start.lt(end)) {
                index += 1;
                if run.sent_at != at {
                    continue;
                }
                match look(run) {
                    Look::Done => {}
                    Look::Wait => waits = true,
                    Look::Stop => return,
                }
            }
            if waits {
                kept += 1;
            } else {
                self.list.remove(kept);
            }
        }
    }

    /// Nothing is in flight.
    pub(super) fn clear(&mut self) {
        self.list = VecDeque::new();
    }
}

impl Departure {
    fn runs<'a>(&'a self, runs: &'a Runs) -> impl Iterator<Item = &'a Run> {
        let first = runs.find(self.start);
        (first..)
            .map_while(|index| runs.at(index))
            .take_while(|run| run.start.lt(self.end))
            .filter(|run| run.sent_at == self.at)
    }
}

#[cfg(test)]
mod tests;
