//! A synchronized connection: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING and LAST-ACK (RFC 9293
//! sections 3.5 to 3.10).
//!
//! Made by the handshake's types through [`Established`], left by value for `TimeWait`. Not here: SYN-SENT and
//! SYN-RECEIVED, TIME-WAIT, an orphan's FIN-WAIT-2 (a `TimeWait` sub-state, as in Linux), sockets and addresses.

use crate::knobs::SocketOptions;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::{Cause, State, TimerKind, row::Negotiated};
use std::time::Duration;

/// What a handshake knows when it is done; all a [`Connection`] needs to begin.
#[derive(Clone, Debug)]
pub struct Established {
    /// Our initial sequence number; our SYN is acknowledged, so SND.UNA is `iss + 1`.
    pub iss: Seq,
    /// The peer's initial sequence number; RCV.NXT is `irs + 1`.
    pub irs: Seq,
    /// Largest payload the peer and the path take, in octets, before options are subtracted.
    pub send_mss: u16,
    /// The MSS that we advertised.
    pub our_mss: u16,
    /// The peer's window, in octets (scaled when the segment was not a SYN).
    pub send_window: u32,
    /// The window that our SYN advertised, in octets.
    pub receive_window: u32,
    /// The peer's shift and ours, when both sides sent the option.
    pub window_scale: Option<(u8, u8)>,
    /// Both sides sent timestamps.
    pub timestamps: bool,
    /// Both sides permitted SACK.
    pub sack: bool,
    /// What is added to our timestamp clock.
    pub ts_offset: u32,
    /// TS.Recent: the peer's last TSval.
    pub ts_recent: u32,
    /// Round trip of the handshake; `None` when a retransmission made it ambiguous (RTO 3 s then, TIMELINES T39).
    pub rtt: Option<Duration>,
    /// What the peer's last handshake segment still wants from us.
    pub first_ack: FirstAck,
}

/// Whether the handshake leaves an acknowledgment to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAck {
    /// The peer owes us nothing and we owe it nothing: a passive open.
    NotOwed,
    /// The third acknowledgment of an active open: poll_transmit gives it first.
    Now,
    /// The same, but it waits up to 200 ms for data (TCP_QUICKACK off or data pending, TIMELINES T25).
    WithData,
    /// At once, and with a D-SACK for the peer's SYN (RFC 2883): a simultaneous open in which both SYN-ACKs crossed
    /// (TIMELINES T15).
    NowWithDuplicateSyn,
}

/// What the caller does with the connection after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It lives on.
    Continue,
    /// It is to be replaced by [`Connection::into_time_wait`] (after the caller took what was received).
    TimeWait,
    /// It is gone (after the caller took what was received).
    Closed(Cause),
}

/// What the device takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransmitLimits {
    /// Largest payload of one segment, in octets; above the MSS the device cuts it (TSO).
    pub super_segment_max: u32,
}

/// One synchronized connection. See the module.
#[derive(Debug)]
pub struct Connection {
    state: State,
    options: Option<Box<SocketOptions>>,
}

impl Connection {
    /// Begins in ESTABLISHED. The caller then hands the same arrival to [`Connection::handle_segment`] when it
    /// carries data or FIN.
    pub fn new(seed: Established, options: &SocketOptions, _knobs: &Knobs, _now: Instant) -> Connection {
        let _ = seed;
        Connection { state: State::Established, options: Some(Box::new(options.clone())) }
    }

    /// A segment arrived (RFC 9293 section 3.10.7.4).
    pub fn handle_segment(
        &mut self,
        _arrival: Arrival,
        _knobs: &Knobs,
        _now: Instant,
        _out: &mut Output,
    ) -> Outcome {
        Outcome::Continue
    }

    /// The deadline of [`Connection::deadline`] passed (RFC 9293 section 3.10.8).
    pub fn handle_timeout(&mut self, _knobs: &Knobs, _now: Instant, _out: &mut Output) -> Outcome {
        Outcome::Continue
    }

    /// When [`Connection::handle_timeout`] wants to be called next.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The timer that `ss` shows, and when it fires; a delayed acknowledgment is not shown.
    pub fn row_timer(&self) -> Option<(TimerKind, Instant)> {
        None
    }

