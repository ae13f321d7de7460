//! Round-trip estimation and the retransmission timeout: RFC 6298 as Linux does it.
//!
//! RFC 6298 (2.2)-(2.4) puts a floor under the whole RTO; Linux puts it under the variance term, so an idle LAN's RTO is
//! 200 ms *plus* the RTT (TIMELINES T39), and lets the variance fall only once per window. Times are whole microseconds.
//!
//! Not here: the clock, the timer, and which samples are clean (Karn); see `recovery`.

use crate::Knobs;
use lastack_wire::Seq;
use std::time::Duration;

/// RTO before any sample (RFC 6298 section 2.1).
pub(crate) const RTO_INITIAL: Duration = Duration::from_secs(1);
/// RTO of a connection whose SYN or SYN-ACK was retransmitted and gave no sample (RFC 6298 section 5.7, T39).
pub(crate) const RTO_FALLBACK: Duration = Duration::from_secs(3);

/// Smoothed round-trip time, its deviation, and the timeout they give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RttEstimator {
    /// SRTT times 8; zero before the first sample.
    srtt_8_us: u32,
    /// Mean deviation times 4.
    mdev_4_us: u32,
    /// Largest deviation (times 4) of this window, never below the floor.
    mdev_max_4_us: u32,
    /// What is added to SRTT: RTTVAR times 4. Before the first sample: the whole RTO.
    rttvar_4_us: u32,
    /// The window of `mdev_max` ends when this is acknowledged.
    window_end: Seq,
    /// The least sample of the connection, microseconds; `u32::MAX` before the first. Linux forgets one after five minutes.
    least_us: u32,
    /// Doublings since the last good sample.
    backoff: u8,
}

impl RttEstimator {
    /// No sample yet: RTO is [`RTO_INITIAL`].
    pub(crate) fn new() -> RttEstimator {
        RttEstimator {
            srtt_8_us: 0,
            mdev_4_us: 0,
            mdev_max_4_us: 0,
            rttvar_4_us: micros(RTO_INITIAL),
            window_end: Seq(0),
            least_us: u32::MAX,
            backoff: 0,
        }
    }

    /// The handshake is over and gave this sample, or none. `una`: SEND.UNA.
    pub(crate) fn after_handshake(sample: Option<Duration>, una: Seq, knobs: &Knobs) -> RttEstimator {
        let mut rtt = RttEstimator::new();
        match sample {
            Some(sample) => rtt.sample(sample, una, una, knobs),
            None => rtt.fall_back(),
        }
        rtt
    }

    /// The handshake is over and gave no sample: RTO is [`RTO_FALLBACK`] until data gives one.
    pub(crate) fn fall_back(&mut self) {
        if self.srtt_8_us == 0 {
            self.rttvar_4_us = micros(RTO_FALLBACK);
            self.backoff = 0;
        }
    }

    /// Takes one clean sample and ends the backoff. `una` and `nxt` are SEND.UNA and SEND.NXT after the ACK.
    pub(crate) fn sample(&mut self, rtt: Duration, una: Seq, nxt: Seq, knobs: &Knobs) {
        let floor = knobs.tcp_rto_min_us;
        // Half of u32's range keeps every sum below in range; 500 s is no round trip.
        let rtt = micros(rtt).min(500_000_000);
        self.backoff = 0;
        self.least_us = self.least_us.min(rtt);
        if self.srtt_8_us == 0 {
            self.srtt_8_us = (rtt * 8).max(1);
            self.mdev_4_us = rtt * 2;
            self.rttvar_4_us = self.mdev_4_us.max(floor);
            self.mdev_max_4_us = self.rttvar_4_us;
            self.window_end = nxt;
            return;
        }
        let error = i64::from(rtt) - i64::from(self.srtt_8_us >> 3);
        self.srtt_8_us = (i64::from(self.srtt_8_us) + error).clamp(1, i64::from(u32::MAX)) as u32;
        let mut change = error.abs() - i64::from(self.mdev_4_us >> 2);
        if error < 0 && change > 0 {
            // A faster path must not look like more jitter: an eighth of the usual gain (Linux; "RTO is not too
            // aggressive while the RTT falls").
            change >>= 3;
        }
        self.mdev_4_us = (i64::from(self.mdev_4_us) + change).clamp(0, i64::from(u32::MAX)) as u32;
        if self.mdev_4_us > self.mdev_max_4_us {
            self.mdev_max_4_us = self.mdev_4_us;
            self.rttvar_4_us = self.rttvar_4_us.max(self.mdev_max_4_us);
        }
        if una.gt(self.window_end) {
            if self.mdev_max_4_us < self.rttvar_4_us {
                self.rttvar_4_us -= (self.rttvar_4_us - self.mdev_max_4_us) >> 2;
            }
            self.window_end = nxt;
            self.mdev_max_4_us = floor;
        }
    }

    /// A round trip that counts for the least one alone: that of the latest segment of several.
    pub(crate) fn note_least(&mut self, rtt: Duration) {
        self.least_us = self.least_us.min(micros(rtt));
    }

    /// A timeout passed: the next one takes twice as long (RFC 6298 section 5.5).
    pub(crate) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// Doublings since the last sample.
    pub(crate) fn backoff(&self) -> u8 {
        self.backoff
    }

    /// The smoothed round-trip time; None before the first sample.
    pub(crate) fn srtt(&self) -> Option<Duration> {
        (self.srtt_8_us != 0).then(|| Duration::from_micros(u64::from(self.srtt_8_us >> 3)))
    }

    /// The least round-trip time; None before the first sample.
    pub(crate) fn least(&self) -> Option<Duration> {
        (self.least_us != u32::MAX).then(|| Duration::from_micros(u64::from(self.least_us)))
    }

    /// The mean deviation, as `ss` shows it beside the RTT.
    pub(crate) fn deviation(&self) -> Duration {
        Duration::from_micros(u64::from(self.mdev_4_us >> 2))
    }

    /// The timeout without backoff.
    pub(crate) fn base_rto(&self, knobs: &Knobs) -> Duration {
        let micros = u64::from(self.srtt_8_us >> 3) + u64::from(self.rttvar_4_us);
        Duration::from_micros(micros).min(rto_max(knobs))
    }

    /// The timeout with backoff, at most `tcp_rto_max_ms`.
    #[cfg(test)]
    pub(crate) fn rto(&self, knobs: &Knobs) -> Duration {
        let factor = 1u32.checked_shl(u32::from(self.backoff)).unwrap_or(u32::MAX);
        self.base_rto(knobs).saturating_mul(factor).min(rto_max(knobs))
    }
}

fn rto_max(knobs: &Knobs) -> Duration {
    Duration::from_millis(u64::from(knobs.tcp_rto_max_ms))
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
