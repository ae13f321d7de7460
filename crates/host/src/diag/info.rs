//! `struct tcp_info` (linux/tcp.h) of whatever length the kernel has: fields that are not there stay zero.

use super::message::{u32_at, u64_at};
use lastack_observe::TcpInfo;

/// Reads as much of it as is there.
pub fn parse(octets: &[u8]) -> TcpInfo {
    let byte = |at: usize| octets.get(at).copied().unwrap_or_default();
    let word = |at: usize| u32_at(octets, at).unwrap_or_default();
    let long = |at: usize| u64_at(octets, at).unwrap_or_default();
    // Bit fields begin at the low end, but on big-endian machines.
    let (low, high) = (byte(6) & 0x0f, byte(6) >> 4);
    let (snd_wscale, rcv_wscale) = if cfg!(target_endian = "big") { (high, low) } else { (low, high) };
    let (limited, fail_shift) = if cfg!(target_endian = "big") { (0x80, 5) } else { (0x01, 1) };
    TcpInfo {
        ca_state: byte(1),
        retransmits: byte(2),
        probes: byte(3),
        backoff: byte(4),
        options: byte(5),
        snd_wscale,
        rcv_wscale,
        app_limited: byte(7) & limited != 0,
        fastopen_client_fail: byte(7) >> fail_shift & 3,
        rto_us: word(8),
        ato_us: word(12),
        snd_mss: word(16),
        rcv_mss: word(20),
        unacked: word(24),
        sacked: word(28),
        lost: word(32),
        retrans: word(36),
        fackets: word(40),
        last_data_sent_ms: word(44),
        // At 48 is the time of the last acknowledgment sent, which Linux does not keep.
        last_data_recv_ms: word(52),
        last_ack_recv_ms: word(56),
        pmtu: word(60),
        rcv_ssthresh: word(64),
        rtt_us: word(68),
        rttvar_us: word(72),
        snd_ssthresh: word(76),
        snd_cwnd: word(80),
        advmss: word(84),
        reordering: word(88),
        rcv_rtt_us: word(92),
        rcv_space: word(96),
        total_retrans: word(100),
        pacing_rate: long(104),
        max_pacing_rate: long(112),
        bytes_acked: long(120),
        bytes_received: long(128),
        segs_out: word(136),
        segs_in: word(140),
        notsent_bytes: word(144),
        min_rtt_us: word(148),
        data_segs_in: word(152),
        data_segs_out: word(156),
        delivery_rate: long(160),
        busy_time_us: long(168),
        rwnd_limited_us: long(176),
        sndbuf_limited_us: long(184),
        delivered: word(192),
        delivered_ce: word(196),
        bytes_sent: long(200),
        bytes_retrans: long(208),
        dsack_dups: word(216),
        reord_seen: word(220),
        rcv_ooopack: word(224),
        snd_wnd: word(228),
        rcv_wnd: word(232),
        ..timeouts(octets)
    }
}

/// What Linux 6.7 added behind `rehash`.
fn timeouts(octets: &[u8]) -> TcpInfo {
    let word = |at: usize| u32_at(octets, at).unwrap_or_default();
    let short = |at: usize| octets.get(at..at + 2).map_or(0, |two| u16::from_ne_bytes([two[0], two[1]]));
    TcpInfo {
        rehash: word(236),
        total_rto: short(240),
        total_rto_recoveries: short(242),
        total_rto_time_ms: word(244),
        ..TcpInfo::default()
    }
}
