//! How many connections of one listener wait for their proof (TCP_FASTOPEN, RFC 7413 section 4.2.2).
//!
//! What gives way at the limit: Fast Open; the SYN goes the ordinary way.

use lastack_observe::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a connection that was reset counts on.
const RESET_COUNTS_FOR: Duration = Duration::from_secs(60);

/// The connections of one listener, as numbers. Those that were reset are never more than the limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct FastOpenQueue {
    waiting: u32,
    /// Until when each one that was reset counts, the earliest first.
    reset: VecDeque<Instant>,
}

impl FastOpenQueue {
    /// Room for one more? One that was reset long enough ago makes room.
    pub(crate) fn has_room(&mut self, limit: u32, now: Instant) -> bool {
        let len = u64::from(self.waiting) + self.reset.len() as u64;
        if len < u64::from(limit) {
            return true;
        }
        let over = self.reset.front().is_some_and(|&until| until <= now);
        if over {
            self.reset.pop_front();
        }
        over
    }

    pub(crate) fn enter(&mut self) {
        self.waiting += 1;
    }

    pub(crate) fn leave(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    pub(crate) fn leave_by_reset(&mut self, now: Instant) {
        self.leave();
        self.reset.push_back(now + RESET_COUNTS_FOR);
    }
}

#[cfg(test)]
mod tests;
