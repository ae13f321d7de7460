//! Segments of a handshake: requests to a listener and its two queues, half-open records, active opens.
//!
//! What a segment means is decided in `tcp`; here is who has room. Order of tests and counters are Linux's
//! (TIMELINES T02, T09, T09b, T37).

use super::fast_open;
use crate::budget::Limited;
use crate::calls::fast_open::news_of;
use crate::flows::{Entry, FlowRef};
use crate::index::Tuple;
use crate::listener::{Listener, shown_to};
use crate::message::Kind;
use crate::socket::cell::{Accepted, Cell, Inner, Phase};
use crate::stack::Stack;
use lastack_observe::{Cause, Counter, DropReason, EventKind, Refusal, ResetReason, State};
use lastack_tcp::half_open::deferred_timeouts;
use lastack_tcp::{ActiveVerdict, Arrival, HalfOpen, HalfOpenVerdict, Seq, TransmitLimits, isn, reset_for};
use std::sync::Arc;

/// The third segment of a handshake, and whose it is.
pub(super) struct Third {
    pub(super) number: u16,
    pub(super) tuple: Tuple,
    pub(super) offset: u32,
    pub(super) arrival: Arrival,
}

impl Stack {
    /// A SYN for a listener. `iss` is given when it takes over a TIME_WAIT; such a SYN passes the half-open limit, as in
    /// Linux.
    pub(super) fn request(&mut self, number: u16, tuple: Tuple, arrival: &Arrival, iss: Option<Seq>) {
        let Some(listener) = self.listeners.get(number) else { return };
        let (somaxconn, mode) = (self.config.knobs.somaxconn, self.config.knobs.tcp_syncookies);
        let always = mode == 2 || listener.options.syn_proxy;
        let crowded = iss.is_none() && (always || listener.half_open_is_full(somaxconn));
        let overflows = listener.accept_is_full(somaxconn);
        let spared = listener.spares_the_rest(self.config.knobs.tcp_max_syn_backlog);
        if crowded && !self.wants_cookie(number) {
            return;
        }
        if overflows {
            self.out.count(Counter::ListenOverflows);
            return self.turn_down(DropReason::ListenOverflow, Refusal::AcceptQueueFull);
        }
        if crowded {
            return self.answer_with_cookie(number, tuple, arrival);
        }
        if iss.is_none() && self.is_old_for_its_host(&tuple, arrival) {
            self.out.count(Counter::PawsPassive);
            return self.turn_down(DropReason::PawsOfHost, Refusal::OldTimestamp);
        }
        if iss.is_none() && mode == 0 && spared {
            return self.turn_down(DropReason::SynBacklogFull, Refusal::SynBacklogFull);
        }
        self.keep_request(number, tuple, arrival, iss);
    }

    /// The rule of `tcp_tw_recycle`, which only a profile has.
    fn is_old_for_its_host(&self, tuple: &Tuple, arrival: &Arrival) -> bool {
        self.config.knobs.profile.tw_recycle
            && arrival
                .header
                .options
                .timestamps
                .is_some_and(|timestamps| self.stamps.rejects(tuple.remote.ip(), timestamps.value, self.now))
    }

    fn keep_request(&mut self, number: u16, tuple: Tuple, arrival: &Arrival, iss: Option<Seq>) {
        let mut cookie = None;
        if fast_open::concerns(arrival) {
            match self.request_fast_open(number, tuple, arrival, iss) {
                Ok(given) => cookie = given,
                Err(()) => return,
            }
        }
        let knobs = &self.config.knobs;
        let Some(listener) = self.listeners.get_mut(number) else { return };
        if !self.leases.take(&self.budget, Limited::HalfOpens, self.config.limits.half_open) {
            return self.do_without_a_record(number, tuple, arrival, iss);
        }
        let floor = iss;
        let iss = iss.unwrap_or_else(|| isn::initial_sequence(&self.secret, &tuple, self.now));
        let offset = isn::timestamp_offset(&self.secret, &tuple, knobs);
        let mss = crate::egress::path_mss(self.config.mtu, &tuple);
        let record = HalfOpen::from_syn(arrival, iss, mss, &listener.options, knobs, self.now);
        let (mut syn_ack, delay) = (record.syn_ack(offset, self.now), record.delay(knobs));
        // Only this first one gives it, as Linux's.
        syn_ack.header.options.fastopen = cookie;
        let Some(flow) = self.flows.insert_half(record, &tuple, number) else {
            self.leases.give(&self.budget, Limited::HalfOpens);
            return self.do_without_a_record(number, tuple, arrival, floor);
        };
        listener.half_open += 1;
        listener.young += 1;
        self.census.enter(State::SynRecv);
        record.report(&mut self.out);
        self.out.reply(syn_ack);
        self.flows.slabs.half.restart(flow, self.now, delay);
    }

    /// The table of all listeners' requests is full: a cookie, when they are allowed; it cannot have a number of its own.
    fn do_without_a_record(&mut self, number: u16, tuple: Tuple, arrival: &Arrival, iss: Option<Seq>) {
        if iss.is_some() || self.config.knobs.tcp_syncookies == 0 {
            return self.turn_down(DropReason::SynQueueFull, Refusal::TableFull);
        }
        if self.wants_cookie(number) {
            self.answer_with_cookie(number, tuple, arrival);
        }
    }

