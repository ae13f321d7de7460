//! What is in flight: acknowledged selectively, lost, or sent again (RFC 6675's scoreboard, for ranges and not segments).
//!
//! Lost octets are all those that no SACK covers in `[retransmit_next, lost_end)`; those before `retransmit_next` were
//! sent again. Without SACK each duplicate acknowledgment stands for one segment that has left the network, as in Linux.
//! The list of blocks is bounded; a block that does not fit is forgotten, which costs a retransmission and nothing else.
//!
//! Not here: what to do about a loss (`recovery`), and time (RACK would come beside this file).

use lastack_wire::Seq;
use lastack_wire::tcp::SackBlock;

/// Duplicates that prove a loss (RFC 5681).
pub(crate) const DUPLICATES_MIN: u16 = 3;
/// SACKed blocks remembered.
const BLOCKS_MAX: usize = 256;

/// The state of the octets between SEND.UNA and SEND.NXT.
#[derive(Debug)]
pub(crate) struct Scoreboard {
    /// What the peer has selectively acknowledged: in order, apart from each other, all after SEND.UNA.
    sacked: Vec<SackBlock>,
    sacked_octets: u32,
    /// The next lost octet to be sent again.
    retransmit_next: Seq,
    /// The end of what is lost.
    lost_end: Seq,
    /// Duplicate acknowledgments since SEND.UNA moved (only without SACK).
    duplicates: u16,
}

impl Scoreboard {
    /// Nothing is in flight from `una` on.
    pub(crate) fn new(una: Seq) -> Scoreboard {
        Scoreboard {
            sacked: Vec::new(),
            sacked_octets: 0,
            retransmit_next: una,
            lost_end: una,
            duplicates: 0,
        }
    }

    /// Duplicate acknowledgments counted.
    pub(crate) fn duplicates(&self) -> u16 {
        self.duplicates
    }

    /// One more duplicate acknowledgment (without SACK).
    pub(crate) fn count_duplicate(&mut self) {
        self.duplicates = self.duplicates.saturating_add(1);
    }

    /// `segments` that duplicates stood for were acknowledged for good.
    pub(crate) fn discount_duplicates(&mut self, segments: u32) {
        self.duplicates = self.duplicates.saturating_sub(u16::try_from(segments).unwrap_or(u16::MAX));
    }

    /// Octets selectively acknowledged.
    pub(crate) fn sacked_octets(&self) -> u32 {
        self.sacked_octets
    }

    /// Octets selectively acknowledged from `mark` on.
    pub(crate) fn sacked_above(&self, mark: Seq) -> u32 {
        let first = self.sacked.partition_point(|block| block.right.le(mark));
        self.sacked[first..].iter().map(|block| block.left.max(mark).distance_to(block.right)).sum()
    }

    /// The hole that begins at `una`, at most `mss` octets of it.
    pub(crate) fn first_hole(&self, una: Seq, nxt: Seq, mss: u32) -> u32 {
        una.distance_to(self.sacked.first().map_or(nxt, |block| block.left)).min(mss)
    }

    /// The end of what was sent again: `[una, retransmitted_end)` was retransmitted in this recovery, holes only.
    pub(crate) fn retransmitted_end(&self) -> Seq {
        self.retransmit_next
    }

    /// The end of what is lost.
    pub(crate) fn lost_end(&self) -> Seq {
        self.lost_end
    }

    /// Takes the peer's blocks and returns how many octets are newly covered. Blocks that are not in flight (a D-SACK,
    /// an old or forged one) are passed over.
    pub(crate) fn take_sack(&mut self, blocks: &[SackBlock], una: Seq, nxt: Seq) -> u32 {
        let before = self.sacked_octets;
        for block in blocks {
            // Measured from SEND.UNA: a comparison of two ends half the circle apart would pass nonsense.
            let (left, right) = (una.distance_to(block.left), una.distance_to(block.right));
            if 0 < left && left < right && right <= una.distance_to(nxt) {
                self.cover(*block);
            }
        }
        self.sacked_octets - before
    }

    /// SEND.UNA moved to `una`. Returns true when the peer has forgotten what it had selectively acknowledged
    /// (reneging, RFC 2018 section 8): then all of it is in doubt and the blocks are dropped.
    pub(crate) fn advance(&mut self, una: Seq) -> bool {
        self.retransmit_next = self.retransmit_next.max(una);
        self.lost_end = self.lost_end.max(una);
        let passed = self.sacked.partition_point(|block| block.right.le(una));
        for block in self.sacked.drain(..passed) {
            self.sacked_octets -= block.left.distance_to(block.right);
        }
        let reneged = self.sacked.first().is_some_and(|block| block.left.le(una));
        if reneged {
            self.forget_sacked();
        } else if self.sacked.is_empty() {
            self.sacked = Vec::new();
        }
        reneged
    }

