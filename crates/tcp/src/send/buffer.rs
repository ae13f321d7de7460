//! The octets from SEND.UNA on: sent and unacknowledged ones, and those that wait (RFC 9293 section 3.10.2).
//!
//! Numbers data octets only: SYN and FIN are the connection's.

use super::pieces::{Leave, Pieces};
use crate::chunk::ChunkQueue;
use bytes::Bytes;
use lastack_wire::{Payload, Seq};

/// What the application wrote and the peer has not acknowledged.
#[derive(Debug)]
pub(crate) struct SendBuffer {
    octets: ChunkQueue,
    /// Number of the first octet.
    start: Seq,
    /// The number after the last urgent octet.
    urgent: Option<Seq>,
    /// How they are cut into packets.
    pieces: Pieces,
}

impl SendBuffer {
    /// An empty buffer whose first octet will have the number `start`.
    pub(crate) fn new(start: Seq) -> SendBuffer {
        SendBuffer { octets: ChunkQueue::new(), start, urgent: None, pieces: Pieces::new(start) }
    }

    /// Octets of memory charged.
    pub(crate) fn pinned(&self) -> usize {
        self.octets.pinned()
    }

    /// The number after the last octet: where a FIN would go.
    pub(crate) fn end(&self) -> Seq {
        self.start + self.octets.len()
    }

    /// Appends what the application wrote.
    pub(crate) fn push(&mut self, octets: Bytes) {
        let pinned = octets.len();
        self.octets.push(octets, pinned);
    }

    /// The call ends here. `push`: no other follows at once (RFC 9293 section 3.9.1.2: PUSH; not after MSG_MORE). `record`:
    /// nothing is to leave together with what follows (MSG_EOR).
    pub(crate) fn end_call(&mut self, push: bool, record: bool) {
        if !self.octets.is_empty() {
            self.pieces.end_call(self.end(), push, record);
        }
    }

    /// True when octets were not cut into pieces yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.pieces.is_behind(self.end())
    }

    /// Cuts them.
    pub(crate) fn lay_out(&mut self, leave: Leave) {
        self.pieces.lay_out(self.end(), leave);
    }

    /// True when a packet of `[seq, end)` carries PSH.
    pub(crate) fn is_pushed(&self, seq: Seq, end: Seq) -> bool {
        self.pieces.is_pushed(seq, end)
    }

    /// True when a record ends at `end`.
    pub(crate) fn ends_record(&self, end: Seq) -> bool {
        self.pieces.ends_record(end)
    }

    /// Octets from `seq` to the end of a record, when one ends within `most`.
    pub(crate) fn record_left(&self, seq: Seq, most: u32) -> Option<u32> {
        self.pieces.record_left(seq, most)
    }

    /// Appends octets whose last one is urgent.
    pub(crate) fn push_urgent(&mut self, octets: Bytes) {
        self.push(octets);
        self.urgent = Some(self.end());
    }

    /// SND.UP: the number after the last urgent octet. RFC 9293 section 3.8.5 wants the octet itself; Linux, like
    /// everybody, points behind it (RFC 6093 section 2.1), and so do we.
    pub(crate) fn urgent(&self) -> Option<Seq> {
        self.urgent
    }

    /// Frees the octets before `ack` and says how many they were. A FIN's number, one past the end, is harmless.
    pub(crate) fn ack(&mut self, ack: Seq) -> u32 {
        if ack.le(self.start) {
            return 0;
        }
        let freed = self.start.distance_to(ack).min(self.octets.len());
        self.octets.advance(freed);
        self.start += freed;
        self.pieces.forget(self.start);
        if self.urgent.is_some_and(|urgent| urgent.le(ack)) {
            self.urgent = None;
        }
        freed
    }

    /// Up to `len` octets from number `seq` on. Empty outside of the buffer.
    pub(crate) fn range(&self, seq: Seq, len: u32) -> Payload {
        debug_assert!(seq.ge(self.start), "octets before send.una are gone");
        self.octets.range(self.start.distance_to(seq), len)
    }
}

#[cfg(test)]
mod tests;
