//! What may be sent now, and sending it (RFC 9293 sections 3.7.4 and 3.8.6.2.1): retransmissions first, then new data as
//! the peer's window, the congestion window, Nagle and the cork let it, then our FIN, then an acknowledgment that is due.
//!
//! The plan is a pure question, so that [`Connection::has_work`] and [`Connection::poll_transmit`] cannot disagree.

use super::header::SMALL_WINDOW;
use super::timers::Purpose;
use super::{Connection, Turn};
use crate::send::{Probe, RecoveryState, Resend, Sent};
use crate::{Instant, Knobs, Output, Segment, Seq, TransmitLimits};
use lastack_observe::{Counter, State};
use lastack_wire::Payload;
use lastack_wire::tcp::Flags;

/// Why one segment goes out against the usual rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forced {
    No,
    /// The window probe timer fired though the window takes something.
    Window,
    /// A tail loss probe is due.
    LossProbe,
}

/// What goes out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Lost numbers again.
    Again(Resend),
    /// The last segment again, as a tail loss probe.
    Probe(Resend),
    /// `len` new octets, and the FIN behind them.
    New { len: u32, fin: bool },
    /// An acknowledgment alone.
    Acknowledge,
    /// Nothing; but something waits that no timer watches over.
    Watch,
}

impl Connection {
    /// The next segment to send, if any may be sent now: data, FIN, retransmissions, acknowledgments that waited for
    /// them. Call until `None`.
    pub fn poll_transmit(
        &mut self,
        limits: TransmitLimits,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Option<Segment> {
        let turn = &mut Turn { knobs, now, out };
        let idle = self.send.una == self.send.nxt && self.send.unsent() > 0;
        if idle && knobs.tcp_slow_start_after_idle {
            let rto = self.rto(knobs);
            self.congestion.restart_after_idle(now.since(self.sent_at), rto, now);
        }
        let plan = self.plan(limits.super_segment_max);
        let plan = if limits.behind_earlier { self.autocork(plan, turn) } else { plan };
        let segment = plan.and_then(|plan| self.carry_out(plan, turn));
        self.note_wait(now);
        segment
    }

    fn carry_out(&mut self, plan: Plan, turn: &mut Turn) -> Option<Segment> {
        match plan {
            Plan::Again(resend) => Some(self.send_again(resend, false, turn)),
            Plan::Probe(resend) => Some(self.send_again(resend, true, turn)),
            Plan::New { len, fin } => Some(self.send_new(len, fin, turn)),
            Plan::Acknowledge => Some(self.bare_ack(turn)),
            Plan::Watch => {
                let interval = self.probe_interval(turn.knobs);
                let interval = self.clamp_to_user_timeout(interval, self.retries.probing_since, turn);
                self.timers.arm(Purpose::WindowProbe, turn.now + interval);
                None
            }
        }
    }

    /// True when [`Connection::poll_transmit`] has something to do.
    pub fn has_work(&self) -> bool {
        self.plan(u32::MAX).is_some()
    }

    /// True when data or FIN may leave now: an acknowledgment that is due rides on it.
    pub(super) fn data_is_ready(&self) -> bool {
        matches!(self.plan(u32::MAX), Some(Plan::Again(_) | Plan::Probe(_) | Plan::New { .. }))
    }

    fn plan(&self, super_segment_max: u32) -> Option<Plan> {
        if matches!(self.state, State::Closed | State::TimeWait) {
            return None;
        }
        if self.ack_first {
            return Some(Plan::Acknowledge);
        }
        let (again, new) = (|| self.plan_again(super_segment_max), || self.plan_new(super_segment_max));
        let data = if self.prefers_new() { new().or_else(again) } else { again().or_else(new) };
        if data.is_some() {
            return data;
        }
        if self.ack.must_go() {
            return Some(Plan::Acknowledge);
        }
        let unwatched = self.send.unsent() > 0
            && self.send.in_flight() == 0
            && !self.timers.waits_for(Purpose::WindowProbe)
            && self.unproven.is_none();
        unwatched.then_some(Plan::Watch)
    }

    fn plan_new(&self, super_segment_max: u32) -> Option<Plan> {
        let unsent = self.send.unsent();
        if unsent == 0 {
            return None;
        }
        let octets = unsent - u32::from(self.fin_queued);
        let (window, mss) = (self.send.usable(), u32::from(self.effective_mss()));
        if self.forced != Forced::No {
            let len = octets.min(window).min(mss);
            let fin = self.fin_queued && len == octets && window > len;
            return (len > 0 || fin).then_some(Plan::New { len, fin });
        }
        // Silly window avoidance: a full segment or all there is, or nothing (the probe timer ends the wait).
        if window < octets.min(mss) || window == 0 {
            return None;
        }
        let segments = self.congestion_room(mss).div_ceil(mss);
        let burst = (super_segment_max.min(self.half_window()) / mss).min(self.congestion.cwnd() / 2);
        let most = burst.max(1).min(segments).saturating_mul(mss);
        let mut len = octets.min(window).min(most);
        if len < octets || self.nagle_holds_tail(len % mss != 0) {
            len -= len % mss;
        }
        let fin = self.fin_queued && len == octets && window > len && segments > 0;
        (len > 0 || fin).then_some(Plan::New { len, fin })
    }

    /// New octets are to tell whether a timeout was spurious (F-RTO).
    fn prefers_new(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.recovery.prefers_new(self.send.nxt))
    }

