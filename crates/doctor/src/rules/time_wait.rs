//! TIME_WAIT: when it uses up local ports, when it is harmless, when its table is full.

mod paths;
#[cfg(test)]
mod tests;

use super::{Rule, Source, Targets};
use crate::case::{Case, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::State;
use paths::{Budget, Path, paths};

pub(super) const PORTS: Rule = Rule {
    id: "LA-TW01",
    finds: "connections to one service use up the local ports, most of them in TIME_WAIT or all of them alive",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Sysctl(super::ports::RANGE)],
    thresholds: &[Threshold::PortsWarn, Threshold::PortsCritical],
    judge: ports,
};

pub(super) const HARMLESS: Rule = Rule {
    id: "LA-TW02",
    finds: "many TIME_WAITs that do no harm (info)",
    targets: Targets::Both,
    sources: &[],
    thresholds: &[Threshold::TimeWaitMany],
    judge: harmless,
};

pub(super) const TABLE: Rule = Rule {
    id: "LA-TW03",
    finds: "the table of TIME_WAITs is full, or nearly: connections end without one",
    targets: Targets::Both,
    sources: &[Source::Looks, Source::Counters, Source::Sysctl(MAX)],
    thresholds: &[Threshold::TimeWaitTable],
    judge: table,
};

const MAX: &str = "net.ipv4.tcp_max_tw_buckets";
const OVERFLOW: &str = "TcpExtTCPTimeWaitOverflow";
/// What one TIME_WAIT takes of the kernel's slab `tw_sock_TCP`.
const OCTETS_EACH: u64 = 256;

fn ports(case: &Case<'_>) -> Vec<Finding> {
    let Some(budget) = Budget::read(case) else { return Vec::new() };
    let warn = case.limit(Threshold::PortsWarn);
    paths(case, &budget)
        .into_iter()
        .filter(|path| percent(path.occupied, budget.ports) >= warn)
        .map(|path| pressure(case, &budget, &path))
        .collect()
}

fn pressure(case: &Case<'_>, budget: &Budget, path: &Path) -> Finding {
    let used = percent(path.occupied, budget.ports);
    let critical = used >= case.limit(Threshold::PortsCritical);
    let severity = if critical { Severity::Critical } else { Severity::Warn };
    let culprit = Culprit::Path { from: path.from, to: path.to };
    let hold = budget.hold_seconds;
    let what = format!(
        "{used:.0} % of the local ports towards {} are taken: connect() from {} to it will fail with EADDRNOTAVAIL when none is left",
        path.to, path.from
    );
    let finding = Finding::new(PORTS.id, severity, what)
        .fact("in TIME_WAIT", path.time_wait, "ports")
        .fact("in other states", path.other, "ports")
        .fact("that count", path.occupied, "ports")
        .fact("of", budget.ports, "ports")
        .fact("a port is held for", hold, "s")
        .fact("so at most", budget.ports / hold.max(0.001), "connections/s")
        .fact("now", path.rate, "connections/s")
        .blame(culprit)
        .blame_all(path.holders.iter().cloned());
    let finding = match budget.nat {
        true => finding.because(format!(
            "An address translator on the way keeps the port of an ended connection for {hold:.0} s (--nat-hold), so {:.1} new connections \
             per second need {:.0} ports at a time, whatever this host's own TIME_WAIT does.",
            path.rate, path.occupied
        )),
        false if path.time_wait > path.other => finding.because(format!(
            "This side closes first, so each connection keeps its local port in TIME_WAIT for {hold:.0} s (fixed in Linux). Ports count per \
             source address, destination address and destination port: {:.0} ports / {hold:.0} s = {:.1} connections per second to \
             {}. Other destinations are not affected, and neither is any listener.",
            budget.ports,
            budget.ports / hold.max(0.001),
            path.to
        )),
        false => finding.because(
            "The connections live: each has a local port of its own towards this service, and the range has no more. TIME_WAIT is not \
             the reason.",
        ),
    };
    cure(finding, case, budget, path)
}

