//! What was received and not taken out yet, and what came out of order; boxed while there is any.
//!
//! The urgent octet leaves the stream here, unless the application wants it inline (RFC 6093, SO_OOBINLINE).

use super::{Connection, Turn};
use crate::chunk::ChunkQueue;
use crate::clock::tsval;
use crate::memory::MemoryLevel;
use crate::receive::{Autotune, Ledger, Reassembly};
use crate::{Arrival, Seq};
use bytes::Bytes;

/// Segments that Linux expects at first (TCP_INIT_CWND).
const FIRST_FLIGHT: u32 = 10;

/// Duplicate acknowledgments that make a sender repeat (RFC 5681 section 3.2).
const DUPLICATES: u8 = 3;

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
    /// What the packets in order cost, with those that were handed out and not read.
    pub(super) costs: Ledger,
    /// Out of order.
    pub(super) reassembly: Reassembly,
    /// RCV.NXT when an acknowledgment of a segment out of order last left at once, and how many did at that number.
    pub(super) told: Told,
    /// Number of the urgent octet that the peer announced and that was not taken yet.
    pub(super) urgent_mark: Option<Seq>,
    /// The urgent octet, once it arrived in order and until the caller took it.
    pub(super) urgent: Option<Urgent>,
    /// The number of a FIN that arrived before something in front of it.
    pub(super) fin: Option<Seq>,
    /// FINs that came after the first: each took a number, and nobody reads them.
    pub(super) fins_again: u32,
}

/// See [`Incoming`].
#[derive(Debug, Default)]
pub(super) struct Told {
    nxt: Option<Seq>,
    times: u8,
}

impl Told {
    /// True for the first three acknowledgments with this number: a sender without SACK's help repeats after them.
    pub(super) fn is_early(&mut self, nxt: Seq) -> bool {
        if self.nxt != Some(nxt) {
            *self = Told { nxt: Some(nxt), times: 0 };
        }
        self.times += u8::from(self.times <= DUPLICATES);
        self.times <= DUPLICATES
    }
}

impl Incoming {
    fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.costs.is_empty()
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

    /// Memory that the receive side is charged with (Linux sk_rmem_alloc).
    pub(super) fn receive_charge(&self) -> u32 {
        self.incoming.as_ref().map_or(0, |incoming| incoming.costs.charged() + incoming.reassembly.charged())
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

    /// A queue of in-order octets from the reassembly, and what they cost. Says how many packets joined another.
    pub(super) fn deliver_queue(&mut self, mut queue: ChunkQueue, costs: Ledger) -> u32 {
        let (from, end) = (self.receive.nxt, self.receive.nxt + queue.len());
        let incoming = self.incoming();
        let joined = incoming.costs.take_over(costs);
        if incoming.urgent_mark.is_some_and(|mark| mark.ge(from) && mark.lt(end)) {
            while let Some(chunk) = queue.pop() {
                self.deliver(chunk.bytes, chunk.pinned);
            }
            return joined;
        }
        incoming.ready.append(queue);
        self.receive.nxt = end;
        joined
    }

    /// The number of the first octet that the application has not read.
    pub(super) fn read_up_to(&self) -> Seq {
        self.receive.nxt - u32::from(self.peer_finished) - self.unread_octets()
    }

    /// The application has read: memory of packets that were read to their end comes back.
    pub(super) fn release_read(&mut self) {
        let read = self.read_up_to();
        let Some(incoming) = &mut self.incoming else { return };
        let before = incoming.costs.charged();
        incoming.costs.release(read);
        let freed = before - incoming.costs.charged();
        self.receive.give_back(freed);
        self.release_incoming();
    }

    /// In-order data arrived, `before` octets had come already: what a bulk transfer delivers in a round trip is measured, so
    /// that its window is not what limits it.
    pub(super) fn measure_arrival(&mut self, len: u32, before: Seq, arrival: &Arrival, turn: &Turn) {
        let full = len >= u32::from(self.ack.segment());
        if self.autotune.is_none() && !full {
            return;
        }
        let clock = tsval(turn.now, self.ts_offset);
        let echoed = arrival.header.options.timestamps.filter(|_| self.timestamps && full);
        let drained = before == self.read_up_to();
        let (nxt, window) = (self.receive.nxt, self.receive.window.advertised()[0]);
        let echoed = echoed.map(|echoed| (clock, echoed.echo));
        self.autotune_mut().on_data(nxt, window, echoed, drained, turn.now);
    }

    fn autotune_mut(&mut self) -> &mut Autotune {
        let received = self.tally.as_ref().map_or(0, |tally| tally.octets_received) as u32;
        let first = self.receive.nxt - received;
        let expected = self.expected_space();
        self.autotune.get_or_insert_with(|| Box::new(Autotune::new(first, expected)))
    }

    /// What Linux expects in a round trip before it has measured one (tcp_init_buffer_space).
    pub(super) fn expected_space(&self) -> u32 {
        let [window, threshold] = self.receive.window.advertised();
        window.min(threshold).min(FIRST_FLIGHT * u32::from(self.advertised_mss())).max(1)
    }

    /// The application read something: the receive buffer may grow (`tcp_moderate_rcvbuf`).
    pub(super) fn measure_reading(&mut self, turn: &Turn) {
        let (read, nxt) = (self.read_up_to(), self.receive.nxt);
        let Some(autotune) = &mut self.autotune else { return };
        let Some(copied) = autotune.on_read(read, nxt, turn.now) else { return };
        self.grow_buffer(Some(copied), turn);
    }

    /// The buffer grows to what a round trip delivered, `copied` octets or what the best one did (Linux tcp_rcvbuf_grow).
    pub(super) fn grow_buffer(&mut self, copied: Option<u32>, turn: &Turn) {
        let nxt = self.receive.nxt;
        let beyond = self.incoming.as_ref().and_then(|incoming| incoming.reassembly.end());
        let out_of_order = beyond.map_or(0, |end| nxt.distance_to(end));
        let window = self.autotune_mut().wanted(copied, out_of_order);
        let fixed = self.options_ref().rcvbuf.is_some() || !turn.knobs.tcp_moderate_rcvbuf;
        if fixed || self.memory != MemoryLevel::Plenty {
            return;
        }
        let wanted = self.receive.window.memory_for(window).min(u64::from(turn.knobs.tcp_rmem[2])) as u32;
        if wanted > self.receive.window.rcvbuf() {
            self.receive.window.grow_rcvbuf(wanted);
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
