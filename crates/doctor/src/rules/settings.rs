//! Settings that were copied from old recipes: what a file says, what runs, what the default is.

use super::{Rule, Source, Targets};
use crate::case::Case;
use crate::{Culprit, Finding, Severity, Threshold};
use lastack_observe::snapshot::{SysctlLine, Target};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

macro_rules! rule {
    ($name:ident, $id:literal, $finds:literal, $thresholds:expr, $judge:ident) => {
        pub(super) const $name: Rule = Rule {
            id: $id,
            finds: $finds,
            targets: Targets::Kernel,
            sources: &[Source::SysctlFiles],
            thresholds: $thresholds,
            judge: $judge,
        };
    };
}

rule!(RECYCLE, "LA-SC01", "tcp_tw_recycle: gone since Linux 4.12, and harmful before", &[], recycle);
rule!(
    BUCKETS,
    "LA-SC02",
    "tcp_max_tw_buckets that was lowered (the recipes' 5000)",
    &[Threshold::LintTimeWaits],
    buckets
);
rule!(
    FIN_TIMEOUT,
    "LA-SC03",
    "tcp_fin_timeout that was changed, mostly as a cure for TIME_WAIT, which it is not",
    &[],
    fin_timeout
);
rule!(COOKIES, "LA-SC04", "tcp_syncookies off (0) or for every connection (2)", &[], cookies);
rule!(TIMESTAMPS, "LA-SC05", "tcp_timestamps off", &[], timestamps);
rule!(UNKNOWN, "LA-SC06", "lines in sysctl files with names that this kernel lacks", &[], unknown);
rule!(DIFFERENT, "LA-SC07", "running values that differ from what the files set (info)", &[], different);
rule!(ABORT, "LA-SC08", "tcp_abort_on_overflow on", &[], abort);

/// What a fresh kernel has, where it does not depend on the machine.
const DEFAULTS: &[(&str, &str)] = &[
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.ip_local_port_range", "32768 60999"),
    ("net.ipv4.tcp_abort_on_overflow", "0"),
    ("net.ipv4.tcp_fin_timeout", "60"),
    ("net.ipv4.tcp_keepalive_intvl", "75"),
    ("net.ipv4.tcp_keepalive_probes", "9"),
    ("net.ipv4.tcp_keepalive_time", "7200"),
    ("net.ipv4.tcp_orphan_retries", "0"),
    ("net.ipv4.tcp_retries2", "15"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_tw_reuse", "2"),
];

/// Names that only the first network namespace has.
const FIRST_ONLY: &[&str] = &[
    "net.ipv4.tcp_available_ulp",
    "net.ipv4.tcp_low_latency",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_mem",
];

const FIN_TIMEOUT_NAME: &str = "net.ipv4.tcp_fin_timeout";
const BUCKETS_NAME: &str = "net.ipv4.tcp_max_tw_buckets";
const RECYCLE_NAME: &str = "net.ipv4.tcp_tw_recycle";

/// The line that counts: the last of its name.
fn line<'a>(case: &Case<'a>, name: &str) -> Option<&'a SysctlLine> {
    case.last.sysctl_lines.iter().rev().find(|line| line.name == name)
}

/// What runs, what the file says, what the default is.
fn values(mut finding: Finding, case: &Case<'_>, name: &str) -> Finding {
    if let Some(running) = case.sysctl(name) {
        finding = finding.fact("running", running.to_owned(), "");
    }
    if let Some(line) = line(case, name) {
        finding = finding.fact("in the file", line.value.clone(), "");
    }
    match DEFAULTS.iter().find(|(known, _)| *known == name) {
        Some((_, default)) => finding.fact("default", (*default).to_owned(), ""),
        None => finding,
    }
}

/// The value that matters: what runs; where that is not known, what will run after the next boot.
fn value(case: &Case<'_>, name: &str) -> Option<i64> {
    case.number(name).or_else(|| line(case, name)?.value.trim().parse().ok())
}

fn recycle(case: &Case<'_>) -> Vec<Finding> {
    let running = case.number(RECYCLE_NAME).is_some_and(|value| value != 0);
    let Some(file) = line(case, RECYCLE_NAME) else {
        return if running { vec![recycle_runs(case)] } else { Vec::new() };
    };
    if running {
        return vec![recycle_runs(case)];
    }
    let finding = Finding::new(
        RECYCLE.id,
        Severity::Warn,
        "a file sets tcp_tw_recycle, which this kernel does not have",
    );
    vec![
        values(finding, case, RECYCLE_NAME)
            .fact("line", format!("{}:{}", file.path, file.number), "")
            .blame(case.line_of(RECYCLE_NAME))
            .because(
                "Linux 4.12 removed it, because it dropped connections of clients behind NAT. `sysctl -p` reports the line and ends with status 1, \
                 which makes scripts fail; nothing else happens.",
            )
            .in_program("nothing", "none")
            .in_system("delete the line", "none")
            .never("there is no successor, and none is needed: see LA-TW01 and LA-TW02"),
    ]
}

