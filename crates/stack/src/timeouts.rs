//! Timers that fire: half-open requests and TIME_WAITs from their lists, all other flows from the wheel.

use crate::flows::table::earlier;
use crate::flows::{FlowKind, FlowRef};
use crate::stack::Stack;
use bytes::Bytes;
use lastack_observe::{Cause, Instant};
use lastack_tcp::{ActiveVerdict, Outcome, isn};
use lastack_wire::icmp::Problem;
use rand_core::Rng;
use smallvec::SmallVec;

impl Stack {
    /// Fires every timer that is due, and takes in packets for ourselves.
    pub fn handle_timeout(&mut self, now: Instant, _rng: &mut dyn Rng) {
        self.now = now;
        while let Some(flow) = self.flows.pop_due_half(now) {
            self.half_open_timeout(flow);
        }
        while let Some(flow) = self.flows.pop_due_wait(now) {
            let Some(tuple) = self.flows.tuple(flow) else { continue };
            self.out.begin(now, tuple);
            if let Some((record, _)) = self.flows.slabs.waits.get(flow) {
                record.expire(&mut self.out);
            }
            self.end_wait(flow);
        }
        while let Some(flow) = self.wheel.pop_due(now) {
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

    fn half_open_timeout(&mut self, flow: FlowRef) {
        let Some((_, number)) = self.flows.slabs.half.get(flow) else { return };
        if self.listener_is_gone(number) {
            return self.abandon_half(flow, Cause::ListenerClosed);
        }
        let Some(tuple) = self.flows.tuple(flow) else { return };
        let syncnt = self.listeners.get(number).and_then(|listener| listener.options.syncnt);
        let retries = syncnt.unwrap_or(self.config.knobs.tcp_synack_retries);
        let offset = isn::timestamp_offset(&self.secret, &tuple, &self.config.knobs);
        self.out.begin(self.now, tuple);
        let Some(record) = self.flows.slabs.half.get_mut(flow) else { return };
        match record.handle_timeout(retries, offset, &self.config.knobs, self.now, &mut self.out) {
            Some(delay) => self.flows.slabs.half.restart(flow, self.now, delay),
            None => {
                self.forget_half(flow);
            }
        }
    }

    fn connection_timeout(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        entry.timer = None;
        self.out.begin(self.now, entry.tuple);
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
