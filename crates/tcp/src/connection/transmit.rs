//! What may be sent now, and sending it (RFC 9293 sections 3.7.4 and 3.8.6.2.1): retransmissions first, then new data as
//! the peer's window, the congestion window, Nagle and the cork let it, then our FIN, then an acknowledgment that is due.
//!
//! The plan is a pure question, so that [`Connection::has_work`] and [`Connection::poll_transmit`] cannot disagree.

use super::packets::Packet;
use super::path_search::Next;
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
    /// It is larger than the others, to find out how large they may be.
    PathProbe,
}

/// What the device takes at once, and what Linux would give it: octets of a super-segment, segments of a packet.
#[derive(Clone, Copy, Debug)]
struct Device {
    super_segment_max: u32,
    burst: u32,
}

impl Device {
    /// For a question that sizes make no difference to.
    const ANY: Device = Device { super_segment_max: u32::MAX, burst: u32::MAX };
}

/// What goes out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Lost numbers again.
    Again(Resend),
    /// The last segment again, as a tail loss probe.
    Probe(Resend),
    /// `len` new octets, and the FIN behind them; the packet that they belong to ends at `packet_end`.
    New { len: u32, fin: bool, packet_end: Seq },
    /// `len` new octets as one segment that is larger than the others.
    PathProbe { len: u32 },
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
        self.renew_path_search(knobs, now);
        self.lay_out(knobs);
        let plan = self.plan(self.device(limits.super_segment_max, knobs));
        let plan = if limits.behind_earlier { self.autocork(plan, turn) } else { plan };
        let segment = plan.and_then(|plan| self.carry_out(plan, turn));
        self.note_wait(now);
        segment
    }

    fn carry_out(&mut self, plan: Plan, turn: &mut Turn) -> Option<Segment> {
        match plan {
            Plan::Again(resend) => Some(self.send_again(resend, false, turn)),
            Plan::Probe(resend) => Some(self.send_again(resend, true, turn)),
            Plan::New { len, fin, packet_end } => Some(self.send_new(len, fin, packet_end, turn)),
            Plan::PathProbe { len } => Some(self.send_path_probe(len, turn)),
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
        self.is_behind() || self.plan(Device::ANY).is_some()
    }

    /// True when data or FIN may leave now: an acknowledgment that is due rides on it.
    pub(super) fn data_is_ready(&self) -> bool {
        let plan = self.plan(Device::ANY);
        matches!(plan, Some(Plan::Again(_) | Plan::Probe(_) | Plan::New { .. } | Plan::PathProbe { .. }))
    }

    fn plan(&self, device: Device) -> Option<Plan> {
        if matches!(self.state, State::Closed | State::TimeWait) {
            return None;
        }
        if self.ack_first {
            return Some(Plan::Acknowledge);
        }
        let (again, new) = (|| self.plan_again(device.super_segment_max), || self.plan_new(device));
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

    /// New octets are to tell whether a timeout was spurious (F-RTO).
    fn prefers_new(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.recovery.prefers_new(self.send.nxt))
    }

    fn device(&self, super_segment_max: u32, knobs: &Knobs) -> Device {
        let mss = u32::from(self.effective_mss().max(1));
        let burst = self.burst_goal(mss, knobs);
        // Who takes several segments at once takes a packet; who takes one at a time is given its segments.
        let most = if super_segment_max > mss { super_segment_max / mss } else { u32::MAX };
        Device { super_segment_max, burst: burst.min(most) }
    }

    /// The rest of the packet that is under way, or the next one, as far as the device takes it at once.
    fn plan_new(&self, device: Device) -> Option<Plan> {
        let mss = u32::from(self.effective_mss());
        let left = self.outgoing.as_ref().map_or(0, |outgoing| outgoing.packet_left(self.send.nxt));
        let left = if self.forced == Forced::No { left.min(self.send.usable()) } else { 0 };
        if left == 0 && self.forced == Forced::No {
            match self.plan_path_probe() {
                Next::Ordinary => {}
                Next::Wait => return None,
                Next::Probe(len) => return Some(Plan::PathProbe { len }),
            }
        }
        let packet = if left > 0 {
            let fin = self.fin_queued && self.send.nxt + left + 1 == self.send.end;
            Packet { len: left, fin: fin && self.send.usable() > left }
        } else {
            self.packet(device.burst)?
        };
        let at_once = (device.super_segment_max / mss).max(1).saturating_mul(mss);
        let len = packet.len.min(at_once);
        let packet_end = self.send.nxt + packet.len;
        Some(Plan::New { len, fin: packet.fin && len == packet.len, packet_end })
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
    pub(super) fn nagle_holds_tail(&self, small: bool) -> bool {
        if !small || self.fin_queued || self.urgent_pointer().is_some() || self.prefers_new() {
            return false;
        }
        let options = self.options_ref();
        let small_in_flight = self.send.small_end.gt(self.send.una) && self.send.small_end.le(self.send.nxt);
        if self.outgoing.as_ref().is_some_and(|outgoing| outgoing.push_end == self.send.end) {
            return false;
        }
        let more = self.outgoing.as_ref().is_some_and(|outgoing| outgoing.more);
        options.cork || more || (!options.nodelay && self.send.in_flight() > 0 && small_in_flight)
    }

    /// A small segment of a later write waits while an earlier one may still be in the device: what is written meanwhile goes
    /// with it (Linux tcp_should_autocork). What one write began goes out to its end.
    fn autocork(&self, plan: Option<Plan>, turn: &mut Turn) -> Option<Plan> {
        let Some(Plan::New { len, fin: false, .. }) = plan else { return plan };
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

    /// Octets of payload in a full segment of what leaves now.
    fn segment_size(&self, len: u32) -> u16 {
        if self.forced == Forced::PathProbe { len as u16 } else { self.effective_mss() }
    }

    pub(super) fn send_new(&mut self, len: u32, fin: bool, packet_end: Seq, turn: &mut Turn) -> Segment {
        let (seq, mss) = (self.send.nxt, u32::from(self.segment_size(len)));
        let first = self.send.in_flight() == 0;
        let space = len + u32::from(fin);
        let outgoing = self.outgoing();
        if outgoing.packet_left(seq) == 0 {
            (outgoing.packet_start, outgoing.packet_end) = (seq, packet_end);
        }
        let mut segment = self.compose(seq, len, fin, turn);
        if len > 0 && self.ecn.is_agreed() {
            // Only data that was never sent: RFC 3168 section 6.1.5.
            segment.ect = true;
            segment.header.flags = segment.header.flags.with(self.ecn.take_slowed());
        }
        self.send.nxt += space;
        let nxt = self.send.nxt;
        let new_probe = self.forced == Forced::LossProbe;
        let outgoing = self.outgoing();
        let closes = outgoing.packet_end == seq + len;
        let record = closes && outgoing.buffer.ends_record(seq + len);
        let sent = Sent { seq, end: nxt, mss: mss as u16, fin, closes, record };
        outgoing.recovery.on_sent(sent, turn.now);
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
        let limited = outgoing.recovery.in_flight() >= self.congestion.cwnd();
        let flight = outgoing.recovery.flight().segments;
        self.congestion.on_flight(una, nxt, flight, limited, turn.now);
        if turn.knobs.tcp_slow_start_after_idle {
            let open = outgoing.recovery.state() == RecoveryState::Open && !self.writer_waits;
            self.congestion.validate(rto, open, turn.now);
        }
    }

    /// A segment with the octets `[seq, seq + len)`; it acknowledges as every segment does.
    pub(super) fn compose(&mut self, seq: Seq, len: u32, fin: bool, turn: &mut Turn) -> Segment {
        let mss = self.segment_size(len);
        let (payload, urgent, pushes) = match &self.outgoing {
            Some(outgoing) if len > 0 => {
                let new = seq == self.send.nxt;
                let pushes = self.forced == Forced::Window
                    || if new {
                        outgoing.ends_pushed(seq + len, u32::from(mss))
                    } else {
                        outgoing.buffer.is_pushed(seq, seq + len)
                    };
                (outgoing.buffer.range(seq, len), outgoing.buffer.urgent(), pushes)
            }
            _ => (Payload::empty(), None, false),
        };
        let mut flags = if fin { Flags::FIN } else { Flags::default() };
        if pushes {
            flags = flags.with(Flags::PSH);
        }
        let mut header = self.header(seq, flags, turn);
        if let Some(up) = urgent.filter(|up| up.gt(seq)) {
            // RFC 6093: the pointer names the octet after the urgent one. Further than 65535 it says "further".
            header.urgent = u16::try_from(seq.distance_to(up)).unwrap_or(u16::MAX);
            header.flags = header.flags.with(Flags::URG);
        }
        self.ack.acknowledged(turn.out);
        self.count_data_out(len, mss);
        Segment { header, payload, mss, ..Segment::default() }
    }
}
