//! The states of congestion control and what moves between them (Linux tcp_fastretrans_alert), for acknowledgments that are
//! more than the next number, and for all of them once something is in doubt.
//!
//! Open and Disorder doubt nothing yet or not enough; Cwr lowers the window for a mark; Recovery repairs; Loss repairs what
//! a timeout found (`loss`). A state is left when what was sent before it began is acknowledged.

use super::evidence::Evidence;
use super::prr::Prr;
use super::rack::TIMER_SLACK;
use super::recovery::{AckFacts, Means, Recovery, RecoveryState, TimerChange, Wanted};
use super::scoreboard::Loss;
use crate::congestion::{Congestion, SSTHRESH_INFINITE};
use crate::{Instant, Seq};
use lastack_observe::Counter;
use std::time::Duration;

/// A peer that seems to have forgotten what it SACKed has at least this long to show that it has not.
const RENEGING_DELAY_MIN: Duration = Duration::from_millis(10);

impl Recovery {
    pub(super) fn alert(&mut self, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) {
        if self.board.flight().segments == 0 {
            self.board.set_duplicates(0);
        }
        if evidence.echo {
            self.undo.ssthresh = 0;
        }
        if evidence.reneged && evidence.advanced {
            let delay = means.rtt.srtt().map_or(Duration::ZERO, |srtt| srtt / 2).max(RENEGING_DELAY_MIN);
            evidence.timer = TimerChange::Retransmit(delay);
            return;
        }
        let una = facts.ack.max(facts.una);
        if self.state == RecoveryState::Open {
            self.undo.stamp = None;
        } else if una.ge(self.high_seq) && self.leave(una, facts, means) {
            return;
        }
        match self.state {
            RecoveryState::Recovery => {
                if self.go_on(una, facts, evidence, means) {
                    return;
                }
            }
            RecoveryState::Loss => {
                let repairs = self.judge_loss(una, facts, evidence, means);
                self.find_losses(facts, evidence, means);
                if self.state != RecoveryState::Open && !evidence.repeated_lost {
                    self.wanted = repairs;
                    return;
                }
                if self.begin_if_lost(una, facts, evidence, means).is_none() {
                    self.wanted = repairs;
                    return;
                }
            }
            _ => {
                if self.begin_if_lost(una, facts, evidence, means).is_none() {
                    return;
                }
            }
        }
        self.wanted = Wanted::Lost;
    }

    /// What was in flight when the state began is acknowledged. True when nothing else is to be done.
    fn leave(&mut self, una: Seq, facts: &AckFacts, means: &mut Means) -> bool {
        match self.state {
            // The peer must have seen that the window was lowered, which the next number tells.
            RecoveryState::Cwr if una != self.high_seq => {
                self.end_reduction(means);
                self.state = RecoveryState::Open;
            }
            RecoveryState::Recovery => {
                if !facts.sack {
                    self.board.set_duplicates(0);
                }
                if self.try_undo_recovery(una, facts, means) {
                    return true;
                }
                self.end_reduction(means);
            }
            _ => {}
        }
        false
    }

    /// Fast recovery goes on. True when nothing is to be sent again.
    fn go_on(&mut self, una: Seq, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) -> bool {
        if !evidence.advanced {
            if !facts.sack {
                self.add_duplicates(evidence.duplicates(), means);
            }
        } else if self.try_undo_partly(una, facts, means) {
            return true;
        }
        if self.try_undo_by_duplicates(means) {
            self.try_to_open(facts.nxt, evidence, means);
        }
        self.find_losses(facts, evidence, means);
        if self.state != RecoveryState::Recovery {
            if self.board.flight().lost == 0 {
                return true;
            }
            self.enter_recovery(una, facts.nxt, facts.sack, evidence.echo, means);
        }
        false
    }

    /// Open, Disorder, Cwr, or a timeout's repair that found more: is something lost? Some when fast recovery begins.
    fn begin_if_lost(
        &mut self,
        una: Seq,
        facts: &AckFacts,
        evidence: &mut Evidence,
        means: &mut Means,
    ) -> Option<()> {
        if !facts.sack {
            if evidence.advanced {
                self.board.set_duplicates(0);
            }
            self.add_duplicates(evidence.duplicates(), means);
        }
        if self.state <= RecoveryState::Disorder {
            self.try_undo_by_duplicates(means);
        }
        self.find_losses(facts, evidence, means);
        if self.board.flight().lost == 0 {
            self.try_to_open(facts.nxt, evidence, means);
            return None;
        }
        if self.state <= RecoveryState::Disorder && facts.path_probe_at == Some(una) {
            self.lose_path_probe(facts, evidence, means);
            return None;
        }
        self.enter_recovery(una, facts.nxt, facts.sack, evidence.echo, means);
        Some(())
    }

    /// What is missing was larger than the others: that says how large they may be, and nothing of congestion (RFC 4821
    /// section 7.5). The window gets back what the probe had taken of it.
    fn lose_path_probe(&mut self, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) {
        evidence.path_probe_lost = true;
        let cwnd = means.congestion.cwnd();
        means.congestion.set_cwnd(cwnd.saturating_add(1));
        self.on_path_shrunk(facts.nxt, facts.mss, means.congestion, means.out);
    }

    /// Without SACK: `count` more duplicate acknowledgments (Linux tcp_add_reno_sack).
    pub(super) fn add_duplicates(&mut self, count: u32, means: &mut Means) {
        if count == 0 {
            return;
        }
        let before = self.board.flight().sacked;
        self.board.set_duplicates(before + count);
        self.limit_duplicates(0, means);
        self.delivered = self.delivered.wrapping_add(self.board.flight().sacked.saturating_sub(before));
    }

