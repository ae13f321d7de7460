//! The running kernel as oracle: 10,000 seeded sequences of segments and calls for it and for the stack, in batches.

use super::{Item, Part, Said, hours};
use crate::run::{Ran, Run};
use crate::tree;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;

/// All of them, when nobody says otherwise.
pub(super) const SEQUENCES: u64 = 10_000;
const BATCH: u64 = 1000;

pub(super) const PART: Part = Part {
    name: "differential",
    about: "10,000 sequences for the kernel and for the stack",
    items: || items(1, SEQUENCES),
    conclude: Some(conclude),
};

/// So many sequences of a seed.
pub(super) fn items(seed: u64, count: u64) -> Vec<Item> {
    (0..count).step_by(BATCH as usize).map(|first| batch(seed, first, BATCH.min(count - first))).collect()
}

fn batch(seed: u64, first: u64, count: u64) -> Item {
    let run = move || {
        let ran = run(seed, first, count, true)?;
        let file = tree::target()?.join("acceptance").join(format!("differential-{seed}-{first}.pkt"));
        fs::write(&file, scripts(&ran.stdout)).with_context(|| format!("writing {}", file.display()))?;
        let line = ran.stdout.lines().last().unwrap_or("").to_owned();
        let line = match (ran.skipped.first(), ran.passed) {
            (Some(why), _) => format!("could not run: {why}"),
            (None, true) => line,
            (None, false) => format!("{}: {line}, in {}", ran.why, file.display()),
        };
        Ok(Said { passed: ran.passed && ran.skipped.is_empty(), line, facts: ran.stdout })
    };
    Item { name: format!("{seed}/{first}+{count}"), run: Box::new(run) }
}

/// What stands before the list of known differences.
fn scripts(stdout: &str) -> String {
    stdout.lines().take_while(|line| !line.contains(" x ")).map(|line| format!("{line}\n")).collect()
}

/// Plays sequences; true when none differs in a way that nobody explains.
pub(crate) fn some(count: u64) -> Result<Ran> {
    run(1, 0, count, false)
}

fn run(seed: u64, first: u64, count: u64, release: bool) -> Result<Ran> {
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    let numbers = [seed, first, count].map(|number| number.to_string());
    let arguments: Vec<&str> = ["run", "--quiet", "--locked", "--package", "lastack-differential"]
        .iter()
        .chain(profile)
        .chain(&["--", "--seed", &numbers[0], "--first", &numbers[1], "--count", &numbers[2]])
        .copied()
        .collect();
    Run::cargo(&arguments, hours(1)).shown()
}

/// What all batches say together.
fn conclude(facts: &[String]) -> Result<Said> {
    let (mut sequences, mut strange, mut known) = (0, 0, 0);
    let mut kinds = BTreeSet::new();
    for batch in facts {
        let line = batch.lines().last().context("a batch said nothing")?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [played, unexplained, explained] = numbers[..] else {
            let line = format!("`{line}` does not tell three numbers");
            return Ok(Said { passed: false, line, facts: String::new() });
        };
        sequences += played;
        strange += unexplained;
        known += explained;
        kinds.extend(batch.lines().filter_map(|line| Some(line.split_once(" x ")?.1.split_once(" (")?.0)));
    }
    let line = format!(
        "{sequences} sequences, {strange} unexplained differences, {known} explained ({} kinds)",
        kinds.len()
    );
    Ok(Said { passed: strange == 0, line, facts: String::new() })
}

#[cfg(test)]
mod tests;