    /// The next segment to send, if any may be sent now: data, FIN, retransmissions. Call until `None`.
    pub fn poll_transmit(
        &mut self,
        _limits: TransmitLimits,
        _knobs: &Knobs,
        _now: Instant,
        _out: &mut Output,
    ) -> Option<Segment> {
        None
    }

    /// True when [`Connection::poll_transmit`] would return a segment.
    pub fn has_work(&self) -> bool {
        false
    }

    /// SEND: queues octets. Ignored after the sending side was closed (the caller answers EPIPE).
    pub fn send(&mut self, _chunk: Bytes, _now: Instant) {}

    /// SEND with URG: the last octet of `chunk` is urgent.
    pub fn send_urgent(&mut self, _chunk: Bytes, _now: Instant) {}

    /// RECEIVE: the next in-order octets, moved out. They fill the receive buffer until [`Connection::consumed`].
    pub fn take_received(&mut self) -> Option<Bytes> {
        None
    }

    /// The urgent octet that was taken out of the stream, once (SO_OOBINLINE off).
    pub fn take_urgent(&mut self) -> Option<u8> {
        None
    }

    /// The application read `octets` of what [`Connection::take_received`] moved out.
    pub fn consumed(&mut self, _octets: usize, _knobs: &Knobs, _now: Instant, _out: &mut Output) {}

    /// shutdown(SHUT_WR): FIN after what is queued.
    pub fn shutdown_send(&mut self, _knobs: &Knobs, _now: Instant, _out: &mut Output) {}

    /// shutdown(SHUT_RD): sends nothing (TIMELINES T10).
    pub fn shutdown_receive(&mut self) {}

    /// CLOSE: the application lets go; from now on an orphan. RST when it left octets unread or asked by SO_LINGER.
    pub fn close(&mut self, _knobs: &Knobs, _now: Instant, _out: &mut Output) -> Outcome {
        Outcome::Continue
    }

    /// ABORT: RST and gone. `cause` is `Abort`, `TooManyOrphans` or `ListenerClosed`.
    pub fn abort(&mut self, cause: Cause, _now: Instant, _out: &mut Output) -> Outcome {
        Outcome::Closed(cause)
    }

    /// Replaces the socket's options.
    pub fn set_options(&mut self, options: SocketOptions, _knobs: &Knobs, _now: Instant, _out: &mut Output) {
        self.options = Some(Box::new(options));
    }

    /// The socket's options.
    pub fn options(&self) -> SocketOptions {
        self.options.as_deref().cloned().unwrap_or_default()
    }

    /// The network said that the segment with number `quoted` was too big; `mss` is what fits the path now, before
    /// options are subtracted.
    pub fn handle_too_big(&mut self, _quoted: Seq, _mss: u16, _now: Instant, _out: &mut Output) {}

    /// The network said that the peer cannot be reached: remembered, told when the connection times out.
    pub fn handle_unreachable(&mut self, _quoted: Seq, _out: &mut Output) {}

    /// Its state.
    pub fn state(&self) -> State {
        self.state
    }

    /// True after [`Connection::close`].
    pub fn is_orphan(&self) -> bool {
        false
    }

    /// The peer's FIN arrived, and no octet will follow what was taken.
    pub fn is_read_closed(&self) -> bool {
        false
    }

    /// True after shutdown_send() or close(): nothing more may be queued.
    pub fn is_write_closed(&self) -> bool {
        false
    }

    /// Octets that the peer has not acknowledged, sent or not.
    pub fn send_queue(&self) -> usize {
        0
    }

    /// True when everything queued and the FIN (when there is one) were acknowledged: what SO_LINGER waits for.
    pub fn is_flushed(&self) -> bool {
        true
    }

    /// Octets that the application may queue in all (SO_SNDBUF, or what Linux's growth rule gives).
    pub fn send_limit(&self, knobs: &Knobs) -> usize {
        knobs.tcp_wmem[1] as usize
    }

    /// Octets received in order that the application has not read.
    pub fn unread(&self) -> usize {
        0
    }

    /// Timeouts in a row without an answer.
    pub fn retransmits(&self) -> u8 {
        0
    }

    /// What the handshake agreed on.
    pub fn negotiated(&self) -> Negotiated {
        Negotiated::default()
    }
}
