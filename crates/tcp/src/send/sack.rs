//! The blocks of an acknowledgment (RFC 2018, RFC 2883), as Linux's tcp_sacktag_write_queue takes them: what may be believed,
//! what it marks, what it shows of reordering and of repetitions that were none too few.
//!
//! Cost: a binary search for each block, and what is newly covered.

use super::evidence::{Evidence, widen};
use super::recovery::{AckFacts, Means, Recovery, RecoveryState};
use super::runs::{AGAIN, EVER_AGAIN, LOST, SACKED};
use crate::Seq;
use lastack_observe::Counter;
use lastack_wire::tcp::SackBlock;

/// Blocks that fit into the option.
const BLOCKS_MAX: usize = 4;

impl Recovery {
    pub(super) fn take_blocks(&mut self, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) {
        if !facts.sack || facts.blocks.is_empty() {
            return;
        }
        let duplicate = self.judge_duplicate(facts, evidence, means);
        if facts.una == facts.nxt {
            return;
        }
        let mut blocks = [None; BLOCKS_MAX];
        for (index, block) in facts.blocks.iter().take(BLOCKS_MAX).enumerate() {
            blocks[index] = self.check_block(*block, duplicate && index == 0, facts, means);
        }
        blocks.sort_unstable_by_key(|block| {
            block.map_or(u32::MAX, |(block, _): (SackBlock, bool)| facts.una.distance_to(block.left))
        });
        for (block, duplicate) in blocks.into_iter().flatten() {
            self.tag(block, duplicate, facts, evidence, means);
        }
        if self.state != RecoveryState::Loss || self.undo.marker.is_some() {
            self.overtaken(evidence.overtaken_from, facts, Counter::SackReorder, means);
        }
    }

    /// A number from `low` on arrived late.
    pub(super) fn overtaken(&mut self, low: Seq, facts: &AckFacts, by: Counter, means: &mut Means) {
        let high = self.board.highest_sacked(facts.ack.max(facts.una));
        self.reordering.overtaken(low, high, facts.mss, by, means.knobs, means.out);
    }

    /// The first block is a D-SACK when it lies before the acknowledgment or within the second (RFC 2883 section 4). True
    /// when it may be believed: not more came twice than was sent again, nor more than the largest window.
    fn judge_duplicate(&mut self, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) -> bool {
        let first = facts.blocks[0];
        if first.left.lt(facts.ack) {
            means.out.count(Counter::DsackRecv);
        } else if facts
            .blocks
            .get(1)
            .is_some_and(|next| first.right.le(next.right) && first.left.ge(next.left))
        {
            means.out.count(Counter::DsackOfoRecv);
        } else {
            return false;
        }
        let octets = first.left.distance_to(first.right);
        let believable = first.left.lt(first.right) && octets <= facts.window_max;
        let segments = octets.div_ceil(facts.mss.max(1)).max(1);
        let of_probe = octets <= facts.mss && self.probe.ends_at(first.right);
        if believable {
            evidence.came_twice = segments;
            evidence.probe_came_twice = of_probe;
        }
        if !believable || facts.came_twice.saturating_add(segments) > facts.sent_again {
            means.out.count(Counter::DsackIgnoredDubious);
            return false;
        }
        if self.reordering.seen > 0 && !of_probe {
            self.rack.duplicate_seen = true;
        }
        evidence.duplicate_reported = true;
        self.delivered = self.delivered.wrapping_add(segments);
        means.out.counters.add(Counter::DsackRecvSegs, u64::from(segments));
        let since = self.undo.marker.is_some_and(|marker| first.right.gt(marker));
        if since && first.right.le(facts.una) {
            self.undo.came_twice(segments);
        }
        true
    }

