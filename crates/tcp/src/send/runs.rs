//! What was sent and not acknowledged, as runs of segments that share a fate: one transmission, one segment size, the same
//! marks (Linux's skbs of the retransmit queue and their `sacked` bits).
//!
//! Runs follow each other without gaps and are cut only between whole segments; what was selectively acknowledged grows
//! together again, so that many reports cost few runs. Finding one is a binary search. Not here: what marks mean
//! together (`scoreboard`), and why they are set.

use crate::{Instant, Seq};
use std::collections::VecDeque;

/// Runs that reports may cut. Beyond it a block that would cut one is passed over, which costs a retransmission and nothing
/// else: no peer can make the list longer than what sending made it.
const CUT_RUNS_MAX: usize = 4096;

/// Selectively acknowledged.
pub(super) const SACKED: u16 = 1;
/// Believed lost.
pub(super) const LOST: u16 = 2;
/// Sent again, and that is believed to be in the network.
pub(super) const AGAIN: u16 = 4;
/// Was ever sent again.
pub(super) const EVER_AGAIN: u16 = 8;
/// What follows it left as another packet, however alike.
pub(super) const CLOSED: u16 = 16;
/// Its last number is our FIN.
pub(super) const FIN: u16 = 32;
/// The end of what is being sent again as one.
pub(super) const UNIT: u16 = 64;
/// RACK has judged it, or it was SACKed: it is not looked at again before it leaves again, whatever is taken back (Linux takes
/// it off its list of departures).
pub(super) const JUDGED: u16 = 256;
/// A record ends with it (MSG_EOR): what follows never leaves in one segment with it.
pub(super) const RECORD: u16 = 128;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: Seq,
    pub(super) end: Seq,
    /// When it was sent last.
    pub(super) sent_at: Instant,
    /// Segments that had been delivered by then.
    pub(super) delivered: u32,
    pub(super) mss: u16,
    pub(super) marks: u16,
}

const _: () = assert!(size_of::<Run>() <= 24);

impl Run {
    pub(super) fn is(&self, marks: u16) -> bool {
        self.marks & marks != 0
    }

    pub(super) fn set(&mut self, marks: u16) {
        self.marks |= marks;
    }

    pub(super) fn clear(&mut self, marks: u16) {
        self.marks &= !marks;
    }

    pub(super) fn len(&self) -> u32 {
        self.start.distance_to(self.end)
    }

    /// Segments, as Linux counts packets: the last may be short, a FIN rides on it.
    pub(super) fn segments(&self) -> u32 {
        let octets = self.len() - u32::from(self.is(FIN));
        octets.div_ceil(u32::from(self.mss.max(1))).max(1)
    }

    /// The end of its first `segments`.
    pub(super) fn end_of(&self, segments: u32) -> Seq {
        if segments >= self.segments() {
            return self.end;
        }
        self.start + segments * u32::from(self.mss)
    }

    /// True when every segment is a full one.
    fn is_whole(&self) -> bool {
        !self.is(FIN) && self.len().is_multiple_of(u32::from(self.mss.max(1)))
    }

    /// `next` follows and shares everything that matters, so that both may be one.
    fn takes(&self, next: &Run) -> bool {
        self.mss == next.mss && self.is_whole() && self.end == next.start
    }
}

/// In the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Runs {
    list: VecDeque<Run>,
}

impl Runs {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn first(&self) -> Option<&Run> {
        self.list.front()
    }

    pub(super) fn last(&self) -> Option<&Run> {
        self.list.back()
    }

    pub(super) fn at(&self, index: usize) -> Option<&Run> {
        self.list.get(index)
    }

    pub(super) fn at_mut(&mut self, index: usize) -> Option<&mut Run> {
        self.list.get_mut(index)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.list.iter_mut()
    }

    /// The first that ends after `seq`.
    pub(super) fn find(&self, seq: Seq) -> usize {
        self.list.partition_point(|run| run.end.le(seq))
    }

