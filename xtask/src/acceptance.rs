//! `cargo xtask acceptance [PART…]`: the long runs. One line per result.
//!
//! A part is a list of items, a file each below. What passed is written to `target/acceptance` at once, for this very state of
//! the sources, so that a run which was stopped goes on where it was.

mod bench;
pub(crate) mod differential;
mod dist;
mod eyes_speed;
mod flat_cost;
mod flood;
mod forward;
mod fuzz;
mod interop;
mod matrix;
mod mutations;
mod scripts;
mod state;
mod transcripts;
pub(crate) mod worlds;

use crate::run::Run;
use anyhow::{Result, ensure};
use state::State;
use std::time::{Duration, Instant};

/// One part.
struct Part {
    name: &'static str,
    about: &'static str,
    items: fn() -> Vec<Item>,
    /// Judges all items together; gets what they said.
    conclude: Option<Conclude>,
}

/// Judges what the items said.
type Conclude = fn(&[String]) -> Result<Said>;

/// One thing that passes or fails by itself.
struct Item {
    name: String,
    run: Box<dyn Fn() -> Result<Said>>,
}

/// How an item ended.
#[derive(Debug)]
struct Said {
    passed: bool,
    /// In one line: the result when it passed, the reason when not.
    line: String,
    /// What the part's conclusion wants to know; may be empty.
    facts: String,
}

const PARTS: &[&Part] = &[
    &scripts::PART,
    &matrix::PART,
    &mutations::PART,
    &flat_cost::PART,
    &flood::PART,
    &bench::PART,
    &fuzz::PART,
    &dist::PART,
    &eyes_speed::PART,
    &interop::PART,
    &forward::PART,
    &transcripts::PART,
    &worlds::PART,
    &differential::PART,
];

/// What the differential part plays, when it is not its usual ten thousand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequences {
    /// The seed.
    pub(crate) seed: u64,
    /// How many.
    pub(crate) count: Option<u64>,
}

impl Sequences {
    fn items(self) -> Vec<Item> {
        differential::items(self.seed, self.count.unwrap_or(differential::SEQUENCES))
    }
}

/// Runs the parts named, or all; true when everything passed.
pub(crate) fn command(names: &[String], fresh: bool, sequences: Sequences) -> Result<bool> {
    for name in names {
        let known: Vec<String> = PARTS.iter().map(|part| format!("{} ({})", part.name, part.about)).collect();
        ensure!(
            PARTS.iter().any(|part| part.name == name),
            "there is no part {name}; there are: {}",
            known.join(", ")
        );
    }
    let mut state = State::open(fresh)?;
    let mut passed = 0;
    let mut failed = 0;
    for part in PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|name| name == part.name)) {
        let of_sequences = part.name == differential::PART.name;
        let items = if of_sequences { sequences.items() } else { (part.items)() };
        let (good, bad) = run_part(part, items, &mut state)?;
        passed += good;
        failed += bad;
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn run_part(part: &Part, items: Vec<Item>, state: &mut State) -> Result<(usize, usize)> {
    let mut facts = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for item in items {
        let key = format!("{}/{}", part.name, item.name);
        if let Some(earlier) = state.passed(&key) {
            println!("ok      {key}: {} (earlier)", earlier.line);
            facts.push(earlier.facts.clone());
            passed += 1;
            continue;
        }
        let begun = Instant::now();
        let said = (item.run)()?;
        let word = word(said.passed);
        println!("{word}  {key}: {} ({:.0} s)", said.line, begun.elapsed().as_secs_f64());
        facts.push(said.facts.clone());
        if said.passed {
            passed += 1;
            state.record(key, said)?;
        } else {
            failed += 1;
        }
    }
    if let Some(conclude) = part.conclude {
        let said = conclude(&facts)?;
        println!("{}  {}: {}", word(said.passed), part.name, said.line);
        failed += usize::from(!said.passed);
    }
    Ok((passed, failed))
}

fn word(passed: bool) -> &'static str {
    if passed { "ok    " } else { "FAILED" }
}

/// An item that is one program: passes when the program does, and says the last line it printed.
fn program(run: impl Fn() -> Run + 'static, name: &str) -> Item {
    let run = move || {
        let ran = run().shown()?;
        let last = ran.stdout.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").trim().to_owned();
        let skipped = ran.skipped.first().cloned();
        Ok(match (ran.passed, skipped) {
            (true, None) => Said { passed: true, line: last, facts: ran.stdout },
            (true, Some(why)) => {
                Said { passed: false, line: format!("could not run: {why}"), facts: String::new() }
            }
            (false, _) => Said { passed: false, line: format!("{}: {last}", ran.why), facts: String::new() },
        })
    };
    Item { name: name.to_owned(), run: Box::new(run) }
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}
