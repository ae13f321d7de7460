//! Seventh check: the segment text, and with it the place of the FIN (RFC 9293 sections 3.10.7.4 and 3.8.6).

use super::Check;
use crate::Arrival;
use crate::connection::{Connection, Turn};
use crate::receive::Insertion;
use lastack_observe::{Cause, Counter, DropReason, ResetReason, State};
use lastack_wire::tcp::Flags;
use std::ops::ControlFlow::{Break, Continue};

impl Connection {
    pub(super) fn take_text(&mut self, arrival: &mut Arrival, turn: &mut Turn) -> Check {
        match self.state {
            State::CloseWait | State::Closing | State::LastAck if arrival.header.seq.ge(self.receive.nxt) => {
                // Linux drops it without a word (TIMELINES section F); no answer would help a peer that sends after
                // its own FIN.
                if !arrival.is_empty() {
                    turn.out.dropped(DropReason::AfterFin);
                }
                return Continue(());
            }
            State::CloseWait | State::Closing | State::LastAck if self.brings_new_octets(arrival) => {
                // Begins before the peer's FIN and goes on after it. RFC 9293: "ignore the segment text"; Linux resets
                // (measured with the kernel as oracle), and so do we: a peer that sends so has lost its place.
                turn.out.count(Counter::AbortOnData);
                return Break(self.refuse(arrival, ResetReason::AbortOnData, Cause::Reset, turn));
            }
            State::Established => {}
            // RFC 1122 section 4.2.2.13: an application that stopped reading in these states gets nothing any more.
            _ if self.receive_closed && self.brings_new_octets(arrival) => {
                return self.refuse_data(arrival, turn);
            }
            _ => {}
        }
        if arrival.is_empty() { Continue(()) } else { self.place_text(arrival, turn) }
    }

    fn place_text(&mut self, arrival: &mut Arrival, turn: &mut Turn) -> Check {
        let (seq, end, nxt) = (arrival.header.seq, arrival.end(), self.receive.nxt);
        if arrival.header.flags.contains(Flags::CWR) {
            // The peer may have nothing more in flight than this.
            self.ecn.on_cwr();
            self.ack.owe_now();
        }
        let window = self.receive.usable();
        if end.le(nxt) {
            turn.out.count(Counter::DelayedAckLost);
            self.report_duplicate(seq, end, turn);
            self.throw_away(DropReason::Duplicate, turn);
            return Continue(());
        }
        if seq.gt(nxt) {
            if seq.ge(nxt + window) {
                self.throw_away(DropReason::BeyondWindow, turn);
            } else {
                self.keep_out_of_order(arrival, turn);
            }
            return Continue(());
        }
        if seq.lt(nxt) {
            self.report_duplicate(seq, nxt, turn);
        }
        // A bare FIN takes no room: some stacks repeat it for ever against a closed window.
        if window == 0 && !arrival.payload.is_empty() {
            turn.out.count(Counter::ZeroWindowDrop);
            self.throw_away(DropReason::ReceiveBufferFull, turn);
            return Continue(());
        }
        self.take_in_order(arrival, turn)
    }

    /// Nothing of the segment is kept; the peer learns at once what we have.
    fn throw_away(&mut self, reason: DropReason, turn: &mut Turn) {
        turn.out.dropped(reason);
        self.ack.enter_quick_mode(self.receive.usable());
        self.ack.owe();
    }

    /// RFC 3168 section 6.1.3: the sender hears of congestion with every acknowledgment until it has answered.
    fn heed_mark(&mut self, arrival: &Arrival) {
        if self.ecn.on_data(arrival.ecn) {
            self.ack.enter_quick_mode(self.receive.usable());
        }
    }

    fn take_in_order(&mut self, arrival: &mut Arrival, turn: &mut Turn) -> Check {
        let known = arrival.header.seq.distance_to(self.receive.nxt) as usize;
        let whole = arrival.payload.len() as u32;
        let payload = arrival.payload.split_off(known.min(arrival.payload.len()));
        let len = payload.len() as u32;
        if len > 0 && !self.has_memory_in_order(arrival.pinned, turn) {
            self.throw_away(DropReason::MemoryFull, turn);
            return Continue(());
        }
        if len > 0 {
            self.heed_mark(arrival);
            self.deliver(payload, arrival.pinned);
            // The peer's segments are as long as it sent them, whatever of them is new.
            self.ack.data_arrived(
                whole,
                self.receive.mss,
                self.receive.usable(),
                self.rto(turn.knobs),
                turn.now,
            );
            self.move_window(len, arrival.pinned, turn.knobs.tcp_rmem[2]);
            self.measure_arrival(len, arrival, turn);
        }
        if arrival.header.flags.fin() || self.join_out_of_order(turn) {
            self.take_fin(turn)
        } else {
            Continue(())
        }
    }

    /// Takes what waited out of order and is in order now. True when the peer's FIN comes next.
    fn join_out_of_order(&mut self, turn: &mut Turn) -> bool {
        if !self.holds_out_of_order() {
            let fin = self.fin_is_next();
            if fin {
                // A gap is filled as well when a bare FIN waited behind it.
                self.ack.owe_now();
            }
            return fin;
        }
        let reports = self.reports(turn);
        loop {
            let nxt = self.receive.nxt;
            let incoming = self.incoming();
            let Some(mut queue) = incoming.reassembly.take_in_order(nxt, reports, turn.out) else { break };
            if let Some(fin) = incoming.fin.filter(|fin| fin.lt(nxt + queue.len())) {
                // The last octet stands for the FIN.
                queue.truncate(nxt.distance_to(fin));
                self.deliver_queue(queue);
                break;
            }
            self.deliver_queue(queue);
        }
        if !self.holds_out_of_order() {
            // RFC 5681 section 4.2: the peer waits to hear that the gap is filled.
            self.ack.owe_now();
        }
        self.fin_is_next()
    }

    fn fin_is_next(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| incoming.fin == Some(self.receive.nxt))
    }

    fn keep_out_of_order(&mut self, arrival: &mut Arrival, turn: &mut Turn) {
        self.ack.owe_now();
        let (seq, end, fin) = (arrival.header.seq, arrival.end(), arrival.header.flags.fin());
        let mut payload = std::mem::take(&mut arrival.payload);
        let len = payload.len() as u32;
        if fin {
            // An octet stands for the FIN: it is queued, reported and found twice like one (measured with Linux's SACK blocks).
            payload = [payload.as_ref(), &[0]].concat().into();
        }
        self.heed_mark(arrival);
        let segments = self.segments_of(payload.len() as u32);
        self.tally().out_of_order += segments;
        let in_order = self.receive_charge() - self.incoming().reassembly.pinned();
        let room = (self.receive.window.rcvbuf() as usize).saturating_sub(in_order);
        let room = self.room_out_of_order(room, turn);
        let reports = self.reports(turn);
        let kept = self.incoming().reassembly.insert(seq, payload, arrival.pinned, room, reports, turn.out);
        // Without SACK the window stays as it is, so that the acknowledgments are duplicates (Linux tcp_data_queue_ofo).
        if kept == Insertion::Queued && self.sack {
            self.widen(len, arrival.pinned, turn.knobs.tcp_rmem[2]);
        }
        if fin && kept == Insertion::Queued {
            let fin = end - 1;
            let incoming = self.incoming();
            incoming.fin = Some(incoming.fin.map_or(fin, |before| before.min(fin)));
        }
        if kept == Insertion::Dropped {
            self.release_incoming();
        }
    }
}
