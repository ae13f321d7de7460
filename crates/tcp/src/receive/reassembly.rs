//! Octets that arrived out of order, until the gap before them is filled (RFC 9293 section 3.10.7.4, RFC 2018,
//! RFC 2883).
//!
//! Bounded by the number of blocks and by what they are charged with. When it is full the packets furthest away give way to an
//! octet before them, and anything else is dropped: a peer keeps what it was not acknowledged cumulatively (RFC 2018
//! section 8 permits this). What arrived first is kept where segments overlap. Not here: RCV.NXT, the FIN's place, and when
//! memory is short (`connection::scarce`).

use super::Ledger;
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

/// What a segment came in.
#[derive(Clone, Copy, Debug)]
struct Packet {
    /// Octets of memory that it keeps alive.
    pinned: usize,
    /// Octets of the IP packet.
    len: u32,
}

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
    costs: Ledger,
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
    /// Octets of memory that all blocks are charged with.
    charged: u32,
    /// Blocks in the order in which they last changed, the latest first.
    recent: SmallVec<[SackBlock; SACK_MAX]>,
    /// Octets that arrived twice, to be reported once.
    duplicate: Option<SackBlock>,
}

/// Whether octets that arrive twice are reported: SACK was agreed on, and `tcp_dsack` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reports(pub(crate) bool);

impl Reassembly {
    /// True when there is nothing to hold and nothing to report: the queue may be dropped.
    pub(crate) fn is_idle(&self) -> bool {
        self.blocks.is_empty() && self.duplicate.is_none()
    }

    /// True when no octet is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Octets of memory charged.
    pub(crate) fn charged(&self) -> u32 {
        self.charged
    }

    /// The number after the highest octet held.
    pub(crate) fn end(&self) -> Option<Seq> {
        self.blocks.last().map(Block::right)
    }

