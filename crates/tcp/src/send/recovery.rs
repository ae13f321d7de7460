//! What an acknowledgment, or its absence, says about loss: fast retransmit and recovery (RFC 5681, RFC 6582, and
//! RFC 6675 when the peer sends SACK), limited transmit (RFC 3042), timeouts, and Eifel's undo by timestamps (RFC 3522).
//! Tail loss probes are beside, in `probe`.
//!
//! Decides and returns values; the connection sends and runs the timers. `una` and `nxt` are SEND.UNA and SEND.NXT and
//! stay with the connection. SYN is long acknowledged; a FIN is one octet of sequence space like any other.
//!
//! Limited transmit needs no rule of its own: what a duplicate acknowledgment says has left the network is not in the
//! pipe any more, so one more segment may follow, as in Linux.

use super::rto::RttEstimator;
use super::scoreboard::{DUPLICATES_MIN, Scoreboard};
use crate::congestion::{Before, Congestion, Moment};
use crate::{Instant, Knobs, Output};
use lastack_observe::Counter;
use lastack_wire::Seq;
use lastack_wire::tcp::SackBlock;
use std::time::Duration;

/// Linux's icsk_ca_state, as `ss` and the RFCs know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecoveryState {
    /// Nothing points to a loss.
    Open,
    /// Something came twice or out of order; not enough to act.
    Disorder,
    /// Fast recovery.
    Recovery,
    /// After a timeout: slow start, everything not SACKed is sent again.
    Loss,
}

/// One acknowledgment that was found acceptable (`una <= ack <= nxt`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckFacts<'a> {
    /// Now.
    pub(crate) now: Instant,
    /// SEND.UNA before it.
    pub(crate) una: Seq,
    /// SEND.NXT.
    pub(crate) nxt: Seq,
    /// SEG.ACK.
    pub(crate) ack: Seq,
    /// Octets of payload in a full segment.
    pub(crate) mss: u32,
    /// RFC 5681 section 2: `ack == una`, no data, no SYN or FIN, the window unchanged, and something in flight.
    pub(crate) duplicate: bool,
    /// ECN was negotiated, and it says that a router on the way was congested.
    pub(crate) ece: bool,
    /// SACK was negotiated.
    pub(crate) sack: bool,
    /// The blocks it carries.
    pub(crate) blocks: &'a [SackBlock],
    /// Linux's pacing figure, octets per second.
    pub(crate) pacing_rate: u64,
    /// Our timestamp clock now, and its TSecr, when timestamps were negotiated.
    pub(crate) timestamps: Option<(u32, u32)>,
}

impl AckFacts<'_> {
    /// What congestion control sees of it.
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now, una: self.ack, nxt: self.nxt, pacing_rate: self.pacing_rate }
    }
}

/// What the connection is to do after an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[must_use]
pub(crate) struct AckDecision {
    /// Octets of sequence space newly acknowledged: free them, and forget the timeouts counted.
    pub(crate) acked: u32,
    /// Start the retransmission timer (or the probe's) anew, or stop it when nothing is in flight.
    pub(crate) restart_timer: bool,
    /// There is something to send again: poll [`Recovery::next_retransmit`].
    pub(crate) retransmit: bool,
    /// The congestion window was lowered.
    pub(crate) slowed_down: bool,
}

#[derive(Clone, Copy, Debug)]
struct Undo {
    before: Before,
    /// TSval of the first retransmission; None until it was sent, or without timestamps.
    stamp: Option<u32>,
}

