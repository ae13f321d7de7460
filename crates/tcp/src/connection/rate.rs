//! The delivery rate: octets per second that the network takes, measured over one flight at a time
//! (draft-cheng-iccrg-delivery-rate-estimation; Linux measures with every segment).
//!
//! One stretch is timed at once: from its sending to its acknowledgment the octets delivered are counted, and divided by the
//! longer of the times that sending and acknowledging took. A rate that the application limited counts when it is higher.

use crate::{Instant, Seq};
use std::time::Duration;

/// The estimate, and what is being timed.
#[derive(Debug, Default)]
pub(super) struct DeliveryRate {
    /// Octets per second; zero before the first sample.
    pub(super) value: u64,
    /// The application had no more to send when the sample was taken.
    pub(super) app_limited: bool,
    timed: Option<Timed>,
    /// When the last sampled stretch was sent, and when something was last delivered.
    first_sent_at: Instant,
    delivered_at: Instant,
}

#[derive(Debug)]
struct Timed {
    /// The stretch ends here.
    end: Seq,
    sent_at: Instant,
    first_sent_at: Instant,
    /// Octets delivered when it was sent, and when that was.
    delivered: u64,
    delivered_at: Instant,
    app_limited: bool,
}

impl DeliveryRate {
    /// New octets up to `end` were sent; `first`: nothing was in flight before; `delivered`: octets acknowledged so far;
    /// `app_limited`: nothing more waits.
    pub(super) fn sent(&mut self, end: Seq, first: bool, delivered: u64, app_limited: bool, now: Instant) {
        if first {
            (self.first_sent_at, self.delivered_at) = (now, now);
        }
        if self.timed.is_none() {
            self.timed = Some(Timed {
                end,
                sent_at: now,
                first_sent_at: self.first_sent_at,
                delivered,
                delivered_at: self.delivered_at,
                app_limited,
            });
        }
    }

    /// Something was sent again: what is timed could be acknowledged for either (Karn).
    pub(super) fn spoil(&mut self) {
        self.timed = None;
    }

    /// Everything before `una` is acknowledged, `delivered` octets in all. `rtt_least`: no sample may be shorter.
    pub(super) fn acked(&mut self, una: Seq, delivered: u64, rtt_least: Duration, now: Instant) {
        self.delivered_at = now;
        let Some(timed) = self.timed.take_if(|timed| una.ge(timed.end)) else { return };
        self.first_sent_at = timed.sent_at;
        let sending = timed.sent_at.since(timed.first_sent_at);
        let interval = now.since(timed.delivered_at).max(sending);
        if interval < rtt_least || interval.is_zero() {
            return;
        }
        let octets = u128::from(delivered.saturating_sub(timed.delivered));
        let value = u64::try_from(octets * 1_000_000_000 / interval.as_nanos()).unwrap_or(u64::MAX);
        if !timed.app_limited || value >= self.value {
            (self.value, self.app_limited) = (value, timed.app_limited);
        }
    }
}

#[cfg(test)]
mod tests;
