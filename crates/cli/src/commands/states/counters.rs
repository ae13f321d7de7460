//! The kernel's TCP counters that grew, with what each means.

use super::{SCHEMA, pause};
use anyhow::Result;
use lastack::observe::Counter;
use lastack_host::counters::KernelCounters;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    seconds: f64,
    counters: Vec<Grown<'a>>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Grown<'a> {
    name: &'a str,
    growth: u64,
    /// None for a counter that lastack does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
}

/// Once, or for ever when watched. JSON lines when watched and not looked at.
pub(super) fn print(watch: Option<Duration>, json: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    let json = json || (watch.is_some() && !out.is_terminal());
    let pause = pause(watch);
    let mut before = KernelCounters::read()?;
    loop {
        thread::sleep(pause);
        let now = KernelCounters::read()?;
        let counters = grown(&before, &now);
        if json {
            let report = Report { schema: SCHEMA, seconds: pause.as_secs_f64(), counters };
            serde_json::to_writer(&mut out, &report).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            table(&counters, pause, &mut out)?;
        }
        out.flush()?;
        if watch.is_none() {
            return Ok(());
        }
        before = now;
    }
}

/// Those of TCP, and of IP what bears on it.
pub(super) fn grown<'a>(before: &KernelCounters, now: &'a KernelCounters) -> Vec<Grown<'a>> {
    now.since(before)
        .into_iter()
        .filter(|(name, _)| name.starts_with("Tcp"))
        .map(|(name, growth)| Grown { name, growth, meaning: Counter::from_name(name).map(Counter::meaning) })
        .collect()
}

fn table(counters: &[Grown<'_>], pause: Duration, out: &mut dyn Write) -> io::Result<()> {
    let seconds = pause.as_secs_f64();
    if counters.is_empty() {
        return writeln!(out, "no TCP counter grew in {seconds} s");
    }
    writeln!(out, "{:<32}{:>10}{:>12}  meaning", "counter", "growth", "per second")?;
    for Grown { name, growth, meaning } in counters {
        let rate = *growth as f64 / seconds;
        writeln!(out, "{name:<32}{growth:>10}{rate:>12.1}  {}", meaning.unwrap_or("-"))?;
    }
    writeln!(out)
}
