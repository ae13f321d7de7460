//! What `ss -e -m -i` print behind the ends: `ino:77 skmem:(r0,…,d3) cubic rto:204 rtt:0.017/0.008 unacked:3 retrans:1/7 …`.
//!
//! Only what can be told back exactly is read; rates and the words of a congestion control are passed over.

use super::Has;
use lastack_observe::{HostFacts, SocketMemory, SocketRow, TcpInfo};

/// Adds what the text tells. True when anything of it was known.
pub(super) fn add(row: &mut SocketRow, text: &str, has: &mut Has) -> bool {
    let mut facts = row.host.take().map_or_else(HostFacts::default, |facts| *facts);
    let mut info = facts.info.unwrap_or_default();
    let (mut told_facts, mut told_info) = (false, false);
    for word in text.split_ascii_whitespace() {
        let Some((name, value)) = word.split_once(':') else { continue };
        if fact(&mut facts, name, value).is_some() {
            told_facts = true;
        } else if figure(&mut info, name, value).is_some() {
            told_info = true;
        }
    }
    if told_info {
        facts.info = Some(info);
        has.info = true;
    }
    if facts != HostFacts::default() {
        row.host = Some(Box::new(facts));
    }
    told_facts || told_info
}

fn fact(facts: &mut HostFacts, name: &str, value: &str) -> Option<()> {
    match name {
        "uid" => facts.uid = value.parse().ok()?,
        "ino" => facts.inode = value.parse().ok()?,
        "sk" => facts.cookie = u64::from_str_radix(value, 16).ok()?,
        "skmem" => facts.memory = Some(memory(value)?),
        _ => return None,
    }
    Some(())
}

/// `(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0)`
fn memory(text: &str) -> Option<SocketMemory> {
    let mut memory = SocketMemory::default();
    for part in text.strip_prefix('(')?.strip_suffix(')')?.split(',') {
        let digits = part.find(|c: char| c.is_ascii_digit())?;
        let (name, number) = part.split_at(digits);
        let place = match name {
            "r" => &mut memory.receive,
            "rb" => &mut memory.receive_max,
            "t" => &mut memory.transmit,
            "tb" => &mut memory.send_max,
            "f" => &mut memory.forward,
            "w" => &mut memory.send,
            "o" => &mut memory.option,
            "bl" => &mut memory.backlog,
            "d" => &mut memory.drops,
            _ => return None,
        };
        *place = number.parse().ok()?;
    }
    Some(memory)
}

/// `retrans:1/7` is now and ever; `rtt:0.017/0.008` are milliseconds, mean and deviation; all other figures are plain.
fn figure(info: &mut TcpInfo, name: &str, value: &str) -> Option<()> {
    let before = |value: &str| value.split_once('/').map_or(value, |(first, _)| first).to_owned();
    match name {
        "rto" => info.rto_us = micros(value)?,
        "ato" => info.ato_us = micros(value)?,
        "rtt" => {
            info.rtt_us = micros(&before(value))?;
            info.rttvar_us = micros(value.split_once('/')?.1)?;
        }
        "minrtt" => info.min_rtt_us = micros(value)?,
        "retrans" => {
            let (now, ever) = value.split_once('/')?;
            (info.retrans, info.total_retrans) = (now.parse().ok()?, ever.parse().ok()?);
        }
        "backoff" => info.backoff = value.parse().ok()?,
        "bytes_sent" => info.bytes_sent = value.parse().ok()?,
        "bytes_retrans" => info.bytes_retrans = value.parse().ok()?,
        "bytes_acked" => info.bytes_acked = value.parse().ok()?,
        "bytes_received" => info.bytes_received = value.parse().ok()?,
        _ => *plain(info, name)? = value.parse().ok()?,
    }
    Some(())
}

fn plain<'a>(info: &'a mut TcpInfo, name: &str) -> Option<&'a mut u32> {
    Some(match name {
        "mss" => &mut info.snd_mss,
        "pmtu" => &mut info.pmtu,
        "rcvmss" => &mut info.rcv_mss,
        "advmss" => &mut info.advmss,
        "cwnd" => &mut info.snd_cwnd,
        "ssthresh" => &mut info.snd_ssthresh,
        "unacked" => &mut info.unacked,
        "lost" => &mut info.lost,
        "sacked" => &mut info.sacked,
        "segs_out" => &mut info.segs_out,
        "segs_in" => &mut info.segs_in,
        "data_segs_out" => &mut info.data_segs_out,
        "data_segs_in" => &mut info.data_segs_in,
        "lastsnd" => &mut info.last_data_sent_ms,
        "lastrcv" => &mut info.last_data_recv_ms,
        "lastack" => &mut info.last_ack_recv_ms,
        "notsent" => &mut info.notsent_bytes,
        "delivered" => &mut info.delivered,
        "reordering" => &mut info.reordering,
        "snd_wnd" => &mut info.snd_wnd,
        "rcv_wnd" => &mut info.rcv_wnd,
        "rcv_space" => &mut info.rcv_space,
        "rcv_ssthresh" => &mut info.rcv_ssthresh,
        "rcv_ooopack" => &mut info.rcv_ooopack,
        _ => return None,
    })
}

/// Milliseconds with a fraction, as microseconds.
fn micros(text: &str) -> Option<u32> {
    let millis: f64 = text.parse().ok()?;
    let micros = (millis * 1000.0).round();
    (0.0..=f64::from(u32::MAX)).contains(&micros).then_some(micros as u32)
}
