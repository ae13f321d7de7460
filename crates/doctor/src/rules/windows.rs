//! Receivers that do not read: peers that keep their window closed, and programs here that leave their data unread.

use super::{Rule, Source, Targets};
use crate::case::{Case, identity, peers};
use crate::{Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State, TimerKind};
use std::collections::HashMap;

pub(super) const PEERS: Rule = Rule {
    id: "LA-ZW01",
    finds: "peers that keep their receive window closed while data waits here",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::ZeroWindow],
    judge: peers_closed,
};

pub(super) const OURS: Rule = Rule {
    id: "LA-ZW02",
    finds: "a program that does not read what its peers send",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks],
    thresholds: &[Threshold::UnreadOctets, Threshold::UnreadSockets],
    judge: ours_unread,
};

fn peers_closed(case: &Case<'_>) -> Vec<Finding> {
    let rows = case.stayed(|row| row.timer == TimerKind::Persist && row.send_queue > 0);
    if (rows.len() as f64) < case.limit(Threshold::ZeroWindow).max(1.0) {
        return Vec::new();
    }
    let waiting: u64 = rows.iter().map(|row| u64::from(row.send_queue)).sum();
    let orphans = rows.iter().filter(|row| row.orphan).count();
    let finding = Finding::new(PEERS.id, Severity::Warn, format!("{} peers do not read: their receive windows stay closed", rows.len()))
        .fact("connections", rows.len(), "sockets")
        .fact("waiting to be sent", waiting, "octets")
        .fact("already closed here", orphans, "sockets")
        .fact("probes sent", case.growth("TcpExtTCPWinProbe"), "")
        .blame_all(peers(rows.iter().copied()))
        .blame_all(case.by_holder(&rows).into_keys().take(3))
        .because(
            "The peer acknowledges and says that it has no room: its program does not read. The kernel probes the window, at longer and longer \
             intervals, for ever as long as the peer answers. The data stays in this machine's memory.",
        )
        .in_program("bound what is queued for one peer, and give up on peers that take nothing (TCP_USER_TIMEOUT, a deadline for writes)", "slow peers are cut off")
        .in_program("at the peer: read", "none")
        .in_system("nothing: buffers that are larger only hide it longer", "none")
        .never("it is no loss on the way: congestion control and tcp_wmem have no part in it");
    vec![finding]
}

fn ours_unread(case: &Case<'_>) -> Vec<Finding> {
    let octets = case.limit(Threshold::UnreadOctets).max(1.0);
    let full = |row: &SocketRow| {
        row.state != State::Listen && f64::from(row.recv_queue) >= octets && !row.unaccepted
    };
    let first: HashMap<_, u32> = case.first.rows.iter().map(|row| (identity(row), row.recv_queue)).collect();
    let mut rows = case.stayed(full);
    // What was read meanwhile and filled again looks the same, unless it shrank.
    rows.retain(|row| first.get(&identity(row)).is_some_and(|before| *before <= row.recv_queue));
    if case.looks().len() < 2 {
        return Vec::new();
    }
    let many = |rows: &[&SocketRow]| rows.len() as f64 >= case.limit(Threshold::UnreadSockets).max(1.0);
    case.by_holder(&rows)
        .into_iter()
        .filter(|(_, rows)| many(rows))
        .map(|(holder, rows)| {
            let unread: u64 = rows.iter().map(|row| u64::from(row.recv_queue)).sum();
            Finding::new(OURS.id, Severity::Warn, format!("{holder} does not read from {} connections", rows.len()))
                .fact("connections", rows.len(), "sockets")
                .fact("received and not read", unread, "octets")
                .fact("windows that went to zero", case.growth("TcpExtTCPToZeroWindowAdv"), "")
                .blame(holder)
                .blame_all(peers(rows))
                .because(
                    "What came stays in the receive queue in every look. When the queue is full the kernel closes the window and the peer's \
                     writes block.",
                )
                .in_program("find what the reader waits for: a thread that hangs, a pool that is used up, a full queue behind it", "none")
                .in_system("nothing: a larger tcp_rmem only takes longer to fill", "memory")
                .never("do not raise tcp_rmem: it holds more of what nobody reads")
        })
        .collect()
}
