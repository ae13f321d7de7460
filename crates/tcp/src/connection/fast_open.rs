//! What TCP Fast Open has to do with a connection (RFC 7413): a server's that has data before its third segment
//! (SYN_RECV, or FIN_WAIT1 when it was closed there), a client's whose SYN had data, and signs of a black hole.
//!
//! While the third segment is awaited the shared timer is the SYN-ACK's: data may leave, but nothing else is sent again
//! (Linux tcp_fastopen_synack_timer).

use super::arrives::Check;
use super::timers::{Purpose, Retries};
use super::{Connection, Outcome, Turn};
use crate::congestion::Congestion;
use crate::half_open::fast_open::{Proof, Unproven};
use crate::send::Sent;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::{Cause, Counter, EventKind, FastOpenFailure, State};
use std::ops::ControlFlow::{Break, Continue};

/// TCP_INFO's fastopen_client_fail (TFO_DATA_NOT_ACKED, TFO_SYN_RETRANSMITTED).
const DATA_NOT_ACKED: u8 = 2;
const SYN_RETRANSMITTED: u8 = 3;

/// A server's connection before its third segment.
#[derive(Debug)]
pub(super) struct Awaited {
    request: Unproven,
    /// shutdown(SHUT_WR) was called: the FIN follows the proof (Linux).
    shut_down: bool,
}

/// How the connection began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Began(u8);

impl Began {
    /// Our SYN carried the option or data.
    const ASKED: u8 = 1;
    /// And it was the first after a pause (RFC 7413 section 4.1.3.1).
    const ON_TRIAL: u8 = 2;
    /// Data of a SYN was taken, by either side.
    const SYN_DATA: u8 = 4;
    /// Why a client's data did not go with the SYN, or not for good: TCP_INFO's fastopen_client_fail, in these two bits.
    const FAILURE_SHIFT: u32 = 3;

    fn fail(&mut self, failure: u8) {
        self.0 = self.0 & ((1 << Began::FAILURE_SHIFT) - 1) | failure << Began::FAILURE_SHIFT;
    }

    fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

impl Connection {
    /// Begins in SYN_RECV with the SYN's octets in the receive queue.
    pub(crate) fn await_proof(&mut self, request: Unproven, syn: &Arrival, knobs: &Knobs, now: Instant) {
        self.state = State::SynRecv;
        self.send.delivered = 0;
        self.timers.arm(Purpose::SynAck, now + request.delay(knobs));
        self.unproven = Some(Box::new(Awaited { request, shut_down: false }));
        if !syn.payload.is_empty() {
            self.began.0 |= Began::SYN_DATA;
            self.count_syn_data(syn);
            let end = self.receive.nxt;
            self.incoming().costs.push(end - syn.payload.len() as u32, end, syn.packet);
            self.incoming().ready.push(syn.payload.clone(), syn.pinned);
        }
    }

    /// The SYN-ACK that answers the SYN; `None` once the third segment came.
    pub fn fast_open_answer(&self, now: Instant) -> Option<Segment> {
        self.unproven.as_ref().map(|awaited| awaited.request.syn_ack(self.ts_offset, now))
    }

    /// True while a server's connection that Fast Open made waits for its third segment.
    pub fn is_unproven(&self) -> bool {
        self.unproven.is_some()
    }

    /// True when data of a SYN was taken, ours by the peer or the peer's by us (TCP_INFO's TCPI_OPT_SYN_DATA).
    pub fn took_syn_data(&self) -> bool {
        self.began.has(Began::SYN_DATA)
    }

    /// TCP_INFO's fastopen_client_fail.
    pub(super) fn fast_open_failure(&self) -> u8 {
        self.began.0 >> Began::FAILURE_SHIFT
    }

    /// Before the eight checks: is this the third segment?
    #[cold]
    pub(super) fn check_proof(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        let Some(awaited) = &mut self.unproven else { return Continue(()) };
        let snd_nxt = self.send.nxt;
        match awaited.request.handle_segment(arrival, snd_nxt, self.ts_offset, turn.knobs, turn.now, turn.out)
        {
            Proof::Ignore => Break(Outcome::Continue),
            Proof::Acknowledge => {
                self.send_ack(turn);
                Break(Outcome::Continue)
            }
            Proof::Reset => {
                // Linux counts it here, and when the socket ends in SYN_RECV once more.
                turn.out.count(Counter::AttemptFails);
                Break(self.end(Cause::Reset, turn))
            }
            Proof::Given => {
                self.prove(arrival, turn);
                Continue(())
            }
        }
    }