    pub(super) fn turn_down(&mut self, dropped: DropReason, refusal: Refusal) {
        self.out.count(Counter::ListenDrops);
        self.out.dropped(dropped);
        self.out.event(EventKind::ConnectionRefused { reason: refusal });
    }

    /// A segment for a half-open request.
    pub(super) fn deliver_to_half_open(&mut self, flow: FlowRef, tuple: Tuple, arrival: Arrival) {
        let Some((_, number)) = self.flows.slabs.half.get(flow) else { return };
        if self.listener_is_gone(number) {
            // Linux drops the request and looks the segment up again (TIMELINES T37).
            self.abandon_half(flow, Cause::ListenerClosed);
            return self.no_flow(tuple, &arrival);
        }
        let offset = isn::timestamp_offset(&self.secret, &tuple, &self.config.knobs);
        let Some(record) = self.flows.slabs.half.get_mut(flow) else { return };
        match record.handle_segment(&arrival, offset, &self.config.knobs, self.now, &mut self.out) {
            HalfOpenVerdict::Keep => {}
            HalfOpenVerdict::Restart => {
                let delay = record.delay(&self.config.knobs);
                self.flows.slabs.half.restart(flow, self.now, delay);
            }
            HalfOpenVerdict::Drop(_) => {
                self.forget_half(flow);
            }
            HalfOpenVerdict::Establish => {
                self.establish_half(flow, Third { number, tuple, offset, arrival });
            }
        }
    }

    fn establish_half(&mut self, flow: FlowRef, third: Third) {
        let number = third.number;
        let Some(listener) = self.listeners.get(number) else { return };
        let deferred = deferred_timeouts(listener.options.defer_accept, &self.config.knobs);
        let Some(record) = self.flows.slabs.half.get_mut(flow) else { return };
        if record.defers(&third.arrival, deferred, &mut self.out) {
            return;
        }
        if !self.has_room_to_accept(number) {
            return self.overflow(flow, &third.arrival);
        }
        if !self.leases.take(&self.budget, Limited::Connections, self.config.limits.connections) {
            return self.turn_down(DropReason::ListenOverflow, Refusal::TableFull);
        }
        let Some((record, _)) = self.flows.take_half(flow) else { return };
        self.left_half_open(number, &record);
        self.establish(record, Some(flow), third);
    }

    /// The request that a cookie stood for. Whatever there is no room for is dropped: `tcp_abort_on_overflow` does not
    /// apply (TIMELINES T09d).
    pub(super) fn admit_cookie(&mut self, record: HalfOpen, third: Third) {
        if !self.has_room_to_accept(third.number) {
            self.out.count(Counter::ListenOverflows);
            return self.turn_down(DropReason::ListenOverflow, Refusal::AcceptQueueFull);
        }
        if !self.leases.take(&self.budget, Limited::Connections, self.config.limits.connections) {
            return self.turn_down(DropReason::ListenOverflow, Refusal::TableFull);
        }
        record.report(&mut self.out);
        self.establish(record, None, third);
    }

    pub(super) fn has_room_to_accept(&self, number: u16) -> bool {
        let Some(listener) = self.listeners.get(number) else { return false };
        let crosses = listener.home != self.me();
        let mail_full = crosses && self.mail.len() >= self.config.limits.mailbox;
        !mail_full && !listener.accept_is_full(self.config.knobs.somaxconn)
    }

    /// The request becomes a connection. There is room, and the lease is taken.
    fn establish(&mut self, record: HalfOpen, replaces: Option<FlowRef>, third: Third) {
        let Third { number, tuple, offset, arrival } = third;
        let Some(listener) = self.listeners.get(number) else { return };
        let cell = self.accepted_cell(listener, &tuple, State::Established);
        let claim = self.budget.binds().inherit(&listener.claim, tuple.local);
        let options = listener.options.inherited();
        let mut engine =
            record.establish(&arrival, offset, &options, &self.config.knobs, self.now, &mut self.out);
        self.heed_path(&mut engine, &tuple);
        let state = engine.state();
        self.census.enter(state);
        let entry = Entry::new(engine, tuple, Some(cell.clone()), claim, state, self.now);
        let connection = self.flows.insert_connection(entry, replaces);
        cell.lock().flow = Some(connection);
        self.queue_for_accept(number, cell, tuple);
        self.deliver_to_connection(connection, arrival);
    }

    pub(super) fn accepted_cell(&self, listener: &Listener, tuple: &Tuple, state: State) -> Arc<Cell> {
        let v6 = listener.address.is_ipv6();
        let inner = Inner {
            phase: Phase::Connected,
            options: listener.options.inherited(),
            local: Some(shown_to(v6, tuple.local)),
            peer: Some(shown_to(v6, tuple.remote)),
            state,
            owned: false,
            ..Inner::new(v6)
        };
        Cell::new(self.sockets.shared.clone(), inner)
    }

