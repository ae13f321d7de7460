//! Bursts: how many segments Linux would hand to the device as one (TSO autosizing), for the last of them carries PSH.
//!
//! Where the device cuts, a burst is one super-segment; where it does not, its segments leave one by one all the same, and
//! only the flag tells that they belong together. PSH lets a receiver that joins segments (GRO) stop waiting.

use super::Connection;
use super::header::SMALL_WINDOW;
use crate::Knobs;

/// Octets of the largest burst: 64 KiB less the room that Linux keeps for headers.
const BURST_MAX: u64 = 65_215;
/// A burst is what goes out in a millisecond: the rate shifted by this (Linux's sk_pacing_shift),
/// and on a short way more (tcp_tso_rtt_log).
const RATE_SHIFT: u32 = 10;

impl Connection {
    /// True when new octets `[seq, seq + len)` are the last segment of a burst of several. Called before SND.NXT moves.
    pub(super) fn ends_burst(&mut self, seq: crate::Seq, len: u32, mss: u32, knobs: &Knobs) -> bool {
        if len > mss {
            return true;
        }
        if len < mss {
            // A burst consists of full segments, or ends with the data, which is pushed by itself.
            return false;
        }
        let Some(outgoing) = &self.outgoing else { return false };
        let under_way = outgoing.burst_end.gt(seq);
        if !under_way {
            let burst = self.burst(mss, knobs);
            if let Some(outgoing) = &mut self.outgoing {
                outgoing.burst_end = seq + burst;
            }
            return false;
        }
        outgoing.burst_end == seq + len
    }

    /// Octets of the burst that begins at SND.NXT: whole segments.
    fn burst(&self, mss: u32, knobs: &Knobs) -> u32 {
        let unsent = self.send.unsent() - u32::from(self.fin_queued);
        let room = self.congestion_room(mss).div_ceil(mss);
        // Half of the window at once, so that acknowledgments keep coming; and half of the peer's largest.
        let half = (self.congestion.cwnd() / 2).max(1).min((self.packet_max() / mss).max(1));
        let segments = room.min(half).min(self.burst_goal(mss, knobs));
        let octets = unsent.min(self.send.usable()).min(segments.saturating_mul(mss));
        octets - octets % mss
    }

    /// Octets of the largest packet in the send buffer: half of the peer's window, if that is large enough to be halved.
    pub(super) fn packet_max(&self) -> u32 {
        let window = self.send.window_max;
        (if window > SMALL_WINDOW { window / 2 } else { window }).min(BURST_MAX as u32)
    }

    /// Segments that leave in about a millisecond.
    pub(super) fn burst_goal(&self, mss: u32, knobs: &Knobs) -> u32 {
        let least = self.rtt.least().map_or(0, |least| least.as_micros() as u64);
        let halvings = least.checked_shr(u32::from(knobs.tcp_tso_rtt_log)).unwrap_or(0);
        let short_way = if halvings < 32 { BURST_MAX >> halvings } else { 0 };
        let octets = (self.pacing_rate(mss, knobs) >> RATE_SHIFT).saturating_add(short_way).min(BURST_MAX);
        ((octets / u64::from(mss)) as u32).max(u32::from(knobs.tcp_min_tso_segs))
    }
}
