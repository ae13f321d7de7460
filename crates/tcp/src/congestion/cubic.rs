//! CUBIC (RFC 9438) in Linux's arithmetic: whole segments, milliseconds, and a time axis of 1024ths of a second.
//!
//! After a loss the window follows `C (t - K)^3 + Wmax`, flat near the window `Wmax` of the loss, which it reaches after `K`;
//! never slower than Reno would be with the same back-off ("tcp friendliness", RFC 9438 section 4.3). The curve's value is
//! where the window is to be a round trip from now: it is told as the number of acknowledged segments that each buy one more.
//!
//! Slow start and its early end are beside, in `hystart`; undoing a reduction is the same for every algorithm.

use super::hystart::HyStart;
use super::{Algorithm, Moment, Window};
use crate::{Instant, Output};
use std::time::Duration;

/// What remains of the window after a loss, in 1024ths: 0.7.
const BETA: u64 = 717;
/// C of the curve, times 1024: 0.4.
const SCALE: u64 = 410;
/// One segment more for so many eighths of a window acknowledged keeps pace with Reno: 3 (1 - beta) / (1 + beta), inverted.
const RENO_EIGHTHS: u64 = 8 * (1024 + BETA) / 3 / (1024 - BETA);
/// log2 of the units of the time axis in a second.
const TIME_SHIFT: u32 = 10;
/// log2 of what a cube of times is divided by: the units, three times, and those of [`SCALE`].
const CUBE_SHIFT: u32 = 10 + 3 * TIME_SHIFT;
/// The window may grow by one segment for this many acknowledged at most: by half in a round trip.
const INTERVAL_MIN: u32 = 2;
/// While no loss has told where the limit is, one for this many at least.
const INTERVAL_MAX_UNTRIED: u32 = 20;
/// The curve is looked at again when so much time has passed, milliseconds.
const LOOK_MS: u64 = 1000 / 32;
/// Round trips just after a reduction are the queue's, not the path's.
const SETTLING: Duration = Duration::from_secs(1);

/// One growth along the curve, from a reduction (or the end of slow start) on.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    began_at: Instant,
    /// The window at the curve's flat middle, and when it is reached, in units of the time axis.
    origin: u32,
    k: u64,
    /// Segments acknowledged that Reno's window did not grow by yet, and that window.
    acked: u64,
    reno: u32,
}

/// The state beside the window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cubic {
    /// One segment for this many acknowledged.
    interval: u32,
    /// The window before the last reduction.
    last_max: u32,
    /// The window and the time when the curve was last looked at.
    looked_at: Option<(u32, Instant)>,
    /// The least round trip, microseconds; zero: none yet.
    least_us: u32,
    epoch: Option<Epoch>,
    hystart: HyStart,
}

impl Cubic {
    /// Takes `acked` segments into account and sets the interval.
    fn look(&mut self, cwnd: u32, acked: u32, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            epoch.acked += u64::from(acked);
        }
        if let Some((window, at)) = self.looked_at {
            let since = now.since(at).as_millis() as u64;
            if window == cwnd && since <= LOOK_MS {
                return;
            }
            if self.epoch.is_some() && since == 0 {
                return self.keep_pace_with_reno(cwnd);
            }
        }
        self.looked_at = Some((cwnd, now));
        let last_max = self.last_max;
        let epoch = *self.epoch.get_or_insert_with(|| Epoch::begin(cwnd, last_max, acked, now));
        let target = epoch.target(self.least_us, now);
        self.interval = match target.checked_sub(cwnd) {
            Some(above @ 1..) => cwnd / above,
            _ => cwnd.saturating_mul(100),
        };
        if self.last_max == 0 {
            self.interval = self.interval.min(INTERVAL_MAX_UNTRIED);
        }
        self.keep_pace_with_reno(cwnd);
    }

    fn keep_pace_with_reno(&mut self, cwnd: u32) {
        if let Some(epoch) = &mut self.epoch {
            let each = (u64::from(cwnd) * RENO_EIGHTHS / 8).max(1);
            // Linux subtracts while more than one step is left; never all of it.
            let steps = epoch.acked.saturating_sub(1) / each;
            epoch.acked -= steps * each;
            epoch.reno = epoch.reno.saturating_add(steps.min(u64::from(u32::MAX)) as u32);
            if let Some(behind @ 1..) = epoch.reno.checked_sub(cwnd) {
                self.interval = self.interval.min(cwnd / behind);
            }
        }
        self.interval = self.interval.max(INTERVAL_MIN);
    }
}

impl Epoch {
    fn begin(cwnd: u32, last_max: u32, acked: u32, now: Instant) -> Epoch {
        let below = u64::from(last_max.saturating_sub(cwnd));
        let k = cube_root((1 << CUBE_SHIFT) / SCALE * below);
        Epoch { began_at: now, origin: last_max.max(cwnd), k, acked: u64::from(acked), reno: cwnd }
    }

    /// Where the window is to be when what is sent now is acknowledged.
    fn target(&self, least_us: u32, now: Instant) -> u32 {
        let ahead = u64::from(least_us.div_ceil(1000));
        let ms = now.since(self.began_at).as_millis() as u64 + ahead;
        let time = (ms << TIME_SHIFT) / 1000;
        // Beyond four hours the curve is above every window.
        let offset = u128::from(time.abs_diff(self.k).min(1 << 24));
        let delta = (u128::from(SCALE) * offset * offset * offset) >> CUBE_SHIFT;
        let delta = u32::try_from(delta).unwrap_or(u32::MAX);
        if time < self.k { self.origin.saturating_sub(delta) } else { self.origin.saturating_add(delta) }
    }
}

impl Algorithm for Cubic {
    fn on_ack(&mut self, window: &mut Window, acked: u32, moment: &Moment) {
        let mut left = acked;
        if window.in_slow_start() {
            left = window.slow_start(acked);
        }
        if left > 0 {
            self.look(window.cwnd, left, moment.now);
            window.grow_each(self.interval, left);
        }
    }

    fn ssthresh_after_loss(&mut self, window: &Window) -> u32 {
        self.epoch = None;
        let cwnd = u64::from(window.cwnd);
        // Fast convergence: lost below the last loss, another flow wants a share of it (RFC 9438 section 4.7).
        let converges = window.cwnd < self.last_max;
        self.last_max = if converges { (cwnd * (1024 + BETA) / 2048) as u32 } else { window.cwnd };
        ((cwnd * BETA / 1024) as u32).max(2)
    }

    fn on_sample(&mut self, window: &mut Window, rtt: Duration, moment: &Moment, out: &mut Output) {
        if self.epoch.is_some_and(|epoch| moment.now.since(epoch.began_at) < SETTLING) {
            return;
        }
        let rtt_us = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).max(1);
        if self.least_us == 0 || rtt_us < self.least_us {
            self.least_us = rtt_us;
        }
        self.hystart.on_sample(window, rtt_us, self.least_us, moment, out);
    }

    fn on_timeout(&mut self, moment: &Moment) {
        *self = Cubic { hystart: HyStart::new(moment.nxt, moment.now), ..Cubic::default() };
    }

    /// The curve does not climb while nothing is sent (RFC 9438 section 4.2).
    fn on_start(&mut self, idle: Duration, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            epoch.began_at = (epoch.began_at + idle).min(now);
        }
    }
}

/// The largest number whose cube is not above `number`.
fn cube_root(number: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..21).rev() {
        let larger = root | 1 << bit;
        if larger.pow(3) <= number {
            root = larger;
        }
    }
    root
}

#[cfg(test)]
mod tests;
