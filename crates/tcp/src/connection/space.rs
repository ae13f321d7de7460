//! The two sequence spaces of a connection (RFC 9293 section 3.3.1), and what every call carries.

use super::{Established, FirstAck};
use crate::receive::ReceiveWindow;
use crate::{Instant, Knobs, Output, Seq};

/// What every entry point hands down: the knobs, the time, and where replies, counters and events go.
pub(super) struct Turn<'a> {
    pub(super) knobs: &'a Knobs,
    pub(super) now: Instant,
    pub(super) out: &'a mut Output,
}

/// The send sequence space.
#[derive(Debug)]
pub(super) struct SendSpace {
    /// SND.UNA.
    pub(super) una: Seq,
    /// SND.NXT.
    pub(super) nxt: Seq,
    /// The number after all that is queued, our FIN included.
    pub(super) end: Seq,
    /// SND.WND in octets.
    pub(super) window: u32,
    /// The largest window the peer ever offered.
    pub(super) window_max: u32,
    /// SND.WL1. There is no SND.WL2: a segment that passes the fifth check never acknowledges less than SND.UNA.
    pub(super) wl1: Seq,
    /// The end of the last segment that was smaller than the MSS (Minshall's Nagle).
    pub(super) small_end: Seq,
    /// Octets acknowledged since the connection began, saturating.
    pub(super) acked: u32,
    /// Segments acknowledged, the SYN too; each acknowledgment counted as full ones, the last may be short.
    pub(super) delivered: u32,
    /// Largest payload the peer and the path take, before options.
    pub(super) mss: u16,
    /// What the path takes, as an ICMP error said; zero before one did.
    pub(super) shrunk: u16,
    /// The peer's shift.
    pub(super) scale: u8,
}

impl SendSpace {
    /// After the handshake: our SYN is acknowledged.
    pub(super) fn new(seed: &Established) -> SendSpace {
        let una = seed.iss + 1;
        SendSpace {
            una,
            nxt: una,
            end: una,
            window: seed.send_window,
            window_max: seed.send_window,
            // The third segment gave the window of a passive open, the peer's SYN that of an active one.
            wl1: if seed.first_ack == FirstAck::NotOwed { seed.irs + 1 } else { seed.irs },
            small_end: una,
            acked: 0,
            delivered: 1,
            mss: seed.send_mss,
            shrunk: 0,
            scale: seed.window_scale.map_or(0, |(peer, _)| peer),
        }
    }

    /// The first number that the peer did not permit.
    pub(super) fn edge(&self) -> Seq {
        self.una + self.window
    }

    /// Octets that the peer permits beyond SND.NXT.
    pub(super) fn usable(&self) -> u32 {
        self.edge().since(self.nxt).max(0) as u32
    }

    /// True when the peer's window takes what waits, or a full segment of it.
    pub(super) fn usable_for(&self, mss: u32) -> bool {
        self.unsent() > 0 && self.usable() >= self.unsent().min(mss)
    }

    /// Numbers sent and not acknowledged.
    pub(super) fn in_flight(&self) -> u32 {
        self.una.distance_to(self.nxt)
    }

    /// Numbers queued and not sent.
    pub(super) fn unsent(&self) -> u32 {
        self.nxt.distance_to(self.end)
    }
}

/// The receive sequence space.
#[derive(Debug)]
pub(super) struct ReceiveSpace {
    /// RCV.NXT.
    pub(super) nxt: Seq,
    /// RCV.WND and what stands behind it.
    pub(super) window: ReceiveWindow,
    /// The MSS that we advertised.
    pub(super) mss: u16,
    /// Octets moved out to the application's cell and not read there.
    pub(super) handed: u32,
    /// Memory that was scheduled, in pages, and is not charged (Linux sk_forward_alloc).
    pub(super) spare: u16,
    /// The next segment may take the fast path (Linux's header prediction).
    pub(super) predicted: bool,
    /// An application holds the socket, or did: it was accepted, or opened by connect().
    pub(super) accepted: bool,
}

/// Memory is scheduled by pages.
const PAGE: u32 = 4096;

impl ReceiveSpace {
    /// Octets that the peer may still send.
    pub(super) fn usable(&self) -> u32 {
        self.window.available(self.nxt)
    }

    /// Memory for a packet is scheduled; [`ReceiveSpace::charge`] takes it.
    pub(super) fn schedule(&mut self, cost: u32) {
        let spare = u32::from(self.spare);
        self.spare =
            (spare + cost.saturating_sub(spare).next_multiple_of(PAGE)).min(u32::from(u16::MAX)) as u16;
    }

    /// A packet was queued; it joined another for nothing, or took memory.
    pub(super) fn charge(&mut self, cost: u32, joined: bool) {
        if !joined {
            self.spare = u32::from(self.spare).saturating_sub(cost) as u16;
        }
    }

    /// Memory of packets came back; whole pages are given up.
    pub(super) fn give_back(&mut self, freed: u32) {
        self.spare = ((u32::from(self.spare) + freed) % PAGE) as u16;
    }

    /// Octets received in order since our last acknowledgment.
    pub(super) fn unacknowledged(&self) -> u32 {
        self.window.acked().distance_to(self.nxt)
    }
}
