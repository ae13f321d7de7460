//! What can be asked of a connection: for `ss`, for the socket, for the stack's limits.

use super::Connection;
use crate::CongestionControl;
use crate::Knobs;
use crate::knobs::SocketOptions;
use crate::memory::MemoryLevel;
use lastack_observe::{State, Unreachable, row::Negotiated};
use std::time::Duration;

/// What a connection without options of its own has.
static DEFAULTS: SocketOptions = SocketOptions::DEFAULT;

/// What Linux adds to a segment when it grows the send buffer: room for headers and for the packet's description, before and
/// after it rounds up to a power of two.
const HEADERS: usize = 576;
const PACKET: usize = 256;
/// Segments that the send buffer holds at least (Linux's TCP_INIT_CWND).
const SEND_SEGMENTS_MIN: usize = 10;

impl Connection {
    /// Its state.
    pub fn state(&self) -> State {
        self.state
    }

    /// True when an application holds it, or did: see [`Connection::set_accepted`].
    pub fn is_accepted(&self) -> bool {
        self.receive.accepted
    }

    /// accept() has returned it. A connection that connect() made is held from the beginning.
    pub fn set_accepted(&mut self) {
        self.receive.accepted = true;
    }

    /// True after [`Connection::close`].
    pub fn is_orphan(&self) -> bool {
        self.orphan
    }

    /// True when no octet will follow what was taken: the peer's FIN came, or shutdown_receive() was called.
    pub fn is_read_closed(&self) -> bool {
        self.receive_closed
    }

    /// True when the peer's FIN was taken: everything that it sent has arrived.
    pub fn is_peer_finished(&self) -> bool {
        self.peer_finished
    }

    /// True after shutdown_send() or close(): nothing more may be queued.
    pub fn is_write_closed(&self) -> bool {
        self.fin_queued
    }

    /// Octets that the peer has not acknowledged, sent or not; a FIN counts as one (as `ss` shows it).
    pub fn send_queue(&self) -> usize {
        self.send.una.distance_to(self.send.end) as usize
    }

    /// Memory that may be received into, in octets: SO_RCVBUF as getsockopt tells it.
    pub fn receive_limit(&self) -> u32 {
        self.receive.window.rcvbuf()
    }

    /// True when the peer may send less than another segment, or memory for it is short: a reader that waits for more
    /// (SO_RCVLOWAT) must be told (Linux tcp_epollin_ready, tcp_rmem_pressure).
    pub fn is_receive_pressed(&self) -> bool {
        let rcvbuf = self.receive.window.rcvbuf();
        let scarce = self.memory != MemoryLevel::Plenty;
        scarce
            || self.receive.window.is_nearly_closed(self.receive.nxt, self.ack.segment())
            || self.receive_charge() > rcvbuf - rcvbuf / 8
    }

    /// Memory that the send side keeps alive, in octets.
    pub fn send_charge(&self) -> usize {
        self.outgoing.as_ref().map_or(0, |outgoing| outgoing.buffer.pinned())
    }

    /// Memory that the receive side is charged with, in octets, with what the application was handed and did not read
    /// (SO_MEMINFO's rmem_alloc).
    pub fn receive_memory(&self) -> usize {
        self.receive_charge() as usize
    }

    /// True when everything queued, and the FIN when there is one, was acknowledged: what SO_LINGER waits for.
    pub fn is_flushed(&self) -> bool {
        self.send.una == self.send.end
    }

    /// Memory that the application may fill in all: SO_SNDBUF, or Linux's rule: twice the congestion window, at least twice
    /// ten segments, at most `tcp_wmem[2]` (tcp_sndbuf_expand).
    pub fn send_limit(&self, knobs: &Knobs) -> usize {
        if let Some(sndbuf) = self.options_ref().sndbuf {
            return self.moderate_send_limit(sndbuf as usize, knobs);
        }
        let segments = (self.congestion.cwnd() as usize).max(SEND_SEGMENTS_MIN);
        let segment = (usize::from(self.send.mss) + HEADERS).next_power_of_two() + PACKET;
        let wanted = 2 * segments * segment;
        let grown = wanted.max(knobs.tcp_wmem[1] as usize).min(knobs.tcp_wmem[2] as usize);
        self.moderate_send_limit(grown, knobs)
    }

