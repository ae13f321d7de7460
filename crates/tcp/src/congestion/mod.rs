//! Congestion control: how many octets may be in the network at once (RFC 5681 and its successors).
//!
//! The window counts segments, as Linux's `snd_cwnd` and `ss` do; what is acknowledged and in flight is given in octets
//! and with the MSS. Losses are found elsewhere (`send::recovery`); this only answers to them. An enum and no trait
//! object: the hot path does not call through a pointer, and a connection pays for the algorithm it uses.

pub(crate) mod reno;

use lastack_wire::Seq;
use reno::Reno;
use std::time::Duration;

/// The name of the algorithm that every connection has, as TCP_CONGESTION and `ss -i` know it.
pub const CONGESTION_CONTROL: &str = "reno";
/// RFC 6928: ten segments at the start.
pub(crate) const INITIAL_WINDOW: u32 = 10;
/// No loss seen yet.
pub(crate) const SSTHRESH_INFINITE: u32 = 0x7fff_ffff;
/// Segments; keeps every product with an MSS in 32 bits.
const WINDOW_MAX: u32 = 1 << 15;

/// What an algorithm must answer. `window` is the state all of them share.
pub(crate) trait CongestionControl {
    /// `acked` octets were acknowledged while the window was what limited us, and no recovery is going on.
    fn on_ack(&mut self, window: &mut Window, acked: u32, mss: u32);
    /// The slow start threshold, in segments, after a loss with `window` as it is now.
    fn ssthresh_after_loss(&mut self, window: &Window) -> u32;
}

/// Segments: the window, the threshold, and the octets that do not make a segment yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The congestion window.
    pub(crate) cwnd: u32,
    /// The slow start threshold.
    pub(crate) ssthresh: u32,
    /// Octets acknowledged that did not grow the window yet.
    pub(crate) credit: u32,
}

impl Window {
    /// True below the threshold.
    pub(crate) fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Reno(Reno),
}

/// The congestion state of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Congestion {
    window: Window,
    algorithm: Algorithm,
}

/// What an undone loss gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    cwnd: u32,
    ssthresh: u32,
}

/// Whether the window, and not the application or the peer, limits what is in flight (RFC 7661's question, Linux's
/// answer). Lives with the work in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The most octets in flight in this window of data.
    flight_max: u32,
    /// Something had to wait for the window.
    limited: bool,
    /// The window of data ends when this is acknowledged.
    end: Seq,
}

impl Usage {
    /// Nothing was in flight yet.
    pub(crate) fn new(una: Seq) -> Usage {
        Usage { flight_max: 0, limited: false, end: una }
    }

    /// Notes `flight` octets in flight after a transmission up to `nxt`; `limited`: the window stopped it.
    pub(crate) fn on_flight(&mut self, una: Seq, nxt: Seq, flight: u32, limited: bool) {
        if una.ge(self.end) {
            *self = Usage { flight_max: flight, limited, end: nxt };
        } else {
            self.flight_max = self.flight_max.max(flight);
            self.limited |= limited;
        }
    }

    fn allows_growth(&self, window: &Window, mss: u32) -> bool {
        // Slow start may run ahead of its use by a factor of two (Linux tcp_is_cwnd_limited).
        self.limited
            || (window.in_slow_start() && window.cwnd.saturating_mul(mss) < self.flight_max.saturating_mul(2))
    }
}

impl Congestion {
    /// NewReno with the initial window.
    pub(crate) fn reno() -> Congestion {
        let window = Window { cwnd: INITIAL_WINDOW, ssthresh: SSTHRESH_INFINITE, credit: 0 };
        Congestion { window, algorithm: Algorithm::Reno(Reno) }
    }

    /// NewReno after a handshake that met losses: one segment.
    pub(crate) fn after_lost_syn() -> Congestion {
        let mut congestion = Congestion::reno();
        congestion.window.cwnd = 1;
        congestion
    }

    /// The congestion window in segments.
    pub(crate) fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    /// The slow start threshold in segments.
    pub(crate) fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    /// The congestion window in octets.
    pub(crate) fn cwnd_octets(&self, mss: u32) -> u32 {
        self.window.cwnd.saturating_mul(mss)
    }