    /// Sent for the first time. True when it joined the last one.
    pub(super) fn push(&mut self, run: Run) -> bool {
        if let Some(last) = self.list.back_mut()
            && last.takes(&run)
            && last.marks == 0
            && last.sent_at == run.sent_at
            && last.delivered == run.delivered
        {
            last.end = run.end;
            last.marks = run.marks;
            return true;
        }
        self.list.push_back(run);
        false
    }

    /// Takes the first away, or what comes before `ack` of it.
    pub(super) fn shorten_first(&mut self, ack: Seq) {
        if let Some(first) = self.list.front_mut() {
            if first.end.le(ack) {
                self.list.pop_front();
            } else {
                first.start = first.start.max(ack);
            }
        }
        if self.list.is_empty() {
            self.list = VecDeque::new();
        }
    }

    /// Cuts one in two at `at`, which lies inside; what belongs to its end stays there.
    pub(super) fn cut(&mut self, index: usize, at: Seq) {
        let Some(first) = self.list.get_mut(index) else { return };
        debug_assert!(first.start.lt(at) && at.lt(first.end));
        let mut second = *first;
        first.end = at;
        first.clear(FIN | CLOSED | UNIT | RECORD);
        second.start = at;
        self.list.insert(index + 1, second);
    }

    /// Cuts run `index` so that it lies either wholly inside `[left, right)` or wholly outside, between whole segments
    /// (Linux tcp_match_skb_to_sack). None: only a part of a segment is covered, which counts for nothing.
    pub(super) fn fit(&mut self, index: usize, left: Seq, right: Seq) -> Option<bool> {
        let run = *self.list.get(index)?;
        let covered = left.le(run.start) && run.end.le(right);
        if covered || run.segments() == 1 || left.ge(run.end) {
            return Some(covered);
        }
        let mss = u32::from(run.mss.max(1));
        let inside = left.le(run.start);
        let len = if inside {
            let len = run.start.distance_to(right);
            if len < mss {
                return None;
            }
            len / mss * mss
        } else {
            run.start.distance_to(left).div_ceil(mss).max(1) * mss
        };
        if len >= run.len() {
            return Some(inside);
        }
        if self.list.len() >= CUT_RUNS_MAX {
            return Some(false);
        }
        self.cut(index, run.start + len);
        Some(inside)
    }

    /// Run `index` was selectively acknowledged: joins it with its neighbours that were, and says where it is now.
    pub(super) fn join_sacked(&mut self, index: usize) -> usize {
        let join = |list: &mut VecDeque<Run>, first: usize| {
            let (Some(run), Some(next)) = (list.get(first), list.get(first + 1)) else { return false };
            let pure = |run: &Run| run.is(SACKED) && !run.is(LOST | AGAIN);
            if !pure(run) || !pure(next) || !run.takes(next) {
                return false;
            }
            let (end, marks) = (next.end, next.marks);
            let run = &mut list[first];
            (run.end, run.marks) = (end, marks | run.marks & EVER_AGAIN);
            list.remove(first + 1);
            true
        };
        join(&mut self.list, index);
        if index > 0 && join(&mut self.list, index - 1) { index - 1 } else { index }
    }

    /// Joins to run `index`, a small segment, the small ones behind it as far as they fit into `room` octets and were not
    /// SACKed (Linux tcp_retrans_try_collapse). Says which marks each had.
    pub(super) fn collapse(&mut self, index: usize, room: u32, mut joined: impl FnMut(&Run)) {
        while let (Some(run), Some(next)) = (self.list.get(index), self.list.get(index + 1)) {
            if next.is(SACKED) || next.segments() > 1 || run.len() + next.len() > room || run.is(FIN | RECORD)
            {
                return;
            }
            joined(next);
            let (end, marks) = (next.end, next.marks & (EVER_AGAIN | CLOSED | FIN | RECORD));
            let run = &mut self.list[index];
            run.end = end;
            run.set(marks);
            self.list.remove(index + 1);
        }
    }
}

#[cfg(test)]
mod tests;
