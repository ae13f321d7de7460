//! The half-open queue: SYNs that were answered and not acknowledged yet. A flood, or a backlog that is too small for real clients.
//!
//! Once cookies are sent, the number in SYN_RECV stays at the backlog however large the flood is: counters tell, not counts.

use super::{Rule, Source, Targets};
use crate::case::{Case, host, peers, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::snapshot::ListenerFacts;
use lastack_observe::{SocketRow, State};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

pub(super) const FLOOD: Rule = Rule {
    id: "LA-SY01",
    finds: "a SYN flood: half-open connections that nobody completes",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks, Source::Counters],
    thresholds: &[Threshold::SynRefused, Threshold::SynCompleted],
    judge: flood,
};

pub(super) const SMALL: Rule = Rule {
    id: "LA-SY02",
    finds: "a half-open queue that is too small for the clients that really connect",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks, Source::Counters],
    thresholds: &[Threshold::SynRefused, Threshold::SynCompleted],
    judge: small,
};

/// Peers of so many half-open ones that are different: forged, or a crowd.
const SPREAD_PERCENT: f64 = 50.0;

/// What happened to SYNs between the looks.
struct Syns {
    cookies_sent: u64,
    cookies_back: u64,
    dropped: u64,
    /// By a full queue: dropped or answered with a cookie.
    refused: u64,
    completed_percent: f64,
}

fn syns(case: &Case<'_>) -> Syns {
    let cookies_sent = case.growth("TcpExtSyncookiesSent");
    let cookies_back = case.growth("TcpExtSyncookiesRecv");
    let dropped = case.growth("TcpExtTCPReqQFullDrop");
    let established = case.growth("TcpPassiveOpens");
    let completed_percent = match cookies_sent {
        0 => percent(established as f64, established as f64 + dropped as f64),
        sent => percent(cookies_back.min(sent) as f64, sent as f64),
    };
    let refused = dropped.saturating_add(case.growth("TcpExtTCPReqQFullDoCookies").max(cookies_sent));
    Syns { cookies_sent, cookies_back, dropped, refused, completed_percent }
}

/// The listener that most of it is about: by half-open ones, then by what it dropped.
fn target<'a>(case: &Case<'a>) -> Option<&'a ListenerFacts> {
    let mut dropped: HashMap<SocketAddr, i64> = HashMap::new();
    for (look, sign) in [(case.first, -1), (case.last, 1)] {
        for row in look.rows.iter().filter(|row| row.state == State::Listen) {
            let drops = host(row).and_then(|host| host.memory).map_or(0, |memory| i64::from(memory.drops));
            *dropped.entry(row.flow.local).or_default() += sign * drops;
        }
    }
    let drops = |listener: &ListenerFacts| dropped.get(&listener.local).copied().unwrap_or_default();
    let half_open = |listener: &ListenerFacts| listener.flows.count(State::SynRecv);
    let most = case.last.listeners.iter().max_by_key(|listener| half_open(listener))?;
    if half_open(most) > 0 {
        return Some(most);
    }
    case.last.listeners.iter().max_by_key(|listener| drops(listener)).filter(|listener| drops(listener) > 0)
}

fn flood(case: &Case<'_>) -> Vec<Finding> {
    let syns = syns(case);
    let enough = syns.refused as f64 >= case.limit(Threshold::SynRefused).max(1.0);
    if !enough || syns.completed_percent >= case.limit(Threshold::SynCompleted) {
        return Vec::new();
    }
    let listener = target(case);
    let half_open: Vec<&SocketRow> = case
        .last
        .rows
        .iter()
        .filter(|row| row.state == State::SynRecv)
        .filter(|row| listener.is_none_or(|listener| row.flow.local.port() == listener.local.port()))
        .collect();
    let sources: BTreeSet<_> = half_open.iter().map(|row| row.flow.remote.ip().to_canonical()).collect();
    let spread = percent(sources.len() as f64, half_open.len() as f64);
    let from = match half_open.is_empty() {
        true => "unknown sources".to_owned(),
        false if spread >= SPREAD_PERCENT => format!(
            "{} different sources of {} half-open ones: forged or many",
            sources.len(),
            half_open.len()
        ),
        false => format!("{} sources", sources.len()),
    };
    let aim = listener.map_or_else(|| "a listener".to_owned(), |listener| listener.local.to_string());
    let dropping = syns.dropped > 0;
    let severity = if dropping { Severity::Critical } else { Severity::Warn };
    let harm = if dropping { "new clients are shut out" } else { "SYN cookies keep the service open" };
    let finding = numbers(
        Finding::new(
            FLOOD.id,
            severity,
            format!(
                "a SYN flood at {aim}: {:.0} SYNs/s beyond the queue from {from}; {harm}",
                case.rate(syns.refused)
            ),
        ),
        case,
        &syns,
    )
    .fact("half-open", half_open.len(), "connections")
    .fact("sources that differ", spread, "%");
    let finding = match listener {
        Some(listener) => finding.blame(Culprit::Listener { local: listener.local }),
        None => finding.blame(Culprit::Unknown {
            missing: "no listener has half-open connections at the moment".to_owned(),
        }),
    };
    let finding = match spread >= SPREAD_PERCENT {
        true => finding,
        false => finding.blame_all(peers(half_open.iter().copied())),
    };
    vec![defend(finding, case)]
}

