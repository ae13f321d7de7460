//! Fifth check: the ACK field (RFC 9293 section 3.10.7.4), bounded as RFC 5961 section 5.2 wants.

use super::Check;
use crate::clock::tsval;
use crate::connection::timers::Purpose;
use crate::connection::transmit::Forced;
use crate::connection::{Connection, Outcome, Turn};
use crate::send::{AckDecision, AckFacts};
use crate::time_wait::TIME_WAIT_LENGTH;
use crate::{Arrival, Instant, Seq};
use lastack_observe::{Cause, Counter, DropReason, ResetReason, State};
use lastack_wire::tcp::Flags;
use std::ops::ControlFlow::{Break, Continue};

impl Connection {
    pub(super) fn check_acknowledgment(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        let ack = arrival.header.ack;
        if ack.lt(self.send.una) {
            if self.is_foreseen(arrival) {
                // Linux's fast path takes its clock before it looks at the number (measured).
                self.update_ts_recent(arrival, turn);
            }
            // Older than the largest window, or than the connection: nobody sent this in good faith.
            let tolerated = self.send.window_max.min(self.send.acked);
            if ack.lt(self.send.una - tolerated) {
                turn.out.dropped(DropReason::OldAck);
                self.challenge(turn);
                return Break(Outcome::Continue);
            }
            self.judge_flight(arrival, false, turn);
            return Continue(());
        }
        if ack.gt(self.send.nxt) {
            turn.out.dropped(DropReason::FutureAck);
            self.challenge(turn);
            return Break(Outcome::Continue);
        }
        self.take_acknowledgment(arrival, turn);
        if self.fin_queued && self.is_flushed() {
            self.fin_was_acknowledged(arrival, turn)
        } else {
            Continue(())
        }
    }

    fn take_acknowledgment(&mut self, arrival: &Arrival, turn: &mut Turn) {
        self.count_acknowledgment(arrival, turn);
        self.update_ts_recent(arrival, turn);
        let window_moved = self.update_window(arrival);
        self.unreachable = None;
        self.retries.probes = 0;
        self.heard_at = turn.now;
        let idle = self.send.una == self.send.nxt;
        self.judge_flight(arrival, window_moved, turn);
        if idle {
            self.answer_to_probe(turn);
        }
    }

    /// Linux counts what its header prediction foresaw apart from the rest: in ESTABLISHED, the next number, the window that
    /// stood before, no option but timestamps.
    fn count_acknowledgment(&self, arrival: &Arrival, turn: &mut Turn) {
        if self.is_foreseen(arrival) && arrival.header.ack.gt(self.send.una) {
            turn.out.count(Counter::HpAcks);
        } else if arrival.is_empty() {
            turn.out.count(Counter::PureAcks);
        }
    }

    fn is_foreseen(&self, arrival: &Arrival) -> bool {
        let header = &arrival.header;
        self.state == State::Established
            && header.flags.without(Flags::PSH) == Flags::ACK
            && header.seq == self.receive.nxt
            && self.send.nxt.since(header.ack) >= 0
            && self.window_of(arrival) == self.send.window
            && header.options.sack.is_empty()
            && header.options.timestamps.is_some() == self.timestamps
            && header.options.timestamps.is_none_or(|ts| ts.value.wrapping_sub(self.ts_recent) as i32 >= 0)
            && !self.holds_out_of_order()
    }

    /// RFC 7323 section 4.3: only a segment that begins at or before Last.ACK.sent speaks for what we echo.
    fn update_ts_recent(&mut self, arrival: &Arrival, turn: &Turn) {
        let Some(timestamps) = arrival.header.options.timestamps.filter(|_| self.timestamps) else {
            return;
        };
        if arrival.header.seq.le(self.receive.window.acked())
            && self.timestamp_passes(timestamps.value, 0, turn.now)
        {
            self.ts_recent = timestamps.value;
            self.ts_recent_at = turn.now;
        }
    }

    /// SND.WL1's test, as Linux writes it: newer data, a newer acknowledgment, or the same with a larger window (or none).
    pub(super) fn window_may_change(&self, arrival: &Arrival) -> bool {
        let (header, window) = (&arrival.header, self.window_of(arrival));
        header.ack.gt(self.send.una)
            || header.seq.gt(self.send.wl1)
            || (header.seq == self.send.wl1 && (window > self.send.window || window == 0))
    }

    fn window_of(&self, arrival: &Arrival) -> u32 {
        u32::from(arrival.header.window) << self.send.scale
    }

    fn update_window(&mut self, arrival: &Arrival) -> bool {
        if !self.window_may_change(arrival) {
            return false;
        }
        let window = self.window_of(arrival);
        // SND.WND counts from SEG.ACK, which SND.UNA becomes before anybody asks.
        self.send.wl1 = arrival.header.seq;
        self.send.window = window;
        self.send.window_max = self.send.window_max.max(window);
        true
    }

    /// Nothing is in flight: the acknowledgment may answer a window probe (Linux tcp_ack_probe).
    fn answer_to_probe(&mut self, turn: &mut Turn) {
        if self.send.unsent() == 0 {
            return;
        }
        let mss = u32::from(self.effective_mss());
        if self.send.usable_for(mss) {
            self.retries.probe_backoff = 0;
            self.retries.probing_since = Instant::NEVER;
            if self.timers.waits_for(Purpose::WindowProbe) {
                self.timers.disarm();
            }
        } else {
            let interval = self.probe_interval(turn.knobs);
            let interval = self.clamp_to_user_timeout(interval, self.retries.probing_since, turn);
            self.timers.arm(Purpose::WindowProbe, turn.now + interval);
        }
    }

