//! What is in flight, counted in segments as Linux counts packets: sent, selectively acknowledged, lost, sent again.
//!
//! Every mark of a run is set and cleared here, so that the four counts cannot part from the marks. Without SACK the second
//! count is that of duplicate acknowledgments, each standing for a segment that has left the network. Not here: why a
//! segment is marked (`sack`, `rack`, `alert`, `loss`).

use super::departures::{Departures, Look};
use super::runs::{AGAIN, CLOSED, EVER_AGAIN, FIN, JUDGED, LOST, RECORD, Run, Runs, SACKED, UNIT};
use crate::{Instant, Seq};

/// The segments between SEND.UNA and SEND.NXT.
#[derive(Debug)]
pub(crate) struct Scoreboard {
    runs: Runs,
    departures: Departures,
    /// Segments in `runs`.
    segments: u32,
    sacked: u32,
    lost: u32,
    again: u32,
    /// The end of the highest run that was SACKed; means something while any is.
    highest_sacked: Seq,
    /// No lost run that waits to be sent again begins before.
    resend_from: Seq,
    /// Segments found lost since the board was made, those lost twice counted twice.
    lost_ever: u32,
}

/// Counts for who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Segments sent and not acknowledged.
    pub(crate) segments: u32,
    /// Selectively acknowledged; without SACK: duplicate acknowledgments.
    pub(crate) sacked: u32,
    /// Believed lost, sent again or not.
    pub(crate) lost: u32,
    /// Sent again and believed in the network.
    pub(crate) again: u32,
}

/// What a mark of loss did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: it was SACKed, or lost and not sent again yet.
    Known,
    /// So many segments are lost for the first time.
    First(u32),
    /// So many were sent again and are lost once more.
    Again(u32),
}

impl Scoreboard {
    /// Nothing is in flight from `una` on.
    pub(crate) fn new(una: Seq) -> Scoreboard {
        Scoreboard {
            runs: Runs::default(),
            departures: Departures::default(),
            segments: 0,
            sacked: 0,
            lost: 0,
            again: 0,
            highest_sacked: una,
            resend_from: una,
            lost_ever: 0,
        }
    }

    /// The counts.
    pub(crate) fn flight(&self) -> Flight {
        Flight { segments: self.segments, sacked: self.sacked, lost: self.lost, again: self.again }
    }

    /// Segments believed to be in the network (Linux tcp_packets_in_flight).
    pub(crate) fn in_flight(&self) -> u32 {
        (self.segments + self.again).saturating_sub(self.sacked + self.lost)
    }

    pub(super) fn lost_ever(&self) -> u32 {
        self.lost_ever
    }

    pub(super) fn first(&self) -> Option<&Run> {
        self.runs.first()
    }

    pub(super) fn last(&self) -> Option<&Run> {
        self.runs.last()
    }

    pub(super) fn run(&self, index: usize) -> Option<Run> {
        self.runs.at(index).copied()
    }

    pub(super) fn find(&self, seq: Seq) -> usize {
        self.runs.find(seq)
    }

    pub(super) fn fit(&mut self, index: usize, left: Seq, right: Seq) -> Option<bool> {
        self.runs.fit(index, left, right)
    }

    /// The end of what is SACKed, or `una` (Linux tcp_highest_sack_seq).
    pub(super) fn highest_sacked(&self, una: Seq) -> Seq {
        if self.sacked == 0 { una } else { self.highest_sacked.max(una) }
    }

    /// Something was or may have been sent again and is not acknowledged (Linux tcp_any_retrans_done).
    pub(super) fn was_repeated(&self) -> bool {
        self.again > 0 || self.runs.first().is_some_and(|first| first.is(EVER_AGAIN))
    }

    /// Sent for the first time.
    pub(super) fn push(&mut self, run: Run) {
        if self.runs.len() == 0 {
            self.departures.clear();
            self.resend_from = run.start;
        }
        self.segments += run.segments();
        self.departures.record(run.start, run.end, run.sent_at, &self.runs);
        self.runs.push(run);
    }

