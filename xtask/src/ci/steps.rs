//! The steps in their order: quick ones first. The builds share one profile, so that each crate is compiled few times.

#[cfg(test)]
mod tests;

use super::{Context, Outcome, packages};
use crate::acceptance::{differential, worlds};
use crate::run::{Ran, Run};
use crate::{fuzz, instructions, requirements, tidy};
use anyhow::{Result, ensure};
use std::time::Duration;

/// One step.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn(&mut Context) -> Result<Outcome>,
}

const STEPS: &[Step] = &[
    Step { name: "packages", about: "what tests want from Debian", run: install },
    Step { name: "fmt", about: "rustfmt changes nothing", run: fmt },
    Step { name: "tidy", about: "the rules of the house", run: tidy_up },
    Step { name: "requirements", about: "every one has a proof that exists", run: requirements },
    Step { name: "clippy", about: "no warning, in any target", run: clippy },
    Step { name: "facade", about: "the library builds without the program", run: facade },
    Step { name: "tests", about: "every test, those with the kernel as peer too", run: tests },
    Step { name: "scripts", about: "every script, by the program itself", run: scripts },
    Step { name: "doc", about: "documentation without a broken link", run: doc },
    Step { name: "worlds", about: "some seeded worlds of each kind", run: some_worlds },
    Step { name: "differential", about: "sequences for the kernel and for the stack", run: some_sequences },
    Step { name: "instructions", about: "the hot paths cost what they did", run: count_instructions },
    Step { name: "fuzz", about: "a few seconds of every fuzz target", run: fuzz_a_little },
];

/// Time for a step that compiles.
const LONG: Duration = Duration::from_secs(20 * 60);
const SHORT: Duration = Duration::from_secs(2 * 60);
/// Seeds of each kind of world.
const WORLDS: u64 = 500;
/// Sequences for the kernel and for the stack.
const SEQUENCES: u64 = 500;
/// Per fuzz target.
const FUZZ: Duration = Duration::from_secs(6);

/// All steps, or those named, in their own order.
pub(super) fn chosen(only: &[String]) -> Result<Vec<&'static Step>> {
    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    for name in only {
        ensure!(names.contains(&name.as_str()), "there is no step {name}; there are: {}", names.join(" "));
    }
    Ok(STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect())
}

fn outcome(context: &mut Context, ran: Ran) -> Outcome {
    context.skipped.extend(ran.skipped);
    if ran.passed { Outcome::Passed } else { Outcome::Failed(ran.why) }
}

fn install(_: &mut Context) -> Result<Outcome> {
    packages::install().map(|()| Outcome::Passed)
}

fn fmt(context: &mut Context) -> Result<Outcome> {
    let ran = Run::cargo(&["fmt", "--all", "--check"], SHORT).shown()?;
    Ok(outcome(context, ran))
}

fn tidy_up(_: &mut Context) -> Result<Outcome> {
    Ok(if tidy::command()? { Outcome::Passed } else { Outcome::Failed("see above".to_owned()) })
}

fn requirements(_: &mut Context) -> Result<Outcome> {
    Ok(if requirements::check()? { Outcome::Passed } else { Outcome::Failed("see above".to_owned()) })
}

fn clippy(context: &mut Context) -> Result<Outcome> {
    let ran =
        Run::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], LONG)
            .shown()?;
    Ok(outcome(context, ran))
}

fn facade(context: &mut Context) -> Result<Outcome> {
    let ran =
        Run::cargo(&["check", "--package", "lastack", "--no-default-features", "--locked"], LONG).shown()?;
    Ok(outcome(context, ran))
}

fn tests(context: &mut Context) -> Result<Outcome> {
    let ran = Run::cargo(&["test", "--workspace", "--no-fail-fast", "--locked"], LONG).shown()?;
    Ok(outcome(context, ran))
}

fn scripts(context: &mut Context) -> Result<Outcome> {
    let ran =
        Run::cargo(&["run", "--quiet", "--package", "lastack", "--locked", "--", "lab", "tests/pkt"], LONG);
    let ran = ran.shown()?;
    Ok(outcome(context, ran))
}

fn doc(context: &mut Context) -> Result<Outcome> {
    let ran =
        Run::cargo(&["doc", "--workspace", "--no-deps", "--locked"], LONG).env("RUSTDOCFLAGS", "-D warnings");
    let ran = ran.shown()?;
    Ok(outcome(context, ran))
}

fn count_instructions(_: &mut Context) -> Result<Outcome> {
    instructions::check()
}

fn some_worlds(_: &mut Context) -> Result<Outcome> {
    Ok(match worlds::some(WORLDS)? {
        true => Outcome::Passed,
        false => Outcome::Failed("a world failed".to_owned()),
    })
}

fn some_sequences(context: &mut Context) -> Result<Outcome> {
    let ran = differential::some(SEQUENCES)?;
    Ok(outcome(context, ran))
}

fn fuzz_a_little(_: &mut Context) -> Result<Outcome> {
    Ok(match fuzz::all(FUZZ)? {
        true => Outcome::Passed,
        false => Outcome::Failed("a target found something".to_owned()),
    })
}