    /// `acked` octets were acknowledged outside of any recovery.
    pub(crate) fn on_ack(&mut self, acked: u32, mss: u32, usage: &Usage) {
        if acked > 0 && usage.allows_growth(&self.window, mss) {
            match &mut self.algorithm {
                Algorithm::Reno(reno) => reno.on_ack(&mut self.window, acked, mss),
            }
            self.window.cwnd = self.window.cwnd.min(WINDOW_MAX);
        }
    }

    /// `acked` octets were acknowledged in Loss: slow start again, whatever limits us.
    pub(crate) fn on_ack_in_loss(&mut self, acked: u32, mss: u32) {
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_ack(&mut self.window, acked, mss),
        }
        self.window.cwnd = self.window.cwnd.min(WINDOW_MAX);
    }

    /// Duplicate acknowledgments proved a loss: the threshold falls and the window goes down to it. Returns what an
    /// undo gives back.
    pub(crate) fn enter_recovery(&mut self) -> Before {
        let before = self.lower_threshold();
        self.window.cwnd = self.window.ssthresh;
        before
    }

    /// The retransmission timer fired for the first time: the window is one segment (RFC 5681 section 3.1, equation 4).
    pub(crate) fn enter_loss(&mut self) -> Before {
        let before = self.lower_threshold();
        self.window.cwnd = 1;
        before
    }

    /// It fired again: the threshold was lowered already.
    pub(crate) fn repeat_loss(&mut self) {
        self.window.cwnd = 1;
        self.window.credit = 0;
    }

    /// The recovery is over: the window is the threshold.
    pub(crate) fn exit_recovery(&mut self) {
        self.window.cwnd = self.window.ssthresh.min(WINDOW_MAX);
        self.window.credit = 0;
    }

    /// The loss was none.
    pub(crate) fn undo(&mut self, before: Before) {
        self.window.cwnd = self.window.cwnd.max(before.cwnd);
        self.window.ssthresh = self.window.ssthresh.max(before.ssthresh);
    }

    /// Nothing was sent for `idle`: the window halves for each RTO of it, down to the initial one, and the threshold
    /// remembers three quarters of it (RFC 2861, Linux's tcp_slow_start_after_idle).
    pub(crate) fn restart_after_idle(&mut self, idle: Duration, rto: Duration) {
        let floor = self.window.cwnd.min(INITIAL_WINDOW);
        if idle <= rto || rto.is_zero() {
            return;
        }
        self.window.ssthresh = self.window.ssthresh.max(self.window.cwnd / 4 * 3);
        let periods = (idle.as_nanos() / rto.as_nanos()).min(31) as u32;
        self.window.cwnd = (self.window.cwnd >> periods).max(floor);
        self.window.credit = 0;
    }

    /// Recovery moves the window itself: PRR while it lasts, the threshold at its end, what is in flight and one more after
    /// a timeout.
    #[expect(dead_code, reason = "the recovery that asks is on its way")]
    pub(crate) fn set_cwnd(&mut self, segments: u32) {
        self.window.cwnd = segments.clamp(1, WINDOW_MAX);
    }

    /// The threshold that an undo restores: never below three quarters of the window (Linux tcp_current_ssthresh).
    #[expect(dead_code, reason = "the recovery that asks is on its way")]
    pub(crate) fn threshold_now(&self) -> u32 {
        self.window.ssthresh.max(self.window.cwnd / 2 + self.window.cwnd / 4)
    }

    /// A loss, a mark or a timeout begins a reduction: the algorithm says the new threshold; the window stays
    /// ([`Congestion::set_cwnd`]).
    #[expect(dead_code, reason = "the recovery that asks is on its way")]
    pub(crate) fn reduce(&mut self) {
        self.lower_threshold();
    }

    /// The reduction was a mistake: the window was `cwnd`, and the threshold `ssthresh`.
    #[expect(dead_code, reason = "the recovery that asks is on its way")]
    pub(crate) fn restore(&mut self, cwnd: u32, ssthresh: u32) {
        self.window.cwnd = self.window.cwnd.max(cwnd);
        self.window.ssthresh = self.window.ssthresh.max(ssthresh);
    }

    fn lower_threshold(&mut self) -> Before {
        let before = Before { cwnd: self.window.cwnd, ssthresh: self.window.ssthresh };
        self.window.ssthresh = match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.ssthresh_after_loss(&self.window),
        };
        self.window.credit = 0;
        before
    }
}

const _: () = assert!(size_of::<Congestion>() <= 16);

#[cfg(test)]
mod tests;
