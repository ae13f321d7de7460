//! Timeouts (RFC 9293 section 3.10.8): delayed acknowledgment, retransmission, tail loss probe, window probe, keepalive,
//! the user timeout in its Linux forms, and the end of an orphan's FIN_WAIT2.
//!
//! Data leaves only by polling: a timeout marks what is to be sent again and poll_transmit sends it. Probes and resets
//! carry no data and leave at once.

use super::timers::{Purpose, rto_max, rto_min};
use super::transmit::Forced;
use super::{Connection, Outcome, Turn};
use crate::send::Timeout;
use crate::time_wait::TIME_WAIT_LENGTH;
use crate::{Instant, Knobs, Output};
use lastack_observe::{Cause, Counter, EventKind, ResetReason, State};
use std::time::Duration;

/// What tcp_orphan_retries 0 means while the RTO has not reached its maximum.
const ORPHAN_RETRIES: u8 = 8;

impl Connection {
    /// The deadline of [`Connection::deadline`] passed. Early calls do nothing.
    pub fn handle_timeout(&mut self, knobs: &Knobs, now: Instant, out: &mut Output) -> Outcome {
        let turn = &mut Turn { knobs, now, out };
        if self.ack.deadline() <= now {
            if self.ack.compressed() > 0 {
                self.send_compressed(turn);
            } else if self.ack.delay_ended(self.rto(knobs)) {
                turn.out.count(Counter::DelayedAcks);
                self.send_ack(turn);
            }
        }
        if self.timers.transmit <= now {
            self.timers.disarm();
            let outcome = match self.timers.purpose {
                Purpose::Retransmit => self.retransmission_timeout(turn),
                Purpose::LossProbe => self.loss_probe_timeout(turn),
                Purpose::Reordering => self.reordering_timeout(turn),
                Purpose::WindowProbe => self.window_probe_timeout(turn),
                Purpose::SynAck => self.syn_ack_timeout(turn),
            };
            if outcome != Outcome::Continue {
                return outcome;
            }
        }
        if self.timers.keepalive <= now {
            self.timers.keepalive = Instant::NEVER;
            return self.keepalive_timeout(turn);
        }
        Outcome::Continue
    }

    fn retransmission_timeout(&mut self, turn: &mut Turn) -> Outcome {
        if self.send.una == self.send.nxt {
            return Outcome::Continue;
        }
        turn.out.count(Counter::Timeouts);
        let given_up = self.is_given_up(turn);
        self.suspect_black_hole_by_timeout(given_up, turn);
        if given_up {
            return self.time_out(turn);
        }
        turn.out.count(Counter::TimeoutRehash);
        self.doubt_path(turn);
        let timeout = Timeout {
            now: turn.now,
            pacing_rate: self.pacing_rate(u32::from(self.effective_mss()), turn.knobs),
            una: self.send.una,
            nxt: self.send.nxt,
            sack: self.sack,
            repeated: self.retries.timeouts > 0,
        };
        if let Some((recovery, mut means)) = self.recovering(turn) {
            recovery.on_timeout(timeout, &mut means);
        }
        self.ecn.slowed_down();
        let first = self.retries.timeouts == 0;
        self.tally().timeouts.fired(first, turn.now);
        self.rtt.back_off();
        self.forced = Forced::No;
        self.retries.timeouts = self.retries.timeouts.saturating_add(1);
        if self.retries.timeouts == turn.knobs.tcp_retries1 {
            // RFC 1122 section 4.2.3.5: advice to the layer below. Here that is who watches: routes are the host's.
            turn.out.event(EventKind::PathDoubted { timeouts: self.retries.timeouts });
        }
        self.retries.since = self.retries.since.min(turn.now);
        let interval = self.clamp_to_user_timeout(self.rto(turn.knobs), self.retries.since, turn);
        self.timers.arm(Purpose::Retransmit, turn.now + interval);
        Outcome::Continue
    }

    /// RFC 8985 section 7: the last segment, or a new one, so that an acknowledgment tells what is missing. Not counted
    /// as a timeout (TIMELINES T18).
    fn loss_probe_timeout(&mut self, turn: &mut Turn) -> Outcome {
        if self.due_probe().is_some() {
            self.forced = Forced::LossProbe;
        } else {
            // One is under way, or the peer took back the window that it would be in: the timeout counts from the first segment.
            self.timers.arm(Purpose::LossProbe, turn.now);
        }
        self.rearm_retransmit(turn);
        Outcome::Continue
    }

    /// What was overtaken, and has not come by now, is lost (RFC 8985 section 6.3).
    fn reordering_timeout(&mut self, turn: &mut Turn) -> Outcome {
        let (una, nxt, now) = (self.send.una, self.send.nxt, turn.now);
        let Some((recovery, mut means)) = self.recovering(turn) else { return Outcome::Continue };
        recovery.on_reordering_timeout(una, nxt, now, &mut means);
        if recovery.take_slowed_down() {
            self.ecn.slowed_down();
        }
        // As if it waited still: the timeout counts from the first segment.
        self.timers.arm(Purpose::Reordering, turn.now);
        self.rearm_retransmit(turn);
        Outcome::Continue
    }

    /// The peer's window takes nothing (RFC 9293 section 3.8.6.1), or only a silly piece, or the cork's time is over.
    fn window_probe_timeout(&mut self, turn: &mut Turn) -> Outcome {
        if self.send.in_flight() > 0 || self.send.unsent() == 0 {
            self.retries.end_probing();
            return Outcome::Continue;
        }
        if self.is_probing_given_up(turn) {
            return self.time_out(turn);
        }
        self.retries.probing_since = self.retries.probing_since.min(turn.now);
        if self.send.usable() > 0 {
            self.retries.end_probing();
            self.forced = Forced::Window;
            return Outcome::Continue;
        }
        self.send_probe(Counter::WinProbe, turn);
        self.retries.probes = self.retries.probes.saturating_add(1);
        if self.retries.probe_backoff < turn.knobs.tcp_retries2 {
            self.retries.probe_backoff += 1;
        }
        let interval = self.probe_interval(turn.knobs);
        let interval = self.clamp_to_user_timeout(interval, self.retries.probing_since, turn);
        self.timers.arm(Purpose::WindowProbe, turn.now + interval);
        Outcome::Continue
    }

