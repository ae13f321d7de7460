//! `cargo xtask ci`: everything that must hold before a change is taken, in about twenty minutes on two cores.
//!
//! Goes on after a step that failed, so that one run tells everything, and closes with a table of the steps.

pub(crate) mod packages;
mod skips;
mod steps;
mod table;

use anyhow::Result;
use std::time::{Duration, Instant};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// Why it did not pass.
    Failed(String),
    /// Why it could not run here.
    Skipped(String),
}

/// One line of the closing table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// What the steps share.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// Every `skipped: …` so far.
    skipped: Vec<String>,
}

/// Runs every step, or those named; true when none failed.
pub(crate) fn command(only: &[String]) -> Result<bool> {
    let begun = Instant::now();
    let mut context = Context::default();
    let mut rows = Vec::new();
    for step in steps::chosen(only)? {
        println!("\n=== {} ({})", step.name, step.about);
        let begun = Instant::now();
        let outcome = match (step.run)(&mut context) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        if let Outcome::Skipped(why) = &outcome {
            println!("skipped: {}: {why}", step.name);
            context.skipped.push(format!("{}: {why}", step.name));
        }
        rows.push(Row { name: step.name, outcome, took: begun.elapsed() });
    }
    if only.is_empty() {
        let begun = Instant::now();
        let outcome = skips::compare(&context.skipped)?;
        rows.push(Row { name: "skips", outcome, took: begun.elapsed() });
    }
    print!("{}", table::draw(&rows, begun.elapsed()));
    Ok(rows.iter().all(|row| !matches!(row.outcome, Outcome::Failed(_))))
}