    fn judge_flight(&mut self, arrival: &Arrival, window_moved: bool, turn: &mut Turn) {
        let header = &arrival.header;
        let tells = self.sack && !header.options.sack.is_empty();
        let idle = self.send.una == self.send.nxt;
        let old = header.ack.lt(self.send.una);
        if (idle || old) && !tells && self.outgoing.is_none() {
            return;
        }
        self.judge_path_probe(header.ack, turn);
        let facts = self.facts(arrival, window_moved, turn);
        self.outgoing();
        let Some((recovery, mut means)) = self.recovering(turn) else { return };
        let decision = match (old, idle) {
            (true, _) if !tells => return,
            (true, _) => recovery.on_old_ack(&facts, &mut means),
            (_, true) => recovery.on_idle_ack(&facts, &mut means),
            _ => recovery.on_ack(&facts, &mut means),
        };
        self.carry_out_decision(header.ack, facts.ece, decision, turn);
        self.release_outgoing();
        self.note_wait(turn.now);
    }

    fn facts<'a>(&self, arrival: &'a Arrival, window_moved: bool, turn: &Turn) -> AckFacts<'a> {
        let header = &arrival.header;
        let mss = u32::from(self.effective_mss());
        let echoed = header.options.timestamps.filter(|_| self.timestamps);
        AckFacts {
            now: turn.now,
            una: self.send.una,
            nxt: self.send.nxt,
            ack: header.ack,
            mss,
            window_max: self.send.window_max,
            brings_data: !arrival.is_empty(),
            window_moved,
            ece: self.ecn.is_agreed() && header.flags.contains(Flags::ECE),
            sack: self.sack,
            blocks: &header.options.sack,
            pacing_rate: self.pacing_rate(mss, turn.knobs),
            burst: self.burst_goal(mss.max(1), turn.knobs),
            clock: tsval(turn.now, self.ts_offset),
            echo: echoed.map(|timestamps| timestamps.echo),
            // The window counts from SEG.ACK by now.
            may_send_new: self.send.unsent() > 0 && (header.ack + self.send.window).gt(self.send.nxt),
            came_twice: self.tally.as_ref().map_or(0, |tally| tally.had_twice),
            path_probe_at: self.path_probe_at(),
            sent_again: self.tally.as_ref().map_or(0, |tally| tally.again),
        }
    }

    fn carry_out_decision(&mut self, ack: Seq, marked: bool, decision: AckDecision, turn: &mut Turn) {
        let AckDecision { acked, delivered, .. } = decision;
        self.send.delivered = self.send.delivered.wrapping_add(delivered);
        if decision.came_twice > 0 {
            let tally = self.tally();
            tally.had_twice = tally.had_twice.wrapping_add(decision.came_twice);
        }
        if acked > 0 {
            if let Some(outgoing) = &mut self.outgoing {
                outgoing.buffer.ack(ack);
            }
            self.send.una = ack;
            self.send.acked = self.send.acked.saturating_add(acked);
            self.count_acknowledged(acked, if marked { delivered } else { 0 }, turn.now);
            self.forced = Forced::No;
        }
        if decision.answered {
            self.retries.timeouts = 0;
            self.retries.since = Instant::NEVER;
        }
        if decision.path_probe_lost {
            self.path_probe_was_lost(turn);
        }
        if decision.slowed_down {
            self.ecn.slowed_down();
        }
        if decision.sped_up {
            self.ecn.sped_up();
        }
        self.change_timer(decision.timer, turn);
    }

    /// The states in which the acknowledgment of our FIN means something.
    fn fin_was_acknowledged(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        match self.state {
            State::FinWait1 => {
                self.go(Cause::FinAcked, turn);
                if self.orphan { self.orphan_reaches_fin_wait_2(arrival, turn) } else { Continue(()) }
            }
            State::Closing => {
                // Whatever else the segment carries is not looked at (TIMELINES section F).
                self.go(Cause::FinAcked, turn);
                Break(self.leave(turn))
            }
            State::LastAck => Break(self.end(Cause::FinAcked, turn)),
            _ => Continue(()),
        }
    }

    fn orphan_reaches_fin_wait_2(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        if self.options_ref().linger2.is_some_and(|seconds| seconds < 0) {
            turn.out.count(Counter::AbortOnData);
            return Break(self.refuse(arrival, ResetReason::AbortOnLinger, Cause::FinWait2Expired, turn));
        }
        if self.brings_new_octets(arrival) {
            return self.refuse_data(arrival, turn);
        }
        if !arrival.header.flags.fin() {
            return match self.orphan_in_fin_wait_2(turn) {
                Outcome::Continue => Continue(()),
                outcome => Break(outcome),
            };
        }
        // The FIN is looked at as a full connection; when it cannot be taken the timer ends the wait.
        let length = self.fin_timeout(turn.knobs);
        self.timers.keepalive =
            turn.now + if length > TIME_WAIT_LENGTH { length - TIME_WAIT_LENGTH } else { length };
        Continue(())
    }
}
