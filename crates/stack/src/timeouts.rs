//! Timers that fire: half-open requests and TIME_WAITs from their lists, all other flows from the wheel.

use crate::flows::table::earlier;
use crate::flows::{FlowKind, FlowRef};
use crate::stack::Stack;
use bytes::Bytes;
use lastack_observe::{Cause, Instant};
use lastack_tcp::half_open::deferred_timeouts;
use lastack_tcp::{ActiveVerdict, Outcome, isn};
use lastack_wire::icmp::Problem;
use rand_core::Rng;
use smallvec::SmallVec;

/// Timers of each kind that one call fires: packets wait no longer than that.
const TIMERS_PER_CALL: usize = 1024;

impl Stack {
    /// Fires timers that are due, and takes in packets for ourselves. When very many are due at once some are left: then
    /// [`Stack::deadline`] is still not later than `now`, and the driver calls again after its other work.
    pub fn handle_timeout(&mut self, now: Instant, _rng: &mut dyn Rng) {
        self.now = now;
        for _ in 0..TIMERS_PER_CALL {
            let Some(flow) = self.flows.pop_due_half(now) else { break };
            self.half_open_timeout(flow);
        }
        for _ in 0..TIMERS_PER_CALL {
            let Some(flow) = self.flows.pop_due_wait(now) else { break };
            self.time_wait_timeout(flow);
        }
        for _ in 0..TIMERS_PER_CALL {
            let Some(flow) = self.wheel.pop_due(now) else { break };
            match flow.kind() {
                FlowKind::Connection => self.connection_timeout(flow),
                FlowKind::ActiveOpen => self.active_timeout(flow),
                FlowKind::HalfOpen | FlowKind::TimeWait => debug_assert!(false, "{flow:?} has its own lists"),
            }
        }
        self.fragment_timeouts();
        self.drain_loopback();
    }

    /// Tells senders whose packets stayed incomplete (ICMP time exceeded, code 1).
    fn fragment_timeouts(&mut self) {
        let mut first = SmallVec::<[Bytes; 4]>::new();
        self.fragments.handle_timeout(self.now, &mut self.out.counters, &mut |fragment| first.push(fragment));
        for fragment in first {
            self.report_error(Problem::TimeExceeded { code: 1 }, &fragment);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.loopback.is_empty() {
            return Some(self.now);
        }
        let records = earlier(self.flows.slabs.half.deadline(), self.flows.slabs.waits.deadline());
        earlier(earlier(records, self.wheel.deadline()), self.fragments.deadline())
    }

    fn time_wait_timeout(&mut self, flow: FlowRef) {
        let Some(tuple) = self.flows.tuple(flow) else { return };
        self.out.begin(self.now, tuple);
        if let Some((record, _)) = self.flows.slabs.waits.get(flow) {
            record.expire(&mut self.out);
        }
        self.end_wait(flow);
    }

    fn half_open_timeout(&mut self, flow: FlowRef) {
        let Some((_, number)) = self.flows.slabs.half.get(flow) else { return };
        if self.listener_is_gone(number) {
            return self.abandon_half(flow, Cause::ListenerClosed);
        }
        let Some(tuple) = self.flows.tuple(flow) else { return };
        let Some(listener) = self.listeners.get(number) else { return };
        let knobs = &self.config.knobs;
        let retries = listener.options.syncnt.unwrap_or(knobs.tcp_synack_retries);
        let retries = listener.patience(retries, knobs.somaxconn);
        let deferred = deferred_timeouts(listener.options.defer_accept, knobs);
        let offset = isn::timestamp_offset(&self.secret, &tuple, &self.config.knobs);
        self.out.begin(self.now, tuple);
        let Some(record) = self.flows.slabs.half.get_mut(flow) else { return };
        let young = record.is_young();
        match record.handle_timeout(retries, deferred, offset, &self.config.knobs, self.now, &mut self.out) {
            Some(delay) => {
                self.flows.slabs.half.restart(flow, self.now, delay);
                if young {
                    self.listeners.leave_young(number);
                }
            }
            None => {
                self.forget_half(flow);
            }
        }
    }

    fn connection_timeout(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        entry.timer = None;
        self.out.begin(self.now, entry.tuple);
        if self.reset_starving_orphan(flow) {
            return;
        }
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let due = entry.engine.deadline().is_some_and(|deadline| deadline <= self.now);
        let outcome = if due {
            entry.engine.handle_timeout(&self.config.knobs, self.now, &mut self.out)
        } else {
            Outcome::Continue
        };
        self.settle(flow, outcome);
    }

    fn active_timeout(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
        entry.timer = None;
        self.out.begin(self.now, entry.tuple);
        let options = entry.cell.as_ref().map(|cell| cell.lock().options.clone()).unwrap_or_default();
        match entry.engine.handle_timeout(&options, &self.config.knobs, self.now, &mut self.out) {
            ActiveVerdict::Keep | ActiveVerdict::Establish => self.refresh_active(flow),
            ActiveVerdict::Fail(cause) => self.end_active(flow, cause),
        }
    }
}
