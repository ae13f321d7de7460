//! Limits that hold for all shards of a stack together, and the table of bound ports that they share.
//!
//! A shard takes leases: one unit at a time when it is the only shard, so that limits are exactly Linux's; in blocks
//! when there are several, so that they do not fight for one cache line. A limit may then be reached by up to one
//! block a shard too early, never exceeded.

use crate::bind::BindTable;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const BLOCK: u32 = 64;

/// What is limited over all shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limited {
    /// `tcp_max_orphans`.
    Orphans,
    /// `tcp_max_tw_buckets`.
    TimeWaits,
    /// `Limits::half_open`.
    HalfOpens,
    /// `Limits::connections`.
    Connections,
}

const KINDS: usize = 4;

/// What the shards of one stack share. Give each shard the same one.
#[derive(Debug, Default)]
pub struct Budget {
    taken: [AtomicU32; KINDS],
    /// Pages that connections keep alive. No lease: it may be exceeded, and then something gives way.
    memory: AtomicI64,
    binds: Mutex<BindTable>,
}

impl Budget {
    /// Nothing taken, no port bound.
    pub fn new() -> Budget {
        Budget::default()
    }

    /// The bound ports. Held for the length of one bind or release.
    pub(crate) fn binds(&self) -> MutexGuard<'_, BindTable> {
        self.binds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pages of all shards.
    pub(crate) fn memory(&self) -> i64 {
        self.memory.load(Ordering::Relaxed)
    }

    pub(crate) fn add_memory(&self, pages: i64) {
        self.memory.fetch_add(pages, Ordering::Relaxed);
    }

    /// Takes up to `want` units below the limit; says how many.
    fn take(&self, what: Limited, want: u32, limit: u32) -> u32 {
        let taken = &self.taken[what as usize];
        let mut got = 0;
        let _ = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            got = limit.saturating_sub(now).min(want);
            (got > 0).then_some(now.saturating_add(got))
        });
        got
    }

    fn give(&self, what: Limited, units: u32) {
        self.taken[what as usize].fetch_sub(units, Ordering::Relaxed);
    }
}

/// What one shard has of the budget.
#[derive(Debug)]
pub(crate) struct Leases {
    block: u32,
    held: [u32; KINDS],
    used: [u32; KINDS],
}

impl Leases {
    pub(crate) fn new(shards: u16) -> Leases {
        Leases { block: if shards > 1 { BLOCK } else { 1 }, held: [0; KINDS], used: [0; KINDS] }
    }

    /// One more; false when the limit is reached.
    pub(crate) fn take(&mut self, budget: &Budget, what: Limited, limit: u32) -> bool {
        let kind = what as usize;
        if self.used[kind] == self.held[kind] {
            self.held[kind] += budget.take(what, self.block, limit);
        }
        let granted = self.used[kind] < self.held[kind];
        self.used[kind] += u32::from(granted);
        granted
    }

    /// One less.
    pub(crate) fn give(&mut self, budget: &Budget, what: Limited) {
        let kind = what as usize;
        debug_assert!(self.used[kind] > 0, "{what:?}: more given back than taken");
        self.used[kind] = self.used[kind].saturating_sub(1);
        let spare = self.held[kind] - self.used[kind];
        if spare >= 2 * self.block || (self.block == 1 && spare > 0) {
            self.held[kind] -= self.block;
            budget.give(what, self.block);
        }
    }
}

#[cfg(test)]
mod tests;
