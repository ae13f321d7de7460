//! Again and again: a table with rates and a curve for a terminal, one JSON object per line for everything else.

use super::report::Report;
use super::transitions::Transitions;
use crate::options::StatesOptions;
use crate::signals::Interrupts;
use anyhow::Result;
use lastack::observe::{Census, State};
use serde::Serialize;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Points of a curve.
const POINTS: usize = 30;

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    report: &'a Report,
    transitions: &'a Transitions,
}

/// Until Ctrl-C.
pub(super) fn run(options: &StatesOptions, pause: Duration, interrupts: &Interrupts) -> Result<()> {
    let mut out = io::stdout().lock();
    let lines = options.json || !out.is_terminal();
    let mut history = History::default();
    let mut transitions = Transitions::open()?;
    let mut next = Instant::now();
    loop {
        let report = Report::gather(options.by)?;
        if lines {
            let line = Line { report: &report, transitions: &transitions };
            serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            history.add(report.states);
            // Home, then clear to the end: nothing flickers.
            write!(out, "\x1b[H\x1b[2J")?;
            history.print(pause, &mut out)?;
            writeln!(out)?;
            transitions.print(pause, &mut out)?;
            writeln!(out)?;
            report.print(&mut out)?;
        }
        out.flush()?;
        next += pause;
        if transitions.count(next, interrupts)? {
            return Ok(());
        }
    }
}

/// The last counts.
#[derive(Default)]
pub(super) struct History {
    censuses: VecDeque<Census>,
}

impl History {
    pub(super) fn add(&mut self, census: Census) {
        if self.censuses.len() == POINTS {
            self.censuses.pop_front();
        }
        self.censuses.push_back(census);
    }

    /// Each state that was not empty all the time: its count, how fast it grows, and its curve.
    pub(super) fn print(&self, pause: Duration, out: &mut dyn Write) -> io::Result<()> {
        for state in State::ALL {
            let counts: Vec<u32> = self.censuses.iter().map(|census| census.count(state)).collect();
            let Some(&now) = counts.last().filter(|_| counts.iter().any(|count| *count > 0)) else {
                continue;
            };
            let before = counts.len().checked_sub(2).map_or(now, |at| counts[at]);
            let rate = (f64::from(now) - f64::from(before)) / pause.as_secs_f64();
            writeln!(out, "{:<12}{now:>9} {rate:>+9.1}/s  {}", state.name(), curve(&counts))?;
        }
        Ok(())
    }
}

/// One block per count, as high as it is beside the highest.
pub(super) fn curve(counts: &[u32]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    let block = |count: &u32| BLOCKS[(u64::from(*count) * 7 / u64::from(highest)) as usize];
    counts.iter().map(block).collect()
}