    /// The third segment is here (Linux tcp_rcv_synrecv_state_fastopen).
    fn prove(&mut self, third: &Arrival, turn: &mut Turn) {
        let Some(awaited) = self.unproven.take() else { return };
        let request = awaited.request;
        if self.state == State::SynRecv {
            self.go(Cause::SynAcked, turn);
        }
        self.send.delivered += 1;
        if self.rtt.srtt().is_none()
            && let Some(sample) = request.round_trip(third, self.ts_offset, turn.now)
        {
            self.rtt.sample(sample, self.send.una, self.send.nxt, turn.knobs);
        }
        self.retries = Retries::default();
        // Whatever it says of the window is news: the SYN's was not scaled.
        self.send.wl1 = third.header.seq - 1;
        self.timers.disarm();
        if request.timeouts() > 1 {
            let only_late = request.was_only_late(third, self.ts_offset);
            self.repair_after_late_proof(only_late, third.header.ack, turn.out);
        }
        self.watch_flight(turn);
        if awaited.shut_down {
            self.queue_fin(Cause::Shutdown, turn);
        }
    }

    /// The SYN-ACK had to be repeated more than once. Data that followed it was lost as well.
    fn repair_after_late_proof(&mut self, only_late: bool, ack: Seq, out: &mut Output) {
        if only_late {
            self.congestion = Congestion::new(self.congestion.control(), false);
        }
        let (una, nxt) = (self.send.una, self.send.nxt);
        if una != nxt && ack == una {
            self.lose_flight(true, out);
        }
    }

    /// The timer of the SYN-ACK. A socket gets one more retransmission than a request; what it sent after the SYN-ACK waits
    /// (Linux tcp_fastopen_synack_timer).
    #[cold]
    pub(super) fn syn_ack_timeout(&mut self, turn: &mut Turn) -> Outcome {
        let syncnt = self.options_ref().syncnt;
        let retries = syncnt.unwrap_or(turn.knobs.tcp_synack_retries.saturating_add(1));
        let Some(awaited) = &mut self.unproven else { return Outcome::Continue };
        let Some(delay) =
            awaited.request.handle_timeout(retries, self.ts_offset, turn.knobs, turn.now, turn.out)
        else {
            return self.time_out(turn);
        };
        if awaited.request.timeouts() == 2 {
            self.congestion = Congestion::new(self.congestion.control(), true);
        }
        self.retries.timeouts = self.retries.timeouts.saturating_add(1);
        self.timers.arm(Purpose::SynAck, turn.now + delay);
        Outcome::Continue
    }

    /// shutdown(SHUT_WR) before the third segment: true when its FIN waits for that.
    pub(super) fn defers_shutdown(&mut self) -> bool {
        match &mut self.unproven {
            Some(awaited) if self.state == State::SynRecv => {
                awaited.shut_down = true;
                true
            }
            _ => false,
        }
    }

    /// The network said that the peer cannot be reached, and no application has the connection yet: it is over (Linux
    /// tcp_v4_err for a request of Fast Open's).
    pub fn fail_unproven(&mut self, knobs: &Knobs, now: Instant, out: &mut Output) -> Outcome {
        self.end(Cause::Unreachable, &mut Turn { knobs, now, out })
    }

    /// The number of our SYN while it is not acknowledged: an ICMP message may quote it.
    pub(super) fn unproven_iss(&self) -> Option<Seq> {
        self.unproven.as_ref().map(|awaited| awaited.request.iss())
    }

    /// A client's connection whose SYN asked for Fast Open, `on_trial` when it was the first after a pause.
    pub(crate) fn asked_for_fast_open(&mut self, on_trial: bool, failure: u8) {
        self.began.0 |= Began::ASKED | if on_trial { Began::ON_TRIAL } else { 0 };
        self.began.fail(failure);
    }

