//! CLOSE_WAIT: the peer has closed, the application has not. The kernel never ends this state; only the program can.

use super::{Rule, Source, Targets};
use crate::case::{Case, identities, identity, peers};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::{SocketRow, State};
use std::time::Duration;

#[cfg(test)]
mod tests;

pub(super) const LEAK: Rule = Rule {
    id: "LA-CW01",
    finds: "a program leaks connections in CLOSE_WAIT: the same ones stay and more come",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks],
    thresholds: &[Threshold::CloseWaitStay, Threshold::CloseWaitGrowth, Threshold::CloseWaitCritical],
    judge: leak,
};

pub(super) const PILE: Rule = Rule {
    id: "LA-CW02",
    finds: "a program sits on many old connections in CLOSE_WAIT",
    targets: Targets::Both,
    sources: &[Source::Rows],
    thresholds: &[Threshold::CloseWaitPile, Threshold::CloseWaitAge],
    judge: pile,
};

pub(super) const AGELESS: Rule = Rule {
    id: "LA-CW03",
    finds: "many connections in CLOSE_WAIT whose age nobody tells, as in a pasted text (info)",
    targets: Targets::Both,
    sources: &[],
    thresholds: &[Threshold::CloseWaitPile],
    judge: ageless,
};

/// Descriptors that are gone within this make a leak critical.
const SOON_SECONDS: f64 = 600.0;

fn in_close_wait(row: &SocketRow) -> bool {
    row.state == State::CloseWait
}

/// One holder's sockets.
struct Leak<'a> {
    holder: Culprit,
    /// In every look.
    stayed: Vec<&'a SocketRow>,
    /// How many more in the last look than in the first.
    growth: u64,
    now: u64,
}

fn leaks<'a>(case: &Case<'a>) -> Vec<Leak<'a>> {
    let stayed = case.stayed(in_close_wait);
    // Those that came after the first look and were there by the middle of time: what a program closes a little late does
    // not last that long.
    let first = identities(case.first, in_close_wait);
    let middle = identities(case.middle(), in_close_wait);
    let pair_only = case.looks().len() < 3;
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(|row| in_close_wait(row)).collect();
    let before: Vec<&SocketRow> = case.first.rows.iter().filter(|row| in_close_wait(row)).collect();
    let before = case.by_holder(&before);
    let mut stayed = case.by_holder(&stayed);
    case.by_holder(&rows)
        .into_iter()
        .filter_map(|(holder, rows)| {
            let came = |row: &&&SocketRow| {
                let identity = identity(row);
                !first.contains(&identity) && (pair_only || middle.contains(&identity))
            };
            let came = rows.iter().filter(came).count();
            let more = rows.len().saturating_sub(before.get(&holder).map_or(0, Vec::len));
            let stayed = stayed.remove(&holder).unwrap_or_default();
            let enough = stayed.len() as f64 >= case.limit(Threshold::CloseWaitStay);
            let grows = came.min(more) as f64 >= case.limit(Threshold::CloseWaitGrowth).max(1.0);
            (enough && grows).then_some(Leak { holder, stayed, growth: more as u64, now: rows.len() as u64 })
        })
        .collect()
}

fn leak(case: &Case<'_>) -> Vec<Finding> {
    let finding = |leak: Leak<'_>| {
        let Leak { holder, stayed, growth, now } = leak;
        let left = case.process(&holder).and_then(|process| {
            let left = process.descriptors_max?.saturating_sub(process.descriptors.into());
            Some(left as f64 / case.rate(growth).max(f64::MIN_POSITIVE))
        });
        let soon = left.is_some_and(|seconds| seconds < SOON_SECONDS);
        let critical = soon || now as f64 >= case.limit(Threshold::CloseWaitCritical);
        let severity = if critical { Severity::Critical } else { Severity::Warn };
        let what = format!(
            "{holder} leaks connections: {now} in CLOSE_WAIT, {growth} more than {:.0} s ago, and the same ones stay",
            case.seconds()
        );
        let mut finding = evidence(Finding::new(LEAK.id, severity, what), &stayed).fact(
            "growth",
            case.rate(growth),
            "sockets/s",
        );
        if let Some(process) = case.process(&holder) {
            finding = finding.fact("descriptors", process.descriptors, "");
            if let Some(max) = process.descriptors_max {
                finding = finding.fact("of at most", max, "");
            }
        }
        if let Some(seconds) = left {
            finding = finding.fact("descriptors run out in", seconds / 60.0, "min");
        }
        advise(finding, case, holder, &stayed)
    };
    leaks(case).into_iter().map(finding).collect()
}

