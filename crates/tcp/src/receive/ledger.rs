//! The packets that wait to be read or for a gap to be filled, and what they are charged with (Linux's sk_rmem_alloc).
//!
//! Packets are kept by their numbers and not by our chunks: memory comes back when a packet was read to its end, as in Linux.
//! Octets that fit behind the last packet join it for nothing. A run of packets is in order, perhaps overlapping; a packet
//! costs O(1). Not here: the octets, and when the charge is too much (`connection::scarce`).

use super::cost;
use lastack_wire::Seq;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packet {
    start: Seq,
    end: Seq,
    /// Memory charged.
    cost: u32,
    /// Octets that can be added behind it.
    room: u32,
}

impl Packet {
    fn len(&self) -> u32 {
        self.start.distance_to(self.end)
    }
}

/// See the module. Without packets it owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// All but the last.
    older: VecDeque<Packet>,
    last: Option<Packet>,
    charged: u32,
    /// So many of the first need not be looked at when memory is short, judged with this part of payload.
    settled: usize,
    settled_by: u8,
}

impl Ledger {
    /// Octets of memory charged.
    pub(crate) fn charged(&self) -> u32 {
        self.charged
    }

    /// True when nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// An IP packet of `packet` octets with the numbers `start` to `end`. True when it joined the last one.
    pub(crate) fn push(&mut self, start: Seq, end: Seq, packet: u32) -> bool {
        if self.joins(start, end) {
            return true;
        }
        self.add(Packet { start, end, cost: cost::of_packet(packet), room: cost::room_behind(packet) });
        false
    }

    /// The same for a packet that brings only a part of its octets anew: it joins nothing.
    pub(crate) fn push_apart(&mut self, start: Seq, end: Seq, packet: u32) {
        self.add(Packet { start, end, cost: cost::of_packet(packet), room: cost::room_behind(packet) });
    }

    /// Octets `start` to `end` without memory of their own: they came in a packet that is charged elsewhere.
    pub(crate) fn push_free(&mut self, start: Seq, end: Seq) {
        match &mut self.last {
            Some(last) if last.end.lt(end) => last.end = end,
            Some(_) => {}
            None => self.add(Packet { start, end, cost: 0, room: 0 }),
        }
    }

    /// Everything before `read` was read.
    pub(crate) fn release(&mut self, read: Seq) {
        while let Some(first) = self.older.front().filter(|first| first.end.le(read)) {
            self.charged -= first.cost;
            self.settled = self.settled.saturating_sub(1);
            self.older.pop_front();
        }
        if let Some(last) = self.last.filter(|last| self.older.is_empty() && last.end.le(read)) {
            self.charged -= last.cost;
            self.last = None;
            self.settled = 0;
        }
        if self.older.is_empty() && self.older.capacity() > 0 {
            self.older = VecDeque::new();
        }
    }

    /// The packets of `other` come next in order: each joins the last when it fits there (Linux tcp_ofo_queue). Says how many did.
    pub(crate) fn take_over(&mut self, other: Ledger) -> u32 {
        let mut joined = 0;
        for packet in other.older.into_iter().chain(other.last) {
            if self.joins(packet.start, packet.end) {
                joined += 1;
            } else {
                self.add(packet);
            }
        }
        joined
    }

    /// The packets of `other` come next, each as it is. Moves those of the shorter one.
    pub(crate) fn append(&mut self, mut other: Ledger) {
        self.settled = 0;
        if self.older.len() >= other.older.len() {
            other.older.into_iter().chain(other.last).for_each(|packet| self.add(packet));
            return;
        }
        other.charged += self.charged;
        let own = std::mem::take(self);
        if let Some(last) = own.last {
            other.older.push_front(last);
        }
        own.older.into_iter().rev().for_each(|packet| other.older.push_front(packet));
        other.settled = 0;
        *self = other;
    }

    /// Where the last packet begins, and what it is charged with.
    pub(crate) fn last(&self) -> Option<(Seq, u32)> {
        self.last.map(|last| (last.start, last.cost))
    }

    /// Takes the last packet away.
    pub(crate) fn drop_last(&mut self) {
        if let Some(last) = self.last.take() {
            self.charged -= last.cost;
            self.last = self.older.pop_back();
            self.settled = self.settled.min(self.older.len());
        }
    }

    /// Memory is short: copies together what wastes it, from the first packet on that does or was partly read (Linux
    /// tcp_collapse). `part`: of 256 octets of memory, so many count as payload. Says how many packets are gone.
    pub(crate) fn collapse(&mut self, read: Seq, part: u8) -> u32 {
        if self.settled_by != part {
            (self.settled, self.settled_by) = (0, part);
        }
        let Some(last) = self.last else { return 0 };
        let count = self.older.len() + 1;
        let all = self.older.iter().chain(&self.last);
        let nexts = all.clone().skip(1).map(Some).chain(std::iter::once(None));
        let wastes = |packet: &Packet, next: Option<&Packet>| {
            u64::from(packet.cost) * u64::from(part) / 256 > u64::from(packet.len())
                || packet.start.lt(read)
                || next.is_some_and(|next| next.start != packet.end)
        };
        let mut unknown = all.zip(nexts).enumerate().skip(self.settled);
        let begin = unknown.find(|(_, (packet, next))| wastes(packet, *next));
        let Some((begin, (first, _))) = begin else {
            self.settled = count - 1;
            return 0;
        };
        let start = if first.start.lt(read) { read } else { first.start };
        let gone = (count - begin) as u32;
        while self.older.len() + usize::from(self.last.is_some()) > begin {
            self.drop_last();
        }
        self.add_collapsed(start, last.end);
        self.settled = self.older.len();
        gone
    }

    fn add_collapsed(&mut self, mut start: Seq, end: Seq) {
        while start.lt(end) {
            let len = start.distance_to(end).min(cost::COLLAPSED);
            let (cost, room) = cost::of_collapsed(len);
            self.add(Packet { start, end: start + len, cost, room });
            start += len;
        }
    }

    /// True when several packets are here, or one that is worth copying.
    pub(crate) fn is_worth_collapsing(&self, octets: u32) -> bool {
        !self.older.is_empty() || octets >= cost::COLLAPSED
    }

    fn joins(&mut self, start: Seq, end: Seq) -> bool {
        let len = start.distance_to(end);
        match &mut self.last {
            Some(last) if last.end == start && len <= last.room => {
                last.end = end;
                last.room -= len;
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, packet: Packet) {
        self.charged += packet.cost;
        if let Some(before) = self.last.replace(packet) {
            self.older.push_back(before);
        }
    }
}

#[cfg(test)]
mod tests;
