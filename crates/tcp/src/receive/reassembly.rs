//! Octets that arrived out of order, until the gap before them is filled (RFC 9293 section 3.10.7.4, RFC 2018,
//! RFC 2883).
//!
//! Bounded by the number of blocks and by the memory they pin. When it is full the block furthest away gives way to an
//! octet before it, and anything else is dropped: a peer keeps what it was not acknowledged cumulatively (RFC 2018
//! section 8 permits this). What arrived first is kept where segments overlap. Not here: RCV.NXT and the FIN's place.

use crate::Output;
use crate::chunk::ChunkQueue;
use bytes::Bytes;
use lastack_observe::{Counter, DropReason};
use lastack_wire::Seq;
use lastack_wire::tcp::SackBlock;
use smallvec::SmallVec;

/// Blocks at most: each is a hole that the peer still has to fill.
const BLOCKS_MAX: usize = 512;
/// A SACK option carries at most four blocks, three beside timestamps.
const SACK_MAX: usize = 4;

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// At least one octet of it was new and is kept.
    Queued,
    /// Every octet of it was there already; a D-SACK is due.
    Duplicate,
    /// No room.
    Dropped,
}

#[derive(Debug)]
struct Block {
    left: Seq,
    octets: ChunkQueue,
}

impl Block {
    fn right(&self) -> Seq {
        self.left + self.octets.len()
    }
}

/// The out-of-order queue.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// In order, apart from each other by at least one octet.
    blocks: Vec<Block>,
    /// Octets of memory that all blocks pin.
    pinned: usize,
    /// Blocks in the order in which they last changed, the latest first.
    recent: SmallVec<[SackBlock; SACK_MAX]>,
    /// Octets that arrived twice, to be reported once.
    duplicate: Option<SackBlock>,
}

/// Whether octets that arrive twice are reported: SACK was agreed on, and `tcp_dsack` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reports(pub(crate) bool);

impl Reassembly {
    /// An empty queue; allocates nothing.
    pub(crate) fn new() -> Reassembly {
        Reassembly::default()
    }

    /// True when there is nothing to hold and nothing to report: the queue may be dropped.
    pub(crate) fn is_idle(&self) -> bool {
        self.blocks.is_empty() && self.duplicate.is_none()
    }

    /// True when no octet is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Octets of memory charged.
    pub(crate) fn pinned(&self) -> usize {
        self.pinned
    }

    /// The number after the highest octet held.
    pub(crate) fn end(&self) -> Option<Seq> {
        self.blocks.last().map(Block::right)
    }

    /// Keeps the octets from `seq` on, which all lie after RCV.NXT and before the window's edge (the caller trims).
    /// They pin `pinned` octets; at most `pinned_max` may be pinned in all.
    pub(crate) fn insert(
        &mut self,
        seq: Seq,
        octets: Bytes,
        pinned: usize,
        pinned_max: usize,
        reports: Reports,
        out: &mut Output,
    ) -> Insertion {
        if octets.is_empty() {
            return Insertion::Duplicate;
        }
        if !self.make_room(seq, pinned.min(2 * octets.len()), pinned_max, out) {
            out.count(Counter::OfoDrop);
            out.dropped(DropReason::OutOfOrderFull);
            return Insertion::Dropped;
        }
        let end = seq + octets.len() as u32;
        // What the segment covers as a whole goes, as the segment itself does when it brings nothing (Linux counts both so).
        let first = self.blocks.partition_point(|block| block.left.lt(seq));
        let covered = self.blocks[first..].iter().take_while(|block| block.right().le(end)).count();
        out.count(Counter::OfoQueue);
        let (fresh, overlap) = self.fill_holes(seq, &octets, pinned);
        if let Some(overlap) = overlap {
            self.note_duplicate(overlap, Counter::DsackOfoSent, reports, out);
        }
        if !fresh {
            out.count(Counter::OfoMerge);
            out.dropped(DropReason::Duplicate);
            return Insertion::Duplicate;
        }
        out.counters.add(Counter::OfoMerge, covered as u64);
        Insertion::Queued
    }

    /// RCV.NXT moved to `nxt`: hands out the block that continues there, without the octets before it, if there is one.
    /// Call again until None: the octets handed out move RCV.NXT again.
    pub(crate) fn take_in_order(
        &mut self,
        nxt: Seq,
        reports: Reports,
        out: &mut Output,
    ) -> Option<ChunkQueue> {
        while self.blocks.first().is_some_and(|block| block.left.le(nxt)) {
            let mut block = self.blocks.remove(0);
            self.pinned -= block.octets.pinned();
            let past = block.left.distance_to(nxt).min(block.octets.len());
            block.octets.advance(past);
            if past > 0 {
                // What came in order had come out of order before (Linux tcp_ofo_queue).
                let right = block.left + past;
                match &mut self.duplicate {
                    Some(noted) if noted.right.ge(block.left) && noted.left.le(right) => {
                        noted.left = noted.left.min(block.left);
                        noted.right = noted.right.max(right);
                    }
                    Some(_) => {}
                    None => {
                        let twice = SackBlock { left: block.left, right };
                        self.note_duplicate(twice, Counter::DsackOldSent, reports, out);
                    }
                }
            }
            self.recent.retain(|reported| reported.left.gt(nxt));
            if self.blocks.is_empty() {
                self.blocks = Vec::new();
            }
            if !block.octets.is_empty() {
                return Some(block.octets);
            }
        }
        None
    }