    /// Keeps the octets from `seq` on, which all lie after RCV.NXT and before the window's edge (the caller trims).
    /// They keep `pinned` octets alive and came in an IP packet of `packet` octets; the caller has made room.
    pub(crate) fn insert(
        &mut self,
        seq: Seq,
        octets: Bytes,
        pinned: usize,
        packet: u32,
        reports: Reports,
        out: &mut Output,
    ) -> Insertion {
        if octets.is_empty() {
            return Insertion::Duplicate;
        }
        if self.blocks.len() >= BLOCKS_MAX && !self.give_up_last(seq) {
            out.count(Counter::OfoDrop);
            out.dropped(DropReason::OutOfOrderFull);
            return Insertion::Dropped;
        }
        let end = seq + octets.len() as u32;
        // What the segment covers as a whole goes, as the segment itself does when it brings nothing (Linux counts both so).
        let first = self.blocks.partition_point(|block| block.left.lt(seq));
        let covered = self.blocks[first..].iter().take_while(|block| block.right().le(end)).count();
        out.count(Counter::OfoQueue);
        let packet = Packet { pinned, len: packet };
        let (fresh, overlap) = self.fill_holes(seq, &octets, packet, out);
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
    ) -> Option<(ChunkQueue, Ledger)> {
        while self.blocks.first().is_some_and(|block| block.left.le(nxt)) {
            let mut block = self.blocks.remove(0);
            self.charged -= block.costs.charged();
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
                block.costs.release(nxt);
            }
            self.recent.retain(|reported| reported.left.gt(nxt));
            if self.blocks.is_empty() {
                self.blocks = Vec::new();
            }
            if !block.octets.is_empty() {
                return Some((block.octets, block.costs));
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

    /// The place in the order of reports of the block that octets from `seq` to `end` would enlarge; behind all when it is a
    /// new one.
    pub(crate) fn place_of(&self, seq: Seq, end: Seq) -> usize {
        let touches = |reported: &SackBlock| seq.le(reported.right) && reported.left.le(end);
        self.recent.iter().position(touches).unwrap_or(self.recent.len())
    }

    /// How many blocks [`Reassembly::sack_blocks`] would report.
    pub(crate) fn sack_len(&self, max: usize) -> usize {
        (self.recent.len() + usize::from(self.duplicate.is_some())).min(max).min(SACK_MAX)
    }

    /// Memory is short: copies together what wastes it (Linux tcp_collapse_ofo_queue). `part`: of 256 octets of memory, so many
    /// count as payload; small blocks are left alone, until an eighth of `rcvbuf` is found in them. Says how many packets are
    /// gone.
    pub(crate) fn collapse(&mut self, part: u8, rcvbuf: u32) -> u32 {
        let (mut gone, mut small) = (0, 0);
        for block in &mut self.blocks {
            let before = block.costs.charged();
            if block.costs.is_worth_collapsing(block.octets.len()) {
                gone += block.costs.collapse(block.left, part);
                self.charged = self.charged - before + block.costs.charged();
            } else {
                small += before;
                if small > rcvbuf >> 3 {
                    break;
                }
            }
        }
        gone
    }

    /// Memory is short: gives up packets from the furthest on, an eighth of `rcvbuf` at a time, until `enough` says of the
    /// charge that it fits, but none that begins before `seq` (Linux tcp_prune_ofo_queue). True when there were any. Nothing
    /// is reported any more then.
    pub(crate) fn prune(
        &mut self,
        seq: Seq,
        rcvbuf: u32,
        enough: impl Fn(u32) -> bool,
        out: &mut Output,
    ) -> bool {
        let step = i64::from(rcvbuf >> 3);
        let (mut goal, mut pruned) = (step, false);
        while let Some(block) = self.blocks.last_mut() {
            let Some((start, cost)) = block.costs.last().filter(|(start, _)| start.ge(seq)) else { break };
            pruned = true;
            goal -= i64::from(cost);
            self.drop_last_packet(start);
            if self.blocks.is_empty() || goal <= 0 {
                if enough(self.charged) {
                    break;
                }
                goal = step;
            }
        }
        if pruned {
            out.count(Counter::OfoPruned);
            self.recent.clear();
        }
        pruned
    }

    /// The last packet of the last block begins at `start` and goes.
    fn drop_last_packet(&mut self, start: Seq) {
        let Some(block) = self.blocks.last_mut() else { return };
        let charged = block.costs.charged();
        block.costs.drop_last();
        let kept = if start.gt(block.left) { block.left.distance_to(start) } else { 0 };
        if kept == 0 || block.costs.is_empty() {
            self.charged -= charged;
            self.blocks.pop();
            return;
        }
        block.octets.truncate(kept);
        self.charged = self.charged - charged + block.costs.charged();
    }

    /// The furthest block gives way to what lies before it.
    fn give_up_last(&mut self, seq: Seq) -> bool {
        if self.blocks.last().is_none_or(|last| last.left.le(seq)) {
            return false;
        }
        if let Some(last) = self.blocks.pop() {
            self.charged -= last.costs.charged();
            self.recent.retain(|reported| reported.left.lt(last.left));
        }
        true
    }

    /// Keeps the octets that no block holds yet, and joins what they connect. Says whether there were any, and the first
    /// stretch that was there already.
    fn fill_holes(
        &mut self,
        seq: Seq,
        octets: &Bytes,
        packet: Packet,
        out: &mut Output,
    ) -> (bool, Option<SackBlock>) {
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
                let block = Block { left: at, octets: ChunkQueue::new(), costs: Ledger::default() };
                self.blocks.insert(index, block);
            }
            let to = self.blocks.get(index + 1).map_or(end, |next| next.left.min(end));
            let piece = octets.slice(seq.distance_to(at) as usize..seq.distance_to(to) as usize);
            if self.extend(index, piece, packet, [seq, end], fresh) {
                out.count(Counter::RcvCoalesce);
            }
            fresh = true;
            at = to;
        }
        self.remember(index);
        (fresh, overlap)
    }

    /// Appends a piece of a segment from `seq` to `end` to the block at `index`, and the next block when they touch now. The
    /// first piece of a packet bears its cost. True when it joined the packet before it.
    fn extend(
        &mut self,
        index: usize,
        piece: Bytes,
        packet: Packet,
        [seq, end]: [Seq; 2],
        paid: bool,
    ) -> bool {
        let block = &mut self.blocks[index];
        let charged = block.costs.charged();
        let (from, to) = (block.right(), block.right() + piece.len() as u32);
        let mut joined = false;
        if block.left == seq && from.gt(seq) && !paid {
            // The packet brings all that this block has: the older one goes (Linux tcp_data_queue_ofo).
            block.costs = Ledger::default();
            block.costs.push_apart(seq, to, packet.len);
        } else if paid {
            block.costs.push_free(from, to);
        } else if from == seq {
            joined = block.costs.push(from, to, packet.len);
        } else {
            block.costs.push_apart(from, to, packet.len);
        }
        block.octets.push(piece, packet.pinned);
        self.charged = self.charged - charged + block.costs.charged();
        if self.blocks.get(index + 1).is_some_and(|next| next.left == to) {
            let next = self.blocks.remove(index + 1);
            if next.right().le(end) {
                self.charged -= next.costs.charged();
                self.blocks[index].costs.push_free(next.left, next.right());
            } else {
                self.blocks[index].costs.append(next.costs);
            }
            self.blocks[index].octets.append(next.octets);
        }
        joined
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