fn cure(finding: Finding, case: &Case<'_>, budget: &Budget, path: &Path) -> Finding {
    let finding = finding.in_program(
        "keep connections open and use them again (keep-alive, a pool), or let the server close first",
        "a pooled connection may be dead when it is used: retry once",
    );
    let finding = match (budget.reuse_off_why(case, path), budget.nat) {
        (Some(why), false) => finding.in_system(
            format!("{why}: then connect() takes over ports in TIME_WAIT after a second"),
            "low where both ends have timestamps (PAWS guards the old numbers); it never bears on servers",
        ),
        _ => finding,
    };
    finding
        .in_system(
            "more addresses to connect from (bind() with IP_BIND_ADDRESS_NO_PORT) or more destinations: each combination has the whole range",
            "none",
        )
        .in_system(
            format!("a wider net.ipv4.ip_local_port_range (now {}), with services in it listed in ip_local_reserved_ports", budget.range),
            "a service inside the range may find its port taken at its start",
        )
        .never("tcp_fin_timeout does not shorten TIME_WAIT: it is about FIN_WAIT2")
        .never("tcp_tw_recycle broke clients behind NAT and is gone since Linux 4.12; a lower tcp_max_tw_buckets only ends TIME_WAITs unsafely")
        .never("SO_LINGER with zero seconds sends RST: the peer loses what it has not read")
}

fn harmless(case: &Case<'_>) -> Vec<Finding> {
    let all = u64::from(case.last.census.count(State::TimeWait));
    if (all as f64) < case.limit(Threshold::TimeWaitMany).max(1.0) || !table(case).is_empty() {
        return Vec::new();
    }
    let Some(budget) = Budget::read(case) else { return Vec::new() };
    if !ports(case).is_empty() {
        return Vec::new();
    }
    let paths = paths(case, &budget);
    let fullest = paths.iter().max_by(|a, b| a.occupied.total_cmp(&b.occupied));
    let client: u64 = paths.iter().map(|path| path.time_wait).sum();
    let most = case.last.listeners.iter().max_by_key(|listener| listener.flows.count(State::TimeWait));
    let most = most.filter(|listener| listener.flows.count(State::TimeWait) > 0);
    let used = fullest.map_or(0.0, |path| percent(path.occupied, budget.ports));
    let finding = Finding::new(HARMLESS.id, Severity::Info, format!("{all} TIME_WAITs do no harm here"))
        .fact("of listeners", all.saturating_sub(client), "sockets")
        .fact("of connections opened from here", client, "sockets")
        .fact("most ports towards one service", used, "%")
        .fact("memory", all * OCTETS_EACH / 1024, "KiB");
    let finding = match (most, fullest) {
        (Some(listener), _) => finding.blame(Culprit::Listener { local: listener.local }),
        (None, Some(path)) => finding.blame(Culprit::Path { from: path.from, to: path.to }),
        (None, None) => finding.blame(Culprit::Machine),
    };
    vec![
        finding
            .because(
                "TIME_WAIT keeps no descriptor and no buffer: about 256 octets each, for 60 s. On a listener's port any number of them is \
                 harmless, since a port that is listened on serves every peer; a client runs out of ports only towards one and the \
                 same address and port.",
            )
            .in_program("nothing need be done; connections that are kept open would spare handshakes", "none")
            .never("do not aim at no TIME_WAIT at all: it guards the next connection against segments of the last"),
    ]
}

fn table(case: &Case<'_>) -> Vec<Finding> {
    let Some(max) = case.number(MAX).filter(|max| *max >= 0) else { return Vec::new() };
    let now = u64::from(case.last.census.count(State::TimeWait));
    let refused = case.growth(OVERFLOW);
    let used = percent(now as f64, max as f64);
    if refused == 0 && used < case.limit(Threshold::TimeWaitTable) {
        return Vec::new();
    }
    let what = match refused {
        0 => format!("{used:.0} % of the TIME_WAITs that tcp_max_tw_buckets allows are there"),
        _ => format!("{refused} connections ended without TIME_WAIT: tcp_max_tw_buckets is reached"),
    };
    let finding = Finding::new(TABLE.id, Severity::Warn, what)
        .fact("in TIME_WAIT", now, "sockets")
        .fact("tcp_max_tw_buckets", max as u64, "sockets")
        .fact("ended without", refused, "connections")
        .blame(case.line_of(MAX))
        .because(
            "When the table is full the new TIME_WAIT is not made; the old ones stay. A FIN that the peer must repeat is then answered \
             with RST, and late segments may reach the next connection of the same ports. The kernel counts it and logs nothing.",
        )
        .in_program("keep connections open, so that fewer end", "none")
        .in_system("raise net.ipv4.tcp_max_tw_buckets back to its default or beyond: each costs 256 octets", "memory only")
        .never("do not lower it to be rid of TIME_WAITs: the kernel's own documentation forbids it");
    vec![finding]
}