    /// Notes octets that arrived though RCV.NXT is past them (D-SACK, RFC 2883 section 4.1.1).
    pub(crate) fn report_duplicate(&mut self, twice: SackBlock, out: &mut Output) {
        self.note_duplicate(twice, Counter::DsackOldSent, Reports(true), out);
    }

    /// Linux counts a D-SACK as soon as it has something to report, though a later one may take its place.
    fn note_duplicate(&mut self, twice: SackBlock, counter: Counter, reports: Reports, out: &mut Output) {
        if reports.0 {
            self.duplicate = Some(twice);
            out.count(counter);
        }
    }

    /// The blocks to report in the next acknowledgment, at most `max`: first a duplicate, once, then what changed last
    /// (RFC 2018 section 4, RFC 2883 section 4).
    pub(crate) fn sack_blocks(&mut self, max: usize) -> SmallVec<[SackBlock; 4]> {
        let mut blocks = SmallVec::new();
        blocks.extend(self.duplicate.take().filter(|_| max > 0));
        blocks.extend(self.recent.iter().take(max.min(SACK_MAX).saturating_sub(blocks.len())).copied());
        blocks
    }

    /// How many blocks [`Reassembly::sack_blocks`] would report.
    pub(crate) fn sack_len(&self, max: usize) -> usize {
        (self.recent.len() + usize::from(self.duplicate.is_some())).min(max).min(SACK_MAX)
    }

    /// Gives up everything (memory pressure, close).
    pub(crate) fn clear(&mut self, out: &mut Output) {
        if !self.blocks.is_empty() {
            out.count(Counter::OfoPruned);
        }
        *self = Reassembly::new();
    }

    /// Drops the furthest blocks until `wanted` more octets fit, but only such as lie wholly after `seq`.
    fn make_room(&mut self, seq: Seq, wanted: usize, pinned_max: usize, out: &mut Output) -> bool {
        while self.pinned + wanted > pinned_max || self.blocks.len() >= BLOCKS_MAX {
            match self.blocks.last() {
                Some(last) if last.left.gt(seq) => {}
                _ => return false,
            }
            if let Some(last) = self.blocks.pop() {
                self.pinned -= last.octets.pinned();
                self.recent.retain(|reported| reported.left.lt(last.left));
                out.count(Counter::OfoPruned);
            }
        }
        true
    }

    /// Keeps the octets that no block holds yet, and joins what they connect. Says whether there were any, and the first
    /// stretch that was there already.
    fn fill_holes(&mut self, seq: Seq, octets: &Bytes, pinned: usize) -> (bool, Option<SackBlock>) {
        let end = seq + octets.len() as u32;
        let index = self.blocks.partition_point(|block| block.right().lt(seq));
        let (mut at, mut fresh, mut overlap) = (seq, false, None);
        loop {
            // `block` is the first that ends at `at` or later.
            if let Some(block) = self.blocks.get(index).filter(|block| block.left.le(at)) {
                let known = block.right().min(end);
                if known.gt(at) {
                    overlap.get_or_insert(SackBlock { left: at, right: known });
                    at = known;
                }
                if at == end {
                    break;
                }
            } else {
                self.blocks.insert(index, Block { left: at, octets: ChunkQueue::new() });
            }
            let to = self.blocks.get(index + 1).map_or(end, |next| next.left.min(end));
            let piece = octets.slice(seq.distance_to(at) as usize..seq.distance_to(to) as usize);
            self.extend(index, piece, pinned);
            fresh = true;
            at = to;
        }
        self.remember(index);
        (fresh, overlap)
    }

    /// Appends a piece to the block at `index`, and the next block when they touch now.
    fn extend(&mut self, index: usize, piece: Bytes, pinned: usize) {
        let block = &mut self.blocks[index];
        let before = block.octets.pinned();
        block.octets.push(piece, pinned);
        self.pinned = self.pinned - before + block.octets.pinned();
        let right = block.right();
        if self.blocks.get(index + 1).is_some_and(|next| next.left == right) {
            let next = self.blocks.remove(index + 1);
            self.blocks[index].octets.append(next.octets);
        }
    }

    /// The block at `index` changed: it is the first to be reported.
    fn remember(&mut self, index: usize) {
        let (left, right) = (self.blocks[index].left, self.blocks[index].right());
        self.recent.retain(|reported| reported.right.lt(left) || reported.left.gt(right));
        self.recent.truncate(SACK_MAX - 1);
        self.recent.insert(0, SackBlock { left, right });
    }
}

#[cfg(test)]
mod tests;
