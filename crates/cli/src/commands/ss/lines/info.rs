//! What -i and -m add below a line: TCP_INFO (of a stack's socket what the handshake agreed on) and the memory, in ss' words and
//! order.

use super::numbers::{bits, general};
use lastack::observe::{Bbr, HostFacts, Negotiated, SocketMemory, SocketRow, State, TcpInfo};
use std::io::{self, Write};

/// Below this the kernel has a threshold; above, it has never lost anything.
const SSTHRESH_UNSET: u32 = 0xffff;
/// What stands there when nothing was measured.
const RTO_UNSET: u32 = 3_000_000;

pub(super) fn memory(memory: &SocketMemory, out: &mut dyn Write) -> io::Result<()> {
    let SocketMemory { receive, receive_max, transmit, send_max, forward, send, option, backlog, drops } =
        memory;
    write!(
        out,
        " skmem:(r{receive},rb{receive_max},t{transmit},tb{send_max},f{forward},w{send},o{option},bl{backlog},d{drops})"
    )
}

/// A line of its own with what the handshake agreed on, once it has.
pub(super) fn agreed(row: &SocketRow, out: &mut dyn Write) -> io::Result<()> {
    let Some(agreed) = row.negotiated.filter(|_| row.state != State::Listen) else { return Ok(()) };
    let Negotiated { timestamps, sack, ecn, window_scale, mss } = agreed;
    write!(out, "\n\t")?;
    for (agreed, word) in [(timestamps, " ts"), (sack, " sack"), (ecn, " ecn")] {
        write!(out, "{}", if agreed { word } else { "" })?;
    }
    if let Some((theirs, ours)) = window_scale {
        write!(out, " wscale:{theirs},{ours}")?;
    }
    write!(out, " mss:{mss}")
}

/// `options`: also what -o adds. `numeric`: rates as whole numbers.
pub(super) fn info(
    state: State,
    host: &HostFacts,
    info: &TcpInfo,
    options: bool,
    numeric: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    if options {
        for (bit, word) in [(1, "ts"), (2, "sack"), (8, "ecn"), (16, "ecnseen"), (32, "fastopen")] {
            if info.options & bit != 0 {
                write!(out, " {word}")?;
            }
        }
    }
    if let Some(name) = &host.congestion {
        write!(out, " {name}")?;
    }
    if info.options & 4 != 0 {
        write!(out, " wscale:{},{}", info.snd_wscale, info.rcv_wscale)?;
    }
    timing(info, out)?;
    sizes(info, out)?;
    amounts(info, out)?;
    if let Some(bbr) = &host.bbr {
        congestion(bbr, numeric, out)?;
    }
    rates(info, numeric, out)?;
    limits(info, out)?;
    losses(state, info, out)?;
    receiver(info, out)
}

fn millis(micros: u32) -> String {
    general(f64::from(micros) / 1000.0)
}

/// ` name:value`, when it is not zero.
fn count(name: &str, value: impl Into<u64>, out: &mut dyn Write) -> io::Result<()> {
    match value.into() {
        0 => Ok(()),
        value => write!(out, " {name}:{value}"),
    }
}

fn timing(info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    if info.rto_us != 0 && info.rto_us != RTO_UNSET {
        write!(out, " rto:{}", millis(info.rto_us))?;
    }
    count("backoff", info.backoff, out)?;
    if info.rtt_us != 0 {
        write!(out, " rtt:{}/{}", millis(info.rtt_us), millis(info.rttvar_us))?;
    }
    if info.ato_us != 0 {
        write!(out, " ato:{}", millis(info.ato_us))?;
    }
    Ok(())
}

fn sizes(info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    count("mss", info.snd_mss, out)?;
    count("pmtu", info.pmtu, out)?;
    count("rcvmss", info.rcv_mss, out)?;
    count("advmss", info.advmss, out)?;
    count("cwnd", info.snd_cwnd, out)?;
    if info.snd_ssthresh < SSTHRESH_UNSET {
        count("ssthresh", info.snd_ssthresh, out)?;
    }
    Ok(())
}

