//! Taking back what was no loss: by timestamps, by D-SACKs, wholly or in part (Linux tcp_try_undo_recovery, _partial, _dsack and
//! _loss). `undo` keeps what is needed to know.

use super::recovery::{AckFacts, Means, Recovery, RecoveryState};
use crate::Seq;
use lastack_observe::Counter;

impl Recovery {
    /// What was acknowledged had only been late: the echo is older than the first repetition, or nothing was repeated at all
    /// (Linux tcp_packet_delayed).
    fn was_only_late(&self, una: Seq, facts: &AckFacts) -> bool {
        if self.undo.stamp.is_some() {
            return self.undo.echo_is_older(facts.echo);
        }
        // Without SACK the stamp is taken away when this number is reached (`prevents_reopening`).
        facts.sack || una.lt(self.high_seq)
    }

    fn may_undo(&self, una: Seq, facts: &AckFacts) -> bool {
        self.undo.marker.is_some() && (self.undo.all_came_twice() || self.was_only_late(una, facts))
    }

    /// Gives the window back; `nothing_lost`: and takes the marks of loss away.
    fn take_back(&mut self, nothing_lost: bool, means: &mut Means) {
        if nothing_lost {
            self.board.forget_lost();
        }
        if self.undo.ssthresh > 0 {
            self.sped_up |= self.undo.ssthresh > means.congestion.ssthresh();
            means.congestion.restore(self.prr.before, self.undo.ssthresh);
        }
        self.undo.marker = None;
        self.rack.advanced = true;
    }

    /// Without SACK something after `high_seq` must be acknowledged: duplicates of what was sent twice would start a false
    /// recovery (RFC 6582 section 4, Linux).
    fn prevents_reopening(&mut self, una: Seq, sack: bool) -> bool {
        let prevents = !sack && una == self.high_seq;
        if prevents && !self.board.was_repeated() {
            self.undo.stamp = None;
        }
        prevents
    }

    /// All that was in flight when the repair began is acknowledged. True when the state is kept for a while.
    pub(super) fn try_undo_recovery(&mut self, una: Seq, facts: &AckFacts, means: &mut Means) -> bool {
        if self.may_undo(una, facts) {
            let in_loss = self.state == RecoveryState::Loss;
            self.take_back(false, means);
            means.out.count(if in_loss { Counter::LossUndo } else { Counter::FullUndo });
        } else {
            self.rack.recovery_ended();
        }
        if self.prevents_reopening(una, facts.sack) {
            return true;
        }
        self.state = RecoveryState::Open;
        false
    }

    /// Everything that was sent again came twice.
    pub(super) fn try_undo_by_duplicates(&mut self, means: &mut Means) -> bool {
        if !self.undo.all_came_twice() {
            return false;
        }
        self.rack.recovery_was_spurious();
        self.take_back(false, means);
        means.out.count(Counter::DsackUndo);
        true
    }

    /// In fast recovery SEND.UNA moved by what had only been late. True when repetitions are still on their way: new octets
    /// may follow, but nothing else is believed lost.
    pub(super) fn try_undo_partly(&mut self, una: Seq, facts: &AckFacts, means: &mut Means) -> bool {
        if self.undo.marker.is_none() || !self.was_only_late(una, facts) {
            return false;
        }
        self.overtaken(facts.una, facts, Counter::TsReorder, means);
        if self.board.flight().again > 0 {
            return true;
        }
        if !self.board.was_repeated() {
            self.undo.stamp = None;
        }
        self.take_back(true, means);
        means.out.count(Counter::PartialUndo);
        self.keep_open(facts.nxt);
        false
    }

    /// After a timeout something shows that nothing was lost; `by_frto`: octets that were sent once have arrived.
    pub(super) fn try_undo_loss(
        &mut self,
        by_frto: bool,
        una: Seq,
        facts: &AckFacts,
        means: &mut Means,
    ) -> bool {
        if !by_frto && !self.may_undo(una, facts) {
            return false;
        }
        self.take_back(true, means);
        means.out.count(Counter::LossUndo);
        if by_frto {
            means.out.count(Counter::SpuriousRtos);
        }
        if !self.prevents_reopening(una, facts.sack) && (by_frto || facts.sack) {
            self.state = RecoveryState::Open;
        }
        true
    }
}

#[cfg(test)]
mod tests;