fn pile(case: &Case<'_>) -> Vec<Finding> {
    let age = Duration::from_secs_f64(case.limit(Threshold::CloseWaitAge).min(1e9));
    let old = case.stayed(|row| in_close_wait(row) && row.age.is_some_and(|known| known >= age));
    let growing: Vec<Culprit> = leaks(case).into_iter().map(|leak| leak.holder).collect();
    let many = |rows: &[&SocketRow]| rows.len() as f64 >= case.limit(Threshold::CloseWaitPile).max(1.0);
    case.by_holder(&old)
        .into_iter()
        .filter(|(holder, rows)| many(rows) && !growing.contains(holder))
        .map(|(holder, rows)| {
            let what = format!(
                "{holder} sits on {} connections that their peers closed more than {} s ago",
                rows.len(),
                age.as_secs()
            );
            advise(evidence(Finding::new(PILE.id, Severity::Warn, what), &rows), case, holder, &rows)
        })
        .collect()
}

/// One look at sockets without ages, or at counts: churn and a leak look the same, so it is said and not judged.
fn ageless(case: &Case<'_>) -> Vec<Finding> {
    let count = case.last.census.count(State::CloseWait);
    let rows: Vec<&SocketRow> = case.last.rows.iter().filter(|row| in_close_wait(row)).collect();
    let told = case.looks().len() > 1 || rows.iter().any(|row| row.age.is_some());
    if told || f64::from(count) < case.limit(Threshold::CloseWaitPile).max(1.0) {
        return Vec::new();
    }
    let most = case.by_holder(&rows).into_iter().max_by_key(|(_, rows)| rows.len());
    let holder = most.map_or_else(
        || Culprit::Unknown { missing: "the counts do not tell whose they are".to_owned() },
        |(holder, _)| holder,
    );
    let what = format!("{count} connections in CLOSE_WAIT, and nothing tells for how long");
    let finding = Finding::new(AGELESS.id, Severity::Info, what)
        .fact("CLOSE_WAIT", count, "sockets")
        .blame(holder)
        .because(
            "A server that closes a little late has some at any moment, each for an instant; one that forgets to close keeps the \
             same ones for ever. One look without ages cannot tell the two apart.",
        )
        .in_program(
            "look for a minute: `lastack doctor --for 60s` there, or `lastack snapshot --for 60 > looks.json` there and \
             `lastack doctor --from looks.json` here",
            "none",
        );
    vec![finding]
}

fn evidence(finding: Finding, rows: &[&SocketRow]) -> Finding {
    let oldest = rows.iter().filter_map(|row| row.age).max().unwrap_or_default();
    // The FIN itself stands as one octet in Recv-Q.
    let unread: u64 = rows.iter().map(|row| u64::from(row.recv_queue.saturating_sub(1))).sum();
    let unaccepted = rows.iter().filter(|row| row.unaccepted).count();
    finding
        .fact("stay in CLOSE_WAIT", rows.len(), "sockets")
        .fact("oldest at least", oldest.as_secs_f64(), "s")
        .fact("received and never read", unread, "octets")
        .fact("never accepted", unaccepted, "sockets")
}

fn advise(finding: Finding, case: &Case<'_>, holder: Culprit, rows: &[&SocketRow]) -> Finding {
    let listener = rows.first().and_then(|row| case.listener(row.flow.local));
    let listener = listener.map(|listener| Culprit::Listener { local: listener.local });
    let known = matches!(holder, Culprit::Listener { .. } | Culprit::Peer { .. });
    let finding = finding.blame(holder.clone()).blame_all(listener.filter(|listener| *listener != holder));
    let finding = match case.missing(Source::Processes).filter(|_| known && case.is_kernel()) {
        Some(missing) => finding.blame(Culprit::Unknown { missing }),
        None => finding,
    };
    finding
        .blame_all(peers(rows.iter().copied()))
        .because(
            "The peer closed and the kernel acknowledged it; now only close() of the program ends the connection. The kernel waits \
             without limit: no timer runs in CLOSE_WAIT.",
        )
        .in_program(
            "close the socket when read() returns 0 or fails, on every path: errors, timeouts, pools that hold a connection which its \
             peer has left. `lastack ss -anp state close-wait` lists descriptors; received octets that were never read point \
             to a thread that hangs before it reads",
            "none",
        )
        .in_program(
            "until it is mended: restart the program, or give it a read timeout",
            "a restart breaks the connections that live",
        )
        .in_system(
            "`lastack ss -K state close-wait …` ends such sockets one by one where a restart is impossible",
            "the program sees ECONNABORTED on descriptors that it may use again",
        )
        .never("no sysctl shortens CLOSE_WAIT: neither tcp_fin_timeout nor tcp_tw_reuse bears on it")
        .never("keepalive ends it only when the peer's host is gone, not while the peer merely closed")
}
