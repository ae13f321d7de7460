//! Words that must not stand in code: a clock in the pure crates, `unsafe` outside the few that may, unfinished work.

use super::tokens::{find, tokens};
use super::{Finding, arrows};
use crate::tree::Source;

/// `now` and randomness are arguments there (the sans-IO contract).
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "UNIX_EPOCH",
    "thread_rng",
    "rand::rng",
    "rand::random",
    "OsRng",
    "getrandom",
    "RandomState",
    "tokio",
    "thread_local",
    "thread::sleep",
    "thread::spawn",
    "std::fs",
    "std::env",
    "TcpStream",
    "UdpSocket",
    "println",
    "eprintln",
];

/// Where `unsafe` may stand; each block says why it is sound.
const UNSAFE: &[&str] = &[
    "crates/device/",
    "crates/host/",
    "crates/packetdrill/",
    "crates/wire/src/checksum.rs",
    "crates/wire/src/checksum/",
    // What fuzzes the C interface must call it.
    "fuzz/fuzz_targets/interface/library.rs",
];

const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("X", "XX")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(tokens) = tokens(&source.text) else { return findings };
    let mut forbid = |words: &[&str], why: &str| {
        for word in words {
            for line in find(&tokens, word) {
                findings.push(Finding::new(source, line, format!("`{word}` {why}")));
            }
        }
    };
    if arrows::PURE.contains(&source.home()) {
        forbid(IMPURE, "in a pure crate: time, randomness and I/O come in as arguments");
    }
    if !UNSAFE.iter().any(|allowed| source.path.starts_with(allowed)) {
        forbid(
            &["unsafe"],
            "may stand only in device, host, packetdrill, its fuzz target and wire's checksum",
        );
    }
    forbid(UNFINISHED, "is unfinished work");
    for (index, line) in source.text.lines().enumerate() {
        if MARKS.iter().any(|mark| line.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == *mark))
        {
            findings.push(Finding::new(source, index + 1, "a mark of unfinished work"));
        }
    }
    findings
}