/// The loss detector of one connection. Lives while something is in flight.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(super) board: Scoreboard,
    undo: Option<Undo>,
    /// When the timed segment was sent; `NEVER`: none is timed.
    timed_at: Instant,
    /// The timed segment ends here.
    timed_end: Seq,
    /// SEND.NXT when the recovery began (RFC 6582's recover, Linux's high_seq).
    recover: Seq,
    /// SEND.NXT when the octet at SEND.UNA was sent again: what is SACKed above it was sent later.
    head_mark: Seq,
    /// SEND.NXT as of the last segment sent for the first time.
    sent_end: Seq,
    /// Where the last segment sent for the first time began.
    pub(super) last_start: Seq,
    /// SEND.NXT when an ECN echo lowered the window: until more is acknowledged no other does (RFC 3168 section 6.1.2),
    /// and the window does not grow.
    reduced_to: Option<Seq>,
    /// SEND.NXT when a probe was sent (Linux tlp_high_seq).
    pub(super) probe_end: Option<Seq>,
    pub(super) state: RecoveryState,
    /// The probe was a retransmission.
    pub(super) probe_retransmitted: bool,
    /// The first retransmission of a recovery does not wait for the window.
    forced: bool,
    /// What was sent again at SEND.UNA was lost once more.
    head_lost: bool,
    /// The timer fired and nothing was acknowledged since.
    timed_out: bool,
    /// Octets acknowledged of a segment that is not acknowledged whole.
    acked_part: u32,
}

impl Recovery {
    /// Nothing is in flight yet.
    pub(crate) fn new(una: Seq) -> Recovery {
        Recovery {
            board: Scoreboard::new(una),
            undo: None,
            timed_at: Instant::NEVER,
            timed_end: una,
            recover: una,
            head_mark: una,
            sent_end: una,
            last_start: una,
            reduced_to: None,
            probe_end: None,
            state: RecoveryState::Open,
            probe_retransmitted: false,
            forced: false,
            head_lost: false,
            timed_out: false,
            acked_part: 0,
        }
    }

    /// Octets believed to be in the network.
    pub(crate) fn pipe(&self, una: Seq, nxt: Seq, mss: u32) -> u32 {
        self.board.pipe(una, nxt, mss)
    }

    /// Octets that the congestion window lets out now, new ones or old ones.
    pub(crate) fn allowance(&self, una: Seq, nxt: Seq, mss: u32, congestion: &Congestion) -> u32 {
        congestion.cwnd_octets(mss).saturating_sub(self.pipe(una, nxt, mss))
    }

    /// What is to be sent again now: number and octets of sequence space, at most `mss`. None: nothing is lost, or the
    /// congestion window is full.
    pub(crate) fn next_retransmit(
        &self,
        una: Seq,
        nxt: Seq,
        mss: u32,
        congestion: &Congestion,
    ) -> Option<(Seq, u32)> {
        let next = if self.head_lost {
            (una, self.board.first_hole(una, nxt, mss))
        } else {
            self.board.next_lost(mss)?
        };
        (self.forced || self.allowance(una, nxt, mss, congestion) > 0).then_some(next)
    }

    /// `len` octets of sequence space were sent for the first time, as segments of at most `mss`; `una` is SEND.UNA.
    pub(crate) fn on_sent(&mut self, una: Seq, seq: Seq, len: u32, mss: u32, now: Instant) {
        debug_assert!(len > 0 && una.le(seq));
        let nxt = seq + len;
        if self.timed_at == Instant::NEVER {
            self.timed_at = now;
            self.timed_end = nxt;
        }
        self.sent_end = nxt;
        self.last_start = seq + len.saturating_sub(1) / mss.max(1) * mss.max(1);
    }

    /// What [`Recovery::next_retransmit`] named was sent, with `tsval` when timestamps were negotiated.
    pub(crate) fn on_retransmitted(&mut self, seq: Seq, len: u32, tsval: Option<u32>, out: &mut Output) {
        self.stop_timing(seq);
        self.board.on_retransmitted(seq + len);
        if self.head_lost || self.forced {
            self.head_mark = self.sent_end;
        }
        self.head_lost = false;
        self.forced = false;
        if let Some(undo) = &mut self.undo {
            undo.stamp = undo.stamp.or(tsval);
        }
        match self.state {
            RecoveryState::Recovery => out.count(Counter::FastRetrans),
            RecoveryState::Loss if !self.timed_out => out.count(Counter::SlowStartRetrans),
            _ => {}
        }
    }

