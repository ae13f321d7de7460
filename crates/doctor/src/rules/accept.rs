//! The accept queue: connections that are established and wait for the program. Who is too slow, and which backlog is too small.

use super::{Rule, Source, Targets};
use crate::case::{Case, host, identity, percent};
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::{Snapshot, SocketRow, State};
use std::collections::HashMap;
use std::net::SocketAddr;

pub(super) const SLOW: Rule = Rule {
    id: "LA-AQ01",
    finds: "a program accepts too slowly: its accept queue is full, or nearly, in every look",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks, Source::Counters],
    thresholds: &[Threshold::AcceptQueue],
    judge: slow,
};

pub(super) const BURSTS: Rule = Rule {
    id: "LA-AQ02",
    finds: "an accept queue overflows in bursts between the looks: the program's backlog is too small",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks, Source::Counters],
    thresholds: &[Threshold::AcceptDrops],
    judge: bursts,
};

pub(super) const CAPPED: Rule = Rule {
    id: "LA-AQ03",
    finds: "a backlog is probably capped by net.core.somaxconn while connections are refused",
    targets: Targets::Both,
    sources: &[Source::Rows, Source::Looks, Source::Counters, Source::Sysctl(SOMAXCONN)],
    thresholds: &[Threshold::AcceptDrops],
    judge: capped,
};

const SOMAXCONN: &str = "net.core.somaxconn";
const OVERFLOWS: &str = "TcpExtListenOverflows";

/// One listening socket over all looks.
struct Queue<'a> {
    row: &'a SocketRow,
    /// The least that waited in any look.
    least: u32,
    /// Connections it refused between the looks; of a stack, that all listeners refused.
    refused: u64,
}

impl Queue<'_> {
    /// It admits one more than the backlog.
    fn room(&self) -> u64 {
        u64::from(self.row.send_queue) + 1
    }

    fn local(&self) -> SocketAddr {
        self.row.flow.local
    }

    fn least_percent(&self) -> f64 {
        percent(self.least.into(), self.room() as f64)
    }

    /// Much waited in every look.
    fn is_slow(&self, case: &Case<'_>) -> bool {
        self.least_percent() >= case.limit(Threshold::AcceptQueue) && self.least > 0
    }
}

fn queues<'a>(case: &Case<'a>) -> Vec<Queue<'a>> {
    let overflows = case.growth(OVERFLOWS);
    let listening = case.stayed(|row| row.state == State::Listen);
    let by_identity = |look: &'a Snapshot| -> HashMap<_, &'a SocketRow> {
        let listening = look.rows.iter().filter(|row| row.state == State::Listen);
        listening.map(|row| (identity(row), row)).collect()
    };
    let looks: Vec<HashMap<_, &SocketRow>> = case.looks().iter().map(by_identity).collect();
    let queue = |row: &'a SocketRow| {
        let same = || looks.iter().filter_map(|look| look.get(&identity(row)));
        let before = same().next().and_then(|row| dropped(row));
        let least = same().map(|row| row.recv_queue).min().unwrap_or_default();
        let refused = match (before, dropped(row)) {
            // Drops of the half-open queue count there too: those of the accept queue are in the overflows.
            (Some(before), Some(now)) => now.saturating_sub(before).min(overflows),
            _ => overflows,
        };
        Queue { row, least, refused }
    };
    listening.into_iter().map(queue).collect()
}

fn dropped(row: &SocketRow) -> Option<u64> {
    host(row)?.memory.map(|memory| memory.drops.into())
}

fn culprits(case: &Case<'_>, queue: &Queue<'_>) -> Vec<Culprit> {
    // Of several sockets on one port only one may be stuck: its own holders.
    let mut own: Vec<Culprit> = host(queue.row)
        .into_iter()
        .flat_map(|host| &host.holders)
        .map(|holder| Culprit::Process { pid: holder.pid, name: holder.name.clone() })
        .collect();
    own.dedup();
    own.truncate(4);
    if own.is_empty() {
        return case.listener(queue.local()).map_or_else(
            || vec![Culprit::Listener { local: queue.local() }],
            |listener| case.holders(listener),
        );
    }
    own.insert(0, Culprit::Listener { local: queue.local() });
    own
}

fn slow(case: &Case<'_>) -> Vec<Finding> {
    queues(case).into_iter().filter(|queue| queue.is_slow(case)).map(|queue| slow_one(case, &queue)).collect()
}