    fn keepalive_timeout(&mut self, turn: &mut Turn) -> Outcome {
        if self.orphan && self.state == State::FinWait2 {
            return self.fin_wait_2_timeout(turn);
        }
        if !self.options_ref().keepalive {
            return Outcome::Continue;
        }
        let idle = self.keepalive_idle(turn.knobs);
        // What is in flight or queued has timers of its own.
        if !self.is_flushed() {
            self.timers.keepalive = turn.now + idle;
            return Outcome::Continue;
        }
        let heard = self.heard_at.max(self.ack.data_at());
        let quiet = turn.now.since(heard);
        if quiet < idle {
            self.timers.keepalive = heard + idle;
            return Outcome::Continue;
        }
        if self.is_keepalive_given_up(quiet, turn.knobs) {
            self.send_reset(ResetReason::KeepaliveTimeout, turn);
            turn.out.count(Counter::AbortOnTimeout);
            return self.end(Cause::KeepaliveTimedOut, turn);
        }
        self.send_probe(Counter::KeepAlive, turn);
        self.retries.probes = self.retries.probes.saturating_add(1);
        let interval = self.options_ref().keepintvl;
        self.timers.keepalive = turn.now + interval.unwrap_or(seconds(turn.knobs.tcp_keepalive_intvl));
        Outcome::Continue
    }

    /// RFC 5482 with keepalive: the user timeout replaces the number of probes.
    fn is_keepalive_given_up(&self, quiet: Duration, knobs: &Knobs) -> bool {
        let options = self.options_ref();
        match options.user_timeout {
            Some(limit) if !limit.is_zero() => quiet >= limit && self.retries.probes > 0,
            _ => self.retries.probes >= options.keepcnt.unwrap_or(knobs.tcp_keepalive_probes),
        }
    }

    /// A full connection stays in an orphan's FIN_WAIT2 only for what tcp_fin_timeout exceeds 60 s (TIMELINES T04c), or
    /// because the acknowledgment of our FIN came with a FIN that we could not take.
    fn fin_wait_2_timeout(&mut self, turn: &mut Turn) -> Outcome {
        if self.fin_timeout(turn.knobs) > TIME_WAIT_LENGTH {
            return self.leave(turn);
        }
        self.send_reset(ResetReason::FinWait2Expired, turn);
        self.end(Cause::FinWait2Expired, turn)
    }

    /// No RST: the peer is thought dead, and an orphan ends as silently (TIMELINES T03, T18).
    pub(super) fn time_out(&mut self, turn: &mut Turn) -> Outcome {
        turn.out.count(Counter::AbortOnTimeout);
        let cause = if self.unreachable.is_some() { Cause::Unreachable } else { Cause::TimedOut };
        self.end(cause, turn)
    }

    /// Linux's tcp_write_timeout: tcp_retries2 and tcp_orphan_retries are times, counted from the first timeout's
    /// retransmission, that this many doublings of the least RTO would take (TIMELINES T03d, T18c).
    fn is_given_up(&self, turn: &Turn) -> bool {
        if self.retries.timeouts == 0 {
            return false;
        }
        let retries = if self.orphan {
            self.orphan_retries(self.rto(turn.knobs) < rto_max(turn.knobs), turn.knobs)
        } else {
            turn.knobs.tcp_retries2
        };
        let elapsed = turn.now.since(self.retries.since);
        match self.options_ref().user_timeout {
            Some(limit) if !limit.is_zero() => elapsed >= limit,
            _ => self.ticked(elapsed, turn.knobs) >= backoff_sum(retries, turn.knobs),
        }
    }

    /// Linux's tcp_probe_timer: endless while the peer answers (RFC 1122 section 4.2.2.17), but not for an orphan
    /// (TIMELINES T17 to T17d).
    fn is_probing_given_up(&self, turn: &Turn) -> bool {
        if let Some(limit) = self.options_ref().user_timeout
            && !limit.is_zero()
            && self.retries.probing_since != Instant::NEVER
            && turn.now.since(self.retries.probing_since) >= limit
        {
            return true;
        }
        if !self.orphan {
            return self.retries.probes >= turn.knobs.tcp_retries2;
        }
        let alive = self.probe_interval(turn.knobs) < rto_max(turn.knobs);
        let most = self.orphan_retries(alive, turn.knobs);
        (!alive && self.retries.probe_backoff >= most) || self.retries.probes >= most
    }

    fn orphan_retries(&self, alive: bool, knobs: &Knobs) -> u8 {
        match knobs.tcp_orphan_retries {
            _ if self.unreachable.is_some() && !alive => 0,
            0 if alive => ORPHAN_RETRIES,
            retries => retries,
        }
    }
}

/// The time that `retries` doublings of the least RTO take, capped at the largest RTO each (Linux tcp_model_timeout).
pub(super) fn backoff_sum(retries: u8, knobs: &Knobs) -> Duration {
    let (least, most) = (rto_min(knobs).max(Duration::from_micros(1)), rto_max(knobs));
    let doublings = (most.as_micros() / least.as_micros()).max(1).ilog2().min(30);
    let doubled = u32::from(retries).min(doublings);
    least * ((2 << doubled) - 1) + most * (u32::from(retries) - doubled)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
