//! RACK: what left well before the latest segment that is known to have arrived is lost (RFC 8985 sections 5 and 6, as Linux
//! does it). The reordering window says how long "well before" is.
//!
//! The window is zero until reordering is seen and enough was SACKed, and then a quarter of the least round trip; each round
//! with a D-SACK adds a quarter, for sixteen recoveries. Not here: the timer, and what a loss leads to.

use super::departures::Look;
use super::rto::RttEstimator;
use super::runs::{EVER_AGAIN, Run};
use super::scoreboard::Scoreboard;
use crate::{Instant, Knobs, Seq};
use std::time::Duration;

/// Bits of tcp_recovery: the reordering window never grows ...
const STATIC_WINDOW: u8 = 2;
/// ... and three SACKed segments do not close it.
const NO_DUPTHRESH: u8 = 4;
/// Recoveries for which a grown window stays (TCP_RACK_RECOVERY_THRESH).
const PERSISTENCE: u8 = 16;
/// What the reordering timer waits beyond the window (Linux TCP_TIMEOUT_MIN_US).
pub(super) const TIMER_SLACK: Duration = Duration::from_millis(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Rack {
    /// When the latest segment known to have arrived was sent, and where it ends.
    sent_at: Instant,
    end: Seq,
    /// Its round trip.
    round_trip: Duration,
    /// Quarters of the least round trip.
    steps: u8,
    /// Recoveries that the window stays grown.
    persists: u8,
    /// Segments delivered when the window grew last.
    grew_at: u32,
    /// Something arrived since losses were looked for.
    pub(super) advanced: bool,
    /// A D-SACK came that the window did not answer yet.
    pub(super) duplicate_seen: bool,
}

/// What the reordering window depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// Reordering was seen on this connection.
    pub(super) reordering_seen: bool,
    /// Fast recovery or repair after a timeout is going on.
    pub(super) recovers: bool,
    /// As much is SACKed as reordering was ever seen to reach.
    pub(super) enough_sacked: bool,
}

impl Rack {
    pub(super) fn new(una: Seq) -> Rack {
        Rack {
            sent_at: Instant::ZERO,
            end: una,
            round_trip: Duration::ZERO,
            steps: 1,
            persists: 0,
            grew_at: 0,
            advanced: false,
            duplicate_seen: false,
        }
    }

    /// `run` has arrived. When it was sent again and too little time has passed, it was an earlier copy: that says nothing.
    pub(super) fn arrived(&mut self, run: &Run, now: Instant, rtt: &RttEstimator) {
        let round_trip = now.since(run.sent_at);
        if run.is(EVER_AGAIN) && rtt.least().is_none_or(|least| round_trip < least) {
            return;
        }
        self.advanced = true;
        self.round_trip = round_trip;
        if sent_after((run.sent_at, run.end), (self.sent_at, self.end)) {
            (self.sent_at, self.end) = (run.sent_at, run.end);
        }
    }

    /// The reordering window (Linux tcp_rack_reo_wnd).
    pub(super) fn window(&self, doubt: Doubt, rtt: &RttEstimator, knobs: &Knobs) -> Duration {
        if !doubt.reordering_seen
            && (doubt.recovers || (doubt.enough_sacked && knobs.tcp_recovery & NO_DUPTHRESH == 0))
        {
            return Duration::ZERO;
        }
        let most = rtt.srtt().unwrap_or(Duration::ZERO);
        rtt.least().map_or(most, |least| (least / 4 * u32::from(self.steps)).min(most))
    }

    /// How long `run` may still take; None: it took too long.
    pub(super) fn patience(&self, run: &Run, window: Duration, now: Instant) -> Option<Duration> {
        let waited = now.since(run.sent_at);
        let most = self.round_trip + window;
        (most > waited).then(|| most - waited)
    }

    /// Marks what is lost. Some: there is more that will be when this time has passed and nothing came. The number is that
    /// of retransmissions among what is lost.
    pub(super) fn detect(
        &self,
        board: &mut Scoreboard,
        window: Duration,
        now: Instant,
    ) -> (Option<Duration>, u32) {
        let mut wait = None;
        let lost_again = board.judge_by_departure(|run| {
            if !sent_after((self.sent_at, self.end), (run.sent_at, run.end)) {
                return Some(Look::Stop);
            }
            let left = self.patience(run, window, now)?;
            wait = wait.max(Some(left));
            Some(Look::Wait)
        });
        (wait, lost_again)
    }

    /// Linux tcp_rack_update_reo_wnd: `sent_when` segments had been delivered when the latest segment that this
    /// acknowledgment tells of was sent; `delivered` are now.
    pub(super) fn adapt(&mut self, sent_when: Option<u32>, delivered: u32, knobs: &Knobs) {
        let Some(sent_when) = sent_when.filter(|_| knobs.tcp_recovery & STATIC_WINDOW == 0) else { return };
        if (sent_when.wrapping_sub(self.grew_at) as i32) < 0 {
            // The window grew less than a round trip ago.
            self.duplicate_seen = false;
        }
        if self.duplicate_seen {
            self.steps = self.steps.saturating_add(1);
            self.duplicate_seen = false;
            self.grew_at = delivered;
            self.persists = PERSISTENCE;
        } else if self.persists == 0 {
            self.steps = 1;
        }
    }

    /// A recovery ended and was none too many.
    pub(super) fn recovery_ended(&mut self) {
        self.persists = self.persists.saturating_sub(1);
    }

    /// A recovery was one too many.
    pub(super) fn recovery_was_spurious(&mut self) {
        self.persists = (self.persists + 1).min(PERSISTENCE);
    }

    /// True when nothing is remembered that a new connection does not have.
    pub(super) fn is_fresh(&self) -> bool {
        self.steps == 1 && self.persists == 0
    }
}

/// Sent later, or at once and with a higher number.
pub(super) fn sent_after((at, end): (Instant, Seq), (other_at, other_end): (Instant, Seq)) -> bool {
    at > other_at || (at == other_at && end.gt(other_end))
}

#[cfg(test)]
mod tests;
