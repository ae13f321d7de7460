//! Traffic: how much must be sent again, and connections without any.

use super::{Rule, Source, Targets};
use crate::case::{Case, identity, info, peers, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State, TimerKind};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

#[cfg(test)]
mod tests;

pub(super) const RETRANSMISSION: Rule = Rule {
    id: "LA-RT01",
    finds: "many segments are sent again",
    targets: Targets::Both,
    sources: &[Source::Looks, Source::Counters],
    thresholds: &[Threshold::RetransmissionPercent, Threshold::RetransmissionSegments],
    judge: retransmission,
};

pub(super) const IDLE: Rule = Rule {
    id: "LA-KA01",
    finds: "a program holds thousands of idle connections without keepalive",
    targets: Targets::Kernel,
    sources: &[Source::Rows, Source::Info],
    thresholds: &[Threshold::IdleSockets, Threshold::IdleSeconds],
    judge: idle,
};

fn retransmission(case: &Case<'_>) -> Vec<Finding> {
    let again = case.growth("TcpRetransSegs");
    // Linux counts repetitions apart: they are not among the segments sent.
    let all = case.growth("TcpOutSegs").saturating_add(again);
    let rate = percent(again as f64, all as f64);
    if (all as f64) < case.limit(Threshold::RetransmissionSegments).max(1.0)
        || rate < case.limit(Threshold::RetransmissionPercent)
    {
        return Vec::new();
    }
    let culprits = losers(case);
    let finding = Finding::new(
        RETRANSMISSION.id,
        Severity::Warn,
        format!("{rate:.1} % of the segments are sent again"),
    )
    .fact("sent again", again, "segments")
    .fact("sent", all, "segments")
    .fact("by timeout", case.growth("TcpExtTCPTimeouts"), "")
    .fact("SYNs and SYN-ACKs among them", case.growth("TcpExtTCPSynRetrans"), "");
    let finding = match culprits.is_empty() {
        true => finding.blame(Culprit::Unknown {
            missing: case
                .missing(Source::Info)
                .unwrap_or_else(|| "the sockets that repeated are gone".to_owned()),
        }),
        false => finding.blame_all(culprits),
    };
    vec![
        finding
            .because(
                "Segments or their acknowledgments are lost on the way, or come so late that a timer fires. A few in a thousand are usual on \
                 the Internet; within a data centre nearly none are.",
            )
            .in_program("nothing; if SYNs are most of it, the peer does not answer or its queue is full (LA-AQ01 there)", "none")
            .in_system("look at the paths named here: drops of the interface (`ip -s link`), a duplex or MTU that differs, a shaper or a full link", "none")
            .never("larger buffers do not cure loss"),
    ]
}

/// The peers to which most was repeated between the looks.
fn losers(case: &Case<'_>) -> Vec<Culprit> {
    let total =
        |row: &SocketRow| info(row).map_or(u64::from(row.retransmits), |info| info.total_retrans.into());
    let before: HashMap<_, u64> = case.first.rows.iter().map(|row| (identity(row), total(row))).collect();
    let mut counts: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for row in &case.last.rows {
        let more = total(row).saturating_sub(before.get(&identity(row)).copied().unwrap_or(0));
        if more > 0 {
            let count = counts.entry(row.flow.remote.ip().to_canonical()).or_default();
            *count = count.saturating_add(more);
        }
    }
    let mut counts: Vec<(IpAddr, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(ip, count)| (std::cmp::Reverse(*count), *ip));
    counts.into_iter().take(3).map(|(ip, _)| Culprit::Peer { peer: ip.to_string() }).collect()
}

fn idle(case: &Case<'_>) -> Vec<Finding> {
    let seconds = case.limit(Threshold::IdleSeconds);
    let quiet = |row: &&SocketRow| {
        let Some(info) = info(row) else { return false };
        let last = info.last_data_recv_ms.min(info.last_data_sent_ms).min(info.last_ack_recv_ms);
        row.state == State::Established && row.timer == TimerKind::Off && f64::from(last) / 1000.0 >= seconds
    };
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(quiet).collect();
    let many = |rows: &[&SocketRow]| rows.len() as f64 >= case.limit(Threshold::IdleSockets).max(1.0);
    case.by_holder(&rows)
        .into_iter()
        .filter(|(_, rows)| many(rows))
        .map(|(holder, rows)| {
            let what = format!("{holder} holds {} connections that are idle for more than {seconds} s, without keepalive", rows.len());
            Finding::new(IDLE.id, Severity::Warn, what)
                .fact("idle without keepalive", rows.len(), "sockets")
                .blame(holder)
                .blame_all(peers(rows))
                .because(
                    "No timer runs for them. A peer that vanished (a phone out of reach, a laptop that was closed, a NAT that forgot) leaves its \
                     connection here for ever, with descriptor and memory.",
                )
                .in_program("set SO_KEEPALIVE (TCP_KEEPIDLE 60, TCP_KEEPINTVL 10, TCP_KEEPCNT 6), or close what is idle for too long", "a little traffic; phones wake up for it")
                .in_system("tcp_keepalive_time and its like only change the times of sockets that have SO_KEEPALIVE", "none")
                .never("tcp_keepalive_time alone switches nothing on")
        })
        .collect()
}
