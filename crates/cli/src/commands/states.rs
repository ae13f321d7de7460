//! `lastack states`: how many sockets of the kernel are in which state, by listener, by process or by network namespace; once,
//! or again and again.

mod by_process;
pub(super) mod columns;
mod counters;
mod namespaces;
mod report;
#[cfg(test)]
mod tests;
mod transitions;
mod watch;

use super::snapshot;
use crate::Verdict;
use crate::options::StatesOptions;
use crate::signals::Interrupts;
use anyhow::{Context, Result};
use lastack_host::Diag;
use report::Report;
use std::io::{self, Write};
use std::time::Duration;

/// The version of the JSON: it grows with every change that a reader must know of.
const SCHEMA: &str = "lastack.states/1";

pub(crate) fn run(options: &StatesOptions) -> Result<Verdict> {
    if let Some(path) = &options.from {
        let look = snapshot::last(path)?;
        eprintln!("{}", snapshot::describe(&look));
        return show(&Report::of(&look, options.by), options.json);
    }
    // The tracepoint must be put away; and before the thread that enters a namespace is made.
    let watched = options.watch.is_some() && !options.counters;
    let interrupts = if watched { Some(Interrupts::hold()?) } else { None };
    let interrupts = interrupts.as_ref();
    match &options.place.net {
        Some(place) => {
            eprintln!("kernel, network namespace {place}");
            place.within(|| look(options, interrupts))?
        }
        None => {
            eprintln!(
                "kernel{}",
                if options.all_netns { ", every network namespace" } else { ", this network namespace" }
            );
            look(options, interrupts)
        }
    }
}

/// Everything here happens in the namespace that was asked for.
fn look(options: &StatesOptions, interrupts: Option<&Interrupts>) -> Result<Verdict> {
    if options.all_netns {
        namespaces::print(options.json)?;
    } else if options.counters {
        counters::print(options.watch, options.json)?;
    } else if let (Some(pause), Some(interrupts)) = (options.watch, interrupts) {
        watch::run(options, pause, interrupts)?;
    } else {
        return show(&Report::gather(options.by)?, options.json);
    }
    Ok(Verdict::Fine)
}

fn show(report: &Report, json: bool) -> Result<Verdict> {
    report.warn();
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        report.print(&mut out)?;
    }
    out.flush()?;
    Ok(Verdict::Fine)
}

fn open() -> Result<Diag> {
    Diag::open().context("looking at the kernel's sockets")
}

/// One second, when nothing was said.
fn pause(watch: Option<Duration>) -> Duration {
    watch.unwrap_or(Duration::from_secs(1))
}
