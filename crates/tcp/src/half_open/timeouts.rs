//! The timer of a request: SYN-ACKs again, and TCP_DEFER_ACCEPT, which counts in timeouts.

use super::{Agreed, HalfOpen};
use crate::handshake::FIRST_TIMEOUT_SECONDS;
use crate::state::HALF_OPEN;
use crate::{Arrival, Instant, Knobs, Output};
use lastack_observe::{Cause, Counter, DropReason, State};
use std::time::Duration;

impl HalfOpen {
    /// Its timer fired. The SYN-ACK goes out again and the next delay is returned; `None`: after `retries`
    /// retransmissions (`tcp_synack_retries`, TCP_SYNCNT, or fewer when the queue is crowded, TIMELINES T36) the request
    /// is given up, silently (T02). The linear phase of SYNs does not apply. `deferred` is [`deferred_timeouts`]: a request
    /// whose third segment is put off is silent until the last of them (T25b).
    pub fn handle_timeout(
        &mut self,
        retries: u8,
        deferred: u8,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Option<Duration> {
        out.count(Counter::Timeouts);
        let waits = self.agreed.has(Agreed::DEFERRED);
        if self.timeouts >= retries && (!waits || self.timeouts >= deferred) {
            HALF_OPEN.go(State::SynRecv, Cause::SynAckRetriesExceeded, out);
            return None;
        }
        self.timeouts = self.timeouts.saturating_add(1);
        if !waits || self.timeouts >= deferred {
            self.repeat_syn_ack(ts_offset, now, out);
        }
        Some(self.delay(knobs))
    }

    /// TCP_DEFER_ACCEPT: true when the third segment, which brings nothing, is put off (TIMELINES T25b).
    pub fn defers(&mut self, arrival: &Arrival, deferred: u8, out: &mut Output) -> bool {
        if self.timeouts >= deferred || arrival.end() != self.irs + 1 {
            return false;
        }
        self.agreed.set(Agreed::DEFERRED, true);
        out.count(Counter::DeferAcceptDrop);
        out.dropped(DropReason::DeferAccept);
        true
    }

    /// Time from a SYN-ACK to the next: a second, doubled by each timeout, at most `tcp_rto_max_ms`.
    pub fn delay(&self, knobs: &Knobs) -> Duration {
        let doubled = FIRST_TIMEOUT_SECONDS.checked_shl(u32::from(self.timeouts)).unwrap_or(u32::MAX).max(1);
        let longest = Duration::from_millis(u64::from(knobs.tcp_rto_max_ms));
        Duration::from_secs(u64::from(doubled)).min(longest)
    }
}

/// TCP_DEFER_ACCEPT in timeouts of the SYN-ACK: as many as cover the seconds.
pub fn deferred_timeouts(seconds: u32, knobs: &Knobs) -> u8 {
    let longest = (knobs.tcp_rto_max_ms / 1000).max(1);
    let (mut timeouts, mut period, mut timeout) = (0_u8, 0_u32, FIRST_TIMEOUT_SECONDS);
    while period < seconds && timeouts < u8::MAX {
        period = period.saturating_add(timeout);
        timeout = (timeout * 2).min(longest);
        timeouts += 1;
    }
    timeouts
}