    /// Linux never sends more at once than half of the largest window (tcp_bound_to_half_wnd), nor than half of the congestion
    /// window (tcp_cwnd_test).
    fn half_window(&self) -> u32 {
        let most = self.send.window_max;
        if most > SMALL_WINDOW { most / 2 } else { most }
    }

    /// Octets that the congestion window lets out.
    pub(super) fn congestion_room(&self, mss: u32) -> u32 {
        match &self.outgoing {
            Some(outgoing) => outgoing.recovery.room(&self.congestion).saturating_mul(mss),
            None => self.congestion.cwnd_octets(mss),
        }
    }

    /// Nagle in Minshall's form: a small segment waits while another small one is in flight; corked it waits in any
    /// case. Urgent data and the end of the stream do not wait.
    fn nagle_holds_tail(&self, small: bool) -> bool {
        if !small || self.fin_queued || self.urgent_pointer().is_some() || self.prefers_new() {
            return false;
        }
        let options = self.options_ref();
        let small_in_flight = self.send.small_end.gt(self.send.una) && self.send.small_end.le(self.send.nxt);
        if self.outgoing.as_ref().is_some_and(|outgoing| outgoing.push_end == self.send.end) {
            return false;
        }
        options.cork || options.more || (!options.nodelay && self.send.in_flight() > 0 && small_in_flight)
    }

    /// A small segment of a later write waits while an earlier one may still be in the device: what is written meanwhile goes
    /// with it (Linux tcp_should_autocork). What one write began goes out to its end.
    fn autocork(&self, plan: Option<Plan>, turn: &mut Turn) -> Option<Plan> {
        let Some(Plan::New { len, fin: false }) = plan else { return plan };
        let Some(outgoing) = &self.outgoing else { return plan };
        let small = len < u32::from(self.effective_mss()) && self.send.nxt + len == self.send.end;
        let pushed = outgoing.push_end == self.send.end || self.urgent_pointer().is_some();
        let later = self.send.in_flight() > 0 && self.send.nxt.le(outgoing.last_write);
        if !small || pushed || !later || self.forced != Forced::No {
            return plan;
        }
        turn.out.count(Counter::AutoCorking);
        None
    }

    fn urgent_pointer(&self) -> Option<Seq> {
        self.outgoing.as_ref().and_then(|outgoing| outgoing.buffer.urgent())
    }

