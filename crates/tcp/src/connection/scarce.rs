//! What a connection does when memory is short, its own (SO_RCVBUF) or everybody's (`tcp_mem`): Linux tcp_try_rmem_schedule,
//! tcp_prune_queue, tcp_clamp_window, tcp_grow_window.
//!
//! Not here: what packets cost (`receive::cost`) and the books (`receive::ledger`).

use super::{Connection, Turn};
use crate::Arrival;
use crate::memory::{MemoryLevel, WINDOW_SEGMENTS};
use crate::receive::cost;
use crate::receive::window::Queued;
use crate::{Knobs, Seq};
use lastack_observe::{Counter, State};
use lastack_wire::tcp::Flags;

impl Connection {
    /// What we advertised as largest segment, less the timestamps (Linux's advmss).
    pub(super) fn advertised_mss(&self) -> u16 {
        let timestamps = if self.timestamps { super::TIMESTAMPS_LEN } else { 0 };
        self.receive.mss.saturating_sub(timestamps)
    }

    /// A segment was queued, in order or not: what it tells of the peer's segments and of their memory (tcp_measure_rcv_mss).
    pub(super) fn measure_segment(&mut self, arrival: &Arrival, len: u32) {
        let (mss, flags) = (self.advertised_mss(), arrival.header.flags);
        let options = if self.timestamps { super::TIMESTAMPS_LEN } else { 0 };
        let piece = match arrival.piece {
            // Longer than we allow, so the network joined it, from segments that both sides allow.
            0 if len > u32::from(self.receive.mss) => u32::from(mss.min(self.send.mss)),
            0 => len,
            piece => u32::from(piece).min(len),
        };
        if self.ack.measure(piece, mss, options, flags)
            && self.receive.window.learn(len, cost::of_packet(arrival.packet))
            && let Some(autotune) = &mut self.autotune
        {
            autotune.bound(self.receive.window.clamp());
        }
    }

    /// In-order data was queued: the window may grow, or shrinks to a few segments under pressure.
    pub(super) fn move_window(&mut self, arrival: &Arrival, len: u32, knobs: &Knobs) {
        if self.memory != MemoryLevel::Plenty {
            let mss = self.advertised_mss();
            self.receive.window.tighten(WINDOW_SEGMENTS * u32::from(mss));
        } else {
            let queued = self.queued(arrival, len, knobs);
            if self.receive.window.on_data(queued) {
                self.ack.hurry();
            }
        }
    }

    /// Octets were kept out of order: they widen the window, too, where SACK tells the peer of them.
    pub(super) fn widen(&mut self, arrival: &Arrival, len: u32, knobs: &Knobs) {
        if self.sack && self.memory == MemoryLevel::Plenty {
            let queued = self.queued(arrival, len, knobs);
            if self.receive.window.grow(queued) {
                self.ack.hurry();
            }
        }
    }

    fn queued(&self, arrival: &Arrival, len: u32, knobs: &Knobs) -> Queued {
        Queued {
            len,
            cost: cost::of_packet(arrival.packet),
            charged: self.receive_charge(),
            mss: self.advertised_mss(),
            segment: self.ack.segment(),
            rcvbuf_max: knobs.tcp_rmem[2],
        }
    }

    /// True when Linux would take the segment without a look at its buffer: nothing but octets in order, for which memory is
    /// scheduled already (its header prediction).
    pub(super) fn takes_fast_path(&self, arrival: &Arrival) -> bool {
        let flags = arrival.header.flags;
        let plain = flags.without(Flags::PSH).without(Flags::ECE).without(Flags::CWR) == Flags::ACK;
        self.state == State::Established
            && self.receive.predicted
            && plain
            && arrival.header.seq == self.receive.nxt
            && !self.holds_out_of_order()
            && cost::of_packet(arrival.packet) <= u32::from(self.receive.spare)
    }

