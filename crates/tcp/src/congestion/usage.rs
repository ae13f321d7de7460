//! Whether the window, and not the application or the peer, limits what is in flight (RFC 7661's question, Linux's answer:
//! tcp_is_cwnd_limited and tcp_cwnd_validate), and how much of it is used.

use super::{INITIAL_WINDOW, Window};
use crate::Instant;
use lastack_wire::Seq;
use std::time::Duration;

/// How the window is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Usage {
    /// The most segments in flight in this window of data.
    flight_max: u32,
    /// Something had to wait for the window.
    limited: bool,
    /// The window of data ends when this is acknowledged; `None`: nothing was in flight yet.
    end: Option<Seq>,
    /// The most in flight since the window was full last, and when that was.
    used: u32,
    filled_at: Option<Instant>,
}

impl Usage {
    /// Notes `flight` segments in flight after a transmission up to `nxt`; `limited`: the window stopped it.
    pub(super) fn on_flight(&mut self, una: Seq, nxt: Seq, flight: u32, limited: bool, now: Instant) {
        let over = self.end.is_none_or(|end| una.ge(end));
        if over || limited || (!self.limited && flight > self.flight_max) {
            (self.flight_max, self.limited, self.end) = (flight, limited, Some(nxt));
        }
        self.used = self.used.max(flight);
        self.filled_at = self.filled_at.or(Some(now));
    }

    /// True when the window may grow: it is what limits us. Slow start may run ahead of its use by a factor of two.
    pub(super) fn limits(&self, window: &Window) -> bool {
        self.limited || (window.in_slow_start() && window.cwnd < self.flight_max.saturating_mul(2))
    }

    /// After a transmission: the window that remains when this one was not filled for an RTO.
    pub(super) fn validate(
        &mut self,
        window: &Window,
        rto: Duration,
        open: bool,
        now: Instant,
    ) -> Option<u32> {
        if self.limits(window) {
            self.restart(now);
            return None;
        }
        if self.filled_at.is_none_or(|at| now.since(at) < rto) {
            return None;
        }
        let used = self.used.max(INITIAL_WINDOW);
        self.filled_at = Some(now);
        if !open {
            return None;
        }
        self.used = 0;
        (used < window.cwnd).then_some(u32::midpoint(window.cwnd, used))
    }

    /// From now on it is measured anew.
    pub(super) fn restart(&mut self, now: Instant) {
        (self.used, self.filled_at) = (0, Some(now));
    }
}

#[cfg(test)]
mod tests;