fn recycle_runs(case: &Case<'_>) -> Finding {
    let finding = Finding::new(
        RECYCLE.id,
        Severity::Critical,
        "tcp_tw_recycle is on: clients behind NAT are dropped at random",
    );
    values(finding, case, RECYCLE_NAME)
        .blame(case.line_of(RECYCLE_NAME))
        .because(
            "This old kernel compares timestamps per host: of several clients behind one address only those with the newest clock get \
             through, and since 4.10 not even those.",
        )
        .in_program("nothing", "none")
        .in_system("net.ipv4.tcp_tw_recycle = 0 at once", "more TIME_WAITs, which do no harm")
        .never("do not leave it on because it seems to work for you")
}

fn buckets(case: &Case<'_>) -> Vec<Finding> {
    let Some(max) = value(case, BUCKETS_NAME) else { return Vec::new() };
    // Half of the hash is the default; a namespace that shares the first one's hash tells it as a negative number.
    let default = case.number("net.ipv4.tcp_ehash_entries").map_or(0, |entries| entries.saturating_abs() / 2);
    let set = line(case, BUCKETS_NAME).is_some() || max < default;
    if !set || (max as f64) >= case.limit(Threshold::LintTimeWaits) {
        return Vec::new();
    }
    let finding = Finding::new(
        BUCKETS.id,
        Severity::Warn,
        format!("tcp_max_tw_buckets is {max}: connections beyond it end without TIME_WAIT"),
    );
    let finding =
        if default > 0 { finding.fact("default of this machine", default as u64, "") } else { finding };
    vec![
        values(finding, case, BUCKETS_NAME)
            .blame(case.line_of(BUCKETS_NAME))
            .because(
                "Recipes lower it to be rid of TIME_WAITs. What it does: when so many are there, the next connection ends without one, so a late \
                 segment may reach the next connection on the same ports, and a peer that repeats its FIN gets RST.",
            )
            .in_program("nothing", "none")
            .in_system("remove the line; the default is sized by the machine's memory", "256 octets for each TIME_WAIT")
            .never("a TIME_WAIT costs 256 octets: there is nothing to win"),
    ]
}

fn fin_timeout(case: &Case<'_>) -> Vec<Finding> {
    let Some(seconds) = value(case, FIN_TIMEOUT_NAME).filter(|seconds| *seconds != 60) else {
        return Vec::new();
    };
    let (severity, what) = match seconds {
        ..=0 => (Severity::Warn, "the kernel takes any number, and this one makes no sense".to_owned()),
        1..60 => (Severity::Info, "it does not shorten TIME_WAIT, which is always 60 s".to_owned()),
        _ => (Severity::Info, "the time beyond 60 s is spent with a whole socket each".to_owned()),
    };
    let finding = Finding::new(FIN_TIMEOUT.id, severity, format!("tcp_fin_timeout is {seconds}: {what}"));
    vec![
        values(finding, case, FIN_TIMEOUT_NAME)
            .blame(case.line_of(FIN_TIMEOUT_NAME))
            .because(
                "It is how long a closed connection waits in FIN_WAIT2 for the peer's FIN. Old recipes name it as the length of TIME_WAIT; in \
                 Linux that is a constant.",
            )
            .in_program("nothing", "none")
            .in_system("leave it where many FIN_WAIT2 are the trouble (LA-FW02); else remove the line", "none")
            .never("do not expect fewer TIME_WAITs of it"),
    ]
}

fn cookies(case: &Case<'_>) -> Vec<Finding> {
    const NAME: &str = "net.ipv4.tcp_syncookies";
    let (what, why) = match value(case, NAME) {
        Some(0) => (
            "SYN cookies are off: a small SYN flood shuts the service",
            "With 1, the default, cookies are sent only while a half-open queue is full; they cost nothing before.",
        ),
        Some(2) => (
            "SYN cookies are sent for every connection",
            "2 is for tests. A connection from a cookie has no SYN-ACK retransmission and no first round-trip time, and without timestamps no \
             window scaling and no SACK.",
        ),
        _ => return Vec::new(),
    };
    vec![
        values(Finding::new(COOKIES.id, Severity::Warn, what), case, NAME)
            .blame(case.line_of(NAME))
            .because(why)
            .in_program("nothing", "none")
            .in_system("net.ipv4.tcp_syncookies = 1", "none")
            .never("cookies are no cure for a program that accepts too slowly"),
    ]
}

