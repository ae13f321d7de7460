//! The deadlines of a connection and what is counted between them.
//!
//! As in Linux one timer serves retransmission, tail loss probe, reordering and window probe: never two of them wait at
//! once.

use super::{Connection, Turn};
use crate::{Instant, Knobs};
use lastack_observe::{State, TimerKind};
use std::time::Duration;

/// Linux counts timeouts in ticks of 4 ms (HZ 250) and rounds up, so its RTO of 200.3 ms is 204 ms (TIMELINES T39). Our
/// clock is exact; only the limits of tcp_retries2 and tcp_orphan_retries know of the ticks (`ticked`).
const TICK_US: u128 = 4000;

/// What the shared timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Retransmission timeout.
    Retransmit,
    /// Tail loss probe.
    LossProbe,
    /// A look at whether what was overtaken is lost (RACK).
    Reordering,
    /// Zero-window probe; also what ends the wait of a small segment (cork, silly window).
    WindowProbe,
    /// The SYN-ACK again (Fast Open).
    SynAck,
}

/// The deadlines; `NEVER` is off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    /// The shared one.
    pub(super) transmit: Instant,
    pub(super) purpose: Purpose,
    /// Keepalive; for an orphan in FIN_WAIT2 its end.
    pub(super) keepalive: Instant,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { transmit: Instant::NEVER, purpose: Purpose::Retransmit, keepalive: Instant::NEVER }
    }
}

impl Timers {
    pub(super) fn arm(&mut self, purpose: Purpose, at: Instant) {
        self.purpose = purpose;
        self.transmit = at;
    }

    pub(super) fn disarm(&mut self) {
        self.transmit = Instant::NEVER;
    }

    /// True when the shared timer waits for anything.
    pub(super) fn is_armed(&self) -> bool {
        self.transmit != Instant::NEVER
    }

    /// True when the shared timer waits for this.
    pub(super) fn waits_for(&self, purpose: Purpose) -> bool {
        self.transmit != Instant::NEVER && self.purpose == purpose
    }
}

/// Attempts without an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retries {
    /// When the first timeout's retransmission left; `NEVER` when none did. The clock of tcp_retries2.
    pub(super) since: Instant,
    /// When the first window probe of a row was due; `NEVER` when none was.
    pub(super) probing_since: Instant,
    /// Timeouts in a row.
    pub(super) timeouts: u8,
    /// Probes in a row that nobody answered.
    pub(super) probes: u8,
    /// Doublings of the probe interval.
    pub(super) probe_backoff: u8,
}

impl Default for Retries {
    fn default() -> Self {
        Retries {
            since: Instant::NEVER,
            probing_since: Instant::NEVER,
            timeouts: 0,
            probes: 0,
            probe_backoff: 0,
        }
    }
}

impl Retries {
    /// A window probe is no longer needed.
    pub(super) fn end_probing(&mut self) {
        self.probes = 0;
        self.probe_backoff = 0;
        self.probing_since = Instant::NEVER;
    }
}

impl Connection {
    /// When [`Connection::handle_timeout`] wants to be called next.
    pub fn deadline(&self) -> Option<Instant> {
        let earliest = self.timers.transmit.min(self.timers.keepalive).min(self.ack.deadline());
        (earliest != Instant::NEVER).then_some(earliest)
    }

    /// The timer that `ss` shows, and when it fires; a delayed acknowledgment is not shown.
    pub fn row_timer(&self) -> Option<(TimerKind, Instant)> {
        if self.timers.transmit != Instant::NEVER {
            let kind =
                if self.timers.purpose == Purpose::WindowProbe { TimerKind::Persist } else { TimerKind::On };
            return Some((kind, self.timers.transmit));
        }
        (self.timers.keepalive != Instant::NEVER).then_some((TimerKind::Keepalive, self.timers.keepalive))
    }

    /// RTO without backoff.
    pub(super) fn base_rto(&self, knobs: &Knobs) -> Duration {
        self.rtt.base_rto(knobs).min(rto_max(knobs))
    }

    /// A time that backed-off timeouts took, as Linux's ticks count it: each is a little longer than nominal, and whether
    /// the limits of tcp_retries2 and tcp_orphan_retries are reached by an expiry or by the next depends on just that
    /// (TIMELINES T03, T03d, T18c).
    pub(super) fn ticked(&self, elapsed: Duration, knobs: &Knobs) -> Duration {
        let exact = self.base_rto(knobs).max(Duration::from_micros(1));
        let nanos = elapsed.as_nanos() * whole_ticks(exact).as_nanos() / exact.as_nanos();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// RTO with backoff.
    pub(super) fn rto(&self, knobs: &Knobs) -> Duration {
        double(self.base_rto(knobs), self.rtt.backoff()).min(rto_max(knobs))
    }

    /// The interval to the next window probe (Linux tcp_probe0_when).
    pub(super) fn probe_interval(&self, knobs: &Knobs) -> Duration {
        let base = self.base_rto(knobs).max(rto_min(knobs));
        double(base, self.retries.probe_backoff).min(rto_max(knobs))
    }

    pub(super) fn arm_keepalive(&mut self, knobs: &Knobs, now: Instant) {
        let ends_fin_wait_2 = self.orphan && self.state == State::FinWait2;
        if !ends_fin_wait_2 {
            self.timers.keepalive =
                if self.options_ref().keepalive { now + self.keepalive_idle(knobs) } else { Instant::NEVER };
        }
    }

    pub(super) fn keepalive_idle(&self, knobs: &Knobs) -> Duration {
        self.options_ref().keepidle.unwrap_or(Duration::from_secs(u64::from(knobs.tcp_keepalive_time)))
    }

    /// How long an orphan stays in FIN_WAIT2: TCP_LINGER2 or tcp_fin_timeout, but at least three and a half RTO.
    pub(super) fn fin_timeout(&self, knobs: &Knobs) -> Duration {
        let seconds = match self.options_ref().linger2 {
            Some(seconds) if seconds > 0 => seconds.unsigned_abs(),
            _ => knobs.tcp_fin_timeout,
        };
        Duration::from_secs(u64::from(seconds)).max(self.least_fin_wait_2(knobs))
    }

    /// However short the knob: a peer whose FIN is on its way must find somebody.
    pub(super) fn least_fin_wait_2(&self, knobs: &Knobs) -> Duration {
        self.rto(knobs) * 7 / 2
    }

    /// The user timeout leaves less time than `interval`: end it there (Linux tcp_clamp_rto_to_user_timeout).
    pub(super) fn clamp_to_user_timeout(&self, interval: Duration, since: Instant, turn: &Turn) -> Duration {
        match self.options_ref().user_timeout {
            Some(limit) if !limit.is_zero() && since != Instant::NEVER => {
                let left = limit.saturating_sub(turn.now.since(since));
                interval.min(left.max(Duration::from_millis(1)))
            }
            _ => interval,
        }
    }
}

pub(super) fn rto_max(knobs: &Knobs) -> Duration {
    Duration::from_millis(u64::from(knobs.tcp_rto_max_ms))
}

pub(super) fn rto_min(knobs: &Knobs) -> Duration {
    Duration::from_micros(u64::from(knobs.tcp_rto_min_us))
}

/// Rounds up; a whole number of ticks becomes one more, as a round trip is never zero.
fn whole_ticks(time: Duration) -> Duration {
    let ticks = (time.as_micros() + 1).div_ceil(TICK_US);
    Duration::from_micros((ticks * TICK_US) as u64)
}

fn double(time: Duration, times: u8) -> Duration {
    time.saturating_mul(1_u32.checked_shl(u32::from(times)).unwrap_or(u32::MAX))
}
