//! Tail loss probes: when the last segments of a burst are lost nothing comes back, and one segment sent early saves the
//! wait for the RTO (RFC 8985 section 7 as Linux does it; TIMELINES T03, T12b, T18).
//!
//! A probe is not a timeout: it is not counted as a retry and does not back off. One is under way at most.

use super::evidence::Evidence;
use super::recovery::{AckFacts, Means, Recovery, RecoveryState, Resend};
use super::rto::{RTO_INITIAL, RttEstimator};
use crate::{Instant, Knobs, Output};
use lastack_observe::Counter;
use lastack_wire::Seq;
use std::time::Duration;

/// What is added to two round trips when more than one segment is in flight (Linux TCP_TIMEOUT_MIN_US; TIMELINES T12b).
const PROBE_SLACK: Duration = Duration::from_millis(2);

/// The probe that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TailProbe {
    /// SEND.NXT when it was sent (Linux tlp_high_seq).
    end: Option<Seq>,
    /// It was the last segment again.
    repetition: bool,
}

impl TailProbe {
    pub(super) fn is_idle(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn forget(&mut self) {
        self.end = None;
    }

    pub(super) fn ends_at(&self, end: Seq) -> bool {
        self.end == Some(end)
    }

    /// One is under way that was the last segment again.
    pub(super) fn is_repetition(&self) -> bool {
        self.end.is_some() && self.repetition
    }
}

/// What a tail loss probe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// One segment of octets not sent yet, whatever the congestion window says.
    NewData,
    /// The last segment again.
    Retransmit(Resend),
}

impl Recovery {
    /// How long after the last transmission or acknowledgment a tail loss probe is due, unless the RTO comes first. None
    /// when no probe is to be sent: without SACK, or in a recovery (TIMELINES T03, T12b, T18).
    pub(crate) fn probe_delay(&self, sack: bool, rtt: &RttEstimator, knobs: &Knobs) -> Option<Duration> {
        let segments = self.board.flight().segments;
        let wanted = matches!(knobs.tcp_early_retrans, 3 | 4)
            && sack
            && segments > 0
            && matches!(self.state, RecoveryState::Open | RecoveryState::Cwr);
        let slack = if segments == 1 {
            // The peer may delay its acknowledgment of a lone segment.
            Duration::from_micros(u64::from(knobs.tcp_rto_min_us))
        } else {
            PROBE_SLACK
        };
        wanted.then(|| rtt.srtt().map_or(RTO_INITIAL, |srtt| srtt * 2 + slack))
    }

    /// What the probe that is due sends; `new_data`: octets wait that the peer's window takes. None: one is under way.
    pub(crate) fn probe(&self, new_data: bool) -> Option<Probe> {
        if !self.probe.is_idle() {
            return None;
        }
        if new_data {
            return Some(Probe::NewData);
        }
        let last = self.board.last()?;
        let before = last.end_of(last.segments() - 1);
        let seq = if last.segments() > 1 { before } else { last.start };
        let len = seq.distance_to(last.end);
        Some(Probe::Retransmit(Resend { seq, len, unit: len }))
    }

    /// The probe leaves in segments of `mss`; `nxt` is SEND.NXT after it.
    pub(crate) fn on_probe_sent(&mut self, probe: Probe, nxt: Seq, mss: u16, now: Instant, out: &mut Output) {
        out.count(Counter::LossProbes);
        self.probe.end = Some(nxt);
        self.probe.repetition = false;
        if let Probe::Retransmit(Resend { seq, len, unit }) = probe {
            self.probe.repetition = true;
            let (index, _) = self.board.prepare_again(seq, len, unit, mss);
            self.board.leave_again(index, true, now, self.delivered);
        }
    }

    /// An acknowledgment after a probe: was the probe needed? Then a segment was lost and the window pays for it
    /// (RFC 8985 section 7.4, Linux tcp_process_tlp_ack).
    pub(super) fn judge_probe(&mut self, facts: &AckFacts, evidence: &Evidence, means: &mut Means) {
        let Some(end) = self.probe.end.filter(|&end| facts.ack.ge(end)) else { return };
        if !self.probe.repetition || evidence.probe_came_twice {
            self.probe.forget();
        } else if facts.ack.gt(end) {
            self.begin_reduction(facts.nxt, means);
            self.state = RecoveryState::Cwr;
            self.end_reduction(means);
            self.keep_open(facts.nxt);
            means.out.count(Counter::LossProbeRecovery);
        } else if evidence.is_bare() && !evidence.data_sacked {
            // Both copies arrived.
            self.probe.forget();
        }
    }
}

#[cfg(test)]
mod tests;
