//! The octets from SEND.UNA on: sent and unacknowledged ones, and those that wait (RFC 9293 section 3.10.2).
//!
//! Numbers data octets only: SYN and FIN are the connection's.

use crate::chunk::ChunkQueue;
use bytes::Bytes;
use lastack_wire::{Payload, Seq};
use std::collections::VecDeque;

/// Ends of writes remembered; when there are more, the oldest lose their PSH, which asks for nothing that must be.
const PUSHES_MAX: usize = 64;

/// What the application wrote and the peer has not acknowledged.
#[derive(Debug)]
pub(crate) struct SendBuffer {
    octets: ChunkQueue,
    /// Number of the first octet.
    start: Seq,
    /// The number after the last urgent octet.
    urgent: Option<Seq>,
    /// Where writes ended: the segment that ends there has PSH, however often it is sent.
    pushes: VecDeque<Seq>,
}

impl SendBuffer {
    /// An empty buffer whose first octet will have the number `start`.
    pub(crate) fn new(start: Seq) -> SendBuffer {
        SendBuffer { octets: ChunkQueue::new(), start, urgent: None, pushes: VecDeque::new() }
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

    /// The write ends here, and no other follows at once (RFC 9293 section 3.9.1.2: PUSH; not after MSG_MORE).
    pub(crate) fn mark_push(&mut self) {
        if self.pushes.back() == Some(&self.end()) || self.octets.is_empty() {
            return;
        }
        if self.pushes.len() == PUSHES_MAX {
            self.pushes.pop_front();
        }
        self.pushes.push_back(self.end());
    }

    /// True when a write ended before this number.
    pub(crate) fn is_pushed(&self, end: Seq) -> bool {
        self.pushes
            .binary_search_by_key(&self.start.distance_to(end), |push| self.start.distance_to(*push))
            .is_ok()
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
        while self.pushes.front().is_some_and(|push| push.le(self.start)) {
            self.pushes.pop_front();
        }
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
