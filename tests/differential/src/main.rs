//! `lastack-differential`: plays so many sequences and says in its last line what came of it.

use anyhow::{Context, Result};
use clap::Parser;
use lastack_differential::kernel::Kernel;
use lastack_differential::known;
use lastack_differential::report::{self, Played, Report};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The same segments and calls for the kernel and for the stack, and what differs.
#[derive(Parser)]
struct Options {
    /// Sequences to play.
    #[arg(long, default_value_t = 500)]
    count: u64,
    /// The number of the first one.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where scripts of unexplained differences go; nowhere: only to standard output.
    #[arg(long)]
    scripts: Option<PathBuf>,
    /// Where every explained difference goes, a line each: kind, sequence, setup, difference.
    #[arg(long)]
    each: Option<PathBuf>,
    /// Takes no difference for known.
    #[arg(long)]
    strict: bool,
    /// What differs counts at once, and is not played again in a namespace of its own.
    #[arg(long)]
    once: bool,
}

/// So many sequences at most are played again on their own.
const ALONE_MAX: usize = 20;

fn main() -> ExitCode {
    let options = Options::parse();
    let mut kernel = match Kernel::enter() {
        Ok(kernel) => kernel,
        Err(error) => {
            println!("skipped: the kernel as oracle: {error:#}");
            return ExitCode::SUCCESS;
        }
    };
    match run(&options, &mut kernel) {
        Ok(report) if report.unexplained_count == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("lastack-differential: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options, kernel: &mut Kernel) -> Result<Report> {
    let begun = Instant::now();
    let played = Played {
        seed: options.seed,
        first: options.first,
        count: options.count,
        kinds: if options.strict { &[] } else { known::ALL },
    };
    let mut progress = |report: &Report| {
        let rate = report.sequences as f64 / begun.elapsed().as_secs_f64().max(0.001);
        eprintln!(
            "{} of {}, {rate:.0} a second, {} unexplained",
            report.sequences, options.count, report.unexplained_count
        );
    };
    let mut report = report::run(kernel, &played, &mut progress)?;
    if !options.once && !options.strict && report.strange.len() <= ALONE_MAX {
        forget_what_passes_alone(options.seed, &mut report)?;
    }
    for text in &report.unexplained {
        println!("{text}");
    }
    if let Some(path) = &options.scripts {
        std::fs::write(path, report.unexplained.join("\n"))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &options.each {
        std::fs::write(path, report.each.join("\n"))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, count) in &report.explained {
        if let Some(known) = known::ALL.iter().find(|known| known.name == *name) {
            let place = known.place(&root).unwrap_or_else(|_| known.file.to_owned());
            println!("{count} x {name} ({place}): {}", known.why);
        }
    }
    println!("{}", report.line());
    Ok(report)
}

/// Plays what differed in a fresh process and namespace, without hundreds of neighbours: the stack does the same there, so what
/// agrees there was the kernel's clock and not the stack. Such sequences are named, and counted as played.
fn forget_what_passes_alone(seed: u64, report: &mut Report) -> Result<()> {
    let program = std::env::current_exe().context("finding this program, to run it again")?;
    let mut left = Vec::new();
    for &number in &report.strange {
        let arguments = ["--once", "--count", "1", "--seed"].map(str::to_owned);
        let ran = Command::new(&program)
            .args(arguments)
            .args([seed.to_string(), "--first".to_owned(), number.to_string()])
            .output()
            .context("playing a sequence on its own")?;
        if ran.status.success() {
            println!("seed {seed} number {number}: differed among others, not in a namespace of its own");
        } else {
            left.push(number);
        }
    }
    if left.is_empty() {
        report.unexplained.clear();
    }
    report.passing += (report.strange.len() - left.len()) as u64;
    report.unexplained_count = left.len() as u64;
    report.strange = left;
    Ok(())
}