fn defend(finding: Finding, case: &Case<'_>) -> Finding {
    let finding = match case.number("net.ipv4.tcp_syncookies") {
        Some(0) => finding.in_system(
            "net.ipv4.tcp_syncookies = 1: connections go on when the queue is full",
            "connections that were opened by a cookie without timestamps lack window scaling and SACK",
        ),
        _ => finding,
    };
    finding
            .because(
                "Almost none of the SYNs is followed by a third acknowledgment. Real clients complete the handshake within a round trip; \
                 forged sources never do.",
            )
            .in_program("nothing in the program helps; see that it does not listen where it need not", "none")
            .in_system(
                "filter before this host: the provider's protection, a SYN proxy (netfilter SYNPROXY, `lastack serve` as gateway), or the one \
                 source if there is one",
                "a filter may hit real clients",
            )
            .in_system("net.ipv4.tcp_synack_retries = 2 sends fewer answers to forged sources", "clients on lossy paths fail sooner")
            .never("a larger tcp_max_syn_backlog or backlog only makes room for more of the flood")
            .never("do not switch SYN cookies to 2: that takes options from every connection")
}

fn small(case: &Case<'_>) -> Vec<Finding> {
    let syns = syns(case);
    let cookies = case.growth("TcpExtTCPReqQFullDoCookies");
    let queue_full = syns.dropped.saturating_add(cookies);
    let enough = queue_full as f64 >= case.limit(Threshold::SynRefused).max(1.0);
    if !enough || syns.completed_percent < case.limit(Threshold::SynCompleted) {
        return Vec::new();
    }
    let listener =
        target(case).or_else(|| case.last.listeners.first().filter(|_| case.last.listeners.len() == 1));
    let (aim, backlog) = listener
        .map_or(("a listener".to_owned(), 0), |listener| (listener.local.to_string(), listener.backlog));
    let finding = numbers(
        Finding::new(
            SMALL.id,
            Severity::Warn,
            format!("more clients connect to {aim} at once than its queue holds, and they are real"),
        ),
        case,
        &syns,
    )
    .fact("backlog", backlog, "connections");
    let finding = match listener {
        Some(listener) => finding.blame_all(case.holders(listener)),
        None => finding.blame(Culprit::Unknown {
            missing: "no listener has half-open connections at the moment".to_owned(),
        }),
    };
    vec![
        finding
            .because(
                "Handshakes are completed, so these are clients and no flood: within a round trip more of them arrive than the half-open \
                 queue holds. Its limit is min(backlog, net.core.somaxconn), as that of the accept queue.",
            )
            .in_program("ask for a larger backlog: listen(fd, 4096)", "more clients wait before they are served")
            .in_system("net.core.somaxconn at least as large, then let the program listen again", "a few hundred octets for each half-open connection")
            .never("tcp_max_syn_backlog does not limit this queue while SYN cookies are on"),
    ]
}

fn numbers(finding: Finding, case: &Case<'_>, syns: &Syns) -> Finding {
    finding
        .fact("SYNs beyond the queue", syns.refused, "")
        .fact("per second", case.rate(syns.refused), "")
        .fact("cookies sent", syns.cookies_sent, "")
        .fact("cookies that came back", syns.cookies_back, "")
        .fact("SYNs dropped", syns.dropped, "")
        .fact("completed", syns.completed_percent, "%")
}
