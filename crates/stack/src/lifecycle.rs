//! What becomes of a flow after each call on its engine: its state in the census, its timer, its socket cell, its place
//! on the ready list, and its way into the next type or out of the tables.

use crate::SocketError;
use crate::bind::{Claim, Owner};
use crate::budget::Limited;
use crate::flows::table::earlier;
use crate::flows::{Entry, FlowKind, FlowRef};
use crate::socket::cell::{Cell, Inner, Phase, Wakes};
use crate::socket::room::SendSpace;
use crate::stack::Stack;
use crate::wheel::{TimerKey, Wheel};
use lastack_observe::{Cause, Counter, Instant, State, Unreachable};
use lastack_tcp::{Connection, Knobs, Outcome};

/// What an application is told when its flow ends. Linux: a RST in CLOSE_WAIT is EPIPE (TIMELINES T34).
pub(crate) fn error_of(cause: Cause, state: State, reason: Option<Unreachable>) -> Option<SocketError> {
    match cause {
        Cause::Refused => Some(SocketError::Refused),
        Cause::Reset if state == State::CloseWait => Some(SocketError::BrokenPipe),
        // Linux treats octets that nobody will read as the peer's own reset (tcp_reset, measured).
        Cause::Reset | Cause::DataAfterClose => Some(SocketError::Reset),
        Cause::TimedOut | Cause::KeepaliveTimedOut => Some(SocketError::TimedOut),
        Cause::Unreachable => Some(reason.map_or(SocketError::HostUnreachable, SocketError::from)),
        Cause::DeviceLost => Some(SocketError::NetworkDown),
        Cause::Abort | Cause::ListenerClosed | Cause::UnreadData => Some(SocketError::Aborted),
        _ => None,
    }
}

/// Takes the news of a connection into its cell.
fn tell_cell(inner: &mut Inner, wakes: &mut Wakes, engine: &mut Connection, knobs: &Knobs, now: Instant) {
    let mut arrived = false;
    inner.urgent_announced = engine.is_urgent_announced();
    if let Some(urgent) = engine.take_urgent() {
        inner.mark_urgent(urgent);
        wakes.read = true;
    }
    while let Some(chunk) = engine.take_received() {
        inner.received_len += chunk.len();
        inner.received.push_back(chunk);
        arrived = true;
    }
    inner.pressed = engine.is_receive_pressed();
    wakes.read |= arrived && inner.has_enough_to_read();
    inner.peer_finished |= engine.is_peer_finished();
    if engine.is_read_closed() && !inner.end_of_stream {
        inner.end_of_stream = true;
        wakes.read = true;
    }
    inner.in_flight = engine.send_queue();
    inner.send_space = SendSpace {
        memory: engine.send_limit(knobs),
        goal: engine.send_goal(),
        piece: engine.send_piece(knobs),
        unsent: engine.unsent(),
        tail: engine.unsent_tail(),
        low_water: low_water(inner.options.notsent_lowat.unwrap_or(knobs.tcp_notsent_lowat)),
    };
    inner.receive_memory = Some(engine.receive_limit());
    inner.segment_max = Some(engine.negotiated().mss);
    tell_room(inner, wakes, engine, now);
    inner.state = engine.state();
}

/// TCP_NOTSENT_LOWAT or the knob; the largest number means none.
fn low_water(octets: u32) -> usize {
    if octets == u32::MAX { usize::MAX } else { octets as usize }
}

/// Who waits for room is told when there is enough of it.
fn tell_room(inner: &mut Inner, wakes: &mut Wakes, engine: &mut Connection, now: Instant) {
    let roomy = inner.is_roomy();
    wakes.write |= roomy;
    if roomy && inner.writer_waits {
        inner.writer_waits = false;
        inner.room_made += 1;
        engine.set_writer_waits(false, now);
    }
}

/// All that may be sent was sent: what waits is less than the cell knows.
pub(crate) fn tell_sent(cell: &Cell, engine: &mut Connection, now: Instant) {
    cell.update(|inner, wakes| {
        inner.send_space.unsent = engine.unsent();
        inner.send_space.tail = engine.unsent_tail();
        if inner.send_space.low_water != usize::MAX {
            tell_room(inner, wakes, engine, now);
        }
    });
}

/// Tells a cell that its flow is gone.
pub(crate) fn detach(cell: &Cell, error: Option<SocketError>) {
    cell.update(|inner, wakes| {
        inner.flow = None;
        inner.state = State::Closed;
        inner.end_of_stream = true;
        inner.write_shutdown = true;
        inner.sending.clear();
        inner.sending_len = 0;
        inner.in_flight = 0;
        inner.closed = true;
        inner.error = error.or(inner.error);
        wakes.all();
    });
}

/// Sets, moves or stops a flow's timer.
pub(crate) fn set_timer(
    wheel: &mut Wheel,
    timer: &mut Option<TimerKey>,
    flow: FlowRef,
    deadline: Option<Instant>,
) {
    match (*timer, deadline) {
        (Some(key), Some(deadline)) => wheel.reset(key, deadline),
        (None, Some(deadline)) => *timer = Some(wheel.insert(deadline, flow)),
        (Some(key), None) => {
            wheel.remove(key);
            *timer = None;
        }
        (None, None) => {}
    }
}