fn slow_one(case: &Case<'_>, queue: &Queue<'_>) -> Finding {
    let local = queue.local();
    // The oldest that waits has not been taken since the first look: nobody accepts at all.
    let waits = |row: &SocketRow| row.unaccepted && row.flow.local.port() == local.port();
    let untouched = case.stayed(waits).len() as u64 >= u64::from(queue.least);
    let (severity, what) = match (queue.refused, untouched) {
        (1.., true) => (Severity::Critical, "accepts nothing, and connections are refused"),
        (1.., false) => (Severity::Critical, "accepts too slowly, and connections are refused"),
        (0, true) => (Severity::Warn, "accepts nothing: its accept queue only fills"),
        (0, false) => (Severity::Warn, "accepts too slowly: its accept queue stays full"),
    };
    Finding::new(SLOW.id, severity, format!("the program that listens on {local} {what}"))
        .fact("waited in every look at least", queue.least, "connections")
        .fact("room", queue.room(), "connections")
        .fact("refused", queue.refused, "connections")
        .fact("per second", case.rate(queue.refused), "")
        .blame_all(culprits(case, queue))
        .because(
            "Connections are established by the kernel and wait here for accept(). When the queue is full the kernel ignores third \
             acknowledgments and drops SYNs: clients see connect() take 1, 3, 7 … seconds, or time out.",
        )
        .in_program(
            "call accept() more often: in a loop until EAGAIN, on a thread that does nothing else; look for what blocks that thread (a lock, \
             a slow call, a limit of workers or of descriptors)",
            "more connections at once need more memory and descriptors",
        )
        .in_program("start more workers, each with SO_REUSEPORT", "a worker that hangs still has its share of new connections")
        .in_system("a larger backlog (with net.core.somaxconn) only makes the wait longer, unless load comes in bursts", "clients wait instead of failing")
        .never("tcp_abort_on_overflow=1 resets clients that would have been served a moment later")
}

fn bursts(case: &Case<'_>) -> Vec<Finding> {
    let somaxconn = case.number(SOMAXCONN);
    queues(case)
        .into_iter()
        .filter(|queue| overflowed(case, queue) && !queue.is_slow(case))
        .filter(|queue| Some(i64::from(queue.row.send_queue)) != somaxconn)
        .map(|queue| {
            let local = queue.local();
            let backlog = queue.row.send_queue;
            Finding::new(
                BURSTS.id,
                Severity::Warn,
                format!("connections come to {local} in bursts that its backlog of {backlog} cannot hold"),
            )
            .fact("refused", queue.refused, "connections")
            .fact("backlog", backlog, "connections")
            .fact("waited at last", queue.row.recv_queue, "connections")
            .blame_all(culprits(case, &queue))
            .because(
                "The queue was not full when it was looked at, but overflowed in between: the program keeps up on the whole and not \
                 with the peaks.",
            )
            .in_program(
                "ask for a larger backlog: listen(fd, 4096); many servers have an option of that name",
                "more clients wait before they are served",
            )
            .in_system("nothing: net.core.somaxconn is not what limits it", "none")
            .never("tcp_max_syn_backlog has no part in this queue")
        })
        .collect()
}

/// At whom: the stack does not say which listener refused, so one is suspected only when its queue was seen to be used.
fn overflowed(case: &Case<'_>, queue: &Queue<'_>) -> bool {
    let seen = case.is_kernel() || queue.least > 0 || queue.row.recv_queue > 0;
    seen && queue.refused as f64 >= case.limit(Threshold::AcceptDrops).max(1.0)
}

fn capped(case: &Case<'_>) -> Vec<Finding> {
    let Some(somaxconn) = case.number(SOMAXCONN) else { return Vec::new() };
    queues(case)
        .into_iter()
        .filter(|queue| overflowed(case, queue) && i64::from(queue.row.send_queue) == somaxconn)
        .map(|queue| {
            let local = queue.local();
            Finding::new(
                CAPPED.id,
                Severity::Warn,
                format!("the backlog of {local} is exactly net.core.somaxconn ({somaxconn}) and overflows: probably it asked for more"),
            )
            .fact("refused", queue.refused, "connections")
            .fact("backlog", queue.row.send_queue, "connections")
            .fact("net.core.somaxconn", somaxconn as u64, "connections")
            .blame_all(culprits(case, &queue))
            .blame(case.line_of(SOMAXCONN))
            .because("listen() silently takes the smaller of the program's backlog and net.core.somaxconn, at the time of the call.")
            .in_program("see first that it accepts fast enough; then restart it (or let it call listen() again) after the step below", "a restart breaks connections")
            .in_system("raise net.core.somaxconn (4096 is Linux's default since 5.4)", "each waiting connection takes a few KiB")
            .never("raising it alone changes nothing for a socket that listens already")
        })
        .collect()
}
