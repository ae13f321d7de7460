//! The application's calls (RFC 9293 sections 3.10.1 to 3.10.6), in Linux's reading, and what the network layer tells
//! (3.9.2.2).

use super::{Connection, Outcome, Turn, Urgent};
use crate::knobs::{Linger, SocketOptions};
use crate::receive::Ledger;
use crate::time_wait::TIME_WAIT_LENGTH;
use crate::{Instant, Knobs, Output, Seq};
use bytes::Bytes;
use lastack_observe::{Cause, Counter, DropReason, EventKind, ResetReason, State, Unreachable};

/// A smaller path is not believed: a forged message must not make a stream of tiny segments (Linux's
/// ip_rt_min_pmtu 552, less the headers).
const PATH_MSS_MIN: u16 = 512;

impl Connection {
    /// SEND: queues octets. Ignored after the sending side was closed (the caller answers EPIPE).
    pub fn send(&mut self, chunk: Bytes) {
        self.queue(chunk, false);
        self.end_write();
    }

    /// SEND of a part: more of the same call follows at once, or [`Connection::end_write`].
    pub fn send_part(&mut self, chunk: Bytes) {
        self.queue(chunk, false);
    }

    /// The last octet queued ends a call: it is pushed, unless MSG_MORE said otherwise, and it ends a record with MSG_EOR.
    pub fn end_write(&mut self) {
        let SocketOptions { more, record, .. } = *self.options_ref();
        if let Some(outgoing) = self.outgoing.as_mut().filter(|_| !self.fin_queued) {
            outgoing.buffer.end_call(!more, record);
            outgoing.more = more;
        }
    }

    /// SEND with URG: the last octet of `chunk` is urgent.
    pub fn send_urgent(&mut self, chunk: Bytes) {
        self.queue(chunk, true);
        self.end_write();
    }

    fn queue(&mut self, chunk: Bytes, urgent: bool) {
        if self.fin_queued || chunk.is_empty() || self.state == State::Closed {
            return;
        }
        let begins = self.send.end;
        self.send.end += chunk.len() as u32;
        self.outgoing().last_write = begins;
        self.extend_tail(begins, chunk.len() as u32);
        let buffer = &mut self.outgoing().buffer;
        if urgent { buffer.push_urgent(chunk) } else { buffer.push(chunk) }
    }

    /// `len` octets are queued from `begins` on: they fill the last packet, and others after it.
    fn extend_tail(&mut self, begins: Seq, len: u32) {
        let (nxt, goal) = (self.send.nxt, self.send_goal().max(1) as u32);
        let outgoing = self.outgoing();
        let tail = outgoing.tail.max(nxt);
        let waits = tail.distance_to(begins) + len;
        outgoing.tail = tail + waits.saturating_sub(1) / goal * goal;
    }

