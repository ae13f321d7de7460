//! What applications asked for: the dirty list is drained here, and each cell's requests and octets go to its flow.
//!
//! Bounded: so many cells a turn, and of each cell no more than its send buffer. bind(), listen() and connect() are
//! in `open`.

pub(crate) mod fast_open;
mod open;
mod reuse;

use crate::SocketError;
use crate::budget::Limited;
use crate::flows::{FlowKind, FlowRef};
use crate::lifecycle::detach;
use crate::message::Kind;
use crate::socket::cell::{Cell, Requests, Written};
use crate::stack::Stack;
use lastack_observe::{Cause, Counter, Flow, Instant, State};
use lastack_tcp::knobs::{Linger, SocketOptions};
use lastack_tcp::state::LISTENER;
use lastack_tcp::{Outcome, TransmitLimits};
use rand_core::Rng;
use std::collections::VecDeque;
use std::sync::Arc;

/// Cells that one turn serves.
const CELLS_PER_TURN: usize = 256;
/// Segments that an orphan which is one too many may still send before its RST (TIMELINES T30: its FIN).
const LAST_SEGMENTS: usize = 4;

/// What a cell had for its shard.
struct Work {
    requests: Requests,
    consumed: usize,
    sending: VecDeque<Written>,
    sending_urgent: Option<usize>,
    writer_waits: bool,
    flow: Option<FlowRef>,
    listener: Option<u16>,
}

impl Stack {
    /// Applies what applications asked for since the last turn. Bounded work: true when there is more.
    pub fn handle_sockets(&mut self, now: Instant, rng: &mut dyn Rng) -> bool {
        self.now = now;
        for _ in 0..self.sockets.shared.len().min(CELLS_PER_TURN) {
            let Some(cell) = self.sockets.shared.pop() else { break };
            if cell.is_of(&self.sockets.shared) {
                self.serve(&cell, rng);
            } else {
                // It moved to another shard since it was put on our list.
                cell.mark();
            }
        }
        self.drain_loopback();
        self.sockets.is_dirty()
    }

    fn serve(&mut self, cell: &Arc<Cell>, rng: &mut dyn Rng) {
        let work = {
            let mut inner = cell.lock();
            // Until the engine says how much of it waits, it counts as in flight.
            inner.in_flight += std::mem::take(&mut inner.sending_len);
            Work {
                requests: std::mem::take(&mut inner.requests),
                consumed: std::mem::take(&mut inner.consumed),
                sending: std::mem::take(&mut inner.sending),
                sending_urgent: inner.sending_urgent.take(),
                writer_waits: inner.writer_waits,
                flow: inner.flow,
                listener: inner.listener,
            }
        };
        let (flow, listener) = (work.flow, work.listener);
        if work.requests.options {
            self.apply_options(cell, flow, listener);
        }
        if let Some(address) = work.requests.bind {
            self.bind(cell, address, rng);
        }
        if let Some(backlog) = work.requests.listen {
            self.listen(cell, backlog, rng);
        }
        if let Some(peer) = work.requests.connect {
            self.connect(cell, peer, rng);
        }
        if work.requests.give_up {
            self.give_up_connect(cell, flow);
        }
        let (close, abort) = (work.requests.close, work.requests.abort);
        match flow.map(|flow| (flow, flow.kind())) {
            Some((flow, FlowKind::Connection)) => self.feed(flow, work),
            Some((flow, FlowKind::ActiveOpen)) => self.feed_open(flow, work.sending),
            _ => {}
        }
        if close {
            self.close(cell, abort);
        }
    }

