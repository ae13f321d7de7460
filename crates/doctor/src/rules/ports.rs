//! How the range of ephemeral ports is set.

use super::{Rule, Source, Targets};
use crate::case::Case;
use crate::{Culprit, Finding, Severity};
use lastack_observe::snapshot::ListenerFacts;

pub(super) const PARITY: Rule = Rule {
    id: "LA-PT01",
    finds: "both ends of the range of ephemeral ports have the same parity (info)",
    targets: Targets::Both,
    sources: &[Source::Sysctl(RANGE)],
    thresholds: &[],
    judge: parity,
};

pub(super) const COLLISIONS: Rule = Rule {
    id: "LA-PT02",
    finds: "listeners inside the range of ephemeral ports that are not reserved",
    targets: Targets::Both,
    sources: &[Source::Sysctl(RANGE)],
    thresholds: &[],
    judge: collisions,
};

pub(super) const RANGE: &str = "net.ipv4.ip_local_port_range";
pub(super) const RESERVED: &str = "net.ipv4.ip_local_reserved_ports";
/// Where Linux begins by default.
const USUAL_LOW: u16 = 32_768;

/// The range as two ports; None when it is not known or makes no sense.
pub(super) fn range(case: &Case<'_>) -> Option<(u16, u16)> {
    let numbers = case.numbers(RANGE);
    let port = |at: usize| u16::try_from(*numbers.get(at)?).ok();
    Some((port(0)?, port(1)?)).filter(|(low, high)| low <= high)
}

/// The parts of ip_local_reserved_ports, each from its first to its last port; sorted, none overlaps another.
pub(super) fn reserved(case: &Case<'_>) -> Vec<(u16, u16)> {
    let part = |part: &str| {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        Some((from.parse().ok()?, to.parse().ok()?)).filter(|(from, to)| from <= to)
    };
    let mut parts: Vec<(u16, u16)> =
        case.sysctl(RESERVED).unwrap_or_default().split(',').filter_map(part).collect();
    parts.sort_unstable();
    parts.dedup_by(|next, before| {
        let overlaps = next.0 <= before.1;
        if overlaps {
            before.1 = before.1.max(next.1);
        }
        overlaps
    });
    parts
}

fn parity(case: &Case<'_>) -> Vec<Finding> {
    let Some((low, high)) = range(case).filter(|(low, high)| (low ^ high) & 1 == 0) else {
        return Vec::new();
    };
    let finding = Finding::new(PARITY.id, Severity::Info, format!("the range {low} {high} has an odd number of ports: the kernel prefers ends of different parity"))
        .fact("low", u32::from(low), "")
        .fact("high", u32::from(high), "")
        .blame(case.line_of(RANGE))
        .because(
            "Linux gives ports of one parity to connect() and of the other to bind() with port 0, so that they do not meet; with ends of \
             the same parity the halves are not alike, and the kernel logs that it prefers different parity.",
        )
        .in_program("nothing", "none")
        .in_system(format!("net.ipv4.ip_local_port_range = {low} {}", high.saturating_sub(1)), "none")
        .never("it is no reason for a failure: only a matter of neatness");
    vec![finding]
}

fn collisions(case: &Case<'_>) -> Vec<Finding> {
    let Some((low, high)) = range(case) else { return Vec::new() };
    let reserved = reserved(case);
    let kept = |port: u16| {
        let after = reserved.partition_point(|(from, _)| *from <= port);
        after.checked_sub(1).is_some_and(|at| reserved[at].1 >= port)
    };
    let inside = |listener: &&ListenerFacts| {
        let port = listener.local.port();
        // On loopback and in the usual range it is nearly always a program that asked for any port.
        let any = port >= USUAL_LOW && listener.local.ip().to_canonical().is_loopback();
        (low..=high).contains(&port) && !kept(port) && !any
    };
    let inside: Vec<&ListenerFacts> = case.last.listeners.iter().filter(inside).collect();
    let Some(first) = inside.first() else { return Vec::new() };
    // In the usual range a program that bound port 0 is the usual reason; below it are services.
    let widened: Vec<&&ListenerFacts> =
        inside.iter().filter(|listener| listener.local.port() < USUAL_LOW).collect();
    let severity = if widened.is_empty() { Severity::Info } else { Severity::Warn };
    let shown = widened.first().copied().unwrap_or(first);
    let ports: Vec<String> =
        inside.iter().take(10).map(|listener| listener.local.port().to_string()).collect();
    let finding = Finding::new(COLLISIONS.id, severity, format!("{} listeners have ports that connect() may take: {}", inside.len(), ports.join(" ")))
        .fact("listeners in the range", inside.len(), "")
        .fact("of them below the usual range", widened.len(), "")
        .blame_all(case.holders(shown))
        .blame_all(inside.iter().skip(1).take(3).map(|listener| Culprit::Listener { local: listener.local }))
        .blame(case.line_of(RANGE))
        .because(
            "While the service is down, for a restart say, an outgoing connection may get its port; then the service fails to start with \
             EADDRINUSE, now and then.",
        )
        .in_program("let services listen outside the range of ephemeral ports", "their clients must know")
        .in_system(
            format!("list their ports in net.ipv4.ip_local_reserved_ports = {}", ports.join(",")),
            "so many ports less for connections from here",
        )
        .never("a range that begins at 1024 swallows the ports of most services: begin at 10000 or above, and reserve");
    vec![finding]
}
