//! Counts the instructions of the hot paths under valgrind and compares them with a stored baseline: unlike times, they are
//! the same on every run.
//!
//! Each path is walked twice with different counts; the difference belongs to the path alone. Another compiler, valgrind or
//! processor counts a little otherwise, so the baseline says what it was made with, and elsewhere the bound is wider.

#[cfg(test)]
mod tests;

use crate::ci::Outcome;
use crate::run::{self, Run};
use crate::tree;
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use std::time::Duration;

const FILE: &str = "xtask/instructions.txt";
/// More than this share above the baseline is a failure.
const TOLERANCE: f64 = 0.03;
/// The same where compiler, valgrind or processor differ from the baseline's.
const TOLERANCE_ELSEWHERE: f64 = 0.20;
/// The paths, with the two counts.
const PATHS: &[(&str, u32, u32)] =
    &[("short-connection", 100, 600), ("request", 200, 1200), ("bulk", 20, 120)];

const BUILD: Duration = Duration::from_secs(15 * 60);
const RUN: Duration = Duration::from_secs(5 * 60);

/// What the counts depend on, and the counts per walk.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    made_with: String,
    paths: Vec<(String, u64)>,
}

/// Compares with the baseline.
pub(crate) fn check() -> Result<Outcome> {
    if !run::exists("valgrind") {
        return Ok(Outcome::Skipped("valgrind is not installed".to_owned()));
    }
    let text = fs::read_to_string(tree::root().join(FILE)).with_context(|| format!("reading {FILE}"))?;
    let baseline = Counts::parse(&text)?;
    let made_with = made_with()?;
    let tolerance = if baseline.made_with == made_with {
        TOLERANCE
    } else {
        println!("baseline: {}\nhere:     {made_with}", baseline.made_with);
        TOLERANCE_ELSEWHERE
    };
    let counts = count(made_with)?;
    let dearer = compare(&baseline, &counts, tolerance)?;
    Ok(if dearer.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!(
            "{} cost more than {:.0} % above the baseline; if that is right: cargo xtask instructions --record",
            dearer.join(", "),
            tolerance * 100.0
        ))
    })
}

/// `cargo xtask instructions`: compares, or makes a new baseline.
pub(crate) fn command(record: bool) -> Result<bool> {
    if !record {
        let outcome = check()?;
        println!("instructions: {outcome:?}");
        return Ok(!matches!(outcome, Outcome::Failed(_)));
    }
    let counts = count(made_with()?)?;
    fs::write(tree::root().join(FILE), counts.to_text()).with_context(|| format!("writing {FILE}"))?;
    println!("instructions: wrote {FILE}");
    Ok(true)
}

/// The paths that became too dear.
fn compare(baseline: &Counts, counts: &Counts, tolerance: f64) -> Result<Vec<String>> {
    let mut dearer = Vec::new();
    for (path, now) in &counts.paths {
        let stored = baseline.paths.iter().find(|(name, _)| name == path);
        let (_, before) = stored.with_context(|| format!("{FILE} does not name {path}"))?;
        let change = *now as f64 / *before as f64 - 1.0;
        println!("{path:<18} {now:>9} instructions per walk, {:+.1} %", change * 100.0);
        if change > tolerance {
            dearer.push(path.clone());
        } else if change < -tolerance {
            println!("{path} became cheaper: `cargo xtask instructions --record` keeps it so");
        }
    }
    Ok(dearer)
}

fn count(made_with: String) -> Result<Counts> {
    let built =
        Run::cargo(&["build", "--quiet", "--release", "--package", "lastack-bench"], BUILD).shown()?;
    ensure!(built.passed, "the benchmarks do not build: {}", built.why);
    let mut paths = Vec::new();
    for &(path, few, many) in PATHS {
        let more = collected(path, many)?.saturating_sub(collected(path, few)?);
        paths.push((path.to_owned(), more / u64::from(many - few)));
    }
    Ok(Counts { made_with, paths })
}

fn collected(path: &str, times: u32) -> Result<u64> {
    let program = tree::target()?.join("release").join("lastack-bench").display().to_string();
    let times = times.to_string();
    let arguments =
        ["--tool=callgrind", "--callgrind-out-file=/dev/null", &program, "hot-path", path, &times];
    let ran = Run::new("valgrind", &arguments, RUN).quiet()?;
    ensure!(ran.passed, "valgrind {path} {times}: {}", ran.why);
    let line = ran.stderr.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.with_context(|| format!("valgrind said no count of {path}"))?;
    count.trim().parse().with_context(|| format!("the count of {path}"))
}

fn made_with() -> Result<String> {
    let version = |program: &str| -> Result<String> {
        Ok(Run::new(program, &["--version"], Duration::from_secs(30)).quiet()?.stdout.trim().to_owned())
    };
    // valgrind passes on which vector units there are, and libc and our checksum choose by them.
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let avx2 = if processor.split_whitespace().any(|flag| flag == "avx2") { "avx2" } else { "no avx2" };
    Ok(format!("{}; {}; {}; {avx2}", version("rustc")?, version("valgrind")?, std::env::consts::ARCH))
}

impl Counts {
    fn parse(text: &str) -> Result<Counts> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let made_with = lines.next().and_then(|line| line.strip_prefix("made with "));
        let made_with =
            made_with.with_context(|| format!("{FILE} does not say what it was made with"))?.to_owned();
        let path = |line: &str| {
            let (name, count) = line.split_once(' ').with_context(|| format!("{FILE}: `{line}`"))?;
            Ok((name.to_owned(), count.trim().parse().with_context(|| format!("{FILE}: `{line}`"))?))
        };
        Ok(Counts { made_with, paths: lines.map(path).collect::<Result<_>>()? })
    }

    fn to_text(&self) -> String {
        let mut text = "# Instructions per walk of each hot path (`cargo xtask instructions --record` writes this file).\n".to_owned();
        let _ = writeln!(text, "made with {}", self.made_with);
        for (path, count) in &self.paths {
            let _ = writeln!(text, "{path} {count}");
        }
        text
    }
}
