//! The project's own chores. One file per command; this one only reads the command line.

mod acceptance;
mod ci;
mod dist;
mod fuzz;
mod instructions;
mod requirements;
mod run;
mod tidy;
mod tree;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::time::Duration;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the rules of the house that no compiler checks.
    Tidy,
    /// Everything that must hold before a change is taken; with names, those steps only.
    Ci {
        /// Steps to run.
        steps: Vec<String>,
    },
    /// The long runs. What passed is remembered, so a run that was stopped goes on where it was.
    Acceptance {
        /// Parts to run; none means all.
        parts: Vec<String>,
        /// Forget what passed before.
        #[arg(long)]
        fresh: bool,
        /// Differential: sequences to play, 10,000 if not given.
        #[arg(long)]
        count: Option<u64>,
        /// Differential: the seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Every requirement with what proves it.
    Requirements,
    /// Run a fuzz target, or all.
    Fuzz {
        /// The target.
        target: Option<String>,
        /// For how long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Build the static program, with man pages and completions, in target/dist.
    Dist,
    /// Count the instructions of the hot paths.
    Instructions {
        /// Write a new baseline instead of comparing.
        #[arg(long)]
        record: bool,
    },
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Tidy => tidy::command(),
        Command::Ci { steps } => ci::command(&steps),
        Command::Acceptance { parts, fresh, count, seed } => {
            acceptance::command(&parts, fresh, acceptance::Sequences { seed, count })
        }
        Command::Requirements => requirements::command(),
        Command::Fuzz { target, seconds } => fuzz::command(target.as_deref(), Duration::from_secs(seconds)),
        Command::Dist => dist::command(),
        Command::Instructions { record } => instructions::command(record),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
