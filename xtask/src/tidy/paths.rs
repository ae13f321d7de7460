//! No path of one machine in any file: what works in one home only is broken everywhere else.

use super::Finding;
use crate::tree::Source;

/// Written in two halves so that this file does not break its own rule.
const MACHINE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\"),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for path in MACHINE {
            if line.match_indices(path).any(|(at, _)| stands_alone(line, at)) {
                findings.push(Finding::new(source, index + 1, format!("a path of one machine: {path}")));
            }
        }
    }
    findings
}

/// Not the tail of a longer relative path or address, such as `example.org/work/`.
fn stands_alone(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}".contains(before))
}
