//! What an acknowledgment, or its absence, says about loss: Linux's state machine (tcp_ack and what it calls) in parts.
//!
//! `sack` and `acked` take an acknowledgment in, `alert` judges it, `loss` is what a timeout leads to and how that turns out
//! spurious (F-RTO), `probe` the tail loss probe. What they decide by stands beside: `rack`, `reordering`, `prr`, `undo`,
//! and `scoreboard`, which counts. Decides and returns values; the connection sends and runs the timers.
//!
//! `una` and `nxt` are SEND.UNA and SEND.NXT and stay with the connection. SYN is long acknowledged; a FIN is one octet of
//! sequence space like any other. Limited transmit (RFC 3042) needs no rule: what a duplicate says has left is not in flight.

use super::evidence::Evidence;
use super::probe::TailProbe;
use super::prr::Prr;
use super::rack::{Doubt, Rack};
use super::reordering::Reordering;
use super::rto::RttEstimator;
use super::runs::Run;
use super::scoreboard::{Flight, Scoreboard};
use super::undo::Undo;
use crate::congestion::{Congestion, Moment};
use crate::{Instant, Knobs, Output};
use lastack_observe::Counter;
use lastack_wire::Seq;
use lastack_wire::tcp::SackBlock;
use std::time::Duration;

/// Linux's icsk_ca_state, as `ss` and the RFCs know it; the numbers are Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecoveryState {
    /// Nothing points to a loss.
    Open = 0,
    /// Something came twice or out of order; not enough to act.
    Disorder = 1,
    /// The window goes down for a mark or a repaired tail; nothing is lost.
    Cwr = 2,
    /// Fast recovery.
    Recovery = 3,
    /// After a timeout.
    Loss = 4,
}

/// One acknowledgment (`ack <= nxt`; an old one may be below `una`).
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
    /// The largest window that the peer ever offered.
    pub(crate) window_max: u32,
    /// It brings octets, SYN or FIN.
    pub(crate) brings_data: bool,
    /// It told of a window.
    pub(crate) window_moved: bool,
    /// ECN was negotiated, and it says that a router on the way was congested.
    pub(crate) ece: bool,
    /// SACK was negotiated.
    pub(crate) sack: bool,
    /// The blocks it carries.
    pub(crate) blocks: &'a [SackBlock],
    /// Linux's pacing figure, octets per second.
    pub(crate) pacing_rate: u64,
    /// Segments that leave as one packet at most.
    pub(crate) burst: u32,
    /// Our timestamp clock now.
    pub(crate) clock: u32,
    /// TSecr, where timestamps were negotiated; zero says nothing.
    pub(crate) echo: Option<u32>,
    /// New octets wait that the peer's window takes.
    pub(crate) may_send_new: bool,
    /// Segments that D-SACKs told of so far, and those sent again so far.
    pub(crate) came_twice: u32,
    /// See `came_twice`.
    pub(crate) sent_again: u32,
    /// Where a segment begins that may have been too large for the path.
    pub(crate) path_probe_at: Option<Seq>,
}

impl AckFacts<'_> {
    /// What congestion control sees of it.
    pub(super) fn moment(&self) -> Moment {
        let una = self.ack.max(self.una);
        Moment { now: self.now, una, nxt: self.nxt, pacing_rate: self.pacing_rate }
    }
}

/// What an acknowledgment or a timer acts on.
pub(crate) struct Means<'a> {
    pub(crate) congestion: &'a mut Congestion,
    pub(crate) rtt: &'a mut RttEstimator,
    pub(crate) knobs: &'a Knobs,
    pub(crate) out: &'a mut Output,
}

/// What becomes of the timer over what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum TimerChange {
    /// It stays.
    #[default]
    Keep,
    /// It starts anew.
    Restart,
    /// Look at reordering after this time.
    Reordering(Duration),
    /// The retransmission timer fires after this time: the peer has forgotten what it SACKed.
    Retransmit(Duration),
}