    /// A segment was taken on the slow path: the next one need not.
    pub(super) fn predict(&mut self) {
        self.receive.predicted = !self.holds_out_of_order()
            && self.receive.window.advertised()[0] > 0
            && self.receive_charge() < self.receive.window.rcvbuf()
            && self.incoming.as_ref().is_none_or(|incoming| incoming.urgent_mark.is_none());
    }

    /// True when a segment that begins at `seq` may be kept (tcp_try_rmem_schedule): the buffer is not over-full, or can be
    /// made so. Otherwise what waits beyond `seq` has gone already.
    pub(super) fn has_memory(&mut self, seq: Seq, turn: &mut Turn) -> bool {
        let exhausted = self.memory == MemoryLevel::Exhausted;
        if self.fits() && (!exhausted || self.receive_charge() == 0) {
            return true;
        }
        self.prune(seq, turn) && (!exhausted || self.drop_out_of_order_after(seq, turn))
    }

    /// Linux looks at what is charged before a packet comes, not at what it will be with it.
    fn fits(&self) -> bool {
        self.receive_charge() <= self.receive.window.rcvbuf()
    }

    /// tcp_prune_queue: first offer less, then copy together, then drop what is out of order.
    fn prune(&mut self, seq: Seq, turn: &mut Turn) -> bool {
        turn.out.count(Counter::PruneCalled);
        let mss = self.advertised_mss();
        if self.receive_charge() >= self.receive.window.rcvbuf() {
            self.clamp_window(turn.knobs);
        } else if self.memory != MemoryLevel::Plenty {
            self.receive.window.tighten(WINDOW_SEGMENTS * u32::from(mss));
        }
        if self.fits() {
            return true;
        }
        self.collapse(turn);
        if self.fits() {
            return true;
        }
        self.drop_out_of_order_after(seq, turn);
        if !self.fits() {
            turn.out.count(Counter::RcvPruned);
        }
        self.fits()
    }

    /// The buffer may still grow to what is in use; beyond it two segments are offered.
    fn clamp_window(&mut self, knobs: &Knobs) {
        self.ack.leave_quick_mode();
        let (charge, most) = (self.receive_charge(), knobs.tcp_rmem[2]);
        let free = self.options_ref().rcvbuf.is_none() && self.memory == MemoryLevel::Plenty;
        if free && self.receive.window.rcvbuf() < most {
            self.receive.window.set_rcvbuf(charge.min(most));
        }
        if charge > self.receive.window.rcvbuf() {
            let mss = self.advertised_mss();
            self.receive.window.restrain(mss);
        }
    }

    fn collapse(&mut self, turn: &mut Turn) {
        let read = self.read_up_to();
        let (part, rcvbuf) = (self.receive.window.part(), self.receive.window.rcvbuf());
        let before = self.receive_charge();
        let Some(incoming) = &mut self.incoming else { return };
        let gone = incoming.reassembly.collapse(part, rcvbuf) + incoming.costs.collapse(read, part);
        turn.out.counters.add(Counter::RcvCollapsed, u64::from(gone));
        let after = self.receive_charge();
        self.receive.give_back(before.saturating_sub(after));
    }

    /// True when there was any. When nobody has memory, all of it goes.
    fn drop_out_of_order_after(&mut self, seq: Seq, turn: &mut Turn) -> bool {
        let (rcvbuf, before) = (self.receive.window.rcvbuf(), self.receive_charge());
        let exhausted = self.memory == MemoryLevel::Exhausted;
        let Some(incoming) = &mut self.incoming else { return false };
        let in_order = incoming.costs.charged();
        let enough = |charged| !exhausted && in_order + charged <= rcvbuf;
        let pruned = incoming.reassembly.prune(seq, rcvbuf, enough, turn.out);
        // A FIN that waited there is gone with it.
        let end = incoming.reassembly.end();
        incoming.fin = incoming.fin.filter(|fin| end.is_some_and(|end| fin.lt(end)));
        let after = self.receive_charge();
        self.receive.give_back(before.saturating_sub(after));
        pruned
    }
}