    /// Judges one acknowledgment. Samples the round trip, grows or lowers the congestion window, and finds losses.
    pub(crate) fn on_ack(
        &mut self,
        facts: &AckFacts,
        congestion: &mut Congestion,
        rtt: &mut RttEstimator,
        knobs: &Knobs,
        out: &mut Output,
    ) -> AckDecision {
        let acked = facts.una.distance_to(facts.ack);
        debug_assert!(facts.ack.le(facts.nxt) && facts.una.le(facts.ack));
        if acked > 0 {
            if let Some(round_trip) = self.sample(facts, rtt, knobs) {
                congestion.on_sample(round_trip, &facts.moment(), out);
            }
            self.timed_out = false;
            self.head_lost = false;
            // When the new head was sent again is not remembered; not later than now.
            self.head_mark = self.sent_end;
            if self.board.advance(facts.ack) {
                out.count(Counter::SackReneging);
            }
        }
        let newly_sacked =
            if facts.sack { self.board.take_sack(facts.blocks, facts.ack, facts.nxt) } else { 0 };
        self.judge_probe(facts, newly_sacked, congestion, out);
        self.judge_head(facts, newly_sacked, out);
        if facts.duplicate && !facts.sack && self.state != RecoveryState::Loss {
            self.board.count_duplicate();
        }
        let entered = self.step(facts, acked, congestion, out);
        let reduced = self.answer_echo(facts, congestion);
        AckDecision {
            acked,
            restart_timer: acked > 0 || entered,
            retransmit: self.next_retransmit(facts.ack, facts.nxt, facts.mss, congestion).is_some(),
            slowed_down: entered || reduced,
        }
    }

    /// The retransmission timer fired: everything in flight is lost, one segment may go (RFC 5681 section 3.1,
    /// RFC 6298 section 5.4). The caller backs the timer off, and has looked before whether to give up.
    #[allow(clippy::too_many_arguments, reason = "what a timeout sees, and what it changes")]
    pub(crate) fn on_timeout(
        &mut self,
        una: Seq,
        nxt: Seq,
        mss: u32,
        sack: bool,
        congestion: &mut Congestion,
        now: Instant,
        out: &mut Output,
    ) {
        let moment = Moment { now, una, nxt, pacing_rate: u64::MAX };
        if !self.timed_out {
            self.count_failure(sack, out);
        }
        self.count_lost_retransmissions(una, mss, out);
        let within_recovery = matches!(self.state, RecoveryState::Recovery | RecoveryState::Loss)
            && self.recover.gt(una)
            && (self.state == RecoveryState::Recovery || self.timed_out);
        if within_recovery {
            congestion.repeat_loss(&moment);
        } else {
            self.undo = Some(Undo { before: congestion.enter_loss(&moment), stamp: None });
        }
        self.stop_timing(una);
        self.board.mark_all_lost(una, nxt);
        self.state = RecoveryState::Loss;
        self.recover = nxt;
        self.probe_end = None;
        self.forced = true;
        self.head_lost = false;
        self.timed_out = true;
    }

    /// The path takes only smaller segments: what is in flight was lost, but not to congestion (RFC 8899 section 3,
    /// Linux tcp_simple_retransmit).
    pub(crate) fn on_path_shrunk(&mut self, una: Seq, nxt: Seq) {
        self.stop_timing(una);
        self.board.mark_all_lost(una, nxt);
        if !self.recovers() {
            self.undo = None;
            self.state = RecoveryState::Loss;
        }
        self.recover = nxt;
        self.probe_end = None;
        self.forced = true;
    }

    /// Karn: a segment that was sent again from `seq` on is not timed.
    pub(super) fn stop_timing(&mut self, seq: Seq) {
        if seq.lt(self.timed_end) {
            self.timed_at = Instant::NEVER;
        }
    }

