//! Seventh check: the segment text, and with it the place of the FIN (RFC 9293 sections 3.10.7.4 and 3.8.6).

use super::Check;
use crate::Arrival;
use crate::connection::{Connection, Turn};
use crate::receive::{Insertion, cost};
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
        let before = self.receive.nxt;
        let known = arrival.header.seq.distance_to(before) as usize;
        let whole = arrival.payload.len() as u32;
        let payload = arrival.payload.split_off(known.min(arrival.payload.len()));
        let fast = self.takes_fast_path(arrival);
        if !fast && !self.schedule_in_order(arrival, payload.is_empty(), turn) {
            return Continue(());
        }
        if whole > 0 {
            self.heed_mark(arrival);
            if !payload.is_empty() {
                self.charge_in_order(arrival, payload.len() as u32, turn);
                self.deliver(payload, arrival.pinned);
            }
            self.measure_arrival(whole, before, arrival, turn);
        }
        if whole > 0 {
            // The peer's segments are as long as it sent them, whatever of them is new: nothing but the FIN, perhaps.
            self.measure_segment(arrival, whole);
            self.ack.data_arrived(self.receive.usable(), self.rto(turn.knobs), turn.now);
            self.move_window(arrival, whole, turn.knobs);
        }
        if fast {
            turn.out.count(Counter::HpHits);
        } else {
            self.predict();
        }
        if arrival.header.flags.fin() && whole == 0 {
            self.count_bare_fin(turn);
        }
        if arrival.header.flags.fin() || self.join_out_of_order(turn) {
            self.take_fin(turn)
        } else {
            Continue(())
        }
    }

    /// True when the segment may be queued. The first octets of an empty queue, and a bare FIN, are queued in any case: the
    /// reader must get on (Linux sk_forced_mem_schedule). For others that find no room the window closes.
    fn schedule_in_order(&mut self, arrival: &Arrival, bare: bool, turn: &mut Turn) -> bool {
        if !self.has_memory(arrival.header.seq, turn) {
            self.ack.owe_now();
            self.ack.lack_memory();
            if self.unread_octets() > 0 && !bare {
                turn.out.count(Counter::RcvQDrop);
                turn.out.dropped(DropReason::MemoryFull);
                return false;
            }
        }
        self.receive.schedule(cost::of_packet(arrival.packet));
        true
    }

    /// A bare FIN joins the packet before it when that still waits.
    fn count_bare_fin(&self, turn: &mut Turn) {
        let waits = self.unread_octets() > 0
            && self.incoming.as_ref().is_some_and(|incoming| !incoming.costs.is_empty());
        if waits {
            turn.out.count(Counter::RcvCoalesce);
        }
    }

    /// `len` octets of the segment are new; they are about to be queued.
    fn charge_in_order(&mut self, arrival: &Arrival, len: u32, turn: &mut Turn) {
        let (nxt, end) = (self.receive.nxt, self.receive.nxt + len);
        let costs = &mut self.incoming().costs;
        let joined = if arrival.header.seq == nxt {
            costs.push(nxt, end, arrival.packet)
        } else {
            costs.push_apart(nxt, end, arrival.packet);
            false
        };
        if joined {
            turn.out.count(Counter::RcvCoalesce);
        }
        self.receive.charge(cost::of_packet(arrival.packet), joined);
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
            let Some((mut queue, costs)) = incoming.reassembly.take_in_order(nxt, reports, turn.out) else {
                break;
            };
            if let Some(fin) = incoming.fin.filter(|fin| fin.lt(nxt + queue.len())) {
                // The last octet stands for the FIN.
                queue.truncate(nxt.distance_to(fin));
                for _ in 0..self.deliver_queue(queue, costs) {
                    turn.out.count(Counter::RcvCoalesce);
                }
                break;
            }
            for _ in 0..self.deliver_queue(queue, costs) {
                turn.out.count(Counter::RcvCoalesce);
            }
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
        let (seq, end, fin) = (arrival.header.seq, arrival.end(), arrival.header.flags.fin());
        let mut payload = std::mem::take(&mut arrival.payload);
        let len = payload.len() as u32;
        self.heed_mark(arrival);
        if !self.has_memory(seq, turn) {
            turn.out.count(Counter::OfoDrop);
            turn.out.dropped(DropReason::OutOfOrderFull);
            self.release_incoming();
            return;
        }
        self.ack.owe();
        self.tell_before(seq, end, turn);
        self.measure_segment(arrival, len);
        self.receive.predicted = false;
        if fin {
            // An octet stands for the FIN: it is queued, reported and found twice like one (measured with Linux's SACK blocks).
            payload = [payload.as_ref(), &[0]].concat().into();
        }
        let segments = self.segments_of(payload.len() as u32);
        self.tally().out_of_order += segments;
        let reports = self.reports(turn);
        let before = self.receive_charge();
        self.receive.schedule(cost::of_packet(arrival.packet));
        let kept = self.incoming().reassembly.insert(
            seq,
            payload,
            arrival.pinned,
            arrival.packet,
            reports,
            turn.out,
        );
        let joined = self.receive_charge() == before;
        self.receive.charge(cost::of_packet(arrival.packet), joined);
        if kept == Insertion::Queued {
            self.widen(arrival, len, turn.knobs);
            self.grow_out_of_order(turn);
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

    /// A buffer that an application holds grows with what waits out of order, too (Linux tcp_data_queue_ofo).
    fn grow_out_of_order(&mut self, turn: &Turn) {
        if self.receive.accepted && !self.orphan {
            self.grow_buffer(None, turn);
        }
    }
}
