//! TCP's memory over all connections: how much is charged, and how scarce it is (`tcp_mem`, Linux's net/core/sock.c).
//!
//! Every connection is charged the pages that its chunks really pin. The sum is kept and never counted; each call on a
//! connection changes it by the difference. Between the second number of `tcp_mem` and the first there is pressure; beyond
//! the third there is no memory for anybody, and before that none for who holds more than a fair share.

use crate::budget::Budget;
use crate::flows::{Entry, FlowRef};
use crate::stack::Stack;
use lastack_observe::{Cause, Counter, EventKind, Instant};
use lastack_tcp::memory::MemoryLevel;
use lastack_tcp::{Connection, Output};

#[cfg(test)]
mod tests;

/// An orphan with less to send than this costs too little to be killed (Linux's SOCK_MIN_SNDBUF).
const ORPHAN_MIN: usize = 4608;
/// Pages by which a shard's own count may differ from what the others see.
const BLOCK: i64 = 64;

/// What one shard knows of it.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Changes that the budget has not heard of.
    pending: i64,
    /// Of these it must hear at once.
    block: i64,
    /// Pages of all shards, as of the last change.
    total: i64,
    /// When pressure began.
    pressed: Option<Instant>,
}

impl Memory {
    pub(crate) fn new(shards: u16) -> Memory {
        Memory { pending: 0, block: if shards > 1 { BLOCK } else { 1 }, total: 0, pressed: None }
    }

    /// Charges so many pages more, or less.
    fn charge(&mut self, budget: &Budget, pages: i64) {
        self.pending += pages;
        if self.pending.abs() >= self.block {
            budget.add_memory(std::mem::take(&mut self.pending));
        }
        self.total = budget.memory() + self.pending;
    }

    /// Whether there is pressure, which outlives what caused it (Linux sk_enter_memory_pressure).
    fn judge(&mut self, limits: [u32; 3], now: Instant, out: &mut Output) {
        match self.pressed {
            None if self.total > i64::from(limits[1]) => {
                self.pressed = Some(now);
                out.count(Counter::MemoryPressures);
                out.event_of_stack(EventKind::MemoryPressure { begins: true });
            }
            Some(since) if self.total <= i64::from(limits[0]) => {
                self.pressed = None;
                let millis = now.since(since).as_millis();
                out.counters.add(Counter::MemoryPressuresChrono, u64::try_from(millis).unwrap_or(u64::MAX));
                out.event_of_stack(EventKind::MemoryPressure { begins: false });
            }
            _ => {}
        }
    }

    fn is_used_up(&self, limits: [u32; 3]) -> bool {
        self.total > i64::from(limits[2])
    }

    /// What one connection must know: `flows` connections there are, `pages` it holds, `received` octets of them on the
    /// receive side (Linux __sk_mem_raise_allocated).
    fn level(&self, limits: [u32; 3], least: usize, flows: u32, pages: u32, received: usize) -> MemoryLevel {
        if self.is_used_up(limits) {
            return MemoryLevel::Exhausted;
        }
        if self.pressed.is_none() {
            return MemoryLevel::Plenty;
        }
        let fair = u64::from(flows) * u64::from(pages) < u64::from(limits[2]);
        if fair || received < least { MemoryLevel::Pressure } else { MemoryLevel::Exhausted }
    }
}

impl Stack {
    /// Pages that all connections keep alive, this shard's last changes included.
    pub fn memory_pages(&self) -> u64 {
        u64::try_from(self.memory.total).unwrap_or(0)
    }

    /// True under memory pressure.
    pub fn is_under_memory_pressure(&self) -> bool {
        self.memory.pressed.is_some()
    }

    /// Charges a connection what it holds now, and tells it how scarce memory is.
    pub(crate) fn charge_memory(&mut self, flow: FlowRef) {
        let flows = self.flows.slabs.connections.len();
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let pages = entry.engine.memory_pages();
        let limits = self.config.knobs.tcp_mem;
        if pages != entry.pages {
            self.memory.charge(&self.budget, i64::from(pages) - i64::from(entry.pages));
            entry.pages = pages;
            self.memory.judge(limits, self.now, &mut self.out);
        }
        let least = self.config.knobs.tcp_rmem[0] as usize;
        let level = self.memory.level(limits, least, flows, pages, entry.engine.receive_memory());
        entry.engine.set_memory_level(level);
    }

    /// Gives back what a connection held that is no more.
    pub(crate) fn release_memory(&mut self, entry: &Entry<Connection>) {
        if entry.pages > 0 {
            self.memory.charge(&self.budget, -i64::from(entry.pages));
            self.memory.judge(self.config.knobs.tcp_mem, self.now, &mut self.out);
        }
    }

    /// The limits are others now.
    pub(crate) fn judge_memory(&mut self) {
        self.memory.judge(self.config.knobs.tcp_mem, self.now, &mut self.out);
    }

    /// An orphan that there is no memory for (Linux tcp_check_oom): true when it was reset.
    pub(crate) fn starves_orphan(&self, entry: &Entry<Connection>) -> bool {
        self.memory.is_used_up(self.config.knobs.tcp_mem) && entry.engine.send_charge() > ORPHAN_MIN
    }

    /// An orphan's timer fired: when memory is used up it is reset instead.
    pub(crate) fn reset_starving_orphan(&mut self, flow: FlowRef) -> bool {
        let entry = self.flows.slabs.connections.get(flow.slot());
        let starves = entry.is_some_and(|entry| entry.orphan && self.starves_orphan(entry));
        if starves {
            self.abort_connection(flow, Cause::TooManyOrphans);
        }
        starves
    }
}
