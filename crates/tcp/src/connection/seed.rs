//! What goes into a connection and what comes out: the handshake's result, the outcome of a call, the device's limits.

use crate::clock::AnswerLimit;
use crate::{Instant, Knobs, Output, Seq};
use lastack_observe::Cause;
use std::time::Duration;

/// What a handshake knows when it is done; all a [`Connection`](super::Connection) needs to begin.
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
    /// Both sides know ECN.
    pub ecn: bool,
    /// What is added to our timestamp clock.
    pub ts_offset: u32,
    /// TS.Recent: the peer's last TSval.
    pub ts_recent: u32,
    /// Round trip of the handshake; `None` when a retransmission made it ambiguous (RTO 3 s then, TIMELINES T39).
    pub rtt: Option<Duration>,
    /// Our SYN or SYN-ACK was sent again more than once, and not for nothing: the congestion window begins with one
    /// segment (RFC 5681 section 3.1, which says so from the first time on; Linux from the second, and so do we).
    pub cautious: bool,
    /// Segments of the handshake that came and went as Linux counts them for the new socket, but for the arrival that the
    /// caller still hands on: a passive open counts no SYN-ACK.
    pub segments_in: u32,
    /// See `segments_in`.
    pub segments_out: u32,
    /// Of SYN or SYN-ACK: how often it was sent again.
    pub sent_again: u8,
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
    /// The same, but it waits up to 200 ms for data (TCP_QUICKACK off, TCP_DEFER_ACCEPT or a write that waits, TIMELINES T25).
    WithData,
    /// At once, and with a D-SACK for the peer's SYN (RFC 2883): a simultaneous open in which both SYN-ACKs crossed
    /// (TIMELINES T15).
    NowWithDuplicateSyn,
}

impl super::Connection {
    /// Of an active open: Linux counts the acknowledged SYN, so that an acknowledgment of the number before it is merely old and
    /// draws no challenge (measured).
    pub(crate) fn count_syn_as_acknowledged(&mut self) {
        self.send.acked = 1;
    }

    /// SYNs crossed: the peer's told a window, too, and what was answered since counts for the limit of answers.
    pub(crate) fn inherit_from_crossing(&mut self, window: u32, answers: AnswerLimit) {
        self.send.window_max = self.send.window_max.max(window);
        self.answers = answers;
    }

    /// The peer's SYN came twice: the first acknowledgment tells it.
    pub(crate) fn report_duplicate_syn(&mut self, knobs: &Knobs, now: Instant, out: &mut Output) {
        let syn = self.receive.nxt - 1;
        self.report_duplicate(syn, syn + 1, &mut super::Turn { knobs, now, out });
    }
}

/// What the caller does with the connection after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It lives on.
    Continue,
    /// It is to be replaced by [`Connection::into_time_wait`](super::Connection::into_time_wait), after the caller
    /// took what was received.
    TimeWait,
    /// It is gone, after the caller took what was received. `Unreachable` is a timeout after the network had told why.
    Closed(Cause),
}

/// What the device takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransmitLimits {
    /// Largest payload of one segment, in octets; above the MSS the device cuts it (TSO).
    pub super_segment_max: u32,
    /// An earlier segment of this connection may still wait in the device, and `tcp_autocorking` is set: a small one is held
    /// back, so that what the application writes next goes with it.
    pub behind_earlier: bool,
}
