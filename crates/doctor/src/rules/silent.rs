//! Connections that only one side has: a peer that still waits for the third acknowledgment, and a peer that is gone.

use super::{Rule, Source, Targets};
use crate::case::{Case, canonical, identity, info, peers};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State};
use std::collections::HashMap;

pub(super) const ONE_SIDED: Rule = Rule {
    id: "LA-ES01",
    finds: "connections that are ESTABLISHED here and not at the peer, which repeats its SYN-ACK",
    targets: Targets::Kernel,
    sources: &[Source::Rows, Source::Looks, Source::Counters, Source::Info],
    thresholds: &[Threshold::OneSided],
    judge: one_sided,
};

pub(super) const GONE: Rule = Rule {
    id: "LA-ES02",
    finds: "ESTABLISHED connections whose peers do not answer any more",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::SilentRetransmits, Threshold::SilentSockets],
    judge: gone,
};

const CHALLENGES: &str = "TcpExtTCPSYNChallenge";

fn one_sided(case: &Case<'_>) -> Vec<Finding> {
    let challenges = case.growth(CHALLENGES);
    if (challenges as f64) < case.limit(Threshold::OneSided).max(1.0) {
        return Vec::new();
    }
    let rows = suspects(case);
    let services: Vec<String> = services(&rows);
    let what = match rows.len() {
        0 => format!("{challenges} SYNs came for connections that are ESTABLISHED here"),
        count => format!("{count} connections are ESTABLISHED here and still half-open at their peers"),
    };
    let finding = Finding::new(ONE_SIDED.id, Severity::Warn, what)
        .fact("SYNs in ESTABLISHED, answered by a challenge", challenges, "")
        .fact("connections without a single octet from the peer", rows.len(), "sockets")
        .blame_all(services.into_iter().map(|peer| Culprit::Peer { peer }))
        .blame_all(case.by_holder(&rows).into_keys().take(3));
    let finding = match finding.culprits.is_empty() {
        true => finding.blame(Culprit::Unknown {
            missing: "no ESTABLISHED socket got segments without data meanwhile".to_owned(),
        }),
        false => finding,
    };
    vec![
        finding
            .because(
                "A client is ESTABLISHED with the second segment, the server only with the third. When the server's accept queue is full, or \
                 the third segment is lost, the server repeats its SYN-ACK, 5 times within 63 s, and then forgets the connection; the \
                 client knows nothing of it until it sends something. Without data and keepalive it stays for ever.",
            )
            .in_program("send a request at once after connect(), with a deadline for the answer", "none")
            .in_program("at the peer: accept faster (see LA-AQ01 there)", "none")
            .in_system("keepalive ends such connections after tcp_keepalive_time", "a little traffic")
            .never("more SYN retries do not help: the SYN was answered"),
    ]
}

/// Segments came between the looks, none with data, and never an octet.
fn suspects<'a>(case: &Case<'a>) -> Vec<&'a SocketRow> {
    let established = |row: &&SocketRow| row.state == State::Established;
    let before: HashMap<_, &SocketRow> =
        case.first.rows.iter().filter(established).map(|row| (identity(row), row)).collect();
    let challenged = |row: &&SocketRow| {
        let Some(now) = info(row).filter(|info| info.bytes_received == 0) else { return false };
        let then = before.get(&identity(row)).and_then(|row| info(row)).map_or(0, |info| info.segs_in);
        now.segs_in > then.max(1)
    };
    case.last.rows.iter().filter(established).filter(challenged).collect()
}

/// The services that they were opened to, the most frequent first.
fn services(rows: &[&SocketRow]) -> Vec<String> {
    let mut counts: HashMap<_, usize> = HashMap::new();
    for row in rows {
        *counts.entry(canonical(row.flow.remote)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(end, count)| (std::cmp::Reverse(*count), *end));
    counts.into_iter().take(3).map(|(end, _)| end.to_string()).collect()
}

fn gone(case: &Case<'_>) -> Vec<Finding> {
    let least = case.limit(Threshold::SilentRetransmits).max(1.0);
    let unanswered = |row: &SocketRow| {
        matches!(row.state, State::Established | State::CloseWait)
            && f64::from(row.retransmits) >= least
            // Probes of a closed window are answered; these are not.
            && row.timer == lastack_observe::TimerKind::On
    };
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(|row| unanswered(row)).collect();
    if (rows.len() as f64) < case.limit(Threshold::SilentSockets).max(1.0) {
        return Vec::new();
    }
    let waiting: u64 = rows.iter().map(|row| u64::from(row.send_queue)).sum();
    let most = rows.iter().map(|row| row.retransmits).max().unwrap_or_default();
    let finding = Finding::new(GONE.id, Severity::Warn, format!("the peers of {} connections do not answer any more", rows.len()))
        .fact("connections", rows.len(), "sockets")
        .fact("most timeouts in a row", u32::from(most), "")
        .fact("not acknowledged", waiting, "octets")
        .blame_all(peers(rows.iter().copied()))
        .blame_all(case.by_holder(&rows).into_keys().take(3))
        .because(
            "Data is repeated and nothing comes back: the peer's host is gone, a route or a firewall on the way has changed. The program \
             sees nothing of it until tcp_retries2 (15 timeouts: about 15 minutes) ends the connection with ETIMEDOUT.",
        )
        .in_program("set TCP_USER_TIMEOUT (say 30 s), and deadlines for answers", "a peer that comes back after it has lost its connection")
        .in_system("find out where the packets stay: `ip route get PEER`, a trace at both ends", "none")
        .in_system("net.ipv4.tcp_retries2 = 8 gives up after about 100 s", "every connection of the namespace")
        .never("keepalive does not help here: it is quiet while data waits for its acknowledgment");
    vec![finding]
}
