//! Packetdrill scripts against the stack: one line per script; of one that fails, what the script says beside what was seen.

#[cfg(test)]
mod tests;

use super::drawing;
use crate::Verdict;
use crate::options::LabOptions;
use anyhow::{Context, Result, ensure};
use lastack_sim::runner::{self, Failure, Passed};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Runs every script; finds a problem when one fails.
pub(super) fn run(paths: &[PathBuf], options: &LabOptions, out: &mut dyn Write) -> Result<Verdict> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    ensure!(!files.is_empty(), "no .pkt file in the folders named");
    ensure!(
        options.svg.is_none() || files.len() == 1,
        "--svg takes one drawing; here are {} scripts",
        files.len()
    );
    let mut failed = 0;
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| {
            format!("reading {} (for the situations: lastack lab --help)", file.display())
        })?;
        let name = file.display().to_string();
        let begun = Instant::now();
        let result = if options.draw || options.svg.is_some() {
            let (result, diagram) = runner::draw_text(&name, &text);
            if let Some(diagram) = diagram {
                drawing::show(&diagram, options.svg.as_deref(), out)?;
                if options.svg.is_none() {
                    writeln!(out)?;
                }
            }
            result
        } else {
            runner::run_text(&name, &text)
        };
        failed += usize::from(result.is_err());
        writeln!(out, "{}", line(file, &result, begun.elapsed()))?;
    }
    writeln!(out, "{} passed, {failed} failed", files.len() - failed)?;
    Ok(if failed == 0 { Verdict::Fine } else { Verdict::Found })
}

/// The file itself, or every .pkt file below a folder, in the order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let list = || format!("listing {}", path.display());
    let entries =
        fs::read_dir(path).with_context(list)?.collect::<io::Result<Vec<_>>>().with_context(list)?;
    let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "pkt") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn line(file: &Path, result: &Result<Passed, Failure>, took: Duration) -> String {
    match result {
        Ok(passed) => format!(
            "ok      {}: {} steps, {} simulated in {:.1} ms",
            file.display(),
            passed.steps,
            simulated(passed.duration),
            took.as_secs_f64() * 1e3
        ),
        Err(failure) => format!("FAILED  {failure}"),
    }
}

fn simulated(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
