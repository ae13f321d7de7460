//! How much a writer may hand over: Linux's send buffer, which counts memory and not octets, and is made of packets.
//!
//! Octets that wait are in packets of up to `goal` octets; those in flight in smaller ones, as they left. A packet may begin
//! while the memory of all is below SO_SNDBUF, and is filled in any case: so a writer exceeds the limit by up to a packet, and
//! one that writes much fills a packet at a time, between which what may be sent is sent. TCP_NOTSENT_LOWAT bounds what waits
//! in the same way.

use super::cell::Inner;

/// Memory of a packet beside its octets (Linux 6.18 on 64 bits, by SO_MEMINFO).
const PACKET_COST: usize = 832;

/// What the shard knows of the send buffer, as of its last turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendSpace {
    /// SO_SNDBUF as Linux keeps it, or what the buffer has grown to; zero before there is a connection.
    pub(crate) memory: usize,
    /// Octets of a full packet that waits, and of one in flight.
    pub(crate) goal: usize,
    pub(crate) piece: usize,
    /// Octets that the engine has and did not send, and those of them in the last packet.
    pub(crate) unsent: usize,
    pub(crate) tail: usize,
    /// TCP_NOTSENT_LOWAT, or `usize::MAX`.
    pub(crate) low_water: usize,
}

impl SendSpace {
    /// Memory of `flight` octets sent and `waiting` ones.
    fn charge(&self, flight: usize, waiting: usize) -> usize {
        let packets = flight.div_ceil(self.piece.max(1)) + waiting.div_ceil(self.goal.max(1));
        flight + waiting + PACKET_COST * packets
    }

    /// Octets that the last packet, or a new one, may take. `handed`: octets that wait and the engine does not have yet.
    fn room(&self, flight: usize, waiting: usize, handed: usize) -> usize {
        let goal = self.goal.max(1);
        match (self.tail + handed) % goal {
            0 if self.charge(flight, waiting) >= self.memory || waiting >= self.low_water => 0,
            begun => goal - begun,
        }
    }
}

impl Inner {
    /// Octets in flight, and those that wait here or in the engine.
    fn flight_and_waiting(&self) -> (usize, usize) {
        let unsent = self.send_space.unsent.min(self.in_flight);
        (self.in_flight - unsent, self.sending_len + unsent)
    }

    /// Octets that a writer may hand over at once; zero: it must wait.
    pub(crate) fn send_room(&self) -> usize {
        if self.send_space.memory == 0 {
            return 0;
        }
        let (flight, waiting) = self.flight_and_waiting();
        self.send_space.room(flight, waiting, self.sending_len)
    }

    /// True when a writer is told that there is room: a third of the memory is free, and half of the low-water mark.
    pub(crate) fn is_roomy(&self) -> bool {
        let (flight, waiting) = self.flight_and_waiting();
        let charge = self.send_space.charge(flight, waiting);
        self.send_space.memory.saturating_sub(charge) >= (charge / 2).max(1)
            && waiting.saturating_mul(2) < self.send_space.low_water
    }
}

#[cfg(test)]
mod tests;