    /// The block, when it may be believed and tells of something in flight.
    fn check_block(
        &self,
        block: SackBlock,
        duplicate: bool,
        facts: &AckFacts,
        means: &mut Means,
    ) -> Option<(SackBlock, bool)> {
        let una = facts.ack.max(facts.una);
        if self.is_valid(block, duplicate, una, facts) {
            return block.right.gt(facts.una).then_some((block, duplicate));
        }
        let counter = match (duplicate, self.undo.marker) {
            (true, None) => Counter::DsackIgnoredNoUndo,
            (true, Some(_)) => Counter::DsackIgnoredOld,
            // What an overtaken acknowledgment tells may be old.
            (false, _) if facts.ack != una && block.right.le(una) => return None,
            (false, _) => Counter::SackDiscard,
        };
        means.out.count(counter);
        None
    }

    /// Linux tcp_is_sackblock_valid. Distances are measured from SEND.UNA: a comparison of two ends half the circle apart
    /// would pass nonsense.
    fn is_valid(&self, block: SackBlock, duplicate: bool, una: Seq, facts: &AckFacts) -> bool {
        if block.right.gt(facts.nxt) || block.left.ge(block.right) || block.left.ge(facts.nxt) {
            return false;
        }
        if block.left.gt(una) {
            return true;
        }
        let Some(marker) = self.undo.marker.filter(|_| duplicate) else { return false };
        if block.right.gt(una) {
            return false;
        }
        block.left.ge(marker)
            || (block.right.gt(marker) && block.left.distance_to(block.right) <= facts.window_max)
    }

    fn tag(
        &mut self,
        block: SackBlock,
        duplicate: bool,
        facts: &AckFacts,
        evidence: &mut Evidence,
        means: &Means,
    ) {
        let mut index = self.board.find(block.left);
        while let Some(run) = self.board.run(index).filter(|run| run.start.lt(block.right)) {
            if run.is(SACKED) && !duplicate {
                index += 1;
                continue;
            }
            match self.board.fit(index, block.left, block.right) {
                None => return,
                Some(false) => index += 1,
                Some(true) => index = self.tag_run(index, duplicate, facts, evidence, means) + 1,
            }
        }
    }

    /// Run `index` has arrived, perhaps not for the first time (Linux tcp_sacktag_one). Says where it is afterwards.
    fn tag_run(
        &mut self,
        index: usize,
        duplicate: bool,
        facts: &AckFacts,
        evidence: &mut Evidence,
        means: &Means,
    ) -> usize {
        let Some(run) = self.board.run(index) else { return index };
        let segments = run.segments();
        if duplicate && run.is(AGAIN | EVER_AGAIN) {
            if self.undo.marker.is_some_and(|marker| run.end.gt(marker)) {
                self.undo.came_twice(segments);
            }
            if run.is(SACKED) {
                evidence.overtaken_from = evidence.overtaken_from.min(run.start);
            }
        }
        let una = facts.ack.max(facts.una);
        if run.end.le(una) {
            return index;
        }
        if run.is(SACKED) {
            self.board.change(index, 0, if duplicate { AGAIN } else { 0 });
            return index;
        }
        self.rack.arrived(&run, facts.now, means.rtt);
        if run.is(AGAIN) {
            // Not lost and sent again: the repetition is believed to be on its way still.
            let settled = if run.is(LOST) { LOST | AGAIN } else { 0 };
            self.board.change(index, 0, settled);
        } else {
            if !run.is(EVER_AGAIN) {
                self.note_original(run.start, run.end, una, evidence);
                widen(&mut evidence.sacked_sent_at, run.sent_at);
            }
            self.board.change(index, 0, LOST);
        }
        if duplicate {
            self.board.change(index, 0, AGAIN);
        }
        evidence.data_sacked = true;
        evidence.delivered(&run);
        self.delivered = self.delivered.wrapping_add(segments);
        self.board.mark_sacked(index)
    }

    /// What was sent once has arrived: late, if others were there before; and before the recovery began, it was not lost.
    fn note_original(&mut self, start: Seq, end: Seq, una: Seq, evidence: &mut Evidence) {
        if start.lt(self.board.highest_sacked(una)) {
            evidence.overtaken_from = evidence.overtaken_from.min(start);
        }
        if end.le(self.high_seq) {
            evidence.original_arrived = true;
        }
    }
}

#[cfg(test)]
mod tests;