impl Stack {
    /// After any call on a connection's engine.
    pub(crate) fn settle(&mut self, flow: FlowRef, outcome: Outcome) {
        let now = self.now;
        self.charge_memory(flow);
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        if let Some(cell) = &entry.cell {
            cell.update(|inner, wakes| tell_cell(inner, wakes, &mut entry.engine, &self.config.knobs, now));
        }
        match outcome {
            Outcome::Continue => {}
            Outcome::TimeWait => return self.begin_wait(flow),
            Outcome::Closed(cause) => return self.end_connection(flow, cause),
        }
        let done = entry.engine.is_flushed() || entry.linger_until.is_some_and(|until| until <= now);
        if entry.orphan && done && entry.linger_until.take().is_some() {
            end_linger(entry);
        }
        self.refresh(flow);
    }

    /// State, timer and ready list of a connection that lives on.
    pub(crate) fn refresh(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let state = entry.engine.state();
        if state != entry.state {
            self.census.change(entry.state, state);
            (entry.state, entry.since) = (state, self.now);
            if !self.fast_opens.is_idle() {
                self.refresh_fast_open(flow);
            }
        }
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let deadline = earlier(entry.engine.deadline(), entry.linger_until);
        set_timer(&mut self.wheel, &mut entry.timer, flow, deadline);
        if !entry.ready && entry.engine.has_work() {
            entry.ready = true;
            self.ready.push_back(flow);
        }
    }

    /// A connection becomes a TIME_WAIT record, or nothing when there are too many (TIMELINES T21).
    fn begin_wait(&mut self, flow: FlowRef) {
        self.refresh_fast_open(flow);
        self.keep_info(flow);
        let Some(entry) = self.take_connection(flow) else { return };
        let state = entry.engine.state();
        let (tuple, claim) = (entry.tuple, entry.claim);
        let length = entry.engine.time_wait_length(&self.config.knobs);
        if let Some(cell) = &entry.cell {
            detach(cell, None);
        }
        if !self.leases.take(&self.budget, Limited::TimeWaits, self.config.knobs.tcp_max_tw_buckets) {
            self.out.begin(self.now, tuple);
            self.out.count(Counter::TimeWaitOverflow);
            self.out.state_changed(state, State::Closed, Cause::TableFull);
            self.flows.forget(&tuple, flow);
            self.budget.binds().release(claim);
            return;
        }
        let recycled = entry.engine.recycled_length(&self.config.knobs);
        let mut record = entry.engine.into_time_wait();
        if let Some(length) = recycled {
            record.shorten(length);
            self.stamps.remember(tuple.remote.ip(), record.ts_recent(), self.now);
        }
        let bits = claim.owner.to_bits();
        let Some(wait) = self.flows.insert_wait(record, &tuple, bits, flow) else {
            self.out.begin(self.now, tuple);
            self.out.state_changed(state, State::Closed, Cause::TableFull);
            self.leases.give(&self.budget, Limited::TimeWaits);
            self.budget.binds().release(claim);
            return;
        };
        self.out.count(Counter::Tw);
        self.census.enter(state);
        self.flows.slabs.waits.restart(wait, self.now, length);
    }

    /// The flow is over.
    fn end_connection(&mut self, flow: FlowRef, cause: Cause) {
        self.end_fast_open(flow, cause);
        self.keep_info(flow);
        let Some(entry) = self.take_connection(flow) else { return };
        self.flows.forget(&entry.tuple, flow);
        self.budget.binds().release(entry.claim);
        if let Some(cell) = &entry.cell {
            detach(cell, error_of(cause, entry.state, entry.engine.unreachable()));
        }
    }

    /// Takes a connection out of its slab, the census, the wheel and the leases; its tuple stays in the index.
    fn take_connection(&mut self, flow: FlowRef) -> Option<Entry<Connection>> {
        let entry = self.flows.slabs.connections.remove(flow.slot())?;
        self.census.leave(entry.state);
        if let Some(key) = entry.timer {
            self.wheel.remove(key);
        }
        self.leases.give(&self.budget, Limited::Connections);
        self.release_memory(&entry);
        if entry.orphan {
            self.census.orphans -= 1;
            self.leases.give(&self.budget, Limited::Orphans);
        }
        Some(entry)
    }