    /// Our SYN carried `octets`; the handshake acknowledged up to `ack`. What it did not acknowledge is sent again at once:
    /// nothing was lost to congestion (RFC 7413 section 4.2.1).
    pub(crate) fn take_syn_octets(
        &mut self,
        octets: Bytes,
        ack: Seq,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        let taken = (ack.since(self.send.una).max(0) as u32).min(octets.len() as u32);
        self.send.una += taken;
        self.send.nxt = self.send.una;
        self.send.end = self.send.una;
        self.send.acked += taken;
        self.tally().octets_acked += u64::from(taken);
        self.sent_at = now;
        self.count_data_out(octets.len() as u32, self.send.mss);
        let rest = octets.slice(taken as usize..);
        if rest.is_empty() {
            self.began.0 |= Began::SYN_DATA;
            return out.count(Counter::FastOpenActive);
        }
        let syn_again = self.tally().again > 0;
        self.began.fail(if syn_again { SYN_RETRANSMITTED } else { DATA_NOT_ACKED });
        out.count(Counter::FastOpenActiveFail);
        out.event(EventKind::FastOpenFellBack { reason: FastOpenFailure::DataNotTaken });
        let (una, len, mss) = (self.send.una, rest.len() as u32, self.effective_mss());
        let outgoing = self.outgoing();
        outgoing.buffer.push(rest);
        outgoing.buffer.end_call(true, false);
        let sent = Sent { seq: una, end: una + len, mss, fin: false, closes: true, record: false };
        outgoing.recovery.on_sent(sent, now);
        self.send.end += len;
        self.send.nxt = self.send.end;
        self.lose_flight(true, out);
        // The octets bring the third acknowledgment with them.
        self.ack_first = false;
        self.watch_flight(&mut Turn { knobs, now, out });
    }

    /// The octets and the FIN of a SYN-ACK, which only a client that asked for Fast Open takes.
    pub(crate) fn take_syn_ack_octets(
        &mut self,
        syn_ack: &Arrival,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        let fin = syn_ack.header.flags.fin();
        if syn_ack.payload.is_empty() && !fin {
            return;
        }
        self.began.0 |= Began::SYN_DATA;
        self.count_syn_data(syn_ack);
        if !syn_ack.payload.is_empty() {
            let nxt = self.receive.nxt;
            self.incoming().costs.push(nxt, nxt + syn_ack.payload.len() as u32, syn_ack.packet);
            self.deliver(syn_ack.payload.clone(), syn_ack.pinned);
        }
        if fin {
            let _ = self.take_fin(&mut Turn { knobs, now, out });
        }
    }

    /// The handshake counted the segment, but not its octets.
    fn count_syn_data(&mut self, syn: &Arrival) {
        let tally = self.tally();
        tally.data_in += 1;
        tally.octets_received += syn.payload.len() as u64;
    }

    /// The third timeout in a row, or the last: perhaps because of what the SYN had (Linux
    /// tcp_fastopen_active_detect_blackhole).
    pub(super) fn suspect_black_hole_by_timeout(&self, given_up: bool, turn: &mut Turn) {
        let timeouts = self.retries.timeouts;
        if self.began.has(Began::ASKED | Began::SYN_DATA) && (timeouts == 2 || (timeouts < 2 && given_up)) {
            turn.out.suspect_black_hole(turn.knobs);
        }
    }

    /// A reset that is not in order, before any data: something on the way does not know of this connection.
    pub(super) fn suspect_black_hole_by_reset(&self, turn: &mut Turn) {
        if self.began.has(Began::ASKED) && self.state == State::Established && !self.has_received() {
            turn.out.suspect_black_hole(turn.knobs);
        }
    }

    /// The end: a FIN alone out of order is the same sign; data that came is the opposite one (Linux
    /// tcp_fastopen_active_disable_ofo_check).
    #[cold]
    fn judge_black_hole_at_end(&self, turn: &mut Turn) {
        if self.has_received() {
            if self.began.has(Began::ON_TRIAL) {
                turn.out.black_hole.forget();
            }
        } else if self.incoming.as_ref().is_some_and(|incoming| incoming.fin.is_some()) {
            turn.out.suspect_black_hole(turn.knobs);
        }
    }

    pub(super) fn fast_open_ends(&self, turn: &mut Turn) {
        if self.began.has(Began::ASKED) {
            self.judge_black_hole_at_end(turn);
        }
    }

    fn has_received(&self) -> bool {
        self.tally.as_ref().is_some_and(|tally| tally.data_in > 0)
    }
}