fn timestamps(case: &Case<'_>) -> Vec<Finding> {
    const NAME: &str = "net.ipv4.tcp_timestamps";
    if value(case, NAME) != Some(0) {
        return Vec::new();
    }
    let reuse = case.number("net.ipv4.tcp_tw_reuse").is_some_and(|reuse| reuse > 0);
    let finding = Finding::new(TIMESTAMPS.id, Severity::Warn, "TCP timestamps are off");
    let finding = if reuse {
        finding.fact("tcp_tw_reuse, which has no effect now", "on".to_owned(), "")
    } else {
        finding
    };
    vec![
        values(finding, case, NAME)
            .blame(case.line_of(NAME))
            .because(
                "Without them old segments cannot be told from new ones at high speed, round trips are measured less often, tcp_tw_reuse does \
                 nothing, and connections from SYN cookies lose window scaling and SACK.",
            )
            .in_program("nothing", "none")
            .in_system("net.ipv4.tcp_timestamps = 1 (an offset per connection hides the machine's clock)", "12 octets per segment")
            .never("the uptime that timestamps once told is no reason any more"),
    ]
}

fn unknown(case: &Case<'_>) -> Vec<Finding> {
    let first_namespace = case.sysctl("net.ipv4.tcp_mem").is_some();
    let about_tcp = |line: &&SysctlLine| {
        let name = line.name.as_str();
        let here = first_namespace || !(FIRST_ONLY.contains(&name) || name.starts_with("net.core."));
        let ours = name.starts_with("net.ipv4.tcp_") || name.starts_with("net.core.");
        ours && here && !line.known && name != RECYCLE_NAME
    };
    case.last
        .sysctl_lines
        .iter()
        .filter(about_tcp)
        .take(20)
        .map(|line| {
            let SysctlLine { path, number, name, value, .. } = line;
            Finding::new(UNKNOWN.id, Severity::Warn, format!("{path}:{number} sets {name}, which this kernel does not have"))
                .fact("value", value.clone(), "")
                .blame(Culprit::Sysctl { name: name.clone(), line: format!("{path}:{number}") })
                .because("The name is misspelt, belongs to another kernel, or to a module that is not loaded. The line has no effect, and `sysctl -p` ends with status 1.")
                .in_program("nothing", "none")
                .in_system("correct the name or delete the line", "none")
                .never("do not take it for set")
        })
        .collect()
}

fn different(case: &Case<'_>) -> Vec<Finding> {
    // The files are about the namespace that the machine boots into.
    if !matches!(case.last.target, Target::Kernel { namespace: None, .. }) {
        return Vec::new();
    }
    let mut last: BTreeMap<&str, &SysctlLine> = BTreeMap::new();
    for line in case.last.sysctl_lines.iter().filter(|line| line.known) {
        last.insert(&line.name, line);
    }
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    last.into_iter()
        .filter(|(name, _)| name.starts_with("net.ipv4.tcp_") || name.starts_with("net.core.somaxconn") || *name == super::ports::RANGE)
        .filter(|(name, line)| case.sysctl(name).is_some_and(|running| plain(running) != plain(&line.value)))
        .take(20)
        .map(|(name, line)| {
            let finding = Finding::new(DIFFERENT.id, Severity::Info, format!("{name} runs with another value than {}:{} sets", line.path, line.number));
            values(finding, case, name)
                .blame(case.line_of(name))
                .because("It was changed by hand after the boot, the file was changed and not applied, or this is the namespace of a container, which the files do not reach.")
                .in_program("nothing", "none")
                .in_system("decide which is right: `sysctl -w` for now, the file for the next boot", "what runs changes")
                .never("do not judge a system by its files: the running values count")
        })
        .collect()
}

fn abort(case: &Case<'_>) -> Vec<Finding> {
    const NAME: &str = "net.ipv4.tcp_abort_on_overflow";
    if value(case, NAME).is_none_or(|value| value == 0) {
        return Vec::new();
    }
    vec![
        values(Finding::new(ABORT.id, Severity::Warn, "clients are reset when an accept queue is full"), case, NAME)
            .blame(case.line_of(NAME))
            .because(
                "With 0 a third acknowledgment that finds no room is ignored; the client repeats, and is served a moment later. With 1 it gets RST, \
                 which it cannot tell from a service that is down. SYNs are dropped in both cases.",
            )
            .in_program("accept faster, or ask for a larger backlog (LA-AQ01, LA-AQ02)", "none")
            .in_system("net.ipv4.tcp_abort_on_overflow = 0", "clients wait longer before they fail")
            .never("the kernel's own documentation: it can harm clients of your server"),
    ]
}
