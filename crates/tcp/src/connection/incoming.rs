//! What was received and not taken out yet, and what came out of order; boxed while there is any.
//!
//! The urgent octet leaves the stream here, unless the application wants it inline (RFC 6093, SO_OOBINLINE).

use super::{Connection, Turn};
use crate::chunk::ChunkQueue;
use crate::clock::tsval;
use crate::memory::MemoryLevel;
use crate::receive::{Autotune, Reassembly};
use crate::{Arrival, Seq};
use bytes::Bytes;

/// An urgent octet that arrived in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Urgent {
    /// The octet.
    pub octet: u8,
    /// It stays in the stream, too (SO_OOBINLINE).
    pub inline: bool,
    /// Octets that [`Connection::take_received`] gives before the place of the urgent one.
    pub ahead: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// In order.
    pub(super) ready: ChunkQueue,
    /// Out of order.
    pub(super) reassembly: Reassembly,
    /// Number of the urgent octet that the peer announced and that was not taken yet.
    pub(super) urgent_mark: Option<Seq>,
    /// The urgent octet, once it arrived in order and until the caller took it.
    pub(super) urgent: Option<Urgent>,
    /// The number of a FIN that arrived before something in front of it.
    pub(super) fin: Option<Seq>,
    /// FINs that came after the first: each took a number, and nobody reads them.
    pub(super) fins_again: u32,
}

impl Incoming {
    fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.reassembly.is_idle()
            && self.urgent_mark.is_none()
            && self.urgent.is_none()
            && self.fin.is_none()
            && self.fins_again == 0
    }
}

impl Connection {
    pub(super) fn incoming(&mut self) -> &mut Incoming {
        self.incoming.get_or_insert_default()
    }

    pub(super) fn release_incoming(&mut self) {
        if self.incoming.as_ref().is_some_and(|incoming| incoming.is_idle()) {
            self.incoming = None;
        }
    }

    /// Octets received in order that the application has not read, here and in its cell.
    pub(super) fn unread_octets(&self) -> u32 {
        self.receive.handed + self.incoming.as_ref().map_or(0, |incoming| incoming.ready.len())
    }

    /// Memory that the receive side keeps alive.
    pub(super) fn receive_charge(&self) -> usize {
        let here = self
            .incoming
            .as_ref()
            .map_or(0, |incoming| incoming.ready.pinned() + incoming.reassembly.pinned());
        self.receive.handed_pinned as usize + here
    }

    /// Octets held out of order.
    pub(super) fn holds_out_of_order(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| !incoming.reassembly.is_empty())
    }

    /// Queues in-order octets for the reader and moves RCV.NXT over them; the urgent octet goes apart.
    pub(super) fn deliver(&mut self, octets: Bytes, pinned: usize) {
        let from = self.receive.nxt;
        self.receive.nxt += octets.len() as u32;
        let (nxt, inline) = (self.receive.nxt, self.options_ref().oobinline);
        let incoming = self.incoming();
        let mark = incoming.urgent_mark.filter(|mark| mark.ge(from) && mark.lt(nxt));
        let Some(mark) = mark else {
            incoming.ready.push(octets, pinned);
            return;
        };
        incoming.urgent_mark = None;
        let at = from.distance_to(mark) as usize;
        let ahead = incoming.ready.len() as usize + at;
        incoming.urgent = Some(Urgent { octet: octets[at], inline, ahead });
        if inline {
            incoming.ready.push(octets, pinned);
            return;
        }
        incoming.ready.push(octets.slice(..at), pinned);
        incoming.ready.push(octets.slice(at + 1..), pinned);
    }

    /// A queue of in-order octets from the reassembly.
    pub(super) fn deliver_queue(&mut self, mut queue: ChunkQueue) {
        let (from, end) = (self.receive.nxt, self.receive.nxt + queue.len());
        let incoming = self.incoming();
        if incoming.urgent_mark.is_some_and(|mark| mark.ge(from) && mark.lt(end)) {
            while let Some(chunk) = queue.pop() {
                self.deliver(chunk.bytes, chunk.pinned);
            }
            return;
        }
        incoming.ready.append(queue);
        self.receive.nxt = end;
    }

    /// Full segments arrive: a bulk transfer, whose window must not be what limits it.
    pub(super) fn measure_arrival(&mut self, len: u32, arrival: &Arrival, turn: &Turn) {
        let (nxt, window, mss) = (self.receive.nxt, self.receive.usable(), self.receive.mss);
        let full = len >= u32::from(mss - mss / 16);
        if self.autotune.is_none() && full && self.options_ref().rcvbuf.is_none() {
            self.autotune = Some(Box::new(Autotune::new(nxt, window, mss, turn.now)));
        }
        let clock = tsval(turn.now, self.ts_offset);
        let echoed = arrival.header.options.timestamps.filter(|_| self.timestamps && full);
        if let Some(autotune) = &mut self.autotune {
            autotune.on_data(nxt, window, echoed.map(|echoed| (clock, echoed.echo)), turn.now);
        }
    }

    /// The application read something: the receive buffer may grow (`tcp_moderate_rcvbuf`).
    pub(super) fn measure_reading(&mut self, turn: &Turn) {
        if self.options_ref().rcvbuf.is_some() || self.memory != MemoryLevel::Plenty {
            return;
        }
        let nxt = self.receive.nxt;
        let read = nxt - self.unread_octets();
        let beyond = self.incoming.as_ref().and_then(|incoming| incoming.reassembly.end());
        let out_of_order = beyond.map_or(0, |end| nxt.distance_to(end));
        let rcvbuf = self.receive.window.rcvbuf();
        let grown = self
            .autotune
            .as_mut()
            .and_then(|autotune| autotune.on_read(read, out_of_order, rcvbuf, turn.knobs, turn.now));
        if let Some(grown) = grown {
            self.receive.window.set_rcvbuf(grown);
        }
    }

    /// Nothing follows a FIN: what waits out of order is given up.
    pub(super) fn forget_out_of_order(&mut self) {
        if let Some(incoming) = &mut self.incoming {
            // Not counted as pruned: there was room for it (Linux, measured).
            incoming.reassembly = Reassembly::default();
            incoming.urgent_mark = None;
            incoming.fin = None;
        }
        self.release_incoming();
    }
}
