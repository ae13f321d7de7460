//! Tail loss probes: when the last segments of a burst are lost nothing comes back, and one segment sent early saves the
//! wait for the RTO (RFC 8985 section 7 as Linux does it; TIMELINES T03, T12b, T18).
//!
//! A probe is not a timeout: it is not counted as a retry and does not back off. Part of [`Recovery`], which keeps its
//! state.

use super::recovery::{AckFacts, Recovery, RecoveryState};
use super::rto::{RTO_INITIAL, RttEstimator};
use crate::congestion::Congestion;
use crate::{Knobs, Output};
use lastack_observe::Counter;
use lastack_wire::Seq;
use std::time::Duration;

/// What is added to two round trips when more than one segment is in flight (Linux TCP_TIMEOUT_MIN_US; TIMELINES T12b).
const PROBE_SLACK: Duration = Duration::from_millis(2);

/// What a tail loss probe sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// One segment of octets not sent yet, whatever the congestion window says.
    NewData,
    /// The last segment again.
    Retransmit {
        /// Its number.
        seq: Seq,
        /// Its octets of sequence space.
        len: u32,
    },
}

impl Recovery {
    /// How long after the last transmission or acknowledgment a tail loss probe is due, at most the RTO. None when no
    /// probe is to be sent: without SACK, in a recovery, with one under way (TIMELINES T03, T12b, T18).
    pub(crate) fn probe_delay(
        &self,
        una: Seq,
        nxt: Seq,
        sack: bool,
        rtt: &RttEstimator,
        knobs: &Knobs,
    ) -> Option<Duration> {
        let wanted = knobs.tcp_early_retrans >= 3
            && sack
            && una != nxt
            && self.state == RecoveryState::Open
            && self.probe_end.is_none();
        let slack = if self.last_start.le(una) {
            Duration::from_micros(u64::from(knobs.tcp_rto_min_us))
        } else {
            PROBE_SLACK
        };
        let delay = rtt.srtt().map_or(RTO_INITIAL, |srtt| srtt * 2 + slack);
        wanted.then_some(delay.min(rtt.rto(knobs)))
    }

    /// What the probe that is due sends; `new_data`: octets wait that the peer's window takes.
    pub(crate) fn probe(&self, una: Seq, nxt: Seq, new_data: bool) -> Probe {
        if new_data {
            return Probe::NewData;
        }
        let seq = self.last_start.max(una);
        Probe::Retransmit { seq, len: seq.distance_to(nxt) }
    }

    /// The probe was sent; `nxt` is SEND.NXT after it. The RTO starts anew.
    pub(crate) fn on_probe_sent(&mut self, probe: Probe, nxt: Seq, out: &mut Output) {
        out.count(Counter::LossProbes);
        self.probe_end = Some(nxt);
        self.probe_retransmitted = false;
        if let Probe::Retransmit { seq, .. } = probe {
            self.probe_retransmitted = true;
            self.stop_timing(seq);
        }
    }

    /// An acknowledgment after a probe: was the probe needed? Then a segment was lost and the window pays for it
    /// (RFC 8985 section 7.4, Linux tcp_process_tlp_ack).
    pub(super) fn judge_probe(
        &mut self,
        facts: &AckFacts,
        newly_sacked: u32,
        congestion: &mut Congestion,
        out: &mut Output,
    ) {
        let Some(end) = self.probe_end.filter(|&end| facts.ack.ge(end)) else { return };
        let reported = facts.blocks.first().filter(|block| block.left.lt(block.right));
        let arrived_twice = reported.is_some_and(|block| block.right == end && block.right.le(facts.ack));
        if !self.probe_retransmitted || arrived_twice {
            self.probe_end = None;
        } else if facts.ack.gt(end) {
            self.probe_end = None;
            out.count(Counter::LossProbeRecovery);
            congestion.enter_recovery();
        } else if facts.duplicate && newly_sacked == 0 {
            self.probe_end = None;
        }
    }
}

#[cfg(test)]
mod tests;
