//! HyStart: slow start ends when the path shows that it is full, before it loses anything (Ha and Rhee, "Hybrid slow start
//! for high-bandwidth and long-distance networks", as Linux does it).
//!
//! Two signs, looked for once the window has 16 segments: a train of acknowledgments close to each other that lasts for half
//! of the least round trip (what is in flight fills the path), and round trips that are an eighth above the least.

use super::{Moment, Window};
use crate::{Instant, Output};
use lastack_observe::Counter;
use lastack_wire::Seq;

/// Below it nothing is looked for, segments.
const WINDOW_MIN: u32 = 16;
/// Acknowledgments of one train follow each other within this, microseconds.
const TRAIN_GAP_US: u64 = 2_000;
/// Round trips of a round that are only collected.
const SAMPLES_MIN: u8 = 8;
/// Bounds of the delay that is a sign, microseconds.
const DELAY_MIN_US: u32 = 4_000;
const DELAY_MAX_US: u32 = 16_000;
/// What a device may add by joining acknowledgments, at most.
const JOINED_MAX_US: u64 = 1_000;
/// Octets that Linux gives to a device at once, at most, four times.
const JOINED_OCTETS: u64 = 4 * 65_215;

/// The detector: a round of data at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HyStart {
    /// Slow start was ended; not looked for again until a timeout.
    found: bool,
    samples: u8,
    /// The least round trip of this round, microseconds.
    least_us: u32,
    /// SEND.NXT when the round began; `None`: the first sample begins one.
    end: Option<Seq>,
    began_at: Instant,
    /// The last acknowledgment of the train.
    last_at: Instant,
}

impl HyStart {
    /// A round that begins now.
    pub(crate) fn new(nxt: Seq, now: Instant) -> HyStart {
        HyStart { found: false, samples: 0, least_us: u32::MAX, end: Some(nxt), began_at: now, last_at: now }
    }

    /// A round trip of `rtt_us` was measured in slow start; `least_us` is the least of the connection.
    pub(crate) fn on_sample(
        &mut self,
        window: &mut Window,
        rtt_us: u32,
        least_us: u32,
        moment: &Moment,
        out: &mut Output,
    ) {
        if self.found || !window.in_slow_start() {
            return;
        }
        if self.end.is_none_or(|end| moment.una.gt(end)) {
            *self = HyStart::new(moment.nxt, moment.now);
        }
        if window.cwnd < WINDOW_MIN {
            return;
        }
        if self.train_is_long(least_us, moment) {
            self.end_slow_start(window, [Counter::HystartTrainDetect, Counter::HystartTrainCwnd], out);
        }
        if self.delay_grew(rtt_us, least_us) {
            self.end_slow_start(window, [Counter::HystartDelayDetect, Counter::HystartDelayCwnd], out);
        }
    }

    fn train_is_long(&mut self, least_us: u32, moment: &Moment) -> bool {
        if micros_between(self.last_at, moment.now) > TRAIN_GAP_US {
            return false;
        }
        self.last_at = moment.now;
        let joined = (JOINED_OCTETS * 1_000_000).checked_div(moment.pacing_rate).unwrap_or(0);
        let threshold = (u64::from(least_us) + joined.min(JOINED_MAX_US)) / 2;
        micros_between(self.began_at, moment.now) > threshold
    }

    fn delay_grew(&mut self, rtt_us: u32, least_us: u32) -> bool {
        self.least_us = self.least_us.min(rtt_us);
        if self.samples < SAMPLES_MIN {
            self.samples += 1;
            return false;
        }
        self.least_us > least_us.saturating_add((least_us / 8).clamp(DELAY_MIN_US, DELAY_MAX_US))
    }

    fn end_slow_start(&mut self, window: &mut Window, counters: [Counter; 2], out: &mut Output) {
        self.found = true;
        out.count(counters[0]);
        out.counters.add(counters[1], u64::from(window.cwnd));
        window.ssthresh = window.cwnd;
    }
}

fn micros_between(from: Instant, to: Instant) -> u64 {
    to.since(from).as_micros() as u64
}

#[cfg(test)]
mod tests;