    fn send_new(&mut self, len: u32, fin: bool, turn: &mut Turn) -> Segment {
        let (seq, mss) = (self.send.nxt, u32::from(self.effective_mss()));
        let first = self.send.in_flight() == 0;
        let space = len + u32::from(fin);
        let mut segment = self.compose(seq, len, fin, turn);
        if self.ends_burst(seq, len, mss, turn.knobs) {
            segment.header.flags = segment.header.flags.with(Flags::PSH);
        }
        if len > 0 && self.ecn.is_agreed() {
            // Only data that was never sent: RFC 3168 section 6.1.5.
            segment.ect = true;
            segment.header.flags = segment.header.flags.with(self.ecn.take_slowed());
        }
        self.send.nxt += space;
        let nxt = self.send.nxt;
        let new_probe = self.forced == Forced::LossProbe;
        let outgoing = self.outgoing();
        let closes = segment.header.flags.contains(Flags::PSH);
        outgoing.recovery.on_sent(Sent { seq, end: nxt, mss: mss as u16, fin, closes }, turn.now);
        if new_probe {
            outgoing.recovery.on_probe_sent(Probe::NewData, nxt, mss as u16, turn.now, turn.out);
        }
        if !len.is_multiple_of(mss) {
            self.send.small_end = nxt;
        }
        turn.out.counters.add(Counter::OrigDataSent, u64::from(len.div_ceil(mss).max(1)));
        self.count_sent(nxt, first, turn.now);
        if first {
            self.congestion.on_start(turn.now.since(self.sent_at), turn.now);
        }
        self.sent_at = turn.now;
        self.forced = Forced::No;
        if len > 0 {
            self.ack.data_sent(turn.now);
        }
        self.note_flight(turn);
        if !new_probe {
            self.watch_new(first, turn);
        }
        segment
    }

    /// Tells the congestion control how much of its window is used (Linux tcp_cwnd_validate).
    fn note_flight(&mut self, turn: &Turn) {
        let (una, nxt, rto) = (self.send.una, self.send.nxt, self.rto(turn.knobs));
        let Some(outgoing) = &self.outgoing else { return };
        let flight = outgoing.recovery.in_flight();
        let limited = flight >= self.congestion.cwnd();
        self.congestion.on_flight(una, nxt, flight, limited, turn.now);
        if turn.knobs.tcp_slow_start_after_idle {
            let open = outgoing.recovery.state() == RecoveryState::Open && !self.writer_waits;
            self.congestion.validate(rto, open, turn.now);
        }
    }

    /// A segment with the octets `[seq, seq + len)`; it acknowledges as every segment does.
    pub(super) fn compose(&mut self, seq: Seq, len: u32, fin: bool, turn: &mut Turn) -> Segment {
        let mss = self.effective_mss();
        let (payload, urgent, pushes) = match &self.outgoing {
            Some(outgoing) if len > 0 => {
                let pushes = outgoing.buffer.is_pushed(seq + len) || self.forced == Forced::Window;
                (outgoing.buffer.range(seq, len), outgoing.buffer.urgent(), pushes)
            }
            _ => (Payload::empty(), None, false),
        };
        let mut flags = if fin { Flags::FIN } else { Flags::default() };
        // And half a window after the last mark (Linux forced_push, measured), so that a reader is not kept waiting.
        let (end, half) = (seq + len, self.send.window_max / 2);
        let overdue = self.outgoing.as_ref().is_some_and(|outgoing| end.gt(outgoing.marked + half));
        if pushes || (overdue && len > 0) {
            flags = flags.with(Flags::PSH);
        }
        let mut header = self.header(seq, flags, turn);
        if let Some(up) = urgent.filter(|up| up.gt(seq)) {
            // RFC 6093: the pointer names the octet after the urgent one. Further than 65535 it says "further".
            header.urgent = u16::try_from(seq.distance_to(up)).unwrap_or(u16::MAX);
            header.flags = header.flags.with(Flags::URG);
        }
        if header.flags.contains(Flags::PSH)
            && let Some(outgoing) = self.outgoing.as_mut().filter(|outgoing| end.gt(outgoing.marked))
        {
            outgoing.marked = end;
        }
        self.ack.acknowledged();
        self.count_data_out(len, mss);
        Segment { header, payload, mss, ..Segment::default() }
    }
}
