//! docs/LIMITS.md is held to the code: every name in it exists, every default is the one there is, every sentence is said.

use lastack_stack::knobs::table;
use lastack_stack::observe::{Cause, Counter, DropReason, EventKind, Refusal, event::ResetReason};
use lastack_stack::{Knobs, Limits};

const TEXT: &str = include_str!("../../../../docs/LIMITS.md");

/// Knobs that bound a table, a queue or a rate: each must have a row.
const BOUNDING: [&str; 12] = [
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_challenge_ack_limit",
    "net.ipv4.tcp_invalid_ratelimit",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Limit, default, what gives way, counters, events.
fn rows() -> Vec<[&'static str; 5]> {
    let lines = TEXT.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.map(|cells| cells[1..cells.len() - 1].to_vec()).filter(|cells| cells[0] != "limit");
    rows.map(|cells| cells.clone().try_into().unwrap_or_else(|_| panic!("five cells: {cells:?}"))).collect()
}

/// What stands between two marks.
fn between(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

/// The bounds that are lastack's own, with their defaults. A new field breaks the build here.
fn own() -> [(&'static str, u64); 8] {
    let Limits { connections, half_open, replies, loopback, mailbox, events, fragments, fast_open_cookies } =
        Limits::default();
    [
        ("Limits::connections", u64::from(connections)),
        ("Limits::half_open", u64::from(half_open)),
        ("Limits::replies", replies as u64),
        ("Limits::loopback", loopback as u64),
        ("Limits::mailbox", mailbox as u64),
        ("Limits::events", events as u64),
        ("Limits::fragments", fragments as u64),
        ("Limits::fast_open_cookies", fast_open_cookies as u64),
    ]
}

#[test]
fn every_name_exists_and_every_default_is_the_one() {
    for [limit, default, gives_way, ..] in rows() {
        for name in between(limit, '`') {
            if let Some((_, value)) = own().iter().find(|(own, _)| *own == name) {
                assert_eq!(default, value.to_string(), "{name}");
            } else if name.starts_with("net.") {
                let knob = table::find(name).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(default, knob.read(&Knobs::default()).replace('\t', " "), "{name}");
            } else {
                assert_eq!(name, "--syn-proxy");
            }
        }
        for name in between(gives_way, '`').filter(|name| name.starts_with("net.")) {
            table::find(name).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn every_bound_has_a_row() {
    let rows = rows();
    let named = |name: &str| rows.iter().any(|[limit, ..]| between(limit, '`').any(|there| there == name));
    own().iter().for_each(|(name, _)| assert!(named(name), "{name}"));
    BOUNDING.iter().for_each(|name| assert!(named(name), "{name}"));
}

#[test]
fn every_counter_exists_and_every_sentence_is_said() {
    let kinds = [
        EventKind::CookieSent,
        EventKind::SynFloodSuspected { cookies: true },
        EventKind::SynFloodSuspected { cookies: false },
        EventKind::MemoryPressure { begins: true },
        EventKind::MemoryPressure { begins: false },
    ];
    let mut said: Vec<String> = kinds.iter().map(EventKind::to_string).collect();
    said.extend(Cause::ALL.iter().map(|reason| reason.text().to_owned()));
    said.extend(DropReason::ALL.iter().map(|reason| reason.text().to_owned()));
    said.extend(Refusal::ALL.iter().map(|reason| reason.text().to_owned()));
    said.extend(ResetReason::ALL.iter().map(|reason| reason.text().to_owned()));
    let (mut counters, mut sentences) = (0, 0);
    for [limit, .., counted, told] in rows() {
        for name in between(counted, '`') {
            assert!(Counter::from_name(name).is_some(), "{limit}: no counter is called {name}");
            counters += 1;
        }
        for sentence in between(told, '"') {
            assert!(said.iter().any(|text| text == sentence), "{limit}: nobody says {sentence:?}");
            sentences += 1;
        }
    }
    assert!(counters > 25 && sentences > 20, "the table was read: {counters}, {sentences}");
}
