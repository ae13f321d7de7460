//! Congestion control: how many segments may be in the network at once (RFC 5681 and its successors).
//!
//! The window counts segments, as Linux's `snd_cwnd` and `ss` do. Losses are found elsewhere (`send::recovery`); this only
//! answers to them. What only a sender needs ([`Work`]: how the window is used, and CUBIC's state) is boxed and made by the
//! first segment that leaves.

mod algorithm;
pub(crate) mod cubic;
pub(crate) mod hystart;
pub(crate) mod pacing;
pub(crate) mod reno;
mod usage;

pub use algorithm::CongestionControl;
use cubic::Cubic;
use lastack_wire::Seq;
use reno::Reno;
use std::time::Duration;
use usage::Usage;

use crate::{Instant, Knobs, Output};

/// RFC 6928: ten segments at the start.
pub(crate) const INITIAL_WINDOW: u32 = 10;
/// No loss seen yet.
pub(crate) const SSTHRESH_INFINITE: u32 = 0x7fff_ffff;
/// Segments; keeps every product with an MSS in 32 bits.
const WINDOW_MAX: u32 = 1 << 15;

/// What an algorithm must answer. `window` is the state all of them share.
pub(crate) trait Algorithm {
    /// `acked` segments were acknowledged while the window was what limited us, and nothing lowers it just now.
    fn on_ack(&mut self, window: &mut Window, acked: u32, moment: &Moment);
    /// The slow start threshold, in segments, after a loss with `window` as it is now.
    fn ssthresh_after_loss(&mut self, window: &Window) -> u32;
    /// A round trip was measured on the segment that was acknowledged last; in or out of recovery.
    fn on_sample(&mut self, _: &mut Window, _: Duration, _: &Moment, _: &mut Output) {}
    /// The retransmission timer fired: what was learnt of the path is in doubt.
    fn on_timeout(&mut self, _: &Moment) {}
    /// Sending begins again after `idle` without anything in flight.
    fn on_start(&mut self, _idle: Duration, _now: Instant) {}
}

/// What an algorithm sees of the connection: after the acknowledgment was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Now.
    pub(crate) now: Instant,
    /// SEND.UNA and SEND.NXT.
    pub(crate) una: Seq,
    /// See `una`.
    pub(crate) nxt: Seq,
    /// Octets per second that Linux would pace by; [`u64::MAX`]: unknown.
    pub(crate) pacing_rate: u64,
}

/// Segments: the window, the threshold, and what does not make a segment yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The congestion window.
    pub(crate) cwnd: u32,
    /// The slow start threshold.
    pub(crate) ssthresh: u32,
    /// Segments acknowledged that did not grow the window yet (Linux snd_cwnd_cnt).
    pub(crate) credit: u32,
}

impl Window {
    /// True below the threshold.
    pub(crate) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Slow start: one segment for each one acknowledged, up to the threshold. Returns those that are left then.
    pub(crate) fn slow_start(&mut self, acked: u32) -> u32 {
        let room = self.ssthresh.saturating_sub(self.cwnd);
        let grown = acked.min(room);
        self.cwnd += grown;
        acked - grown
    }

    /// Additive increase: one segment for each `interval` acknowledged (Linux tcp_cong_avoid_ai).
    pub(crate) fn grow_each(&mut self, interval: u32, acked: u32) {
        let interval = interval.max(1);
        if self.credit >= interval {
            // Saved up while the interval was longer: spent gently.
            self.credit = 0;
            self.cwnd += 1;
        }
        self.credit = self.credit.saturating_add(acked);
        self.cwnd = self.cwnd.saturating_add(self.credit / interval);
        self.credit %= interval;
    }
}

/// What a connection that has sent keeps.
#[derive(Debug, Clone)]
struct Work {
    control: CongestionControl,
    window: Window,
    usage: Usage,
    cubic: Cubic,
}

impl Default for Work {
    fn default() -> Self {
        let window = Window { cwnd: INITIAL_WINDOW, ssthresh: SSTHRESH_INFINITE, credit: 0 };
        let control = CongestionControl::default();
        Work { control, window, usage: Usage::default(), cubic: Cubic::default() }
    }
}

/// The congestion state of one connection. One pointer: what is as at the beginning of most connections has no box.
#[derive(Debug, Clone, Default)]
pub(crate) struct Congestion {
    work: Option<Box<Work>>,
}

impl Congestion {
    /// With the initial window; with one segment where the handshake met losses (`cautious`).
    pub(crate) fn new(control: CongestionControl, cautious: bool) -> Congestion {
        let mut congestion = Congestion::default();
        congestion.change(control);
        if cautious {
            congestion.set_cwnd(1);
        }
        congestion
    }

    /// Which algorithm it is.
    pub(crate) fn control(&self) -> CongestionControl {
        self.work.as_ref().map(|work| work.control).unwrap_or_default()
    }

    /// Another algorithm takes over: the window stays, what the old one learnt is forgotten.
    pub(crate) fn change(&mut self, control: CongestionControl) {
        if control != self.control() {
            let work = self.work();
            (work.control, work.cubic) = (control, Cubic::default());
        }
    }

    /// The congestion window in segments.
    pub(crate) fn cwnd(&self) -> u32 {
        self.window().cwnd
    }

    /// The slow start threshold in segments.
    pub(crate) fn ssthresh(&self) -> u32 {
        self.window().ssthresh
    }

    /// The congestion window in octets.
    pub(crate) fn cwnd_octets(&self, mss: u32) -> u32 {
        self.cwnd().saturating_mul(mss)
    }