    /// Into the accept queue, on whichever shard it is. There is room.
    pub(super) fn queue_for_accept(&mut self, number: u16, cell: Arc<Cell>, tuple: Tuple) {
        let Some(listener) = self.listeners.get(number) else { return };
        let peer = shown_to(listener.address.is_ipv6(), tuple.remote);
        let (home, queue) = (listener.home, listener.cell.clone());
        if home == self.me() {
            return queue.update(|inner, wakes| {
                inner.accept_queue.push_back(Accepted { cell, peer });
                wakes.control = true;
            });
        }
        queue.lock().accept_reserved += 1;
        self.mail.push_back((
            home,
            crate::Message(Kind::Accept { listener: queue, accepted: Accepted { cell, peer } }),
        ));
    }

    /// The third segment finds the accept queue full: ignored, so that the request stays and its SYN-ACK is repeated
    /// (TIMELINES T09), or answered with RST (T09b).
    fn overflow(&mut self, flow: FlowRef, arrival: &Arrival) {
        self.out.count(Counter::ListenOverflows);
        if !self.config.knobs.tcp_abort_on_overflow {
            return self.turn_down(DropReason::ListenOverflow, Refusal::AcceptQueueFull);
        }
        self.turn_down(DropReason::ListenOverflow, Refusal::AbortOnOverflow);
        self.out.count(Counter::EmbryonicRsts);
        if let Some(reset) = reset_for(arrival) {
            self.out.reset(reset, ResetReason::AbortOnOverflow);
        }
        if let Some(record) = self.forget_half(flow) {
            record.abandon(Cause::AbortOnOverflow, &mut self.out);
        }
    }

    /// A segment for an active open.
    pub(super) fn deliver_to_active_open(&mut self, flow: FlowRef, arrival: Arrival) {
        let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
        match entry.engine.handle_segment(&arrival, &self.config.knobs, self.now, &mut self.out) {
            ActiveVerdict::Keep => self.refresh_active(flow),
            ActiveVerdict::Fail(cause) => self.failed(flow, cause),
            ActiveVerdict::Establish => self.establish_active(flow, arrival),
        }
    }

    fn establish_active(&mut self, flow: FlowRef, mut arrival: Arrival) {
        let Some(mut entry) = self.take_active(flow) else { return };
        // The lease that the open held passes to the connection.
        let leased = self.leases.take(&self.budget, Limited::Connections, u32::MAX);
        debug_assert!(leased);
        let options = entry.cell.as_ref().map(|cell| cell.lock().options.clone()).unwrap_or_default();
        self.learn_fast_open(&entry.tuple, news_of(&entry.engine, &arrival));
        let knobs = &self.config.knobs;
        if entry.cell.as_ref().is_some_and(|cell| cell.lock().write_waits) {
            entry.engine.await_write();
        }
        let mut engine = entry.engine.establish(&mut arrival, &options, knobs, self.now, &mut self.out);
        self.heed_path(&mut engine, &entry.tuple);
        let shut = entry.cell.as_ref().map(|cell| {
            let inner = cell.lock();
            (inner.read_shutdown, inner.write_shutdown)
        });
        // It came before the handshake was done, and acts before the rest of this segment does (Linux tcp_rcv_state_process).
        if let Some((true, _)) = shut {
            engine.shutdown_receive();
        }
        if let Some((_, true)) = shut {
            engine.shutdown_send(knobs, self.now, &mut self.out);
            let limits = TransmitLimits { super_segment_max: 0, behind_earlier: false };
            while let Some(segment) = engine.poll_transmit(limits, knobs, self.now, &mut self.out) {
                self.out.reply(segment);
            }
        }
        let state = engine.state();
        self.census.enter(state);
        let cell = entry.cell;
        let connected = Entry::new(engine, entry.tuple, cell.clone(), entry.claim, state, self.now);
        let connection = self.flows.insert_connection(connected, Some(flow));
        match cell {
            Some(cell) => {
                let shut = cell.update(|inner, wakes| {
                    inner.phase = Phase::Connected;
                    inner.flow = Some(connection);
                    inner.state = state;
                    inner.connected = Some(Ok(()));
                    wakes.all();
                    // shutdown() came before the handshake was done; Linux keeps it for then.
                    inner.syn_room = None;
                    inner.requests.shutdown_read |= inner.read_shutdown;
                    inner.requests.shutdown_write |= inner.write_shutdown;
                    inner.read_shutdown || inner.write_shutdown
                });
                if shut {
                    cell.mark();
                }
            }
            // close() came before the handshake was done (RFC 9293 section 3.10.4).
            None => return self.close_connection(connection),
        }
        // A FIN that left meanwhile would make a duplicate of the bare acknowledgment.
        let told = matches!(shut, Some((_, true))) && arrival.is_empty();
        if told {
            self.out.count(Counter::PureAcks);
        }
        if arrival.header.flags.syn() || told {
            self.settle(connection, lastack_tcp::Outcome::Continue);
        } else {
            self.deliver_to_connection(connection, arrival);
        }
    }
}
