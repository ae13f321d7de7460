//! Closes that do not come to an end: FIN_WAIT2 that waits for the peer, LAST_ACK and CLOSING that wait for an acknowledgment.

use super::{Rule, Source, Targets};
use crate::case::{Case, host, peers};
use crate::{Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State};

pub(super) const HALF_CLOSED: Rule = Rule {
    id: "LA-FW01",
    finds: "a program keeps many connections in FIN_WAIT2: it shut its side down and the peers do not close",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::FinWait2Held],
    judge: half_closed,
};

pub(super) const ORPHANED: Rule = Rule {
    id: "LA-FW02",
    finds: "many closed connections wait in FIN_WAIT2 for peers that do not close",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::FinWait2Orphans],
    judge: orphaned,
};

pub(super) const STUCK: Rule = Rule {
    id: "LA-LA01",
    finds: "closes get no answer: FINs are repeated in LAST_ACK, CLOSING or FIN_WAIT1",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::ClosingStuck],
    judge: stuck,
};

/// So many repetitions are no accident any more.
const REPETITIONS: u8 = 2;

fn half_closed(case: &Case<'_>) -> Vec<Finding> {
    // A pasted text does not tell whose a socket is; a stack's rows always do.
    let held = |row: &SocketRow| match host(row) {
        Some(host) => host.inode != 0 || !host.holders.is_empty(),
        None => !case.is_kernel() && !row.orphan,
    };
    let stayed = case.stayed(|row| row.state == State::FinWait2 && held(row));
    let many = |rows: &[&SocketRow]| rows.len() as f64 >= case.limit(Threshold::FinWait2Held).max(1.0);
    case.by_holder(&stayed)
        .into_iter()
        .filter(|(_, rows)| many(rows))
        .map(|(holder, rows)| {
            let what = format!("{holder} keeps {} connections in FIN_WAIT2", rows.len());
            Finding::new(HALF_CLOSED.id, Severity::Warn, what)
                .fact("in FIN_WAIT2 in every look", rows.len(), "sockets")
                .fact("received and never read", rows.iter().map(|row| u64::from(row.recv_queue)).sum::<u64>(), "octets")
                .blame(holder)
                .blame_all(peers(rows))
                .because(
                    "The program called shutdown() for its sending side and still holds the socket; the peer has acknowledged and not closed. \
                     While the program holds the socket no timer runs: tcp_fin_timeout is for sockets that are closed.",
                )
                .in_program("read until the end with a deadline, then close(); close() alone is enough where nothing more is expected", "what the peer still sends is lost, and it sees RST")
                .in_program("look at the peers: they sit in CLOSE_WAIT, which is their program's leak", "none")
                .in_system("nothing: no sysctl ends it", "none")
                .never("tcp_fin_timeout does not bear on sockets that a program holds")
        })
        .collect()
}

fn orphaned(case: &Case<'_>) -> Vec<Finding> {
    let rows: Vec<&SocketRow> =
        case.last.rows.iter().filter(|row| row.state == State::FinWait2 && row.orphan).collect();
    if (rows.len() as f64) < case.limit(Threshold::FinWait2Orphans).max(1.0) {
        return Vec::new();
    }
    let timeout = case.sysctl("net.ipv4.tcp_fin_timeout").unwrap_or("60").to_owned();
    let local = rows.first().and_then(|row| case.listener(row.flow.local));
    let from = local.map(|listener| crate::Culprit::Listener { local: listener.local });
    let finding = Finding::new(ORPHANED.id, Severity::Warn, format!("{} closed connections wait for peers that do not close", rows.len()))
        .fact("in FIN_WAIT2 without a program", rows.len(), "sockets")
        .fact("each ends after (tcp_fin_timeout)", timeout, "s")
        .blame_all(peers(rows.iter().copied()))
        .blame_all(from)
        .because(
            "This side closed and its FIN is acknowledged; the peer's FIN does not come. As small records they hold neither descriptor nor \
             buffer, but they count as orphans until tcp_fin_timeout ends them.",
        )
        .in_program("look at the peers: their connections are in CLOSE_WAIT, a leak of their program", "none")
        .in_system("net.ipv4.tcp_fin_timeout = 15 ends them sooner", "a peer that still sends gets RST")
        .never("it is no TIME_WAIT: what is about TIME_WAIT does not help");
    vec![finding]
}

fn stuck(case: &Case<'_>) -> Vec<Finding> {
    let closing = |row: &SocketRow| {
        matches!(row.state, State::LastAck | State::Closing | State::FinWait1)
            && row.retransmits >= REPETITIONS
    };
    let rows = case.stayed(closing);
    if (rows.len() as f64) < case.limit(Threshold::ClosingStuck).max(1.0) {
        return Vec::new();
    }
    let of = |state| rows.iter().filter(|row| row.state == state).count();
    let most = rows.iter().map(|row| row.retransmits).max().unwrap_or_default();
    let finding = Finding::new(STUCK.id, Severity::Warn, format!("{} connections close without an answer: their peers are gone or unreachable", rows.len()))
        .fact("LAST_ACK", of(State::LastAck), "sockets")
        .fact("CLOSING", of(State::Closing), "sockets")
        .fact("FIN_WAIT1", of(State::FinWait1), "sockets")
        .fact("most repetitions", u32::from(most), "")
        .blame_all(peers(rows.iter().copied()))
        .because(
            "The FIN (and data before it) is repeated and nobody acknowledges: the peer's host is down, its address has moved, or a firewall \
             or NAT on the way has forgotten the connection. A closed socket is given up after tcp_orphan_retries (0 means 8: \
             about 100 s), one that a program still holds after tcp_retries2 (about 15 minutes).",
        )
        .in_program("send something now and then on idle connections (keepalive below the time after which firewalls forget)", "a little traffic")
        .in_system("find out where the packets stay: `ip route get PEER`, a trace at both ends", "none")
        .in_system("net.ipv4.tcp_orphan_retries = 3 gives up after seconds", "a peer on a very bad path loses the last octets")
        .never("do not restart the program: the kernel holds these sockets, not the program");
    vec![finding]
}