    /// RST, and the flow is over.
    pub(crate) fn abort_connection(&mut self, flow: FlowRef, cause: Cause) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        self.out.begin(self.now, entry.tuple);
        let outcome = entry.engine.abort(cause, &self.config.knobs, self.now, &mut self.out);
        self.settle(flow, outcome);
    }

    /// An active open fails or is given up; its socket may be used again.
    pub(crate) fn end_active(&mut self, flow: FlowRef, cause: Cause) {
        self.keep_info(flow);
        let Some(entry) = self.take_active(flow) else { return };
        let tuple = entry.tuple;
        self.out.begin(self.now, tuple);
        self.flows.forget(&tuple, flow);
        let reported = matches!(cause, Cause::Refused | Cause::Reset | Cause::TimedOut | Cause::Unreachable);
        let reason = entry.engine.unreachable();
        if !reported {
            entry.engine.abort(cause, self.now, &mut self.out);
        }
        let error = error_of(cause, entry.state, reason).unwrap_or(SocketError::Aborted);
        self.fail_connect(entry.cell.as_deref(), entry.claim, error);
    }

    /// Answers connect() with an error. What bind() gave stays with the socket, a port of connect()'s own does not.
    pub(crate) fn fail_connect(&mut self, cell: Option<&Cell>, claim: Claim, error: SocketError) {
        let Some(cell) = cell.filter(|_| claim.owner.is_explicit()) else {
            self.budget.binds().release(claim);
            if let Some(cell) = cell {
                answer_connect(cell, None, error);
            }
            return;
        };
        answer_connect(cell, Some(claim), error);
    }

    pub(crate) fn take_active(&mut self, flow: FlowRef) -> Option<Entry<Box<lastack_tcp::ActiveOpen>>> {
        let entry = self.flows.slabs.active.remove(flow.slot())?;
        self.census.leave(entry.state);
        if let Some(key) = entry.timer {
            self.wheel.remove(key);
        }
        self.leases.give(&self.budget, Limited::Connections);
        Some(entry)
    }

    /// After any call on an active open that goes on.
    pub(crate) fn refresh_active(&mut self, flow: FlowRef) {
        let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
        let state = entry.engine.state();
        if state != entry.state {
            self.census.change(entry.state, state);
            (entry.state, entry.since) = (state, self.now);
            if let Some(cell) = &entry.cell {
                cell.lock().state = state;
            }
        }
        set_timer(&mut self.wheel, &mut entry.timer, flow, entry.engine.deadline());
        if !entry.ready && entry.engine.has_work() {
            entry.ready = true;
            self.ready.push_back(flow);
        }
    }

    /// A half-open request leaves all tables; its end was reported.
    pub(crate) fn forget_half(&mut self, flow: FlowRef) -> Option<lastack_tcp::HalfOpen> {
        let (record, listener) = self.flows.remove_half(flow)?;
        self.left_half_open(listener, &record);
        Some(record)
    }

    pub(crate) fn left_half_open(&mut self, listener: u16, record: &lastack_tcp::HalfOpen) {
        if record.is_young() {
            self.listeners.leave_young(listener);
        }
        self.census.leave(State::SynRecv);
        self.leases.give(&self.budget, Limited::HalfOpens);
        self.listeners.leave_half_open(listener);
    }

    /// A half-open request is given up for a reason of the stack's.
    pub(crate) fn abandon_half(&mut self, flow: FlowRef, cause: Cause) {
        let Some(tuple) = self.flows.tuple(flow) else { return };
        self.out.begin(self.now, tuple);
        if let Some(record) = self.forget_half(flow) {
            record.abandon(cause, &mut self.out);
        }
    }

    /// A TIME_WAIT record ends with the device.
    pub(crate) fn abandon_wait(&mut self, flow: FlowRef) {
        let Some(tuple) = self.flows.tuple(flow) else { return };
        self.out.begin(self.now, tuple);
        if let Some((record, _)) = self.flows.slabs.waits.get(flow) {
            record.abandon(Cause::DeviceLost, &mut self.out);
        }
        self.end_wait(flow);
    }

    /// A TIME_WAIT record leaves all tables; its end was reported.
    pub(crate) fn end_wait(&mut self, flow: FlowRef) {
        debug_assert_eq!(flow.kind(), FlowKind::TimeWait);
        let Some(tuple) = self.flows.tuple(flow) else { return };
        let Some((record, bits)) = self.flows.remove_wait(flow) else { return };
        self.census.leave(record.state());
        self.leases.give(&self.budget, Limited::TimeWaits);
        let owner = Owner::from_bits(bits.to_be_bytes()[1]);
        self.budget.binds().release(Claim::of_flow(tuple.local, owner));
    }
}

fn end_linger(entry: &mut Entry<Connection>) {
    let late = (!entry.engine.is_flushed()).then_some(SocketError::TimedOut);
    if let Some(cell) = entry.cell.take() {
        cell.update(|inner, wakes| {
            inner.closed = true;
            inner.error = late.or(inner.error);
            inner.flow = None;
            wakes.control = true;
        });
    }
}

pub(crate) fn answer_connect(cell: &Cell, claim: Option<Claim>, error: SocketError) {
    cell.update(|inner, wakes| {
        inner.phase = Phase::Fresh;
        inner.flow = None;
        inner.state = State::Closed;
        inner.peer = None;
        if claim.is_none() {
            inner.local = None;
        }
        inner.claim = claim;
        inner.connected = Some(Err(error));
        inner.with_syn = None;
        inner.syn_room = None;
        inner.in_flight = 0;
        inner.error = Some(error);
        inner.closed = inner.requests.close || inner.write_shutdown;
        wakes.all();
    });
}
