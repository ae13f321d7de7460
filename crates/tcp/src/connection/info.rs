//! What TCP_INFO tells of a connection. Not here: its layout in octets, and what only the stack knows (the path's MTU).

use super::Connection;
use super::timers::{Purpose, Timers};
use crate::{Instant, Knobs};
use lastack_observe::TcpInfo;
use std::time::Duration;

/// TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WINDOW_SCALE: u8 = 4;
const ECN: u8 = 8;
const SYN_DATA: u8 = 32;
/// Octets of the timestamps option with its padding: Linux's advmss is without them.
const TIMESTAMPS_LEN: u16 = 12;
/// Segments that Linux expects at first (TCP_INIT_CWND).
const FIRST_FLIGHT: u32 = 10;

impl Connection {
    /// What TCP_INFO tells. Segments are counted as Linux counts packets: whole ones, the last may be short. `pmtu` is for
    /// who knows the path: here zero, or the payload that an ICMP error left.
    pub fn info(&self, knobs: &Knobs, now: Instant) -> TcpInfo {
        let mut info = TcpInfo { rto_us: micros(self.rto(knobs)), ..TcpInfo::default() };
        info.pmtu = u32::from(self.send.shrunk);
        self.tell_flight(&mut info, knobs, now);
        self.tell_handshake(&mut info);
        self.tell_receiver(&mut info, now);
        self.tell_counts(&mut info, now);
        info
    }

    fn tell_flight(&self, info: &mut TcpInfo, knobs: &Knobs, now: Instant) {
        let mss = u32::from(self.effective_mss().max(1));
        if let Some(outgoing) = self.outgoing.as_deref() {
            let flight = outgoing.recovery.flight();
            info.ca_state = outgoing.recovery.state() as u8;
            [info.unacked, info.sacked] = [flight.segments, flight.sacked];
            [info.lost, info.retrans] = [flight.lost, flight.again];
        }
        info.retransmits = self.retries.timeouts;
        info.probes = self.retries.probes;
        info.backoff = self.rtt.backoff().max(self.probe_backoff());
        info.snd_mss = mss;
        info.rtt_us = micros(self.rtt.srtt().unwrap_or_default());
        info.rttvar_us = micros(self.rtt.deviation());
        info.min_rtt_us = self.rtt.least().map_or(u32::MAX, micros);
        info.snd_ssthresh = self.congestion.ssthresh();
        info.snd_cwnd = self.congestion.cwnd();
        let usual = knobs.tcp_reordering;
        (info.reordering, info.reord_seen) =
            self.outgoing.as_deref().map_or((usual, 0), |outgoing| outgoing.recovery.reordering(usual));
        info.delivered = self.send.delivered;
        info.notsent_bytes = self.send.unsent();
        info.snd_wnd = self.send.window;
        info.last_data_sent_ms = millis(now.since(self.sent_at));
        info.last_ack_recv_ms = millis(now.since(self.heard_at));
        info.max_pacing_rate = u64::MAX;
        info.pacing_rate = self.pacing_rate(mss, knobs);
    }

    /// What Linux would pace by if it paced (tcp_update_pacing_rate): octets per second.
    pub(super) fn pacing_rate(&self, mss: u32, knobs: &Knobs) -> u64 {
        let flight = self.send.in_flight().div_ceil(mss.max(1));
        self.congestion.pacing_rate(self.rtt.srtt(), mss, flight, knobs)
    }

    fn tell_handshake(&self, info: &mut TcpInfo) {
        let agreed = self.negotiated();
        let scaled = agreed.window_scale.is_some();
        info.options = [
            (agreed.timestamps, TIMESTAMPS),
            (agreed.sack, SACK),
            (scaled, WINDOW_SCALE),
            (agreed.ecn, ECN),
            (self.took_syn_data(), SYN_DATA),
        ]
        .iter()
        .filter(|(yes, _)| *yes)
        .fold(0, |all, (_, bit)| all | bit);
        info.fastopen_client_fail = self.fast_open_failure();
        (info.snd_wscale, info.rcv_wscale) = agreed.window_scale.unwrap_or((0, 0));
        let options = if agreed.timestamps { TIMESTAMPS_LEN } else { 0 };
        info.advmss = u32::from(self.receive.mss.saturating_sub(options));
    }

    fn tell_receiver(&self, info: &mut TcpInfo, now: Instant) {
        info.ato_us = micros(self.ack.gap());
        info.rcv_mss = u32::from(self.ack.segment());
        let data_at = self.ack.data_at();
        let data_at = if data_at == Instant::ZERO { self.sent_at.min(self.heard_at) } else { data_at };
        info.last_data_recv_ms = millis(now.since(data_at));
        [info.rcv_wnd, info.rcv_ssthresh] = self.receive.window.advertised();
        let expected = info.rcv_wnd.min(FIRST_FLIGHT * info.advmss);
        let (round_trip, space) =
            self.autotune.as_ref().map_or((Duration::ZERO, expected), |autotune| autotune.measured());
        (info.rcv_rtt_us, info.rcv_space) = (micros(round_trip), space);
    }

    fn tell_counts(&self, info: &mut TcpInfo, now: Instant) {
        (info.segs_in, info.segs_out) = (self.segments_in, self.segments_out);
        let Some(tally) = &self.tally else {
            info.bytes_acked = u64::from(self.opened);
            return;
        };
        info.bytes_sent = tally.octets_sent;
        info.bytes_retrans = tally.octets_again;
        info.bytes_acked = tally.octets_acked;
        info.bytes_received = tally.octets_received;
        info.data_segs_in = tally.data_in;
        info.data_segs_out = tally.data_out;
        info.total_retrans = tally.again;
        info.delivered_ce = tally.marked;
        info.dsack_dups = tally.had_twice;
        info.rcv_ooopack = tally.out_of_order;
        // Each timeout chooses another way through the network, were there several.
        info.rehash = u32::from(tally.timeouts.total);
        info.total_rto = tally.timeouts.total;
        info.total_rto_recoveries = tally.timeouts.rows;
        info.total_rto_time_ms = millis(tally.timeouts.spent(now));
        let [busy, window, buffer] = tally.waits.spent(now).map(|time| time.as_micros() as u64);
        (info.busy_time_us, info.rwnd_limited_us, info.sndbuf_limited_us) = (busy, window, buffer);
        (info.delivery_rate, info.app_limited) = (tally.rate.value, tally.rate.app_limited);
    }

    fn probe_backoff(&self) -> u8 {
        let Timers { purpose, .. } = self.timers;
        if purpose == Purpose::WindowProbe { self.retries.probe_backoff } else { 0 }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