    /// New data was sent. `flight`: segments in flight now; `limited`: the window is full or kept something back.
    pub(crate) fn on_flight(&mut self, una: Seq, nxt: Seq, flight: u32, limited: bool, now: Instant) {
        self.work().usage.on_flight(una, nxt, flight, limited, now);
    }

    /// What follows Linux's tcp_cwnd_validate: a window that was not filled for a whole RTO is taken back half way to what
    /// was used (RFC 2861). `open`: no loss is in doubt, and no writer waits for room.
    pub(crate) fn validate(&mut self, rto: Duration, open: bool, now: Instant) {
        let threshold = self.threshold_now();
        let Some(Work { window, usage, .. }) = self.work.as_deref_mut() else { return };
        if let Some(lowered) = usage.validate(window, rto, open, now) {
            (window.cwnd, window.ssthresh) = (lowered, threshold);
        }
    }

    /// Sending begins again after nothing was in flight: `idle` since the last new data.
    pub(crate) fn on_start(&mut self, idle: Duration, now: Instant) {
        if self.work.is_some() {
            self.with_algorithm(|algorithm, _| algorithm.on_start(idle, now));
        }
    }

    /// A round trip was measured on the segment that this acknowledgment delivered last (Linux pkts_acked). Before
    /// [`Congestion::on_ack`].
    pub(crate) fn on_sample(&mut self, rtt: Duration, moment: &Moment, out: &mut Output) {
        self.with_algorithm(|algorithm, window| algorithm.on_sample(window, rtt, moment, out));
    }

    /// `acked` segments were acknowledged and no reduction is under way: the window grows if it is what limits us
    /// (Linux tcp_cong_avoid). In Loss, too.
    pub(crate) fn on_ack(&mut self, acked: u32, moment: &Moment) {
        if acked > 0 && self.work.as_ref().is_some_and(|work| work.usage.limits(&work.window)) {
            self.with_algorithm(|algorithm, window| {
                algorithm.on_ack(window, acked, moment);
                window.cwnd = window.cwnd.min(WINDOW_MAX);
            });
        }
    }

    /// Recovery moves the window itself: PRR while it lasts, the threshold at its end, what is in flight and one more after
    /// a timeout.
    pub(crate) fn set_cwnd(&mut self, segments: u32) {
        self.work().window.cwnd = segments.clamp(1, WINDOW_MAX);
    }

    /// The path's segments became smaller: the window counts less, so that the threshold is kept (tcp_simple_retransmit).
    pub(crate) fn set_ssthresh(&mut self, segments: u32) {
        self.work().window.ssthresh = segments;
    }

    /// The threshold that an undo restores: never below three quarters of the window (Linux tcp_current_ssthresh).
    pub(crate) fn threshold_now(&self) -> u32 {
        let Window { cwnd, ssthresh, .. } = self.window();
        ssthresh.max(cwnd / 2 + cwnd / 4)
    }

    /// A loss, a mark or a timeout begins a reduction: the algorithm says the new threshold; the window stays
    /// ([`Congestion::set_cwnd`]). After a timeout [`Congestion::on_timeout`] follows.
    pub(crate) fn reduce(&mut self) {
        self.with_algorithm(|algorithm, window| {
            window.ssthresh = algorithm.ssthresh_after_loss(window);
            window.credit = 0;
        });
    }

    /// The reduction was a mistake: the window was `cwnd`, and the threshold `ssthresh`.
    pub(crate) fn restore(&mut self, cwnd: u32, ssthresh: u32) {
        let window = &mut self.work().window;
        (window.cwnd, window.ssthresh) = (window.cwnd.max(cwnd), window.ssthresh.max(ssthresh));
    }

    /// The retransmission timer fired: the algorithm forgets what it learnt of the path (Linux set_state TCP_CA_Loss), and
    /// what did not grow the window yet is lost.
    pub(crate) fn on_timeout(&mut self, moment: &Moment) {
        self.with_algorithm(|algorithm, window| {
            window.credit = 0;
            algorithm.on_timeout(moment);
        });
    }

    /// Nothing was sent for `idle`: the window halves for each RTO of it, down to the initial one, and the threshold
    /// remembers three quarters of it (RFC 2861, Linux's tcp_slow_start_after_idle).
    pub(crate) fn restart_after_idle(&mut self, idle: Duration, rto: Duration, now: Instant) {
        let threshold = self.threshold_now();
        let Some(Work { window, usage, .. }) = self.work.as_deref_mut() else { return };
        if idle <= rto || rto.is_zero() {
            return;
        }
        let floor = window.cwnd.min(INITIAL_WINDOW);
        // One RTO is the time that an acknowledgment may take; a further one counts when it began.
        let periods = (idle.as_nanos().div_ceil(rto.as_nanos()) - 1).min(31) as u32;
        (window.cwnd, window.ssthresh) = ((window.cwnd >> periods).max(floor), threshold);
        usage.restart(now);
    }

    /// Linux's pacing figure for this window, in octets per second.
    pub(crate) fn pacing_rate(&self, srtt: Option<Duration>, mss: u32, flight: u32, knobs: &Knobs) -> u64 {
        pacing::rate(&self.window(), srtt, mss, flight, knobs)
    }

    fn window(&self) -> Window {
        self.work.as_ref().map_or_else(|| Work::default().window, |work| work.window)
    }

    fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    fn with_algorithm(&mut self, act: impl FnOnce(&mut dyn Algorithm, &mut Window)) {
        let Work { control, window, cubic, .. } = self.work();
        match control {
            CongestionControl::Cubic => act(cubic, window),
            CongestionControl::Reno => act(&mut Reno, window),
        }
    }
}

const _: () = assert!(size_of::<Congestion>() == size_of::<usize>());

#[cfg(test)]
mod tests;