    /// What is queued goes out now, small or not: TCP_NODELAY was set, be it again (Linux tcp_push_pending_frames).
    pub fn push(&mut self) {
        let end = self.send.end;
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.push_end = end;
        }
    }

    /// RECEIVE: the next in-order octets, moved out. They fill the receive buffer until [`Connection::consumed`].
    pub fn take_received(&mut self) -> Option<Bytes> {
        let incoming = self.incoming.as_mut()?;
        let chunk = incoming.ready.pop()?;
        if let Some(urgent) = &mut incoming.urgent {
            urgent.ahead = urgent.ahead.saturating_sub(chunk.bytes.len());
        }
        self.receive.handed += chunk.bytes.len() as u32;
        self.release_incoming();
        Some(chunk.bytes)
    }

    /// The urgent octet, once. A later one takes the place of one that was not taken.
    pub fn take_urgent(&mut self) -> Option<Urgent> {
        let urgent = self.incoming.as_mut()?.urgent.take();
        self.release_incoming();
        urgent
    }

    /// True while the peer has announced an urgent octet that did not arrive yet.
    pub fn is_urgent_announced(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| incoming.urgent_mark.is_some())
    }

    /// The application read `octets` of what [`Connection::take_received`] moved out: a window update when it is worth
    /// one (RFC 9293 section 3.8.6.2.2), or the acknowledgment that waited for the read.
    pub fn consumed(&mut self, octets: usize, knobs: &Knobs, now: Instant, out: &mut Output) {
        let octets = (octets as u32).min(self.receive.handed);
        if octets == 0 {
            return;
        }
        self.receive.handed -= octets;
        self.release_read();
        if matches!(self.state, State::Closed | State::TimeWait) {
            return;
        }
        let turn = &mut Turn { knobs, now, out };
        self.measure_reading(turn);
        let (charge, nxt) = (self.receive_charge(), self.receive.nxt);
        let drained = self.unread_octets() == 0;
        let segment = self.ack.segment();
        let update =
            !self.receive_closed && self.receive.window.is_update_worth_sending(nxt, charge, segment);
        if update || self.ack.is_due_after_read(self.receive.unacknowledged(), drained) {
            self.send_ack(turn);
        }
    }

    /// The application was told that the peer has finished.
    pub fn end_was_read(&mut self) {
        self.end_was_read = true;
    }

    /// shutdown(SHUT_WR): FIN after what is queued. Nothing more happens when it was closed already.
    pub fn shutdown_send(&mut self, knobs: &Knobs, now: Instant, out: &mut Output) {
        if !self.defers_shutdown() {
            self.queue_fin(Cause::Shutdown, &mut Turn { knobs, now, out });
        }
    }

    /// shutdown(SHUT_RD): sends nothing; what comes is acknowledged and can still be read (TIMELINES T10).
    pub fn shutdown_receive(&mut self) {
        self.receive_closed = true;
    }

    /// CLOSE: the application lets go; an orphan from now on. RST when it left octets unread (RFC 2525 section 2.17,
    /// TIMELINES T11) or asked for it (SO_LINGER, T12).
    pub fn close(&mut self, knobs: &Knobs, now: Instant, out: &mut Output) -> Outcome {
        let turn = &mut Turn { knobs, now, out };
        self.orphan = true;
        self.receive_closed = true;
        let unread = self.unread_octets() > 0;
        if let Some(incoming) = &mut self.incoming {
            // What nobody will read makes room first: the segment that says so offers it (Linux tcp_close).
            incoming.costs = Ledger::default();
        }
        if unread {
            turn.out.count(Counter::AbortOnClose);
            self.send_reset(ResetReason::AbortOnClose, turn);
            return self.end(Cause::UnreadData, turn);
        }
        if self.options_ref().linger == Linger::Reset {
            turn.out.count(Counter::AbortOnData);
            return self.reset_and_end(Cause::Abort, ResetReason::AbortOnLinger, turn);
        }
        self.queue_fin(Cause::Close, turn);
        if self.state == State::FinWait2 { self.orphan_in_fin_wait_2(turn) } else { Outcome::Continue }
    }

    /// Nobody holds the socket any more when it is, or gets, in FIN_WAIT2.
    pub(super) fn orphan_in_fin_wait_2(&mut self, turn: &mut Turn) -> Outcome {
        if self.options_ref().linger2.is_some_and(|seconds| seconds < 0) {
            turn.out.count(Counter::AbortOnLinger);
            return self.reset_and_end(Cause::FinWait2Expired, ResetReason::AbortOnLinger, turn);
        }
        let length = self.fin_timeout(turn.knobs);
        if length <= TIME_WAIT_LENGTH {
            return self.leave(turn);
        }
        self.timers.keepalive = turn.now + (length - TIME_WAIT_LENGTH);
        Outcome::Continue
    }

    /// ABORT: RST and gone. `cause` is `Abort` (a call, SOCK_DESTROY), `TooManyOrphans`, `ListenerClosed` or
    /// `DeviceLost` (nothing is sent).
    pub fn abort(&mut self, cause: Cause, knobs: &Knobs, now: Instant, out: &mut Output) -> Outcome {
        let turn = &mut Turn { knobs, now, out };
        let reason = match cause {
            Cause::TooManyOrphans => {
                turn.out.count(Counter::AbortOnMemory);
                ResetReason::AbortOnMemory
            }
            Cause::ListenerClosed => ResetReason::ListenerClosed,
            Cause::DeviceLost => return self.end(cause, turn),
            _ => ResetReason::AbortByUser,
        };
        self.reset_and_end(cause, reason, turn)
    }

    fn reset_and_end(&mut self, cause: Cause, reason: ResetReason, turn: &mut Turn) -> Outcome {
        // In CLOSING and LAST-ACK the peer needs no RST when it has everything but the acknowledgment (RFC 9293
        // section 3.10.5; Linux tcp_need_reset). An orphan that is dropped will not repeat what gets lost: it says so in
        // every state, as Linux does (TIMELINES T30).
        let needed = !matches!(self.state, State::Closing | State::LastAck)
            || self.send.unsent() > 0
            || cause == Cause::TooManyOrphans;
        if needed {
            self.send_reset(reason, turn);
        }
        self.end(cause, turn)
    }

    pub(super) fn queue_fin(&mut self, cause: Cause, turn: &mut Turn) {
        if self.fin_queued || !matches!(self.state, State::SynRecv | State::Established | State::CloseWait) {
            return;
        }
        self.fin_queued = true;
        self.outgoing();
        self.send.end += 1;
        self.go(cause, turn);
    }

    /// Replaces the socket's options; those that act at once do so.
    pub fn set_options(&mut self, options: SocketOptions, knobs: &Knobs, now: Instant, out: &mut Output) {
        let turn = &mut Turn { knobs, now, out };
        let old = self.options();
        self.keep_options(options);
        let new = self.options();
        if (old.keepalive, old.keepidle) != (new.keepalive, new.keepidle) {
            self.arm_keepalive(knobs, now);
        }
        match new.rcvbuf {
            Some(rcvbuf) if old.rcvbuf != new.rcvbuf => self.receive.window.set_rcvbuf(rcvbuf),
            None if old.rcvlowat != new.rcvlowat => {
                // A low-water mark only ever widens a buffer.
                let octets = new.rcvlowat.unwrap_or(1);
                let memory = self.receive.window.memory_for(u64::from(octets));
                let memory = u32::try_from(memory).unwrap_or(u32::MAX);
                self.receive.window.make_room_for(octets, memory);
            }
            _ => {}
        }
        if let Some(control) = new.congestion.filter(|_| old.congestion != new.congestion) {
            self.congestion.change(control);
        }
        if old.window_clamp != new.window_clamp {
            self.receive.window.set_clamp(new.window_clamp);
        }
        match new.quickack.filter(|_| old.quickack != new.quickack) {
            Some(true) => {
                self.ack.leave_interactive_mode();
                // Linux answers as a reader would who has read everything, and only while the peer may still want to know.
                let open = matches!(self.state, State::Established | State::CloseWait);
                let drained = self.unread_octets() == 0 && !self.peer_finished;
                if open && self.ack.is_owed() && drained {
                    self.send_ack(turn);
                }
            }
            Some(false) => self.ack.enter_interactive_mode(),
            None => {}
        }
    }

    /// The network said that the segment with number `quoted` was too big (RFC 1191, RFC 8201); `mss` is what fits the
    /// path now, before options are subtracted. Believed only for a segment in flight (RFC 5927), and true then. It holds for
    /// this connection as long as it lives; others are told by [`Connection::limit_path`] as they begin.
    pub fn handle_too_big(&mut self, quoted: Seq, mss: u16, out: &mut Output) -> bool {
        let mss = mss.max(PATH_MSS_MIN);
        if !self.is_in_flight(quoted, out) {
            return false;
        }
        let narrows = mss < self.path_mss();
        self.limit_path(mss);
        if narrows {
            self.lose_flight(false, out);
        } else {
            out.dropped(DropReason::StaleIcmp);
        }
        true
    }

    /// The path takes no more than `mss`, as is known from elsewhere. For a connection that has sent nothing yet.
    pub fn limit_path(&mut self, mss: u16) {
        let mss = mss.max(PATH_MSS_MIN);
        if mss < self.path_mss() {
            self.bound_path(mss);
        }
        // What the peer's MSS allows may be less: the path is told all the same.
        if self.send.shrunk == 0 || mss < self.send.shrunk {
            self.send.shrunk = mss;
        }
    }

    /// The network said that the peer cannot be reached: remembered, and told when the connection times out (RFC 1122
    /// section 4.2.3.9, a soft error). True when the message quotes what it can have seen.
    pub fn handle_unreachable(&mut self, quoted: Seq, reason: Unreachable, out: &mut Output) -> bool {
        let believed = self.is_in_flight(quoted, out);
        if believed {
            out.event(EventKind::PeerUnreachable { reason });
            self.unreachable = Some(reason);
        }
        believed
    }

    fn is_in_flight(&self, quoted: Seq, out: &mut Output) -> bool {
        let yes = (quoted.ge(self.send.una) || self.unproven_iss() == Some(quoted))
            // Linux believes a message about the next number, too (measured).
            && quoted.le(self.send.nxt)
            && self.state != State::Closed;
        if !yes {
            out.count(Counter::OutOfWindowIcmps);
            out.dropped(DropReason::StaleIcmp);
        }
        yes
    }
}
