//! The search for the path's MTU in a connection (RFC 4821, Linux's `tcp_mtu_probing`): when a probe leaves, what its
//! acknowledgment and its loss mean, and when timeouts look like a black hole. The search itself is [`PathSearch`].

use super::header::TIMESTAMPS_LEN;
use super::path_search::{Next, PathSearch, Prospect};
use super::timeouts::backoff_sum;
use super::transmit::Forced;
use super::{Connection, Turn};
use crate::send::RecoveryState;
use crate::{Instant, Knobs, Segment, Seq};
use lastack_observe::Counter;

/// What Linux adds to a segment's payload to have the packet's: headers of IPv4 and TCP.
const HEADERS: u64 = 40;

impl Connection {
    /// Begins the search, when knobs want one. A client looks from below at once; a server's segments are as large as its
    /// route says until a probe has told more (Linux tcp_init_transfer).
    pub(super) fn begin_path_search(&mut self, knobs: &Knobs, now: Instant) {
        let Some(search) = PathSearch::new(self.send.mss, self.segment_options(), knobs, now) else { return };
        self.path_search = Some(Box::new(search));
        if self.opened {
            self.resize_segments(knobs);
        }
    }

    /// Octets of options in an ordinary segment.
    fn segment_options(&self) -> u16 {
        if self.timestamps { TIMESTAMPS_LEN } else { 0 }
    }

    /// The size of segments follows the search.
    fn resize_segments(&mut self, knobs: &Knobs) {
        if let Some(search) = &mut self.path_search {
            self.send.mss = search.bound(knobs);
        }
    }

    /// What the route takes, as far as it was told.
    pub(super) fn path_mss(&self) -> u16 {
        self.path_search.as_ref().map_or(self.send.mss, |search| search.path())
    }

    /// The route takes payloads of `mss` octets now.
    pub(super) fn bound_path(&mut self, mss: u16) {
        self.send.mss = match &mut self.path_search {
            Some(search) => search.shrink(mss),
            None => mss,
        };
    }

    /// Before each transmission: a search that ended long ago begins anew.
    pub(super) fn renew_path_search(&mut self, knobs: &Knobs, now: Instant) {
        let used = self.effective_mss().saturating_add(self.segment_options());
        if let Some(search) = &mut self.path_search {
            search.renew(used, knobs, now);
        }
    }

    /// Whether the next new octets go as a probe.
    pub(super) fn plan_path_probe(&self) -> Next {
        let Some(search) = &self.path_search else { return Next::Ordinary };
        let usual = search.usual_reordering();
        let (open, reordered, in_flight) = match &self.outgoing {
            Some(outgoing) => (
                outgoing.recovery.state() == RecoveryState::Open,
                outgoing.recovery.reordering(usual).0,
                outgoing.recovery.in_flight(),
            ),
            None => (true, usual, 0),
        };
        search.next(&Prospect {
            unsent: self.send.unsent(),
            window: self.send.window,
            usable: self.send.usable(),
            segment: u32::from(self.effective_mss()),
            options: self.segment_options(),
            segments_reordered: reordered,
            segments_in_flight: in_flight,
            cwnd: self.congestion.cwnd(),
            quiet: open && !self.holds_out_of_order(),
        })
    }

    /// Sends the next `len` octets as one segment, whatever the others may be.
    pub(super) fn send_path_probe(&mut self, len: u32, turn: &mut Turn) -> Segment {
        let (start, options) = (self.send.nxt, self.segment_options());
        self.forced = Forced::PathProbe;
        let segment = self.send_new(len, false, start + len, turn);
        // It is as large as two.
        let cwnd = self.congestion.cwnd();
        self.congestion.set_cwnd(cwnd.saturating_sub(1).max(1));
        if let Some(search) = &mut self.path_search {
            search.on_sent(start, start + len, options);
        }
        segment
    }

    /// Everything before `ack` arrived: perhaps the probe, too. Then segments grow, and the congestion window, which counts
    /// them, shrinks (RFC 4821 section 7.6.1; Linux tcp_mtup_probe_success).
    pub(super) fn judge_path_probe(&mut self, ack: Seq, turn: &mut Turn) {
        let before = u64::from(self.effective_mss()) + u64::from(self.segment_options()) + HEADERS;
        let Some(size) = self.path_search.as_mut().and_then(|search| search.on_ack(ack)) else { return };
        let octets = u64::from(self.congestion.cwnd()) * before;
        let segments = octets / (u64::from(size) + HEADERS);
        self.congestion.set_cwnd(u32::try_from(segments).unwrap_or(u32::MAX).max(1));
        self.resize_segments(turn.knobs);
        turn.out.count(Counter::MtupSuccess);
    }

    /// Where the probe in flight begins.
    pub(super) fn path_probe_at(&self) -> Option<Seq> {
        self.path_search.as_ref().and_then(|search| search.probe_at())
    }

    /// The probe alone was lost.
    pub(super) fn path_probe_was_lost(&mut self, turn: &mut Turn) {
        if let Some(search) = &mut self.path_search {
            search.on_lost();
            turn.out.count(Counter::MtupFail);
        }
    }

    /// Something is sent again: a probe in flight tells nothing any more.
    pub(super) fn spoil_path_probe(&mut self) {
        if let Some(search) = &mut self.path_search {
            search.on_retransmission();
        }
    }

    /// A timeout after others: as many as make Linux doubt the path (`tcp_retries1`) may come of segments that are too
    /// large (RFC 4821 section 7.7; Linux tcp_mtu_probing).
    pub(super) fn doubt_path(&mut self, turn: &mut Turn) {
        if self.path_search.is_none() || self.retries.timeouts == 0 {
            return;
        }
        let elapsed = self.ticked(turn.now.since(self.retries.since), turn.knobs);
        if elapsed < backoff_sum(turn.knobs.tcp_retries1, turn.knobs) {
            return;
        }
        let options = self.segment_options();
        if let Some(search) = &mut self.path_search {
            search.on_black_hole(options, turn.knobs, turn.now);
        }
        self.resize_segments(turn.knobs);
    }
}
