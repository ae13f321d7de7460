//! The program `lastack`. Here only: read the command line, run one command, turn its end into an exit code.

mod commands;
mod control;
mod explained;
mod filter;
mod options;
mod signals;
mod values;

use clap::Parser;
use options::{Command, Options};
use std::io::{self, ErrorKind};
use std::process::ExitCode;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing to complain about.
    Fine,
    /// It did its work and found a problem.
    Found,
    /// It found nothing, but could not see everything.
    Blind,
    /// For Nagios: a problem that is critical.
    Critical,
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Serve(options) => commands::serve::run(&options),
        Command::Ss(options) => commands::ss::run(&options),
        Command::Connect(options) => commands::connect::run(&options),
        Command::Selftest(options) => commands::selftest::run(&options),
        Command::Lab(options) => commands::lab::run(&options),
        Command::Sysctl(options) => commands::sysctl::run(&options),
        Command::States(options) => commands::states::run(&options),
        Command::Why(options) => commands::why::run(&options),
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Snapshot(options) => commands::snapshot::run(&options),
        Command::Generate(options) => commands::generate::run(&options),
    };
    match done {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Found) => ExitCode::from(1),
        Ok(Verdict::Critical) => ExitCode::from(2),
        Ok(Verdict::Blind) => ExitCode::from(3),
        Err(error) if reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lastack: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// `lastack … | head` ends when head has enough: that is no error.
fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