    /// What left last is a packet of its own for the device, and perhaps the end of a `record`.
    pub(super) fn close_last(&mut self, record: bool) {
        if let Some(run) = self.runs.len().checked_sub(1).and_then(|last| self.runs.at_mut(last)) {
            run.set(if record { CLOSED | RECORD } else { CLOSED });
        }
    }

    /// What `seq` lies in.
    pub(super) fn run_at(&self, seq: Seq) -> Option<&Run> {
        self.runs.at(self.runs.find(seq)).filter(|run| run.start.le(seq))
    }

    /// What `ack` acknowledges of the first run: as it was, its segments that are, and whether all of it is. None: nothing,
    /// or only a part of a segment.
    pub(super) fn take_acked(&mut self, ack: Seq) -> Option<(Run, u32, bool)> {
        let run = *self.runs.first()?;
        let (segments, whole) = if run.end.le(ack) {
            (run.segments(), true)
        } else {
            (run.segments() - Run { start: run.start.max(ack), ..run }.segments(), false)
        };
        self.runs.shorten_first(ack);
        if segments == 0 {
            return None;
        }
        self.segments -= segments;
        self.count_marks(&run, segments, |count, segments| count - segments);
        Some((run, segments, whole))
    }

    /// Changes the counts that the marks of `run` belong to.
    fn count_marks(&mut self, run: &Run, segments: u32, change: impl Fn(u32, u32) -> u32) {
        for (mark, count) in [(SACKED, &mut self.sacked), (LOST, &mut self.lost), (AGAIN, &mut self.again)] {
            if run.is(mark) {
                *count = change(*count, segments);
            }
        }
    }

    /// Sets and clears marks of one run.
    pub(super) fn change(&mut self, index: usize, set: u16, clear: u16) {
        let Some(run) = self.runs.at_mut(index) else { return };
        let before = *run;
        run.set(set);
        run.clear(clear);
        let after = *run;
        self.recount(before, after);
    }

    fn recount(&mut self, before: Run, after: Run) {
        let segments = before.segments();
        self.count_marks(&before, segments, |count, segments| count - segments);
        self.count_marks(&after, segments, |count, segments| count + segments);
    }

    /// Run `index` is SACKed from now on; says where it is afterwards, joined to its neighbours.
    pub(super) fn mark_sacked(&mut self, index: usize) -> usize {
        let Some(end) = self.runs.at(index).map(|run| run.end) else { return index };
        self.highest_sacked = if self.sacked == 0 { end } else { self.highest_sacked.max(end) };
        self.change(index, SACKED | JUDGED, 0);
        self.runs.join_sacked(index)
    }

    /// Run `index` is believed lost.
    pub(super) fn mark_lost(&mut self, index: usize) -> Loss {
        let Some(run) = self.runs.at_mut(index) else { return Loss::Known };
        let before = *run;
        let loss = lose(run);
        let after = *run;
        self.note_loss(before, after, loss);
        loss
    }

    fn note_loss(&mut self, before: Run, after: Run, loss: Loss) {
        self.recount(before, after);
        if let Loss::First(segments) | Loss::Again(segments) = loss {
            self.lost_ever = self.lost_ever.wrapping_add(segments);
            self.resend_from = self.resend_from.min(after.start);
        }
    }

    /// Marks as lost what `judge` says, oldest departure first; how many retransmissions are among it.
    pub(super) fn judge_by_departure(&mut self, mut judge: impl FnMut(&Run) -> Option<Look>) -> u32 {
        let (mut departures, mut runs) =
            (std::mem::take(&mut self.departures), std::mem::take(&mut self.runs));
        let mut lost_again = 0;
        departures.look(&mut runs, |run| {
            if run.is(SACKED | JUDGED) || (run.is(LOST) && !run.is(AGAIN)) {
                return Look::Done;
            }
            match judge(run) {
                Some(look) => look,
                None => {
                    let before = *run;
                    let loss = lose(run);
                    run.set(JUDGED);
                    if let Loss::Again(segments) = loss {
                        lost_again += segments;
                    }
                    self.note_loss(before, *run, loss);
                    Look::Done
                }
            }
        });
        (self.departures, self.runs) = (departures, runs);
        lost_again
    }

