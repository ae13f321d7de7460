//! Crates use only crates on floors below theirs, and the pure ones no crate that brings a clock or randomness.

use super::Finding;
use crate::tree::Source;
use toml::{Table, Value};

/// The house, bottom up. A crate that is not named here has no floor yet, which is an error.
const FLOORS: &[(&str, u8)] = &[
    ("wire", 1),
    ("observe", 1),
    ("explain", 2),
    ("tcp", 2),
    ("stack", 3),
    ("device", 3),
    ("host", 3),
    ("net", 4),
    ("sim", 4),
    ("doctor", 4),
    ("cli", 5),
    ("packetdrill", 5),
];

/// No clock, no I/O, no randomness of their own.
pub(super) const PURE: &[&str] =
    &["crates/wire", "crates/observe", "crates/explain", "crates/tcp", "crates/stack"];

/// What a pure crate must not depend on, not even for a feature.
const IMPURE: &[&str] =
    &["tokio", "mio", "rand", "getrandom", "fastrand", "chrono", "time", "rustix", "libc", "socket2"];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| source.path.starts_with("crates/") && source.ends_with("/Cargo.toml"))
        .flat_map(manifest)
        .collect()
}

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

fn manifest(source: &Source) -> Vec<Finding> {
    let folder = source.home().trim_start_matches("crates/");
    let Some(own) = floor(folder) else {
        return vec![Finding::new(
            source,
            0,
            format!("crate {folder} has no floor: name it in xtask/src/tidy/arrows.rs"),
        )];
    };
    let table: Table = match source.text.parse() {
        Ok(table) => table,
        Err(error) => return vec![Finding::new(source, 0, format!("not TOML: {error}"))],
    };
    let mut findings = Vec::new();
    for (kind, name) in dependencies(&table) {
        let line = source.text.lines().position(|line| line.starts_with(&name)).map_or(0, |at| at + 1);
        // The package of crates/cli is plain `lastack`.
        let below = if name == "lastack" { Some("cli") } else { name.strip_prefix("lastack-") };
        if let Some(below) = below {
            if floor(below).is_none_or(|below| below >= own) {
                findings.push(Finding::new(
                    source,
                    line,
                    format!("{folder} (floor {own}) may not use {name}"),
                ));
            }
        } else if kind == "dependencies" && PURE.contains(&source.home()) && IMPURE.contains(&name.as_str()) {
            findings.push(Finding::new(source, line, format!("{folder} is pure and may not use {name}")));
        }
    }
    findings
}

/// Every dependency with the kind of table it stands in, those of `[target.…]` too.
fn dependencies(table: &Table) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(Value::Table(entries)) = table.get(kind) {
            for (key, value) in entries {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                found.push((kind, package.to_owned()));
            }
        }
    }
    if let Some(Value::Table(targets)) = table.get("target") {
        for target in targets.values().filter_map(Value::as_table) {
            found.extend(dependencies(target));
        }
    }
    found
}
