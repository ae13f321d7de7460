//! How large segments may be when nobody tells: packetization layer path MTU discovery (RFC 4821) as Linux's
//! `tcp_mtu_probing` does it.
//!
//! A binary search between what gets through and what might: one segment of new data is larger than the others; when it is
//! acknowledged all may be as large, when it alone is lost the search goes on below it, and the loss says nothing of
//! congestion (RFC 4821 section 7.5). With `tcp_mtu_probing = 1` the search begins when timeouts look like a black hole.
//!
//! Sizes are payload without options ("what the MSS option counts"). Pure; sending is `transmit`'s.

use crate::{Instant, Knobs, Seq};
use std::time::Duration;

/// A larger segment in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    size: u16,
    start: Seq,
    end: Seq,
}

/// The search of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathSearch {
    /// Probes are sent, and nothing is larger than `low`.
    enabled: bool,
    low: u16,
    high: u16,
    /// What the peer takes, and what the route is said to take.
    peer_mss: u16,
    path: u16,
    /// `tcp_min_snd_mss`, `tcp_probe_threshold` and `tcp_reordering`, as they were last seen.
    least: u16,
    threshold: i32,
    reordering: u32,
    probe: Option<Probe>,
    /// When the search began, or began anew.
    begun: Instant,
}

/// What the decision to probe looks at. Octets, but for `segments_*` and `cwnd`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect {
    /// Written and never sent.
    pub(super) unsent: u32,
    /// The peer's window, and what is left of it.
    pub(super) window: u32,
    pub(super) usable: u32,
    /// Payload of an ordinary segment, and octets of options in each.
    pub(super) segment: u32,
    pub(super) options: u16,
    /// Segments that may come in another order.
    pub(super) segments_reordered: u32,
    pub(super) segments_in_flight: u32,
    pub(super) cwnd: u32,
    /// No loss is being repaired, and no selective acknowledgment is ours to send.
    pub(super) quiet: bool,
}

/// Whether the next segment is a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An ordinary one.
    Ordinary,
    /// None before an acknowledgment makes room for the probe.
    Wait,
    /// A probe with so many octets.
    Probe(u32),
}

/// Least congestion window of a connection that probes (Linux).
const CWND_MIN: u32 = 11;

impl PathSearch {
    /// The search of a connection whose peer takes `peer_mss`, or `None` when none is wished for.
    pub(super) fn new(peer_mss: u16, options: u16, knobs: &Knobs, now: Instant) -> Option<PathSearch> {
        (knobs.tcp_mtu_probing > 0).then(|| PathSearch {
            enabled: knobs.tcp_mtu_probing > 1,
            low: size(knobs.tcp_base_mss).saturating_add(options),
            high: peer_mss,
            peer_mss,
            path: peer_mss,
            least: knobs.tcp_min_snd_mss,
            threshold: knobs.tcp_probe_threshold,
            reordering: knobs.tcp_reordering,
            probe: None,
            begun: now,
        })
    }

    /// What a segment may be now (Linux tcp_sync_mss).
    pub(super) fn bound(&mut self, knobs: &Knobs) -> u16 {
        self.least = knobs.tcp_min_snd_mss;
        self.shrink(self.path)
    }

    /// The same when the route is said to take `path`.
    pub(super) fn shrink(&mut self, path: u16) -> u16 {
        self.path = path;
        self.high = self.high.min(path);
        let most = if self.enabled { path.min(self.low) } else { path };
        most.max(self.least)
    }

    /// What the route is said to take.
    pub(super) fn path(&self) -> u16 {
        self.path
    }

    /// Whether the next segment is a probe (Linux tcp_mtu_probe).
    pub(super) fn next(&self, prospect: &Prospect) -> Next {
        if !self.enabled || self.probe.is_some() || !prospect.quiet || prospect.cwnd < CWND_MIN {
            return Next::Ordinary;
        }
        if self.is_done() {
            return Next::Ordinary;
        }
        let len = u32::from(self.middle().saturating_sub(prospect.options));
        let needed = len + (prospect.segments_reordered + 1) * prospect.segment;
        if prospect.unsent < needed || prospect.window < needed {
            return Next::Ordinary;
        }
        if prospect.usable < needed {
            return Next::Wait;
        }
        if prospect.segments_in_flight + 2 > prospect.cwnd {
            return if prospect.segments_in_flight == 0 { Next::Ordinary } else { Next::Wait };
        }
        Next::Probe(len)
    }

    /// Segments that may come in another order, where none did yet.
    pub(super) fn usual_reordering(&self) -> u32 {
        self.reordering
    }

    fn middle(&self) -> u16 {
        u16::midpoint(self.high, self.low)
    }

    /// What is left to search is too little.
    fn is_done(&self) -> bool {
        i32::from(self.high) - i32::from(self.low) < self.threshold || self.middle() > self.high
    }

    /// Paths change: after `tcp_probe_interval` a search that ended begins anew above `now_used`.
    pub(super) fn renew(&mut self, now_used: u16, knobs: &Knobs, now: Instant) {
        (self.threshold, self.reordering) = (knobs.tcp_probe_threshold, knobs.tcp_reordering);
        let interval = Duration::from_secs(u64::from(knobs.tcp_probe_interval));
        if self.enabled && self.probe.is_none() && self.is_done() && now.since(self.begun) >= interval {
            (self.high, self.low, self.begun) = (self.peer_mss, now_used, now);
        }
    }

    /// A probe left: `[start, end)`.
    pub(super) fn on_sent(&mut self, start: Seq, end: Seq, options: u16) {
        let size = u16::try_from(start.distance_to(end)).unwrap_or(u16::MAX).saturating_add(options);
        self.probe = Some(Probe { size, start, end });
    }

    /// Everything before `una` is acknowledged: the size of the probe when it was among it.
    pub(super) fn on_ack(&mut self, una: Seq) -> Option<u16> {
        let probe = self.probe.filter(|probe| probe.end.le(una))?;
        self.probe = None;
        self.low = probe.size;
        Some(probe.size)
    }

    /// Where the probe in flight begins.
    pub(super) fn probe_at(&self) -> Option<Seq> {
        self.probe.map(|probe| probe.start)
    }

    /// The probe alone was lost: too large.
    pub(super) fn on_lost(&mut self) {
        if let Some(probe) = self.probe.take() {
            self.high = probe.size - 1;
        }
    }

    /// Something was sent again while a probe was in flight: it tells nothing.
    pub(super) fn on_retransmission(&mut self) {
        self.probe = None;
    }

    /// So many timeouts that the path may swallow large segments (Linux tcp_mtu_probing): the search begins, or its lower
    /// end was too high.
    pub(super) fn on_black_hole(&mut self, options: u16, knobs: &Knobs, now: Instant) {
        if knobs.tcp_mtu_probing == 0 {
            return;
        }
        if !self.enabled {
            (self.enabled, self.begun) = (true, now);
            return;
        }
        let half = self.low.saturating_sub(options) / 2;
        let low =
            half.min(size(knobs.tcp_base_mss)).max(knobs.tcp_mtu_probe_floor).max(knobs.tcp_min_snd_mss);
        self.low = low.saturating_add(options);
    }
}

fn size(octets: i32) -> u16 {
    octets.clamp(0, i32::from(u16::MAX)) as u16
}

#[cfg(test)]
mod tests;