    /// Marks as lost every run that `judge` accepts; how many retransmissions are among it.
    pub(super) fn lose_if(&mut self, mut judge: impl FnMut(&Run) -> bool) -> u32 {
        let mut lost_again = 0;
        for index in 0..self.runs.len() {
            if self.runs.at(index).is_some_and(&mut judge)
                && let Loss::Again(segments) = self.mark_lost(index)
            {
                lost_again += segments;
            }
        }
        lost_again
    }

    /// The peer has forgotten what it had SACKed.
    pub(super) fn forget_sacked(&mut self) {
        self.sacked = 0;
        self.runs.iter_mut().for_each(|run| run.clear(SACKED));
    }

    /// Nothing is lost: it was a mistake.
    pub(super) fn forget_lost(&mut self) {
        self.lost = 0;
        self.runs.iter_mut().for_each(|run| run.clear(LOST));
    }

    /// The first segment alone is believed lost (without SACK more is not known).
    pub(super) fn lose_first_segment(&mut self) -> Loss {
        let Some(run) = self.first().copied().filter(|run| !run.is(LOST)) else { return Loss::Known };
        if run.segments() > 1 {
            self.cut(0, run.end_of(1));
        }
        self.mark_lost(0)
    }

    /// Duplicate acknowledgments, where the peer sends no SACK.
    pub(super) fn set_duplicates(&mut self, segments: u32) {
        self.sacked = segments;
    }

    /// The first lost run that waits to be sent again.
    pub(super) fn next_lost(&self) -> Option<Run> {
        if self.again >= self.lost {
            return None;
        }
        let first = self.runs.find(self.resend_from);
        (first..)
            .map_while(|index| self.runs.at(index))
            .find(|run| run.is(LOST) && !run.is(SACKED | AGAIN))
            .copied()
    }

    /// The end of the small segments from run `seq` on that fit into `room` together.
    pub(super) fn reach(&self, seq: Seq, room: u32) -> Seq {
        let first = self.runs.find(seq);
        let mut end = seq;
        for (nth, run) in (first..).map_while(|index| self.runs.at(index)).enumerate() {
            let follows =
                nth == 0 || (!run.is(SACKED) && run.segments() == 1 && seq.distance_to(run.end) <= room);
            if !follows {
                break;
            }
            end = run.end;
            if run.is(FIN | RECORD) {
                break;
            }
        }
        end
    }

    /// Makes the run that begins at `seq` one of `len` numbers, before it is sent again in segments of `mss`: cuts it.
    /// `unit`, at least `len`, is what leaves together as one packet where the device takes such. Says where it is, and
    /// whether such a packet of several segments ends with it.
    pub(super) fn prepare_again(&mut self, seq: Seq, len: u32, unit: u32, mss: u16) -> (usize, bool) {
        let mut index = self.runs.find(seq);
        if self.runs.at(index).is_some_and(|run| run.start.lt(seq)) {
            self.cut(index, seq);
            index += 1;
        }
        self.resize(index, mss);
        self.cut_to(index, seq + unit);
        let several = self.run(index).is_some_and(|run| run.segments() > 1);
        if several && let Some(run) = self.runs.at_mut(index) {
            run.set(UNIT);
        }
        self.cut_to(index, seq + len);
        let ends = self.run(index).is_some_and(|run| run.is(UNIT));
        if let Some(run) = self.runs.at_mut(index) {
            run.clear(UNIT);
        }
        (index, ends)
    }

