//! The most memory that a program had: asked by a process of its own, since the kernel tells the most of all children.

use super::command;
use nix::sys::resource::{UsageWho, getrusage};
use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Runs it and prints KiB.
pub(crate) fn print(command: &[String]) -> ExitCode {
    let Some((program, words)) = command.split_first() else { return ExitCode::FAILURE };
    let run = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match (run, getrusage(UsageWho::RUSAGE_CHILDREN)) {
        (Ok(status), Ok(usage)) if status.success() => {
            println!("{}", usage.max_rss());
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

/// That of the program with these arguments, in KiB: the least of three runs.
pub(super) fn of(program: &Path, words: &str) -> Result<i64, String> {
    let own = env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let once = || -> Option<i64> {
        let output = Command::new(&own).arg("peak-memory").args(command(program, words)).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    (0..3).filter_map(|_| once()).min().ok_or_else(|| "asking for peak memory failed".to_owned())
}
