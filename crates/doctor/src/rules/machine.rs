//! Limits of the whole machine that TCP runs into: orphans, memory, connection tracking.

use super::{Rule, Source, Targets};
use crate::case::{Case, peers, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State};

#[cfg(test)]
mod tests;

pub(super) const ORPHANS: Rule = Rule {
    id: "LA-OR01",
    finds: "orphans near tcp_max_orphans: beyond it connections that are closed get RST",
    targets: Targets::Both,
    sources: &[Source::Sysctl(MAX_ORPHANS)],
    thresholds: &[Threshold::Orphans],
    judge: orphans,
};

pub(super) const MEMORY: Rule = Rule {
    id: "LA-MM01",
    finds: "TCP is short of memory: tcp_mem's pressure or limit is reached",
    targets: Targets::Both,
    sources: &[Source::Looks, Source::Counters, Source::SocketUse, Source::Sysctl(MEM)],
    thresholds: &[Threshold::Memory],
    judge: memory,
};

pub(super) const CONNTRACK: Rule = Rule {
    id: "LA-CT01",
    finds: "connection tracking near its maximum: beyond it packets of new connections are dropped",
    targets: Targets::Kernel,
    sources: &[],
    thresholds: &[Threshold::Conntrack],
    judge: conntrack,
};

const MAX_ORPHANS: &str = "net.ipv4.tcp_max_orphans";
const MEM: &str = "net.ipv4.tcp_mem";
const COUNT: &str = "net.netfilter.nf_conntrack_count";
const MAX: &str = "net.netfilter.nf_conntrack_max";

fn orphans(case: &Case<'_>) -> Vec<Finding> {
    let Some(max) = case.number(MAX_ORPHANS) else { return Vec::new() };
    // The limit is the machine's, and so is the count in sockstat.
    let own = u64::from(case.last.census.orphans);
    let all = case.last.socket_use.map_or(own, |socket_use| socket_use.orphans.max(own));
    let aborted = case.growth("TcpExtTCPAbortOnMemory");
    let used = percent(all as f64, max as f64);
    if used < case.limit(Threshold::Orphans) {
        return Vec::new();
    }
    let severity = if aborted > 0 || used >= 100.0 { Severity::Critical } else { Severity::Warn };
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(|row| row.orphan).collect();
    let finding = Finding::new(ORPHANS.id, severity, format!("{all} orphans of at most {max}: connections that were closed and still have something to send"))
        .fact("orphans", all, "sockets")
        .fact("of this namespace", own, "sockets")
        .fact("tcp_max_orphans", max.max(0) as u64, "sockets")
        .fact("reset for lack of room or memory", aborted, "connections")
        .blame_all(peers(rows))
        .blame(case.line_of(MAX_ORPHANS))
        .because(
            "An orphan is a connection that its program has closed and whose peer has not acknowledged all of it: in FIN_WAIT1, FIN_WAIT2, CLOSING \
             or LAST_ACK. Each takes up to 64 KiB that cannot be swapped. Beyond the limit the kernel sends RST at once.",
        )
        .in_program("find out why peers vanish: shut down in an orderly way, with an end in the protocol before close()", "none")
        .in_system("net.ipv4.tcp_orphan_retries = 3 gives up on peers that are gone within seconds instead of 100", "a peer on a very bad path loses the last octets")
        .in_system("raise net.ipv4.tcp_max_orphans, if there is memory", "up to 64 KiB each")
        .never("do not lower tcp_max_orphans: the kernel's own documentation forbids it");
    vec![finding]
}