    fn cut_to(&mut self, index: usize, end: Seq) {
        if self.runs.at(index).is_some_and(|run| end.lt(run.end)) {
            self.cut(index, end);
        }
    }

    /// Cuts run `index` in two, which makes two segments of one if it is cut within.
    fn cut(&mut self, index: usize, at: Seq) {
        let Some(before) = self.run(index) else { return };
        self.runs.cut(index, at);
        let pieces = [self.run(index), self.run(index + 1)].into_iter().flatten();
        self.count_anew(&before, before.segments(), pieces.map(|run| run.segments()).sum());
    }

    /// What was `old` segments is `new` ones now, with the marks of `run`.
    fn count_anew(&mut self, run: &Run, old: u32, new: u32) {
        self.segments = self.segments - old + new;
        self.count_marks(run, old, |count, segments| count - segments);
        self.count_marks(run, new, |count, segments| count + segments);
    }

    /// The segment size changed: the same numbers are another count of segments.
    fn resize(&mut self, index: usize, mss: u16) {
        let Some(run) = self.runs.at_mut(index).filter(|run| run.mss != mss) else { return };
        let before = *run;
        run.mss = mss;
        let after = *run;
        self.count_anew(&before, before.segments(), after.segments());
    }

    /// Joins small segments that follow run `index`, itself one, as long as they fit into `room`; how many.
    pub(super) fn collapse(&mut self, index: usize, room: u32) -> u32 {
        let (mut sacked, mut lost, mut again, mut joined) = (0, 0, 0, 0);
        self.runs.collapse(index, room, |run| {
            joined += 1;
            sacked += u32::from(run.is(SACKED));
            lost += u32::from(run.is(LOST));
            again += u32::from(run.is(AGAIN));
        });
        self.segments -= joined;
        self.sacked -= sacked;
        self.lost -= lost;
        self.again -= again;
        joined
    }

    /// Run `index` leaves again. A tail loss probe is not counted as sent again: it is one segment more in the network.
    pub(super) fn leave_again(&mut self, index: usize, probe: bool, now: Instant, delivered: u32) {
        let marks = if probe { EVER_AGAIN } else { EVER_AGAIN | AGAIN };
        self.change(index, marks, JUDGED);
        let Some(run) = self.runs.at_mut(index) else { return };
        run.sent_at = now;
        run.delivered = delivered;
        let (start, end) = (run.start, run.end);
        self.departures.record(start, end, now, &self.runs);
        if !probe && start.ge(self.resend_from) {
            self.resend_from = end;
        }
    }

    /// Counts again what the marks say, for tests: segments, SACKed, lost, sent again.
    #[cfg(test)]
    pub(super) fn recounted(&self) -> [u32; 4] {
        let sum =
            |mark: u16| self.runs.iter().filter(|run| mark == 0 || run.is(mark)).map(Run::segments).sum();
        [sum(0), sum(SACKED), sum(LOST), sum(AGAIN)]
    }

    /// Runs, for tests.
    #[cfg(test)]
    pub(super) fn run_count(&self) -> usize {
        self.runs.len()
    }
}

/// Linux tcp_mark_skb_lost.
fn lose(run: &mut Run) -> Loss {
    let segments = run.segments();
    if run.is(SACKED) || (run.is(LOST) && !run.is(AGAIN)) {
        return Loss::Known;
    }
    if run.is(LOST) {
        run.clear(AGAIN);
        return Loss::Again(segments);
    }
    run.set(LOST);
    Loss::First(segments)
}

impl Run {
    /// `[start, end)` leaves for the first time.
    pub(super) fn new(start: Seq, end: Seq, mss: u16, fin: bool, sent_at: Instant, delivered: u32) -> Run {
        let marks = if fin { FIN } else { 0 };
        Run { start, end, sent_at, delivered, mss, marks }
    }
}

#[cfg(test)]
mod tests;