    /// Octets read and written, and the end of writing.
    fn feed(&mut self, flow: FlowRef, work: Work) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let (knobs, now, out) = (&self.config.knobs, self.now, &mut self.out);
        out.begin(now, entry.tuple);
        if work.consumed > 0 {
            entry.engine.consumed(work.consumed, knobs, now, out);
        }
        let mut sent = 0;
        for Written { octets, ends } in work.sending {
            sent += octets.len();
            if work.sending_urgent == Some(sent) {
                entry.engine.send_urgent(octets);
            } else {
                entry.engine.send_part(octets);
            }
            if ends {
                entry.engine.end_write();
            }
        }
        if work.requests.end_write {
            entry.engine.end_write();
        }
        entry.engine.set_writer_waits(work.writer_waits, now);
        if work.requests.push {
            entry.engine.push();
        }
        if work.requests.shutdown_read {
            entry.engine.shutdown_receive();
        }
        if work.requests.shutdown_write {
            entry.engine.shutdown_send(knobs, now, out);
        }
        self.settle(flow, Outcome::Continue);
    }

    fn apply_options(&mut self, cell: &Cell, flow: Option<FlowRef>, listener: Option<u16>) {
        let options = {
            let mut inner = cell.lock();
            let options = inner.options.clone();
            self.guarded |= options.minttl != 0;
            self.marked |= options.ttl.is_some() || options.tos != 0;
            if let Some(claim) = &mut inner.claim {
                self.budget.binds().set_options(claim, options.reuseaddr, options.reuseport);
            }
            options
        };
        if let Some(listener) = listener.and_then(|number| self.listeners.get_mut(number)) {
            self.budget.binds().set_options(&mut listener.claim, options.reuseaddr, options.reuseport);
            listener.options = options;
        } else if let Some(flow) = flow {
            self.set_flow_options(flow, options);
        }
    }

    fn set_flow_options(&mut self, flow: FlowRef, options: SocketOptions) {
        if flow.kind() != FlowKind::Connection {
            return;
        }
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        self.budget.binds().set_options(&mut entry.claim, options.reuseaddr, options.reuseport);
        self.out.begin(self.now, entry.tuple);
        entry.engine.set_options(options, &self.config.knobs, self.now, &mut self.out);
        self.settle(flow, Outcome::Continue);
    }

    /// close() or abort(), or the last handle was dropped.
    fn close(&mut self, cell: &Arc<Cell>, abort: bool) {
        // What a request of this very turn made is in the cell now.
        let (flow, listener, claim) = {
            let mut inner = cell.lock();
            inner.received.clear();
            inner.received_len = 0;
            (inner.flow, inner.listener, inner.claim.take())
        };
        if let Some(claim) = claim {
            self.budget.binds().release(claim);
        }
        if let Some(number) = listener {
            self.close_listener(number, Cause::ListenerClosed);
        }
        match flow.map(|flow| (flow, flow.kind())) {
            Some((flow, FlowKind::Connection)) if abort => self.abort_connection(flow, Cause::Abort),
            Some((flow, FlowKind::Connection)) => self.close_connection(flow),
            Some((flow, FlowKind::ActiveOpen)) => self.close_active(flow, abort),
            _ => detach(cell, None),
        }
    }

    /// CLOSE of a connection: an orphan from now on.
    pub(crate) fn close_connection(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        if entry.orphan {
            return;
        }
        self.out.begin(self.now, entry.tuple);
        let linger = match entry.engine.options().linger {
            Linger::Wait(time) => Some(self.now + time),
            Linger::Off | Linger::Reset => None,
        };
        let outcome = entry.engine.close(&self.config.knobs, self.now, &mut self.out);
        if outcome != Outcome::Continue {
            return self.settle(flow, outcome);
        }
        entry.orphan = true;
        entry.end_was_read = entry.cell.as_ref().is_some_and(|cell| cell.lock().end_was_read);
        entry.linger_until = linger;
        self.census.orphans += 1;
        let granted = self.leases.take(&self.budget, Limited::Orphans, self.config.knobs.tcp_max_orphans);
        if !granted {
            // The lease is given back with the connection, so it is taken beyond the limit for the moment.
            let leased = self.leases.take(&self.budget, Limited::Orphans, u32::MAX);
            debug_assert!(leased);
        }
        if linger.is_none()
            && let Some(cell) = entry.cell.take()
        {
            detach(&cell, None);
        }
        let starves =
            self.flows.slabs.connections.get(flow.slot()).is_some_and(|entry| self.starves_orphan(entry));
        if !granted || starves {
            return self.one_orphan_too_many(flow);
        }
        self.settle(flow, Outcome::Continue);
    }

    /// One orphan more than `tcp_max_orphans`, or no memory for it: its FIN, then RST (TIMELINES T30).
    fn one_orphan_too_many(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let limits = TransmitLimits { super_segment_max: 0, behind_earlier: false };
        for _ in 0..LAST_SEGMENTS {
            let segment = entry.engine.poll_transmit(limits, &self.config.knobs, self.now, &mut self.out);
            let Some(segment) = segment else { break };
            self.out.reply(segment);
        }
        self.abort_connection(flow, Cause::TooManyOrphans);
    }

    fn close_active(&mut self, flow: FlowRef, abort: bool) {
        let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
        let lingers_not = entry.cell.as_ref().is_some_and(|cell| cell.lock().options.linger == Linger::Reset);
        if lingers_not {
            // Linux counts it whatever the state, although SYN_SENT says nothing to the peer (TIMELINES T12).
            self.out.count(Counter::AbortOnData);
        }
        let abort = abort || lingers_not;
        if abort || entry.engine.state() == State::SynSent {
            let cause = if abort { Cause::Abort } else { Cause::Close };
            return self.end_active(flow, cause);
        }
        // In SYN_RECV the handshake goes on; the connection is closed as soon as there is one.
        if let Some(cell) = entry.cell.take() {
            detach(&cell, None);
        }
    }

    /// shutdown() in SYN_SENT: nothing is sent, and ECONNRESET waits for whoever asks. When the peer's SYN came meanwhile it
    /// is the end of writing, as it would have been then.
    fn give_up_connect(&mut self, cell: &Arc<Cell>, flow: Option<FlowRef>) {
        let Some(flow) = flow else { return };
        let open = self.flows.slabs.active.get(flow.slot()).filter(|_| flow.kind() == FlowKind::ActiveOpen);
        if open.is_none_or(|entry| entry.engine.state() != State::SynSent) {
            {
                let mut inner = cell.lock();
                inner.write_shutdown = true;
                inner.requests.shutdown_write = true;
            }
            return cell.mark();
        }
        let Some(entry) = self.take_active(flow) else { return };
        self.out.begin(self.now, entry.tuple);
        self.flows.forget(&entry.tuple, flow);
        // The peer's SYN may have crossed the call: then there is something to reset.
        let cause = if entry.engine.state() == State::SynSent { Cause::Close } else { Cause::Abort };
        entry.engine.abort(cause, self.now, &mut self.out);
        self.fail_connect(entry.cell.as_deref(), entry.claim, SocketError::Reset);
    }

    /// The listener goes: connections that nobody accepted are reset, half-open requests die at their timer or at their
    /// next segment (TIMELINES T37).
    pub(crate) fn close_listener(&mut self, number: u16, cause: Cause) {
        let Some(listener) = self.listeners.get(number) else { return };
        if listener.closed {
            return;
        }
        let (cell, claim, home) = (listener.cell.clone(), listener.claim, listener.home);
        let address = listener.address;
        self.listeners.close(number);
        if home != self.me() {
            return;
        }
        self.census.leave(State::Listen);
        let ended = if cause == Cause::DeviceLost { cause } else { Cause::Close };
        self.out.begin(self.now, Flow { local: address, remote: Flow::NONE.remote });
        LISTENER.go(State::Listen, ended, &mut self.out);
        self.budget.binds().release(claim);
        for shard in self.other_shards() {
            self.mail.push_back((shard, crate::Message(Kind::Unlisten { cell: cell.clone() })));
        }
        let waiting = std::mem::take(&mut cell.lock().accept_queue);
        for accepted in waiting {
            self.reset_unaccepted(&accepted.cell, cause);
        }
        let error = (cause == Cause::DeviceLost).then_some(crate::SocketError::NetworkDown);
        cell.lock().listener = None;
        detach(&cell, error);
    }

    /// A connection that nobody will accept.
    pub(crate) fn reset_unaccepted(&mut self, cell: &Arc<Cell>, cause: Cause) {
        if cell.is_of(&self.sockets.shared) {
            let flow = cell.lock().flow;
            if let Some(flow) = flow {
                self.abort_connection(flow, cause);
            }
            return;
        }
        {
            let mut inner = cell.lock();
            inner.requests.close = true;
            inner.requests.abort = true;
        }
        cell.mark();
    }
}