    /// RACK looks for losses; without SACK duplicates and partial acknowledgments do (tcp_identify_packet_loss).
    fn find_losses(&mut self, facts: &AckFacts, evidence: &mut Evidence, means: &mut Means) {
        if self.board.flight().segments == 0 {
            return;
        }
        if !facts.sack {
            return self.find_first_loss(evidence, means);
        }
        if !self.rack.advanced {
            return;
        }
        let (wait, lost_again) = self.detect(facts.now, means);
        evidence.repeated_lost |= lost_again > 0;
        if let Some(wait) = wait {
            evidence.timer = TimerChange::Reordering(wait + TIMER_SLACK);
        }
    }

    fn detect(&mut self, now: Instant, means: &mut Means) -> (Option<Duration>, u32) {
        self.rack.advanced = false;
        let window = self.rack.window(self.doubt(means.knobs), means.rtt, means.knobs);
        let (wait, lost_again) = self.rack.detect(&mut self.board, window, now);
        means.out.counters.add(Counter::LostRetransmit, u64::from(lost_again));
        (wait, lost_again)
    }

    /// RFC 6582: enough duplicates, or a partial acknowledgment in recovery, say that the first segment is lost.
    fn find_first_loss(&mut self, evidence: &Evidence, means: &mut Means) {
        let enough = self.board.flight().sacked >= self.reordering.degree(means.knobs);
        let first_is_lost = (self.state < RecoveryState::Recovery && enough)
            || (self.state == RecoveryState::Recovery && evidence.advanced);
        if first_is_lost && let Loss::Again(segments) = self.board.lose_first_segment() {
            means.out.counters.add(Counter::LostRetransmit, u64::from(segments));
        }
    }

    /// The reordering timer fired.
    pub(crate) fn on_reordering_timeout(&mut self, una: Seq, nxt: Seq, now: Instant, means: &mut Means) {
        let (in_flight, lost) = (self.board.in_flight(), self.board.lost_ever());
        self.detect(now, means);
        if self.board.in_flight() == in_flight {
            return;
        }
        if self.state != RecoveryState::Recovery {
            self.enter_recovery(una, nxt, true, false, means);
            let lost = self.board.lost_ever().wrapping_sub(lost);
            let in_flight = self.board.in_flight();
            if let Some(cwnd) = self.prr.window(1, lost == 0, in_flight, means.congestion.ssthresh()) {
                means.congestion.set_cwnd(cwnd);
            }
        }
        self.wanted = Wanted::Lost;
    }

    fn enter_recovery(&mut self, una: Seq, nxt: Seq, sack: bool, echo: bool, means: &mut Means) {
        if !self.board.was_repeated() {
            self.undo.stamp = None;
        }
        means.out.count(if sack { Counter::SackRecovery } else { Counter::RenoRecovery });
        self.undo.ssthresh = 0;
        self.begin_undo(una);
        if !self.reduces() {
            if !echo {
                self.undo.ssthresh = self.threshold_now(means.congestion);
            }
            self.begin_reduction(nxt, means);
        }
        self.state = RecoveryState::Recovery;
    }

    /// From now on the reduction may be taken back.
    pub(super) fn begin_undo(&mut self, una: Seq) {
        let probes = u32::from(self.probe.is_repetition());
        self.undo.begin(una, self.board.flight().again + probes);
    }

    /// What an undo restores (Linux tcp_current_ssthresh).
    pub(super) fn threshold_now(&self, congestion: &Congestion) -> u32 {
        if self.reduces() { congestion.ssthresh() } else { congestion.threshold_now() }
    }

    /// The window goes down from here (Linux tcp_init_cwnd_reduction).
    pub(super) fn begin_reduction(&mut self, nxt: Seq, means: &mut Means) {
        self.high_seq = nxt;
        self.probe.forget();
        self.prr = Prr::begin(means.congestion.cwnd());
        means.congestion.reduce();
        self.slowed_down = true;
    }

    /// The window is the threshold, unless that was taken back (Linux tcp_end_cwnd_reduction).
    pub(super) fn end_reduction(&mut self, means: &mut Means) {
        let congestion = &mut *means.congestion;
        let limited = congestion.ssthresh() < SSTHRESH_INFINITE;
        if limited && (self.state == RecoveryState::Cwr || self.undo.marker.is_some()) {
            congestion.set_cwnd(congestion.ssthresh());
        }
    }

    fn enter_cwr(&mut self, nxt: Seq, means: &mut Means) {
        self.undo.ssthresh = 0;
        if self.state < RecoveryState::Cwr {
            self.undo.marker = None;
            self.begin_reduction(nxt, means);
            self.state = RecoveryState::Cwr;
        }
    }

    /// Nothing is lost: Open, or Disorder, or Cwr for a mark (Linux tcp_try_to_open).
    fn try_to_open(&mut self, nxt: Seq, evidence: &Evidence, means: &mut Means) {
        if !self.board.was_repeated() {
            self.undo.stamp = None;
        }
        if evidence.echo {
            self.enter_cwr(nxt, means);
        }
        if self.state != RecoveryState::Cwr {
            self.keep_open(nxt);
        }
    }

    pub(super) fn keep_open(&mut self, nxt: Seq) {
        let flight = self.board.flight();
        let doubt = flight.sacked + flight.lost > 0 || self.board.was_repeated();
        let state = if doubt { RecoveryState::Disorder } else { RecoveryState::Open };
        if self.state != state {
            self.state = state;
            self.high_seq = nxt;
        }
    }
}

#[cfg(test)]
mod tests;
