//! Packets: how many segments Linux would hand to the device as one (tcp_write_xmit, TSO autosizing). The last segment of one
//! with several carries PSH, and Nagle judges a packet and not each of its segments.
//!
//! Where the device cuts, a packet is one super-segment; where it does not, its segments leave one by one all the same, and
//! only the flag tells that they belong together. PSH lets a receiver that joins segments (GRO) stop waiting.

use super::header::SMALL_WINDOW;
use super::transmit::Forced;
use super::{Connection, Outgoing};
use crate::send::Leave;
use crate::{Knobs, Seq};

/// Octets of the largest packet: 64 KiB less the room that Linux keeps for headers.
const PACKET_MAX: u64 = 65_215;
/// A packet is what goes out in a millisecond: the rate shifted by this (Linux's sk_pacing_shift), and on a short way more
/// (tcp_tso_rtt_log).
const RATE_SHIFT: u32 = 10;

/// New octets that leave together, and the FIN behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) len: u32,
    pub(super) fin: bool,
}

impl Outgoing {
    /// Octets of the packet that is under way: its first segments left.
    pub(super) fn packet_left(&self, nxt: Seq) -> u32 {
        if self.packet_start.lt(nxt) && self.packet_end.gt(nxt) {
            nxt.distance_to(self.packet_end)
        } else {
            0
        }
    }

    /// True when the segment that ends here is the last of its packet and carries PSH.
    pub(super) fn ends_pushed(&self, end: Seq, mss: u32) -> bool {
        let several = self.packet_start.distance_to(self.packet_end) > mss;
        end == self.packet_end && (several || self.buffer.is_pushed(self.packet_start, end))
    }
}

impl Connection {
    /// What was written since the last transmission is cut into pieces. Before [`Connection::packet`].
    pub(super) fn lay_out(&mut self, knobs: &Knobs) {
        if !self.is_behind() {
            return;
        }
        let mss = u32::from(self.effective_mss().max(1));
        let room = self.room_segments(mss).min(self.send.usable() / mss);
        let packet = self.quota(mss, self.burst_goal(mss, knobs));
        let goal = self.send_goal() as u32;
        let half = self.send.window_max / 2;
        let leave = Leave { nxt: self.send.nxt, mss, goal, half, room, packet };
        self.outgoing().buffer.lay_out(leave);
    }

    /// True when something was written and not laid out.
    pub(super) fn is_behind(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.buffer.is_behind())
    }

    /// The packet that may leave now, of `most` segments at most. It says nothing of whether it is worth waiting for more.
    pub(super) fn packet(&self, most: u32) -> Option<Packet> {
        let unsent = self.send.unsent();
        if unsent == 0 {
            return None;
        }
        let octets = unsent - u32::from(self.fin_queued);
        let (window, mss) = (self.send.usable(), u32::from(self.effective_mss()));
        if self.forced != Forced::No {
            let len = octets.min(window).min(mss);
            let fin = self.fin_queued && len == octets && window > len;
            return (len > 0 || fin).then_some(Packet { len, fin });
        }
        // Silly window avoidance: a full segment or all there is, or nothing (the probe timer ends the wait).
        if window < octets.min(mss) || window == 0 || self.room_segments(mss) == 0 {
            return None;
        }
        let most = self.quota(mss, most).saturating_mul(mss);
        let record = self.record_left(most).filter(|left| *left < octets);
        let piece = record.unwrap_or(octets);
        let len = if piece <= mss {
            let holds = record.is_none() && self.nagle_holds_tail(piece < mss);
            if holds { 0 } else { piece }
        } else {
            self.split(piece.min(window), most, mss, record.is_some() && most <= window)
        };
        // The FIN is part of the last packet: a lone segment goes with it or not at all, and one more may end a number beyond
        // the window (Linux tcp_snd_wnd_test, tcp_mss_split_point; measured).
        let last = self.fin_queued && len == octets;
        if last && len <= mss && window <= len {
            return None;
        }
        (len > 0 || last).then_some(Packet { len, fin: last })
    }

    /// Where a packet of several segments ends (tcp_mss_split_point): its small tail goes with it when Nagle lets it.
    fn split(&self, needed: u32, most: u32, mss: u32, record: bool) -> u32 {
        if most <= needed {
            return most;
        }
        let partial = needed % mss;
        if !record && self.nagle_holds_tail(partial != 0) { needed - partial } else { needed }
    }

    /// Segments of the next packet at most: half of the window at once, so that acknowledgments keep coming.
    fn quota(&self, mss: u32, most: u32) -> u32 {
        self.room_segments(mss).min((self.congestion.cwnd() / 2).max(1)).min(most).max(1)
    }

    /// Segments that the congestion window lets out.
    fn room_segments(&self, mss: u32) -> u32 {
        self.congestion_room(mss).div_ceil(mss)
    }

    fn record_left(&self, most: u32) -> Option<u32> {
        self.outgoing.as_ref()?.buffer.record_left(self.send.nxt, most)
    }

    /// Octets of the largest packet in the send buffer: half of the peer's window, if that is large enough to be halved.
    pub(super) fn packet_max(&self) -> u32 {
        let window = self.send.window_max;
        (if window > SMALL_WINDOW { window / 2 } else { window }).min(PACKET_MAX as u32)
    }

    /// Segments that leave in about a millisecond.
    pub(super) fn burst_goal(&self, mss: u32, knobs: &Knobs) -> u32 {
        let least = self.rtt.least().map_or(0, |least| least.as_micros() as u64);
        let halvings = least.checked_shr(u32::from(knobs.tcp_tso_rtt_log)).unwrap_or(0);
        let short_way = if halvings < 32 { PACKET_MAX >> halvings } else { 0 };
        let octets = (self.pacing_rate(mss, knobs) >> RATE_SHIFT).saturating_add(short_way).min(PACKET_MAX);
        ((octets / u64::from(mss)) as u32).max(u32::from(knobs.tcp_min_tso_segs))
    }
}