    /// Takes the timed segment's round trip, or the echoed timestamp's when a retransmission spoilt it (RFC 7323
    /// section 4). Linux too prefers its own clock, which is finer than the milliseconds of a timestamp.
    fn sample(&mut self, facts: &AckFacts, rtt: &mut RttEstimator, knobs: &Knobs) -> Option<Duration> {
        let elapsed = if self.timed_at != Instant::NEVER {
            let timed_at = if facts.ack.ge(self.timed_end) { self.timed_at } else { return None };
            self.timed_at = Instant::NEVER;
            facts.now.since(timed_at)
        } else {
            let (clock, echo) = facts.timestamps.filter(|&(_, echo)| echo != 0)?;
            let elapsed = clock.wrapping_sub(echo);
            Duration::from_millis(u64::from((elapsed < 1 << 30).then_some(elapsed)?.max(1)))
        };
        rtt.sample(elapsed, facts.ack, facts.nxt, knobs);
        Some(elapsed)
    }

    /// The state machine. True when it entered fast recovery.
    fn step(&mut self, facts: &AckFacts, acked: u32, congestion: &mut Congestion, out: &mut Output) -> bool {
        if self.recovers() && acked > 0 {
            if self.was_spurious(facts) {
                self.undo_loss(facts.ack, congestion, out);
            } else if self.is_recovered(facts) {
                self.finish(facts.ack, congestion);
            }
        }
        match self.state {
            RecoveryState::Open | RecoveryState::Disorder => {
                self.reduced_to = self.reduced_to.filter(|end| facts.ack.le(*end));
                if acked > 0 {
                    self.board.clear_lost(facts.ack);
                    if self.reduced_to.is_none() {
                        congestion.on_ack(self.whole_segments(acked, facts), &facts.moment());
                    }
                }
                self.detect(facts, congestion, out)
            }
            RecoveryState::Recovery => {
                self.continue_recovery(facts, acked);
                false
            }
            RecoveryState::Loss => {
                if acked > 0 {
                    congestion.on_ack(self.whole_segments(acked, facts), &facts.moment());
                }
                false
            }
        }
    }

    /// Segments that are acknowledged whole: who splits its acknowledgments gains nothing.
    fn whole_segments(&mut self, acked: u32, facts: &AckFacts) -> u32 {
        let (octets, mss) = (self.acked_part + acked, facts.mss.max(1));
        if facts.ack == facts.nxt {
            self.acked_part = 0;
            return octets.div_ceil(mss);
        }
        self.acked_part = octets % mss;
        octets / mss
    }

    /// More than two segments that were sent after the head was sent again have arrived, and the head has not: it is
    /// lost again. Without this a timeout would have to find out (RACK would, too: RFC 8985).
    fn judge_head(&mut self, facts: &AckFacts, newly_sacked: u32, out: &mut Output) {
        let sent_again = self.recovers() && self.board.retransmitted_end().gt(facts.ack);
        if newly_sacked == 0 || !sent_again || self.head_lost {
            return;
        }
        if self.board.sacked_above(self.head_mark) > u32::from(DUPLICATES_MIN - 1) * facts.mss {
            self.head_lost = true;
            out.count(Counter::LostRetransmit);
        }
    }

    /// An ECN echo is a loss without one: the window is halved, once in a window of data, and nothing is sent again
    /// (RFC 3168 section 6.1.2). A recovery has lowered it already.
    fn answer_echo(&mut self, facts: &AckFacts, congestion: &mut Congestion) -> bool {
        let answers = facts.ece && !self.recovers() && self.reduced_to.is_none();
        if answers {
            congestion.enter_recovery();
            self.reduced_to = Some(facts.nxt);
        }
        answers
    }

    fn recovers(&self) -> bool {
        matches!(self.state, RecoveryState::Recovery | RecoveryState::Loss)
    }

    /// Without SACK something after `recover` must be acknowledged: duplicates of what was sent twice would start a
    /// false recovery (RFC 6582 section 4, Linux).
    fn is_recovered(&self, facts: &AckFacts) -> bool {
        facts.ack.gt(self.recover) || (facts.ack == self.recover && (facts.sack || facts.ack == facts.nxt))
    }