/// What the connection is to do after an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct AckDecision {
    /// Octets of sequence space newly acknowledged: free them, and forget the timeouts counted.
    pub(crate) acked: u32,
    /// Segments newly delivered, acknowledged either way.
    pub(crate) delivered: u32,
    /// Segments that a D-SACK told of.
    pub(crate) came_twice: u32,
    /// The timer.
    pub(crate) timer: TimerChange,
    /// The congestion window was lowered: the peer is to be told (ECN).
    pub(crate) slowed_down: bool,
    /// And that was taken back.
    pub(crate) sped_up: bool,
    /// Timeouts turned out to be spurious, or the peer answers: forget those counted.
    pub(crate) answered: bool,
    /// The segment that may have been too large is what was lost; nothing was done for congestion.
    pub(crate) path_probe_lost: bool,
}

/// What may leave again until the next acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing.
    Nothing,
    /// What is lost, as the window lets it out.
    Lost,
    /// New octets to find out whether the timeout was spurious; lost ones if there are none (F-RTO).
    New,
}

/// Numbers sent for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) seq: Seq,
    pub(crate) end: Seq,
    /// Octets of a full segment.
    pub(crate) mss: u16,
    /// The last number is our FIN.
    pub(crate) fin: bool,
    /// What follows leaves as another packet.
    pub(crate) closes: bool,
    /// It ends a record (MSG_EOR).
    pub(crate) record: bool,
}

/// Octets to be sent again: `len` numbers now, of a `unit` that leaves as one packet where the device takes such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resend {
    pub(crate) seq: Seq,
    pub(crate) len: u32,
    pub(crate) unit: u32,
}

/// The loss detector of one connection. Lives while something is in flight, and on when there is something to remember.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(super) board: Scoreboard,
    pub(super) rack: Rack,
    pub(super) reordering: Reordering,
    pub(super) prr: Prr,
    pub(super) undo: Undo,
    pub(super) probe: TailProbe,
    /// SEND.NXT when the state changed last (RFC 6582's recover).
    pub(super) high_seq: Seq,
    /// Segments delivered since the connection began.
    pub(super) delivered: u32,
    pub(super) state: RecoveryState,
    pub(super) wanted: Wanted,
    /// The first segment leaves again whatever the window says: the timer fired.
    pub(super) head_due: bool,
    /// F-RTO goes on: it is not known yet whether the timeout was spurious.
    pub(super) frto: bool,
    /// Segments that leave again as one packet at most.
    burst: u32,
    /// Small segments that are sent again may become larger ones.
    pub(super) collapses: bool,
    /// Where the first segment began, when a part of it is acknowledged.
    pub(super) cut_from: Option<Seq>,
    /// The reduction that goes on is to be told to the peer, or was taken back.
    pub(super) slowed_down: bool,
    pub(super) sped_up: bool,
}

impl Recovery {
    /// Nothing is in flight yet; `delivered` segments were so far.
    pub(crate) fn new(una: Seq, delivered: u32) -> Recovery {
        Recovery {
            board: Scoreboard::new(una),
            rack: Rack::new(una),
            reordering: Reordering::new(),
            prr: Prr::default(),
            undo: Undo::default(),
            probe: TailProbe::default(),
            high_seq: una,
            delivered,
            state: RecoveryState::Open,
            wanted: Wanted::Nothing,
            head_due: false,
            frto: false,
            burst: u32::MAX,
            collapses: false,
            cut_from: None,
            slowed_down: false,
            sped_up: false,
        }
    }

