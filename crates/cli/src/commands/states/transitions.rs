//! How many sockets go from which state to which, while somebody watches.

use crate::signals::Interrupts;
use anyhow::Result;
use lastack::observe::State;
use lastack_host::changes::{Changes, Source};
use lastack_host::trace::Missed;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The kernel's buffers are emptied so often, that they do not overflow.
const TICK: Duration = Duration::from_millis(100);
/// Lines for a terminal.
const LINES: usize = 12;

/// Those since the last look.
pub(super) struct Transitions {
    changes: Changes,
    counts: BTreeMap<(State, State), u64>,
}

impl Transitions {
    pub(super) fn open() -> Result<Transitions> {
        let changes = Changes::open()?;
        if let Source::Sampling(why) = changes.source() {
            eprintln!("state changes sampled once a second, since the tracepoint may not be had: {why}");
        }
        Ok(Transitions { changes, counts: BTreeMap::new() })
    }

    /// Counts anew until then; true when the user wants an end.
    pub(super) fn count(&mut self, until: Instant, interrupts: &Interrupts) -> Result<bool> {
        self.counts.clear();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if interrupts.wait(left.min(TICK))? {
                return Ok(true);
            }
            let counts = &mut self.counts;
            self.changes.drain(&mut |change| *counts.entry((change.from, change.to)).or_default() += 1)?;
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// The most frequent first.
    pub(super) fn print(&self, pause: Duration, out: &mut dyn Write) -> io::Result<()> {
        let from = match self.changes.source() {
            Source::Tracepoint => "tracepoint; it never shows TIME_WAIT",
            Source::Sampling(_) => "sampled; what begins and ends between two looks is not seen",
        };
        writeln!(out, "changes of state ({from})")?;
        lines(&self.counts, pause, out)?;
        let Missed { lost, unmatched, unreadable } = self.changes.missed().unwrap_or_default();
        for (count, what) in [
            (lost, "lost: they came faster than they could be read"),
            (unmatched, "of sockets that were gone before their network namespace was known"),
            (unreadable, "not understood"),
        ] {
            if count > 0 {
                writeln!(out, "  {count} since the beginning {what}")?;
            }
        }
        Ok(())
    }
}

pub(super) fn lines(
    counts: &BTreeMap<(State, State), u64>,
    pause: Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut ranked: Vec<_> = counts.iter().collect();
    ranked.sort_by_key(|(states, count)| (Reverse(**count), **states));
    for ((from, to), count) in ranked.into_iter().take(LINES) {
        let rate = *count as f64 / pause.as_secs_f64();
        writeln!(out, "  {:<12}-> {:<12}{rate:>9.1}/s", from.name(), to.name())?;
    }
    Ok(())
}

impl Serialize for Transitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one =
            |((from, to), count): (&(State, State), &u64)| json!({ "from": from, "to": to, "count": count });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("changes", &self.counts.iter().map(one).collect::<Vec<_>>())?;
        match self.changes.source() {
            Source::Tracepoint => map.serialize_entry("source", "tracepoint")?,
            Source::Sampling(why) => {
                map.serialize_entry("source", "sampling")?;
                map.serialize_entry("why_not_tracepoint", &why.to_string())?;
            }
        }
        if let Some(Missed { lost, unmatched, unreadable }) = self.changes.missed() {
            let missed = json!({ "lost": lost, "unmatched": unmatched, "unreadable": unreadable });
            map.serialize_entry("missed", &missed)?;
        }
        map.end()
    }
}
