//! The retransmission timer fired (RFC 6298 section 5, RFC 5681 section 3.1), and what comes of it: repair in slow start, or
//! the finding that it fired in vain (F-RTO, RFC 5682, as Linux's tcp_enter_loss and tcp_process_loss do it).

use super::evidence::Evidence;
use super::recovery::{AckFacts, Means, Recovery, RecoveryState, Wanted};
use super::runs::{Run, SACKED};
use crate::congestion::{Congestion, Moment};
use crate::{Instant, Output, Seq};
use lastack_observe::Counter;
use std::time::Duration;

/// A timeout, as the connection knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeout {
    pub(crate) now: Instant,
    /// Linux's pacing figure, octets per second.
    pub(crate) pacing_rate: u64,
    /// SEND.UNA.
    pub(crate) una: Seq,
    /// SEND.NXT.
    pub(crate) nxt: Seq,
    /// SACK was negotiated.
    pub(crate) sack: bool,
    /// Nothing was acknowledged since the last one.
    pub(crate) repeated: bool,
}

impl Recovery {
    /// The timer fired: what is not SACKed and not just sent is lost, and the first segment leaves at once. The caller backs
    /// the timer off, and has looked before whether to give up.
    pub(crate) fn on_timeout(&mut self, timeout: Timeout, means: &mut Means) {
        if !timeout.repeated {
            self.count_failure(timeout.sack, means);
        }
        let begins = self.state < RecoveryState::Recovery;
        self.lose_in_flight(timeout, means);
        let reduced_already = !(self.state <= RecoveryState::Disorder
            || self.high_seq.le(timeout.una)
            || (self.state == RecoveryState::Loss && !timeout.repeated));
        if !reduced_already {
            self.undo.ssthresh = self.threshold_now(means.congestion);
            self.prr.before = means.congestion.cwnd();
            means.congestion.reduce();
            self.begin_undo(timeout.una);
        }
        let Timeout { now, una, nxt, pacing_rate, .. } = timeout;
        means.congestion.on_timeout(&Moment { now, una, nxt, pacing_rate });
        means.congestion.set_cwnd(self.board.in_flight() + 1);
        let enough = self.board.flight().sacked >= means.knobs.tcp_reordering;
        if self.state <= RecoveryState::Disorder && enough {
            self.reordering.was_overestimated(means.knobs);
        }
        self.state = RecoveryState::Loss;
        self.high_seq = timeout.nxt;
        self.probe.forget();
        self.slowed_down = false;
        self.frto = means.knobs.tcp_frto != 0 && (begins || timeout.repeated);
        self.wanted = Wanted::Nothing;
        self.head_due = true;
        self.collapses = means.knobs.tcp_retrans_collapse;
    }

    /// Linux tcp_timeout_mark_lost.
    fn lose_in_flight(&mut self, timeout: Timeout, means: &mut Means) {
        let Some(head) = self.board.first().copied() else { return };
        let reneged = head.is(SACKED);
        if reneged {
            means.out.count(Counter::SackReneging);
            self.board.forget_sacked();
        } else if !timeout.sack {
            self.board.set_duplicates(0);
        }
        let rack = &self.rack;
        let lost_again = self.board.lose_if(|run| {
            let first = run.start == head.start;
            reneged || first || rack.patience(run, Duration::ZERO, timeout.now).is_none()
        });
        means.out.counters.add(Counter::LostRetransmit, u64::from(lost_again));
    }

    fn count_failure(&self, sack: bool, means: &mut Means) {
        let doubt = self.state == RecoveryState::Disorder || self.board.flight().sacked > 0;
        let counter = match (self.state, sack) {
            (RecoveryState::Recovery, true) => Counter::SackRecoveryFail,
            (RecoveryState::Recovery, false) => Counter::RenoRecoveryFail,
            (RecoveryState::Loss, _) => Counter::LossFailures,
            (_, true) if doubt => Counter::SackFailures,
            (_, false) if doubt => Counter::RenoFailures,
            _ => return,
        };
        means.out.count(counter);
    }

    /// An acknowledgment while a timeout is repaired. Says what may be sent.
    pub(super) fn judge_loss(
        &mut self,
        una: Seq,
        facts: &AckFacts,
        evidence: &mut Evidence,
        means: &mut Means,
    ) -> Wanted {
        if evidence.advanced && self.try_undo_loss(false, una, facts, means) {
            evidence.timeout_was_spurious = true;
            return Wanted::Nothing;
        }
        let recovered = una.ge(self.high_seq);
        if self.frto {
            if evidence.original_arrived && self.try_undo_loss(true, una, facts, means) {
                evidence.timeout_was_spurious = true;
                return Wanted::Nothing;
            }
            if facts.nxt.gt(self.high_seq) {
                // New octets were sent, and the answer to them says that the loss was one.
                self.frto &= !(evidence.data_sacked || evidence.duplicates() > 0);
            } else if evidence.advanced && !recovered {
                self.high_seq = facts.nxt;
                if facts.may_send_new {
                    return Wanted::New;
                }
                self.frto = false;
            }
        }
        if recovered {
            self.try_undo_recovery(una, facts, means);
            return Wanted::Nothing;
        }
        if !facts.sack {
            if facts.nxt.gt(self.high_seq) && evidence.duplicates() > 0 {
                self.add_duplicates(evidence.duplicates(), means);
            } else if evidence.advanced {
                self.board.set_duplicates(0);
            }
        }
        Wanted::Lost
    }

    /// The path takes only smaller segments: what is larger than `mss` was lost, but not to congestion (RFC 8899 section 3,
    /// Linux tcp_simple_retransmit).
    pub(crate) fn on_path_shrunk(
        &mut self,
        nxt: Seq,
        mss: u32,
        congestion: &mut Congestion,
        out: &mut Output,
    ) {
        let larger = |len: u32, whole: u16| len.min(u32::from(whole)) > mss;
        self.lose_without_congestion(nxt, |run| larger(run.len(), run.mss), congestion, out);
    }

    /// All of it was lost on the way, for a reason that is not congestion.
    pub(crate) fn on_swallowed(&mut self, nxt: Seq, congestion: &mut Congestion, out: &mut Output) {
        self.lose_without_congestion(nxt, |_| true, congestion, out);
    }

    fn lose_without_congestion(
        &mut self,
        nxt: Seq,
        judge: impl Fn(&Run) -> bool,
        congestion: &mut Congestion,
        out: &mut Output,
    ) {
        let lost_again = self.board.lose_if(judge);
        out.counters.add(Counter::LostRetransmit, u64::from(lost_again));
        if self.board.flight().lost == 0 {
            return;
        }
        if self.state != RecoveryState::Loss {
            self.high_seq = nxt;
            congestion.set_ssthresh(self.threshold_now(congestion));
            self.undo.ssthresh = 0;
            self.undo.marker = None;
            self.state = RecoveryState::Loss;
        }
        self.wanted = Wanted::Lost;
    }
}

#[cfg(test)]
mod tests;