    /// True when a new one would serve as well, once everything is acknowledged.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state == RecoveryState::Open
            && self.undo.marker.is_none()
            && self.reordering.is_fresh()
            && self.rack.is_fresh()
            && self.probe.is_idle()
    }

    /// Linux's name of what is going on.
    pub(crate) fn state(&self) -> RecoveryState {
        self.state
    }

    /// What is in flight, in segments.
    pub(crate) fn flight(&self) -> Flight {
        self.board.flight()
    }

    /// Reordering: its degree in segments, and how often it was seen.
    pub(crate) fn reordering(&self, usual: u32) -> (u32, u32) {
        (self.reordering.degree_or(usual), self.reordering.seen)
    }

    /// When the first segment in flight was sent last.
    pub(crate) fn head_sent_at(&self) -> Option<Instant> {
        self.board.first().map(|run| run.sent_at)
    }

    /// Segments believed to be in the network.
    pub(crate) fn in_flight(&self) -> u32 {
        self.board.in_flight()
    }

    /// Segments that the congestion window lets out now, new ones or old ones.
    pub(crate) fn room(&self, congestion: &Congestion) -> u32 {
        congestion.cwnd().saturating_sub(self.board.in_flight())
    }

    /// True while F-RTO wants new octets sent rather than lost ones, against Nagle.
    pub(crate) fn prefers_new(&self, nxt: Seq) -> bool {
        self.wanted == Wanted::New && nxt.le(self.high_seq)
    }

    /// What is to be sent again now: at most `now_max` segments of those that leave as one. None: nothing is
    /// lost, or the window is full.
    pub(crate) fn next_retransmit(
        &self,
        nxt: Seq,
        mss: u32,
        now_max: u32,
        congestion: &Congestion,
    ) -> Option<Resend> {
        if self.head_due {
            let run = sized(self.board.first()?, mss);
            let len = self.grown(&run, run.start.distance_to(run.end_of(1)), mss);
            return Some(Resend { seq: run.start, len, unit: len });
        }
        if self.wanted != Wanted::Lost && !self.prefers_new(nxt) {
            return None;
        }
        let run = self.board.next_lost()?;
        let most = self.room(congestion).min(self.burst.max(1));
        let run = sized(&run, mss);
        let numbers = |segments: u32| self.grown(&run, run.start.distance_to(run.end_of(segments)), mss);
        (most > 0).then(|| Resend {
            seq: run.start,
            len: numbers(most.min(now_max.max(1))),
            unit: numbers(most),
        })
    }

    /// `len` numbers of `run`, and small segments behind it that fill a small one up.
    fn grown(&self, run: &Run, len: u32, mss: u32) -> u32 {
        if self.collapses && len == run.len() && len < mss {
            return run.start.distance_to(self.board.reach(run.start, mss));
        }
        len
    }

    /// Something was sent for the first time.
    pub(crate) fn on_sent(&mut self, sent: Sent, now: Instant) {
        debug_assert!(sent.seq.lt(sent.end));
        let mss = sent.mss.max(1);
        let run = Run::new(sent.seq, sent.end, mss, sent.fin, now, self.delivered);
        if self.state == RecoveryState::Cwr || self.state == RecoveryState::Recovery {
            self.prr.sent(run.segments());
        }
        self.board.push(run);
        if sent.closes {
            self.board.close_last(sent.record);
        }
    }

    /// The timer fired: the first segment leaves again, and the timer was set when it did.
    pub(crate) fn head_is_due(&self) -> bool {
        self.head_due
    }

    /// What [`Recovery::next_retransmit`] named is sent in segments of `mss`; `clock` is our timestamp clock. True when it
    /// ends a packet of several segments: it carries PSH.
    pub(crate) fn on_retransmitted(
        &mut self,
        resend: Resend,
        mss: u16,
        now: Instant,
        clock: u32,
        out: &mut Output,
    ) -> bool {
        let (index, ends_packet) = self.board.prepare_again(resend.seq, resend.len, resend.unit, mss);
        let joined = self.board.collapse(index, resend.len);
        out.counters.add(Counter::RetransCollapse, u64::from(joined));
        let Some(run) = self.board.run(index) else { return false };
        let segments = run.segments();
        self.board.leave_again(index, false, now, self.delivered);
        self.undo.repeated(segments, clock);
        if std::mem::take(&mut self.head_due) {
            return ends_packet;
        }
        if self.wanted == Wanted::New {
            // There was nothing new that might have been sent.
            self.frto = false;
            self.wanted = Wanted::Lost;
        }
        let counter =
            if self.state == RecoveryState::Loss { Counter::SlowStartRetrans } else { Counter::FastRetrans };
        out.counters.add(counter, u64::from(segments));
        if self.reduces() {
            self.prr.sent(segments);
        }
        ends_packet
    }

    /// The window goes down step by step (Linux tcp_in_cwnd_reduction).
    pub(super) fn reduces(&self) -> bool {
        matches!(self.state, RecoveryState::Cwr | RecoveryState::Recovery)
    }

    pub(super) fn recovers(&self) -> bool {
        self.state >= RecoveryState::Recovery
    }

    /// What the reordering window depends on.
    pub(super) fn doubt(&self, knobs: &Knobs) -> Doubt {
        Doubt {
            reordering_seen: self.reordering.seen > 0,
            recovers: self.recovers(),
            enough_sacked: self.board.flight().sacked >= self.reordering.degree(knobs),
        }
    }

    /// Judges one acknowledgment while something is in flight. Samples the round trip, moves the congestion window, and
    /// finds losses.
    pub(crate) fn on_ack(&mut self, facts: &AckFacts, means: &mut Means) -> AckDecision {
        debug_assert!(facts.ack.le(facts.nxt) && facts.una.le(facts.ack));
        let (delivered, lost) = (self.delivered, self.board.lost_ever());
        let mut evidence = Evidence::new(facts);
        let highest = if facts.sack { self.board.highest_sacked(facts.una) } else { facts.una };
        self.wanted = Wanted::Nothing;
        self.collapses = means.knobs.tcp_retrans_collapse;
        self.burst = facts.burst;
        self.take_blocks(facts, &mut evidence, means);
        self.take_acknowledged(facts, highest, &mut evidence, means);
        self.rack.adapt(evidence.sent_when(), self.delivered, means.knobs);
        self.judge_probe(facts, &evidence, means);
        if evidence.is_dubious() || self.state != RecoveryState::Open {
            self.alert(facts, &mut evidence, means);
        }
        let newly_lost = self.board.lost_ever().wrapping_sub(lost);
        self.move_window(facts, self.delivered.wrapping_sub(delivered), newly_lost, &evidence, means);
        self.decide(facts, delivered, &evidence)
    }

    /// Nothing is in flight: a D-SACK may still say that the last reduction was a mistake, or that a probe was not needed.
    pub(crate) fn on_idle_ack(&mut self, facts: &AckFacts, means: &mut Means) -> AckDecision {
        let delivered = self.delivered;
        let mut evidence = Evidence::new(facts);
        self.take_blocks(facts, &mut evidence, means);
        if evidence.duplicate_reported {
            self.alert(facts, &mut evidence, means);
        }
        self.judge_probe(facts, &evidence, means);
        self.decide(facts, delivered, &evidence)
    }

    /// An acknowledgment that was overtaken: its blocks are news all the same.
    pub(crate) fn on_old_ack(&mut self, facts: &AckFacts, means: &mut Means) -> AckDecision {
        let delivered = self.delivered;
        let mut evidence = Evidence::new(facts);
        self.wanted = Wanted::Nothing;
        self.take_blocks(facts, &mut evidence, means);
        self.alert(facts, &mut evidence, means);
        self.decide(facts, delivered, &evidence)
    }

    /// The window was lowered since this was asked last: the peer is to be told (ECN).
    pub(crate) fn take_slowed_down(&mut self) -> bool {
        std::mem::take(&mut self.slowed_down)
    }

    fn decide(&mut self, facts: &AckFacts, delivered: u32, evidence: &Evidence) -> AckDecision {
        AckDecision {
            acked: facts.una.since(facts.ack).min(0).unsigned_abs(),
            delivered: self.delivered.wrapping_sub(delivered),
            came_twice: evidence.came_twice,
            timer: evidence.timer,
            slowed_down: self.take_slowed_down(),
            sped_up: std::mem::take(&mut self.sped_up),
            answered: evidence.advanced || evidence.timeout_was_spurious,
            path_probe_lost: evidence.path_probe_lost,
        }
    }

    /// Linux tcp_cong_control: PRR while the window goes down, the algorithm's growth otherwise.
    fn move_window(
        &mut self,
        facts: &AckFacts,
        delivered: u32,
        lost: u32,
        evidence: &Evidence,
        means: &mut Means,
    ) {
        let congestion = &mut *means.congestion;
        if self.reduces() {
            let progress = evidence.advanced && lost == 0;
            let in_flight = self.board.in_flight();
            if let Some(cwnd) = self.prr.window(delivered, progress, in_flight, congestion.ssthresh()) {
                congestion.set_cwnd(cwnd);
            }
        } else if evidence.data_acked
            || (evidence.data_sacked && self.reordering.degree(means.knobs) > means.knobs.tcp_reordering)
        {
            congestion.on_ack(delivered, &facts.moment());
        }
    }
}

/// `run` as segments of `mss` would be.
fn sized(run: &Run, mss: u32) -> Run {
    Run { mss: u16::try_from(mss.max(1)).unwrap_or(u16::MAX), ..*run }
}

#[cfg(test)]
pub(crate) mod tests;
