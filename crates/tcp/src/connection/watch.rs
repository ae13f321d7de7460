//! The timer over what is in flight: when it starts, starts anew, and what it is for next (Linux tcp_rearm_rto,
//! tcp_schedule_loss_probe and tcp_set_xmit_timer). `timeouts` is what happens when it fires.

use super::timers::Purpose;
use super::{Connection, Turn};
use crate::Instant;
use crate::send::TimerChange;
use std::time::Duration;

/// A timer that should have fired already fires at once.
const AT_ONCE: Duration = Duration::from_micros(1);

impl Connection {
    /// New octets left; `first`: nothing was in flight.
    pub(super) fn watch_new(&mut self, first: bool, turn: &mut Turn) {
        if self.unproven.is_some() {
            // The SYN-ACK has the timer.
            return;
        }
        if first || self.timers.waits_for(Purpose::LossProbe) || !self.timers.is_armed() {
            self.rearm_retransmit(turn);
        }
        self.arm_probe(false, turn);
    }

    /// Something in flight was acknowledged.
    pub(super) fn watch_flight(&mut self, turn: &mut Turn) {
        if self.unproven.is_none() && !self.arm_probe(true, turn) {
            self.rearm_retransmit(turn);
        }
    }

    /// The first segment in flight leaves again.
    pub(super) fn watch_first_again(&mut self, turn: &mut Turn) {
        if self.unproven.is_none() && !self.timers.waits_for(Purpose::Reordering) {
            self.timers.arm(Purpose::Retransmit, turn.now + self.rto(turn.knobs));
        }
    }

    /// What an acknowledgment makes of the timer.
    pub(super) fn change_timer(&mut self, change: TimerChange, turn: &mut Turn) {
        match change {
            TimerChange::Keep => {}
            TimerChange::Restart => self.watch_flight(turn),
            TimerChange::Reordering(delay) => {
                let delay = delay.min(self.rto(turn.knobs));
                self.timers.arm(Purpose::Reordering, turn.now + delay);
            }
            TimerChange::Retransmit(delay) => self.timers.arm(Purpose::Retransmit, turn.now + delay),
        }
    }

    /// The timeout, counted from when the first segment was sent if something else had the timer since.
    pub(super) fn rearm_retransmit(&mut self, turn: &mut Turn) {
        if self.send.una == self.send.nxt {
            if self.timers.purpose != Purpose::WindowProbe {
                self.timers.disarm();
            }
            return;
        }
        let rto = self.rto(turn.knobs);
        let late = self.timers.waits_for(Purpose::LossProbe) || self.timers.waits_for(Purpose::Reordering);
        let at = match self.head_sent_at().filter(|_| late) {
            Some(sent_at) => (sent_at + rto).max(turn.now + AT_ONCE),
            None => turn.now + rto,
        };
        self.timers.arm(Purpose::Retransmit, at);
    }

    /// A tail loss probe, if one is to be sent; `anew`: the timeout would start now, and not when the first segment left.
    fn arm_probe(&mut self, anew: bool, turn: &mut Turn) -> bool {
        let Some(outgoing) = &self.outgoing else { return false };
        let Some(delay) = outgoing.recovery.probe_delay(self.sack, &self.rtt, turn.knobs) else {
            return false;
        };
        let from = self.head_sent_at().filter(|_| !anew).unwrap_or(turn.now);
        let timeout = from + self.rto(turn.knobs);
        let at = turn.now + delay;
        self.timers.arm(Purpose::LossProbe, if timeout > turn.now { at.min(timeout) } else { at });
        true
    }

    fn head_sent_at(&self) -> Option<Instant> {
        self.outgoing.as_ref().and_then(|outgoing| outgoing.recovery.head_sent_at())
    }
}
