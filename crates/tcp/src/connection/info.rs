//! What TCP_INFO tells of a connection, in plain numbers. Not here: its layout, which is the caller's.

use super::timers::{Purpose, Timers};
use super::{Connection, Outgoing};
use crate::send::RecoveryState;
use crate::{Instant, Knobs};
use lastack_observe::{State, row::Negotiated};
use std::time::Duration;

/// The numbers behind TCP_INFO. Segments are counted as Linux counts packets: whole ones, the last may be short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The state.
    pub state: State,
    /// `tcpi_ca_state`: 0 open, 1 disorder, 3 recovery, 4 loss.
    pub recovery: u8,
    /// Timeouts in a row without an answer.
    pub retransmits: u8,
    /// Zero-window or keepalive probes in a row without an answer.
    pub probes: u8,
    /// Doublings of the timeout, or of the probe interval.
    pub backoff: u8,
    /// What the handshake agreed on.
    pub negotiated: Negotiated,
    /// Retransmission timeout with backoff.
    pub rto: Duration,
    /// Estimated gap between the peer's segments, which delays our acknowledgments.
    pub ack_delay: Duration,
    /// Estimated payload of the peer's segments.
    pub receive_mss: u16,
    /// The MSS that we advertised.
    pub advertised_mss: u16,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Of those: selectively acknowledged, or told of by duplicates.
    pub sacked: u32,
    /// Of those: believed lost.
    pub lost: u32,
    /// Of those: sent again and not acknowledged yet.
    pub retransmitted: u32,
    /// Smoothed round-trip time, zero before there is one.
    pub rtt: Duration,
    /// Its mean deviation.
    pub rtt_deviation: Duration,
    /// The least round-trip time, once there is one.
    pub rtt_least: Option<Duration>,
    /// Segments delivered, the SYN and what is selectively acknowledged too.
    pub delivered: u32,
    /// Slow start threshold, segments.
    pub slow_start_threshold: u32,
    /// Congestion window, segments.
    pub congestion_window: u32,
    /// Time since we last sent data, since data last came, since an acknowledgment last came.
    pub idle: [Duration; 3],
    /// Octets acknowledged.
    pub octets_acked: u64,
    /// Octets queued and not sent.
    pub unsent: u32,
    /// The peer's window, octets.
    pub send_window: u32,
    /// Our window, octets.
    pub receive_window: u32,
    /// Memory of the receive buffer, octets.
    pub receive_space: u32,
    /// The path MTU less the IP header and options, as far as the MSS tells: octets of a full segment without them.
    pub path_mss: u16,
}

impl Connection {
    /// What TCP_INFO tells.
    pub fn info(&self, knobs: &Knobs, now: Instant) -> ConnectionInfo {
        let mss = u32::from(self.effective_mss().max(1));
        let flight = self.outgoing.as_deref().map_or([0; 4], |outgoing| self.flight(outgoing, mss));
        let [unacked, sacked, lost, retransmitted] = flight;
        let data_at = self.ack.data_at();
        let data_at = if data_at == Instant::ZERO { self.sent_at.min(self.heard_at) } else { data_at };
        ConnectionInfo {
            state: self.state,
            recovery: self
                .outgoing
                .as_deref()
                .map_or(0, |outgoing| recovery_number(outgoing.recovery.state())),
            retransmits: self.retries.timeouts,
            probes: self.retries.probes,
            backoff: self.rtt.backoff().max(self.probe_backoff()),
            negotiated: self.negotiated(),
            rto: self.rto(knobs),
            ack_delay: self.ack.gap(),
            receive_mss: self.ack.segment(),
            advertised_mss: self.receive.mss,
            unacked,
            sacked,
            lost,
            retransmitted,
            rtt: self.rtt.srtt().unwrap_or_default(),
            rtt_deviation: self.rtt.deviation(),
            rtt_least: self.rtt.least(),
            delivered: self.send.delivered + sacked,
            slow_start_threshold: self.congestion.ssthresh(),
            congestion_window: self.congestion.cwnd(),
            idle: [now.since(self.sent_at), now.since(data_at), now.since(self.heard_at)],
            octets_acked: u64::from(self.send.acked),
            unsent: self.send.unsent(),
            send_window: self.send.window,
            receive_window: self.receive.usable(),
            receive_space: self.receive.window.rcvbuf(),
            path_mss: self.send.mss,
        }
    }

    fn probe_backoff(&self) -> u8 {
        let Timers { purpose, .. } = self.timers;
        if purpose == Purpose::WindowProbe { self.retries.probe_backoff } else { 0 }
    }

    /// Segments in flight, selectively acknowledged, lost and sent again.
    fn flight(&self, outgoing: &Outgoing, mss: u32) -> [u32; 4] {
        let una = self.send.una;
        let octets = outgoing.recovery.flight(una);
        let segments = |octets: u32| octets.div_ceil(mss);
        let sacked = segments(octets.sacked) + u32::from(octets.duplicates);
        [segments(self.send.in_flight()), sacked, segments(octets.lost), segments(octets.retransmitted)]
    }
}

fn recovery_number(state: RecoveryState) -> u8 {
    match state {
        RecoveryState::Open => 0,
        RecoveryState::Disorder => 1,
        RecoveryState::Recovery => 3,
        RecoveryState::Loss => 4,
    }
}