    fn finish(&mut self, una: Seq, congestion: &mut Congestion) {
        if self.state == RecoveryState::Recovery {
            congestion.exit_recovery();
        }
        self.reopen(una);
    }

    fn reopen(&mut self, una: Seq) {
        self.board.clear_lost(una);
        self.undo = None;
        self.forced = false;
        self.head_lost = false;
        self.state = RecoveryState::Open;
    }

    /// The acknowledged octets were on their way before the first retransmission was sent (RFC 3522).
    fn was_spurious(&self, facts: &AckFacts) -> bool {
        match (self.undo.and_then(|undo| undo.stamp), facts.timestamps) {
            (Some(stamp), Some((_, echo))) => echo != 0 && (echo.wrapping_sub(stamp) as i32) < 0,
            _ => false,
        }
    }

    fn undo_loss(&mut self, una: Seq, congestion: &mut Congestion, out: &mut Output) {
        let in_loss = self.state == RecoveryState::Loss;
        out.count(if in_loss { Counter::LossUndo } else { Counter::FullUndo });
        if let Some(undo) = self.undo {
            congestion.undo(undo.before);
        }
        self.reopen(una);
    }

    /// Open or Disorder: is it a loss by now?
    fn detect(&mut self, facts: &AckFacts, congestion: &mut Congestion, out: &mut Output) -> bool {
        let lost_end = if facts.sack {
            self.board.loss_edge(facts.mss)
        } else {
            (self.board.duplicates() >= DUPLICATES_MIN).then(|| (facts.ack + facts.mss).min(facts.nxt))
        };
        let Some(lost_end) = lost_end else {
            let doubt = self.board.duplicates() > 0 || self.board.sacked_octets() > 0;
            self.state = if doubt { RecoveryState::Disorder } else { RecoveryState::Open };
            return false;
        };
        out.count(if facts.sack { Counter::SackRecovery } else { Counter::RenoRecovery });
        self.board.mark_lost_to(lost_end);
        self.undo = Some(Undo { before: congestion.enter_recovery(), stamp: None });
        self.recover = facts.nxt;
        self.probe_end = None;
        self.forced = true;
        self.state = RecoveryState::Recovery;
        true
    }

    /// Recovery: a partial acknowledgment shows the next hole (RFC 6582 section 3.2), SACK shows all that are provable.
    fn continue_recovery(&mut self, facts: &AckFacts, acked: u32) {
        if acked > 0 {
            // One of them filled the hole and had no duplicate.
            self.board.discount_duplicates((acked / facts.mss.max(1)).saturating_sub(1));
            if self.board.retransmitted_end().le(facts.ack) {
                self.board.mark_lost_to((facts.ack + facts.mss).min(facts.nxt));
                self.forced = true;
            }
        }
        if let Some(edge) = self.board.loss_edge(facts.mss).filter(|_| facts.sack) {
            self.board.mark_lost_to(edge);
        }
    }

    fn count_failure(&self, sack: bool, out: &mut Output) {
        let counter = match (self.state, sack) {
            (RecoveryState::Recovery, true) => Counter::SackRecoveryFail,
            (RecoveryState::Recovery, false) => Counter::RenoRecoveryFail,
            (RecoveryState::Loss, _) => Counter::LossFailures,
            (RecoveryState::Disorder, true) => Counter::SackFailures,
            (RecoveryState::Disorder, false) => Counter::RenoFailures,
            (RecoveryState::Open, _) => return,
        };
        out.count(counter);
    }

    /// Segments of this recovery that were sent again and are lost once more. A probe does not count (TIMELINES T03:
    /// nine repetitions, seven of them lost retransmissions).
    fn count_lost_retransmissions(&self, una: Seq, mss: u32, out: &mut Output) {
        if self.recovers() {
            let octets = self.board.retransmitted_end().since(una).max(0) as u32;
            out.counters.add(Counter::LostRetransmit, u64::from(octets.div_ceil(mss.max(1))));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
