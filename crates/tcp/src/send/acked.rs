//! What SEG.ACK acknowledges (Linux tcp_clean_rtx_queue): segments leave the scoreboard, and tell of the round trip, of
//! reordering, and of whether what was sent again was needed.

use super::evidence::{Evidence, widen};
use super::recovery::{AckFacts, Means, Recovery, TimerChange};
use super::runs::{AGAIN, EVER_AGAIN, Run, SACKED};
use crate::clock::tick;
use crate::{Instant, Seq};
use lastack_observe::Counter;
use std::time::Duration;

impl Recovery {
    /// `highest`: the end of what was SACKed before.
    pub(super) fn take_acknowledged(
        &mut self,
        facts: &AckFacts,
        highest: Seq,
        evidence: &mut Evidence,
        means: &mut Means,
    ) {
        let (mut overtaken_from, cut_from) = (facts.nxt, self.note_cut(facts));
        while let Some((run, segments, whole)) = self.board.take_acked(facts.ack) {
            if run.is(AGAIN | EVER_AGAIN) {
                evidence.repeated_acked = true;
            } else if !run.is(SACKED) {
                widen(&mut evidence.acked_sent_at, run.sent_at);
                let began = cut_from.filter(|_| run.start == facts.una).unwrap_or(run.start);
                overtaken_from = overtaken_from.min(began);
                evidence.original_arrived |= run.end.le(self.high_seq);
            }
            if !run.is(SACKED) {
                evidence.delivered(&run);
            }
            if !run.is(SACKED) && facts.sack {
                self.delivered = self.delivered.wrapping_add(segments);
                if !was_sent_before_echo(&run, facts) {
                    self.rack.arrived(&run, facts.now, means.rtt);
                }
            }
            evidence.data_acked = true;
            evidence.segments_acked += segments;
            if !whole {
                break;
            }
        }
        evidence.reneged = self.board.first().is_some_and(|run| run.is(SACKED)) && facts.sack;
        let sampled = self.sample(facts, evidence, means);
        if evidence.data_acked {
            evidence.timer = TimerChange::Restart;
            if !facts.sack {
                self.take_duplicates_back(evidence, means);
                // Duplicates do not say which: progress may be owed to what was sent again.
                evidence.original_arrived &= !evidence.repeated_acked;
            } else if overtaken_from.lt(highest.max(facts.una)) {
                self.overtaken(overtaken_from, facts, Counter::SackReorder, means);
            }
        } else if sampled && self.older_than_head(evidence) {
            // It was sent before the first segment was (again): that one has had no longer than it.
            evidence.timer = TimerChange::Restart;
        }
    }

    /// Where the first segment began, when it was acknowledged in part before; and whether it is so now. To Linux its start lies
    /// below all that was acknowledged before, which looks like reordering (measured; eor scripts of packetdrill see it).
    fn note_cut(&mut self, facts: &AckFacts) -> Option<Seq> {
        let before = self.cut_from.take();
        let inside = |run: &&Run| run.segments() == 1 && run.start.lt(facts.ack) && facts.ack.lt(run.end);
        if let Some(run) = self.board.run_at(facts.ack).filter(inside) {
            self.cut_from = before.filter(|_| run.start == facts.una).or(Some(run.start));
        }
        before
    }

    fn older_than_head(&self, evidence: &Evidence) -> bool {
        match (evidence.sacked_sent_at, self.board.first()) {
            (Some((first, _)), Some(head)) => first < head.sent_at,
            _ => false,
        }
    }

    /// Without SACK: one acknowledged segment filled the hole, the others had a duplicate each (tcp_remove_reno_sacks).
    fn take_duplicates_back(&mut self, evidence: &Evidence, means: &mut Means) {
        let (acked, duplicates) = (evidence.segments_acked, self.board.flight().sacked);
        if acked > 0 {
            self.delivered = self.delivered.wrapping_add(acked.saturating_sub(duplicates).max(1));
            self.board.set_duplicates(duplicates.saturating_sub(acked - 1));
        }
        self.limit_duplicates(acked, means);
    }

    /// There cannot be more duplicates than segments that were not lost; if there are, they were reordered.
    pub(super) fn limit_duplicates(&mut self, acked: u32, means: &mut Means) {
        let flight = self.board.flight();
        let holes = flight.lost.max(1).min(flight.segments);
        if flight.sacked + holes > flight.segments {
            self.board.set_duplicates(flight.segments - holes);
            self.reordering.too_many_duplicates(flight.segments + acked, means.knobs, means.out);
        }
    }

    /// Takes the round trip of what was sent once, or the echoed timestamp's when it was sent again (RFC 7323 section 4).
    /// Linux too prefers its own clock, which is finer than the milliseconds of a timestamp. True if there was one.
    fn sample(&mut self, facts: &AckFacts, evidence: &Evidence, means: &mut Means) -> bool {
        let clean = evidence.acked_sent_at.filter(|_| !evidence.repeated_acked);
        let since = |at: Instant| facts.now.since(at);
        let sample = match (clean.or(evidence.sacked_sent_at), evidence.sacked_sent_at.or(clean)) {
            (Some((first, _)), Some((_, last))) => Some((since(first), since(last))),
            _ => echoed(facts, evidence).map(|elapsed| (elapsed, elapsed)),
        };
        let Some((first, last)) = sample else { return false };
        means.rtt.sample(first, facts.ack, facts.nxt, means.knobs);
        means.rtt.note_least(last);
        means.congestion.on_sample(last, &facts.moment(), means.out);
        true
    }
}

fn echoed(facts: &AckFacts, evidence: &Evidence) -> Option<Duration> {
    let echo = facts.echo.filter(|&echo| echo != 0 && evidence.data_acked)?;
    let elapsed = facts.clock.wrapping_sub(echo);
    (elapsed < 1 << 30).then(|| Duration::from_millis(u64::from(elapsed.max(1))))
}

/// What was acknowledged is an earlier copy: the echo is older than the repetition (Linux tcp_skb_spurious_retrans).
fn was_sent_before_echo(run: &Run, facts: &AckFacts) -> bool {
    let ago = tick(facts.now).wrapping_sub(tick(run.sent_at));
    let stamp = facts.clock.wrapping_sub(ago);
    run.is(AGAIN | EVER_AGAIN)
        && facts.echo.is_some_and(|echo| echo != 0 && (echo.wrapping_sub(stamp) as i32) < 0)
}

#[cfg(test)]
mod tests;