    /// Everything that is not SACKed is lost (a timeout).
    pub(crate) fn mark_all_lost(&mut self, una: Seq, nxt: Seq) {
        self.retransmit_next = una;
        self.lost_end = nxt;
        self.duplicates = 0;
    }

    /// Everything before `end` that is not SACKed is lost.
    pub(crate) fn mark_lost_to(&mut self, end: Seq) {
        self.lost_end = self.lost_end.max(end);
    }

    /// Nothing is lost: the recovery is over or was a mistake.
    pub(crate) fn clear_lost(&mut self, una: Seq) {
        self.retransmit_next = una;
        self.lost_end = una;
        self.duplicates = 0;
    }

    /// RFC 6675's IsLost for all holes at once: those before the returned number have three blocks, or more than two
    /// segments' octets, SACKed above them.
    pub(crate) fn loss_edge(&self, mss: u32) -> Option<Seq> {
        let mut octets = 0u32;
        for (blocks, block) in self.sacked.iter().rev().enumerate() {
            octets += block.left.distance_to(block.right);
            if blocks + 1 >= usize::from(DUPLICATES_MIN) || octets > u32::from(DUPLICATES_MIN - 1) * mss {
                return Some(block.left);
            }
        }
        None
    }

    /// The next lost stretch that was not sent again: its start and at most `mss` octets.
    pub(crate) fn next_lost(&self, mss: u32) -> Option<(Seq, u32)> {
        let mut at = self.retransmit_next;
        let first = self.sacked.partition_point(|block| block.right.le(at));
        for block in &self.sacked[first..] {
            if block.left.gt(at) {
                break;
            }
            at = block.right;
        }
        if at.ge(self.lost_end) {
            return None;
        }
        let next = self.sacked.get(self.sacked.partition_point(|block| block.left.lt(at)));
        let end = next.map_or(self.lost_end, |block| block.left.min(self.lost_end));
        Some((at, at.distance_to(end).min(mss)))
    }

    /// `[seq, end)` was sent again.
    pub(crate) fn on_retransmitted(&mut self, end: Seq) {
        self.retransmit_next = self.retransmit_next.max(end);
    }

    /// Octets believed to be in the network (RFC 6675's pipe; Linux's packets_in_flight).
    pub(crate) fn pipe(&self, una: Seq, nxt: Seq, mss: u32) -> u32 {
        let left = self.sacked_octets + u32::from(self.duplicates).saturating_mul(mss) + self.waiting();
        una.distance_to(nxt).saturating_sub(left)
    }

    /// Lost octets that were not sent again yet.
    fn waiting(&self) -> u32 {
        let lost = self.lost_end.since(self.retransmit_next).max(0) as u32;
        let first = self.sacked.partition_point(|block| block.right.le(self.retransmit_next));
        let covered: u32 = self.sacked[first..]
            .iter()
            .take_while(|block| block.left.lt(self.lost_end))
            .map(|block| {
                let left = block.left.max(self.retransmit_next);
                left.distance_to(block.right.min(self.lost_end))
            })
            .sum();
        lost.saturating_sub(covered)
    }

    fn forget_sacked(&mut self) {
        self.sacked = Vec::new();
        self.sacked_octets = 0;
    }

    fn cover(&mut self, mut block: SackBlock) {
        let first = self.sacked.partition_point(|known| known.right.lt(block.left));
        let last = self.sacked.partition_point(|known| known.left.le(block.right));
        if first == last {
            if self.sacked.len() < BLOCKS_MAX {
                self.sacked_octets += block.left.distance_to(block.right);
                self.sacked.insert(first, block);
            }
            return;
        }
        block.left = block.left.min(self.sacked[first].left);
        block.right = block.right.max(self.sacked[last - 1].right);
        for known in self.sacked.drain(first + 1..last) {
            self.sacked_octets -= known.left.distance_to(known.right);
        }
        let kept = &mut self.sacked[first];
        self.sacked_octets -= kept.left.distance_to(kept.right);
        self.sacked_octets += block.left.distance_to(block.right);
        *kept = block;
    }
}

#[cfg(test)]
mod tests;
