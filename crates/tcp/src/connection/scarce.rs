//! What a connection does when memory is short (`tcp_mem`; Linux tcp_try_rmem_schedule, tcp_prune_queue, tcp_grow_window).

use super::{Connection, Turn};
use crate::memory::{MemoryLevel, WINDOW_SEGMENTS};
use lastack_observe::Counter;

impl Connection {
    /// In-order data was queued: the window may grow, or shrinks to a few segments under pressure.
    pub(super) fn move_window(&mut self, len: u32, pinned: usize, rcvbuf_max: u32) {
        let (charge, mss) = (self.receive_charge(), self.receive.mss);
        if self.memory == MemoryLevel::Plenty {
            self.receive.window.on_data(len, pinned, charge, mss, rcvbuf_max);
        } else {
            self.receive.window.tighten(WINDOW_SEGMENTS * u32::from(mss));
        }
    }

    /// Octets were kept out of order: they widen the window, too, but tell nothing of the peer's segments.
    pub(super) fn widen(&mut self, len: u32, pinned: usize, rcvbuf_max: u32) {
        let (charge, mss) = (self.receive_charge(), self.receive.mss);
        if self.memory == MemoryLevel::Plenty {
            self.receive.window.grow(len, pinned, charge, mss, rcvbuf_max);
        }
    }

    /// True when octets in order that pin `pinned` may be kept. What waits out of order gives way to them. The first octets
    /// of an empty queue are always kept: the reader must get on (Linux sk_forced_mem_schedule).
    pub(super) fn has_memory_in_order(&mut self, pinned: usize, turn: &mut Turn) -> bool {
        if self.memory != MemoryLevel::Exhausted || self.unread_octets() == 0 {
            return true;
        }
        if self.prune(turn) {
            return true;
        }
        let rcvbuf = self.receive.window.rcvbuf() as usize;
        if self.receive_charge() + pinned > rcvbuf {
            turn.out.count(Counter::RcvPruned);
        }
        turn.out.count(Counter::RcvQDrop);
        false
    }

    /// Memory that what waits out of order may pin, of `room` octets: when there is none, only in place of what lies
    /// further away.
    pub(super) fn room_out_of_order(&mut self, room: usize, turn: &mut Turn) -> usize {
        if self.memory != MemoryLevel::Exhausted {
            return room;
        }
        turn.out.count(Counter::PruneCalled);
        room.min(self.incoming().reassembly.pinned())
    }

    /// Gives up what waits out of order; the peer still has it. True when there was any.
    fn prune(&mut self, turn: &mut Turn) -> bool {
        turn.out.count(Counter::PruneCalled);
        self.receive.window.tighten(WINDOW_SEGMENTS * u32::from(self.receive.mss));
        let held = self.holds_out_of_order();
        if held && let Some(incoming) = &mut self.incoming {
            incoming.reassembly.clear(turn.out);
        }
        held
    }
}