fn memory(case: &Case<'_>) -> Vec<Finding> {
    let limits = case.numbers(MEM);
    let pressures = case.growth("TcpExtTCPMemoryPressures");
    let pruned = case.growth("TcpExtPruneCalled").saturating_add(case.growth("TcpExtRcvPruned"));
    let pages = case.last.socket_use.map_or(0, |socket_use| socket_use.memory_pages);
    let (pressure, max) = (limits.get(1).copied().unwrap_or(0), limits.get(2).copied().unwrap_or(0));
    let used = percent(pages as f64, pressure as f64);
    if used < case.limit(Threshold::Memory) && pressures == 0 {
        return Vec::new();
    }
    let severity =
        if percent(pages as f64, max as f64) >= 95.0 { Severity::Critical } else { Severity::Warn };
    let largest = largest(case);
    let what = match pressures {
        0 => format!("TCP holds {pages} pages of memory, {used:.0} % of where tcp_mem's pressure begins"),
        _ => format!("TCP's memory came under pressure {pressures} times"),
    };
    let finding = Finding::new(MEMORY.id, severity, what)
        .fact("memory", pages, "pages")
        .fact("pressure begins at", pressure.max(0) as u64, "pages")
        .fact("limit", max.max(0) as u64, "pages")
        .fact("times under pressure", pressures, "")
        .fact("receive queues that were pruned", pruned, "")
        .blame_all(largest)
        .blame(case.line_of(MEM))
        .because(
            "tcp_mem bounds the buffers of all TCP sockets of the machine, in pages. Under pressure windows stay small; at the limit \
             segments are dropped and orphans are reset.",
        )
        .in_program("read what has come: sockets with a long Recv-Q hold most of it; bound what is queued for slow readers", "none")
        .in_system("raise net.ipv4.tcp_mem if the machine has memory to spare", "memory of sockets cannot be swapped")
        .never("larger tcp_rmem or tcp_wmem make it worse");
    vec![finding]
}

/// The holders of the most queued octets.
fn largest(case: &Case<'_>) -> Vec<Culprit> {
    let data = |row: &&SocketRow| row.state != State::Listen && row.recv_queue.max(row.send_queue) > 1;
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(data).collect();
    let queued = |row: &&SocketRow| u64::from(row.recv_queue) + u64::from(row.send_queue);
    let mut groups: Vec<(u64, Culprit)> = case
        .by_holder(&rows)
        .into_iter()
        .map(|(holder, rows)| (rows.iter().map(queued).sum(), holder))
        .collect();
    groups.sort_by_key(|(octets, _)| std::cmp::Reverse(*octets));
    groups.into_iter().take(3).map(|(_, holder)| holder).collect()
}

fn conntrack(case: &Case<'_>) -> Vec<Finding> {
    let (Some(count), Some(max)) = (case.number(COUNT), case.number(MAX).filter(|max| *max > 0)) else {
        return Vec::new();
    };
    let used = percent(count as f64, max as f64);
    if used < case.limit(Threshold::Conntrack) {
        return Vec::new();
    }
    let severity = if used >= 95.0 { Severity::Critical } else { Severity::Warn };
    let waiting = case.last.census.count(State::TimeWait);
    let finding = Finding::new(CONNTRACK.id, severity, format!("connection tracking holds {count} of at most {max} entries"))
        .fact("entries", count.max(0) as u64, "")
        .fact("nf_conntrack_max", max as u64, "")
        .fact("used", used, "%")
        .fact("TIME_WAITs of this namespace", waiting, "sockets")
        .blame(case.line_of(MAX))
        .because(
            "Netfilter keeps an entry for each connection that passes, long after its end: 120 s for TIME_WAIT, up to 5 days for established \
             ones that went silent. At the maximum, packets of new connections are dropped (\"nf_conntrack: table full\" in the kernel's log).",
        )
        .in_program("keep connections open instead of opening many", "none")
        .in_system("exempt traffic that needs no tracking (a NOTRACK rule)", "rules that ask for the state of that traffic no longer match")
        .in_system("raise net.netfilter.nf_conntrack_max, and its hash with it", "about 300 octets each")
        .in_system(
            "lower nf_conntrack_tcp_timeout_established from 5 days to hours, nf_conntrack_tcp_timeout_time_wait to 30 s",
            "connections that are silent for longer lose their entry, and behind NAT their way back",
        )
        .never("tcp_* settings do not bear on it: it is another table");
    vec![finding]
}
