//! `--events`: sockets as they are destroyed, and state changes as they happen, until Ctrl-C.

use super::pass;
use crate::commands::ss::SCHEMA;
use crate::commands::ss::lines::Lines;
use crate::commands::ss::services::Services;
use crate::filter::{Filter, States};
use crate::options::SsOptions;
use crate::signals::Interrupts;
use anyhow::Result;
use lastack::observe::{Flow, SocketRow, State};
use lastack_host::changes::{self, Ages, Changes, Source};
use lastack_host::destroyed::Destroyed;
use lastack_host::trace::{Change, Missed};
use lastack_host::{Diag, Family, Query, StateSet};
use serde_json::json;
use std::io::{self, Write};
use std::time::Duration;

/// How late an event may be shown.
const TICK: Duration = Duration::from_millis(50);

/// On a thread in the namespace that was asked for.
pub(super) fn run(
    options: &SsOptions,
    filter: &Filter,
    services: Option<&Services>,
    interrupts: &Interrupts,
    out: &mut dyn Write,
) -> Result<()> {
    let mut destroyed = Destroyed::open()?;
    let mut changes = Changes::open()?;
    let mut printer = Printer {
        options,
        filter,
        lines: Lines::of_kernel(options, services, None),
        ages: ages(options)?,
        failed: None,
        out,
    };
    printer.begin(changes.source())?;
    let mut row = SocketRow::new(State::Closed, Flow::NONE);
    let mut missed = None;
    while !interrupts.wait(TICK)? {
        changes.drain(&mut |change| printer.change(change))?;
        destroyed.drain(&mut |view| {
            view.fill(&mut row);
            printer.destroyed(&row);
        })?;
        printer.flush()?;
        tell_missed(&mut missed, changes.missed(), destroyed.losses());
    }
    Ok(())
}

/// Since when the sockets that are there are in their states: at least since now.
fn ages(options: &SsOptions) -> Result<Ages> {
    let (mut ages, now) = (Ages::default(), changes::now());
    if !(options.kernel.age || options.json) {
        return Ok(ages);
    }
    let mut diag = Diag::open()?;
    for family in Family::ALL {
        let query = Query::new(family, StateSet::ALL);
        diag.dump(&query, &mut |view| ages.begin(view.flow(), now))?;
    }
    Ok(ages)
}

/// Says what was missed, each time there is more of it.
fn tell_missed(before: &mut Option<(Missed, u64)>, missed: Option<Missed>, losses: u64) {
    let now = (missed.unwrap_or_default(), losses);
    if before.replace(now).unwrap_or_default() == now {
        return;
    }
    let (Missed { lost, unmatched, unreadable }, losses) = now;
    for (count, what) in [
        (lost, "changes of state were lost: they came faster than they could be read"),
        (
            unmatched,
            "changes of state belong to sockets that were gone before their network namespace was known",
        ),
        (unreadable, "records of the tracepoint were not understood"),
        (losses, "times destroyed sockets were lost: they came faster than they could be read"),
    ] {
        if count > 0 {
            eprintln!("{count} {what}");
        }
    }
}

struct Printer<'a> {
    options: &'a SsOptions,
    filter: &'a Filter,
    lines: Lines<'a>,
    ages: Ages,
    failed: Option<io::Error>,
    out: &'a mut dyn Write,
}

impl Printer<'_> {
    fn begin(&mut self, source: Source) -> Result<()> {
        let (name, why) = match source {
            Source::Tracepoint => ("tracepoint", None),
            Source::Sampling(why) => ("sampling", Some(why.to_string())),
        };
        match &why {
            None => eprintln!(
                "state changes from the tracepoint sock:inet_sock_set_state (it never shows TIME-WAIT)"
            ),
            Some(why) => {
                eprintln!("state changes sampled once a second, since the tracepoint may not be had: {why}")
            }
        }
        if self.options.json {
            let report =
                json!({ "schema": SCHEMA, "kernel": true, "events": name, "why_not_tracepoint": why });
            writeln!(self.out, "{report}")?;
        } else if !self.options.no_header {
            self.lines.header(self.out)?;
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()?;
        self.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// A filter's states are those before or after.
    fn change(&mut self, change: &Change) {
        let age = self.ages.left(change);
        let row = SocketRow::new(change.to, change.flow);
        let states = self.filter.states(States::ALL);
        if !self.wanted(&row) || !(states.contains(change.from) || states.contains(change.to)) {
            return;
        }
        let printed = if self.options.json {
            let age_ms = age.map(|(age, _)| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
            let event = json!({
                "event": "change",
                "at_us": u64::try_from(change.at.as_micros()).unwrap_or(u64::MAX),
                "flow": change.flow,
                "from": change.from,
                "to": change.to,
                "age_ms": age_ms,
                "age_is_least": age.is_some_and(|(_, least)| least),
            });
            writeln!(self.out, "{event}")
        } else {
            self.lines.change(change, age, self.out)
        };
        self.keep(printed);
    }

    /// Its state is CLOSED by now, so a filter's states do not count.
    fn destroyed(&mut self, row: &SocketRow) {
        if !self.wanted(row) {
            return;
        }
        let printed = if self.options.json {
            writeln!(self.out, "{}", json!({ "event": "destroyed", "socket": row }))
        } else {
            self.lines.print(row, self.out)
        };
        self.keep(printed);
    }

    fn wanted(&self, row: &SocketRow) -> bool {
        let family = if row.flow.local.is_ipv4() { Family::V4 } else { Family::V6 };
        !pass::skipped(family, self.options) && self.filter.passes(row)
    }

    fn keep(&mut self, printed: io::Result<()>) {
        if let Err(error) = printed {
            self.failed.get_or_insert(error);
        }
    }
}