    /// Octets of the packets that the send buffer is made of: whole segments, of no more than half of the peer's window
    /// (Linux tcp_xmit_size_goal).
    pub fn send_goal(&self) -> usize {
        let mss = u32::from(self.effective_mss().max(1));
        (self.packet_max() / mss).max(1) as usize * mss as usize
    }

    /// Octets of the packets in flight.
    pub fn send_piece(&self, knobs: &Knobs) -> usize {
        let mss = u32::from(self.effective_mss().max(1));
        let segments = self.burst_goal(mss, knobs).min((self.congestion.cwnd() / 2).max(1));
        (segments as usize * mss as usize).min(self.send_goal())
    }

    /// The congestion control that it has.
    pub fn congestion_control(&self) -> CongestionControl {
        self.congestion.control()
    }

    /// Octets of the last packet that waits: what was written since the one before it was full (Linux's tail of the write
    /// queue).
    pub fn unsent_tail(&self) -> usize {
        let Some(outgoing) = &self.outgoing else { return 0 };
        let (begins, end) = (outgoing.tail.max(self.send.nxt), outgoing.buffer.end());
        end.since(begins).max(0) as usize
    }

    /// Octets queued and not sent.
    pub fn unsent(&self) -> usize {
        self.send.unsent() as usize
    }

    /// FINs after the peer's first: Linux counts each in Recv-Q.
    pub fn fins_again(&self) -> usize {
        self.incoming.as_ref().map_or(0, |incoming| incoming.fins_again as usize)
    }

    /// Octets received in order that the application has not read, in its cell or here.
    pub fn unread(&self) -> usize {
        self.unread_octets() as usize
    }

    /// Timeouts or probes in a row without an answer, as `ss` shows them.
    pub fn retransmits(&self) -> u8 {
        self.retries.timeouts.max(self.retries.probes)
    }

    /// What the handshake agreed on.
    pub fn negotiated(&self) -> Negotiated {
        Negotiated {
            timestamps: self.timestamps,
            sack: self.sack,
            ecn: self.ecn.is_agreed(),
            window_scale: self.window_scaled.then(|| (self.send.scale, self.receive.window.scale())),
            mss: self.effective_mss(),
        }
    }

    /// Why the network says that the peer cannot be reached, when it did and nothing came since: what an application is
    /// told after `Cause::Unreachable`.
    pub fn unreachable(&self) -> Option<Unreachable> {
        self.unreachable
    }

    /// [`Connection::unreachable`], once: who was told is not told again when the connection times out (Linux's SO_ERROR).
    pub fn take_unreachable(&mut self) -> Option<Unreachable> {
        self.unreachable.take()
    }

    /// Smoothed round-trip time, once there is one.
    pub fn round_trip(&self) -> Option<Duration> {
        self.rtt.srtt()
    }

    /// The congestion window in segments.
    pub fn congestion_window(&self) -> u32 {
        self.congestion.cwnd()
    }

    /// The slow start threshold in segments; 2^31 - 1: no loss was seen.
    pub fn slow_start_threshold(&self) -> u32 {
        self.congestion.ssthresh()
    }

    /// The mean deviation of the round-trip time.
    pub fn round_trip_deviation(&self) -> Duration {
        self.rtt.deviation()
    }

    /// The retransmission timeout as it is now, backoff included.
    pub fn current_rto(&self, knobs: &Knobs) -> Duration {
        self.rto(knobs)
    }

    /// The socket's options.
    pub fn options(&self) -> SocketOptions {
        self.options_ref().clone()
    }

    pub(super) fn options_ref(&self) -> &SocketOptions {
        self.options.as_deref().unwrap_or(&DEFAULTS)
    }

    pub(super) fn keep_options(&mut self, options: SocketOptions) {
        self.options = (options != DEFAULTS).then(|| Box::new(options));
    }
}
