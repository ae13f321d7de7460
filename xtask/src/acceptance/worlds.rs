//! 10,000 seeded worlds on a virtual clock, in batches: most lose up to 10 % of the packets, some up to 30 %, and some break
//! connections in every way. Together they must cross every edge of the state tables.

use super::{Item, Part, Said, hours};
use crate::run::{Ran, Run};
use crate::tree;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

/// Kinds of worlds, each with its number of seeds.
const KINDS: &[(&str, u64)] = &[("loss10", 6000), ("loss30", 2000), ("rough", 2000)];
const BATCH: u64 = 500;
/// How a batch tells of an edge that no world crossed.
const NOT_CROSSED: &str = "not crossed: ";
/// Worlds of up to 30 % loss in which a conversation may end with ETIMEDOUT, of a hundred. At 10 %: none.
const TIMED_OUT_MAX_PERCENT: u64 = 1;

pub(super) const PART: Part = Part {
    name: "worlds",
    about: "10,000 seeded worlds",
    items: || {
        let batches = |(kind, count): &(&'static str, u64)| {
            let kind = *kind;
            (0..*count).step_by(BATCH as usize).map(move |first| batch(kind, first))
        };
        KINDS.iter().flat_map(batches).collect()
    },
    conclude: Some(conclude),
};

fn batch(kind: &'static str, first: u64) -> Item {
    let run = move || {
        let ran = run(kind, first, BATCH)?;
        let line = ran.stdout.lines().last().unwrap_or("").to_owned();
        let line = if ran.passed { line } else { format!("{}: {line}", ran.why) };
        Ok(Said { passed: ran.passed, line, facts: format!("kind {kind}\n{}", ran.stdout) })
    };
    Item { name: format!("{kind}/{first}"), run: Box::new(run) }
}

/// So many worlds of each kind; true when none failed.
pub(crate) fn some(count: u64) -> Result<bool> {
    let mut clean = true;
    for (kind, _) in KINDS {
        let ran = run(kind, 0, count)?;
        ran.stdout
            .lines()
            .filter(|line| !line.starts_with(NOT_CROSSED))
            .for_each(|line| println!("{kind}: {line}"));
        clean &= ran.passed;
    }
    Ok(clean)
}

fn run(kind: &str, first: u64, count: u64) -> Result<Ran> {
    let program = tree::target()?.join("release").join("examples").join("worlds");
    let build = ["build", "--quiet", "--release", "--package", "lastack-sim", "--example", "worlds"];
    let built = Run::cargo(&build, hours(1)).quiet()?;
    if !built.passed {
        return Ok(built);
    }
    println!("+ worlds {kind} {first} {count}");
    Run::new(&program.display().to_string(), &[kind, &first.to_string(), &count.to_string()], hours(2))
        .quiet()
}

/// What all batches say together.
fn conclude(facts: &[String]) -> Result<Said> {
    let mut worlds = 0;
    let mut timed_out = 0;
    let mut lossy = 0;
    let mut missing: Option<BTreeSet<&str>> = None;
    for batch in facts {
        let total = batch.lines().last().context("a batch said nothing")?;
        let number = |name: &str| -> Result<u64> {
            let mut words = total.split_whitespace().skip_while(|word| *word != name);
            let value = words.nth(1).with_context(|| format!("`{total}` does not tell {name}"))?;
            value.parse().with_context(|| format!("`{total}`"))
        };
        worlds += number("worlds")?;
        match batch.lines().next() {
            Some("kind loss30") => {
                lossy += number("worlds")?;
                timed_out += number("timed-out")?;
            }
            Some("kind loss10") if number("timed-out")? > 0 => {
                let line = format!("{} worlds of at most 10 % loss timed out", number("timed-out")?);
                return Ok(Said { passed: false, line, facts: String::new() });
            }
            _ => {}
        }
        let here: BTreeSet<&str> = batch.lines().filter_map(|line| line.strip_prefix(NOT_CROSSED)).collect();
        missing = Some(missing.map_or(here.clone(), |before| before.intersection(&here).copied().collect()));
    }
    let missing: Vec<&str> = missing.unwrap_or_default().into_iter().collect();
    let passed = missing.is_empty() && timed_out * 100 <= lossy * TIMED_OUT_MAX_PERCENT;
    let edges = if missing.is_empty() {
        "every edge of the state tables crossed".to_owned()
    } else {
        format!("never crossed: {}", missing.join("; "))
    };
    let line = format!("{worlds} worlds, {timed_out} of {lossy} with up to 30 % loss timed out, {edges}");
    Ok(Said { passed, line, facts: String::new() })
}

#[cfg(test)]
mod tests;
