//! Timers of any length: a hierarchical wheel that costs the same for each, and fires at the exact nanosecond.
//!
//! Theory of operation: time is cut in ticks of 2^20 ns. A timer lies in the level and slot where its tick first differs
//! from the wheel's tick, six bits a level. When the wheel's tick reaches a slot, its timers go down a level, and at
//! the last into `near`, a small set ordered by exact deadline. Firing order is deadline, then age of the slot number.

use crate::flows::FlowRef;
use crate::slab::Slab;
use lastack_observe::Instant;
use std::collections::BTreeSet;

const TICK_BITS: u32 = 20;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 8;
const NEAR: u16 = u16::MAX;
const NIL: u32 = u32::MAX;

/// A running timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey(pub(crate) u32);

struct Node {
    deadline: Instant,
    flow: FlowRef,
    prev: u32,
    next: u32,
    place: u16,
}

/// See the module.
pub(crate) struct Wheel {
    nodes: Slab<Node>,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    near: BTreeSet<(Instant, u32)>,
    tick: u64,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel {
            nodes: Slab::new(),
            heads: [[NIL; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            near: BTreeSet::new(),
            tick: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> u32 {
        self.nodes.len()
    }

    pub(crate) fn insert(&mut self, deadline: Instant, flow: FlowRef) -> TimerKey {
        let key = self.nodes.insert(Node { deadline, flow, prev: NIL, next: NIL, place: NEAR });
        self.link(key);
        TimerKey(key)
    }

    /// Moves a timer.
    pub(crate) fn reset(&mut self, key: TimerKey, deadline: Instant) {
        let Some(node) = self.nodes.get(key.0) else { return };
        if node.deadline == deadline {
            return;
        }
        self.unlink(key.0);
        if let Some(node) = self.nodes.get_mut(key.0) {
            node.deadline = deadline;
        }
        self.link(key.0);
    }

    pub(crate) fn remove(&mut self, key: TimerKey) {
        self.unlink(key.0);
        self.nodes.remove(key.0);
    }

    /// The first deadline, or the earlier start of the slot in which it lies.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if let Some(&(deadline, _)) = self.near.first() {
            return Some(deadline);
        }
        self.next_slot().map(|(_, _, tick)| Instant(tick << TICK_BITS))
    }

    /// Takes a timer that is due, the earliest first. The timer is gone with it.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<FlowRef> {
        self.advance(now);
        let &(deadline, key) = self.near.first()?;
        if deadline > now {
            return None;
        }
        self.near.pop_first();
        self.nodes.remove(key).map(|node| node.flow)
    }

    fn advance(&mut self, now: Instant) {
        let target = now.0 >> TICK_BITS;
        while let Some((level, slot, tick)) = self.next_slot().filter(|&(_, _, tick)| tick <= target) {
            self.tick = tick;
            let mut key = std::mem::replace(&mut self.heads[level][slot], NIL);
            self.occupied[level] &= !(1 << slot);
            while let Some(node) = self.nodes.get_mut(key) {
                let next = std::mem::replace(&mut node.next, NIL);
                node.prev = NIL;
                self.link(key);
                key = next;
            }
        }
        self.tick = self.tick.max(target);
    }

    /// The next slot with timers: level, slot, and the tick at which it begins.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = SLOT_BITS * level as u32;
        let above = (self.tick >> shift) >> SLOT_BITS << SLOT_BITS;
        Some((level, slot, (above | slot as u64) << shift))
    }

    fn link(&mut self, key: u32) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let tick = node.deadline.0 >> TICK_BITS;
        if tick <= self.tick {
            node.place = NEAR;
            self.near.insert((node.deadline, key));
            return;
        }
        let level = ((63 - (tick ^ self.tick).leading_zeros()) / SLOT_BITS) as usize;
        let slot = (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS;
        node.place = (level * SLOTS + slot) as u16;
        node.next = self.heads[level][slot];
        let next = node.next;
        if let Some(next) = self.nodes.get_mut(next) {
            next.prev = key;
        }
        self.heads[level][slot] = key;
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, key: u32) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let (deadline, place, prev, next) = (node.deadline, node.place, node.prev, node.next);
        (node.prev, node.next) = (NIL, NIL);
        if place == NEAR {
            self.near.remove(&(deadline, key));
            return;
        }
        let (level, slot) = (usize::from(place) / SLOTS, usize::from(place) % SLOTS);
        if let Some(next) = self.nodes.get_mut(next) {
            next.prev = prev;
        }
        match self.nodes.get_mut(prev) {
            Some(prev) => prev.next = next,
            None => self.heads[level][slot] = next,
        }
        if self.heads[level][slot] == NIL {
            self.occupied[level] &= !(1 << slot);
        }
    }
}

#[cfg(test)]
mod tests;