fn amounts(info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    count("bytes_sent", info.bytes_sent, out)?;
    count("bytes_retrans", info.bytes_retrans, out)?;
    count("bytes_acked", info.bytes_acked, out)?;
    count("bytes_received", info.bytes_received, out)?;
    count("segs_out", info.segs_out, out)?;
    count("segs_in", info.segs_in, out)?;
    count("data_segs_out", info.data_segs_out, out)?;
    count("data_segs_in", info.data_segs_in, out)
}

fn congestion(bbr: &Bbr, numeric: bool, out: &mut dyn Write) -> io::Result<()> {
    let bandwidth = bits(bbr.bandwidth as f64 * 8.0, numeric);
    write!(out, " bbr:(bw:{bandwidth}bps,mrtt:{}", millis(bbr.min_rtt_us))?;
    for (name, gain) in [("pacing_gain", bbr.pacing_gain), ("cwnd_gain", bbr.cwnd_gain)] {
        if gain != 0 {
            write!(out, ",{name}:{}", general(f64::from(gain) / 256.0))?;
        }
    }
    write!(out, ")")
}

fn rates(info: &TcpInfo, numeric: bool, out: &mut dyn Write) -> io::Result<()> {
    if info.rtt_us != 0 && info.snd_mss != 0 && info.snd_cwnd != 0 {
        let window = f64::from(info.snd_cwnd) * f64::from(info.snd_mss) * 8.0;
        write!(out, " send {}bps", bits(window * 1e6 / f64::from(info.rtt_us), numeric))?;
    }
    count("lastsnd", info.last_data_sent_ms, out)?;
    count("lastrcv", info.last_data_recv_ms, out)?;
    count("lastack", info.last_ack_recv_ms, out)?;
    let set = |rate: u64| (rate != 0 && rate != u64::MAX).then(|| bits(rate as f64 * 8.0, numeric));
    if let Some(rate) = set(info.pacing_rate) {
        write!(out, " pacing_rate {rate}bps")?;
        if let Some(most) = set(info.max_pacing_rate) {
            write!(out, "/{most}bps")?;
        }
    }
    if let Some(rate) = set(info.delivery_rate) {
        write!(out, " delivery_rate {rate}bps")?;
    }
    count("delivered", info.delivered, out)?;
    count("delivered_ce", info.delivered_ce, out)?;
    if info.app_limited {
        write!(out, " app_limited")?;
    }
    Ok(())
}

fn limits(info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    if info.busy_time_us == 0 {
        return Ok(());
    }
    write!(out, " busy:{}ms", info.busy_time_us / 1000)?;
    for (name, time) in [("rwnd_limited", info.rwnd_limited_us), ("sndbuf_limited", info.sndbuf_limited_us)] {
        if time != 0 {
            let share = 100.0 * time as f64 / info.busy_time_us as f64;
            write!(out, " {name}:{}ms({share:.1}%)", time / 1000)?;
        }
    }
    Ok(())
}

fn losses(state: State, info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    count("unacked", info.unacked, out)?;
    if info.retrans != 0 || info.total_retrans != 0 {
        write!(out, " retrans:{}/{}", info.retrans, info.total_retrans)?;
    }
    count("lost", info.lost, out)?;
    // A listener keeps its backlog there.
    if state != State::Listen {
        count("sacked", info.sacked, out)?;
    }
    count("dsack_dups", info.dsack_dups, out)?;
    count("fackets", info.fackets, out)?;
    // Three is what a connection begins with.
    if info.reordering != 3 {
        count("reordering", info.reordering, out)?;
    }
    count("reord_seen", info.reord_seen, out)
}

fn receiver(info: &TcpInfo, out: &mut dyn Write) -> io::Result<()> {
    if info.rcv_rtt_us != 0 {
        write!(out, " rcv_rtt:{}", millis(info.rcv_rtt_us))?;
    }
    count("rcv_space", info.rcv_space, out)?;
    count("rcv_ssthresh", info.rcv_ssthresh, out)?;
    count("notsent", info.notsent_bytes, out)?;
    if info.min_rtt_us != 0 && info.min_rtt_us != u32::MAX {
        write!(out, " minrtt:{}", millis(info.min_rtt_us))?;
    }
    count("rcv_ooopack", info.rcv_ooopack, out)?;
    count("snd_wnd", info.snd_wnd, out)
}
