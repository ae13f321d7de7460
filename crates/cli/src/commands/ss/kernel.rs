//! `lastack ss` on the kernel: sockets go from sock_diag to the line as they come; nothing is kept of them but for --by.

mod events;
pub(super) mod groups;
mod kill;
mod pass;
#[cfg(test)]
mod tests;

use super::SCHEMA;
use super::lines::Lines;
use super::services::Services;
use crate::Verdict;
use crate::commands::owners;
use crate::explained::{self, Told};
use crate::filter::Filter;
use crate::options::SsOptions;
use crate::signals::Interrupts;
use anyhow::{Result, ensure};
pub(crate) use groups::By;
use groups::Groups;
use lastack::observe::{Census, SocketRow};
use lastack_host::age::{FirstSeen, Lifetimes};
use lastack_host::counters;
use lastack_host::processes::Processes;
use lastack_host::{Diag, Dumped, Family, Query, StateSet};
use pass::Pass;
use std::io::{self, IsTerminal, Write};
use std::thread;

/// Prints what passes, in the network namespace that was asked for.
pub(super) fn run(options: &SsOptions, filter: &Filter, services: &Services) -> Result<Verdict> {
    // Before the thread that enters a namespace is made.
    let interrupts = if options.kernel.events { Some(Interrupts::hold()?) } else { None };
    let interrupts = interrupts.as_ref();
    let everywhere = options.kernel.by == Some(By::Netns);
    match &options.kernel.place.net {
        Some(place) => {
            ensure!(!everywhere, "--by netns looks at every network namespace, --net at one");
            eprintln!("kernel, network namespace {place}");
            place.within(|| look(options, filter, services, interrupts))??;
        }
        None => {
            eprintln!("kernel, {} network namespace", if everywhere { "every" } else { "this" });
            look(options, filter, services, interrupts)?;
        }
    }
    Ok(Verdict::Fine)
}

fn look(
    options: &SsOptions,
    filter: &Filter,
    services: &Services,
    interrupts: Option<&Interrupts>,
) -> Result<()> {
    if options.kernel.kill {
        kill::refuse_without_filter(options)?;
    }
    let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
    if let Some(interrupts) = interrupts {
        let services = (!options.numeric).then_some(services);
        return events::run(options, filter, services, interrupts, &mut out);
    }
    if options.kernel.by == Some(By::Netns) {
        groups::by_namespace(options, filter, &mut out)?;
        return Ok(out.flush()?);
    }
    let mut pass = Pass::new(options, filter)?;
    if options.summary {
        summarize(&mut pass.diag, options.json, &mut out)?;
        return Ok(out.flush()?);
    }
    let Some(pause) = options.kernel.watch else {
        return once(&mut pass, services, &mut out);
    };
    pass.first_seen = Some(FirstSeen::default());
    loop {
        if io::stdout().is_terminal() {
            // Home, then clear to the end: nothing flickers.
            write!(out, "\x1b[H\x1b[2J")?;
        }
        once(&mut pass, services, &mut out)?;
        thread::sleep(pause);
    }
}

fn once(pass: &mut Pass<'_>, services: &Services, out: &mut impl Write) -> Result<()> {
    let options = pass.options;
    let with_processes = options.kernel.processes || options.kernel.by == Some(By::Process);
    let processes = with_processes.then(owners::read);
    let mut unknown = 0;
    // JSON carries the age always: it is said when it is not known.
    pass.lifetimes = (options.kernel.age || options.json).then(Lifetimes::read);
    pass.doomed = options.kernel.kill.then(kill::Doomed::default);
    let dumped = if let Some(by) = options.kernel.by {
        let mut groups = Groups::new(by, &mut pass.diag, processes.as_ref())?;
        let dumped = groups.count(pass)?;
        groups.print(options.json, out)?;
        dumped
    } else if options.json {
        json(pass, processes.as_ref(), &mut unknown, out)?
    } else {
        let rules = options.explain.then(explained::of_kernel);
        let mut lines = Lines::of_kernel(options, (!options.numeric).then_some(services), processes.as_ref())
            .explained(rules);
        if !options.no_header {
            lines.header(out)?;
        }
        pass.each(&mut |row| {
            unknown += u64::from(has_unknown_owner(row, processes.as_ref()));
            if options.explain {
                hold(row, processes.as_ref());
            }
            lines.print(row, out)
        })?
    };
    out.flush()?;
    warn(&dumped);
    if let Some(processes) = &processes {
        owners::warn(processes, unknown);
    }
    pass.doomed.take().map_or(Ok(()), |doomed| doomed.destroy(&mut pass.diag, options.kernel.yes))
}

/// What the reader must know about what is missing.
fn warn(dumped: &Dumped) {
    if dumped.interrupted {
        eprintln!("the kernel's tables changed while they were read: sockets may be missing or there twice");
    }
    if dumped.unreadable > 0 {
        eprintln!("{} answers of the kernel were not understood", dumped.unreadable);
    }
}

/// Whether somebody holds the socket who could not be seen.
fn has_unknown_owner(row: &SocketRow, processes: Option<&Processes>) -> bool {
    let inode = row.host.as_ref().map_or(0, |host| host.inode);
    inode != 0 && processes.is_some_and(|processes| processes.of(inode).next().is_none())
}

fn json(
    pass: &mut Pass<'_>,
    processes: Option<&Processes>,
    unknown: &mut u64,
    out: &mut dyn Write,
) -> Result<Dumped> {
    write!(out, "{{\"schema\":\"{SCHEMA}\",\"kernel\":true,\"sockets\":[")?;
    let mut first = true;
    let rules = pass.options.explain.then(explained::of_kernel);
    let dumped = pass.each(&mut |row| {
        *unknown += u64::from(has_unknown_owner(row, processes));
        hold(row, processes);
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &Told::new(row, rules.as_ref())).map_err(io::Error::from)
    })?;
    let unreadable = processes.map_or(0, Processes::unreadable);
    let interrupted = dumped.interrupted;
    writeln!(out, "\n],\"unreadable_processes\":{unreadable},\"interrupted\":{interrupted}}}")?;
    Ok(dumped)
}

/// Writes into the row who holds it.
fn hold(row: &mut SocketRow, processes: Option<&Processes>) {
    if let (Some(processes), Some(host)) = (processes, &mut row.host) {
        let inode = host.inode;
        processes.holders(inode, &mut host.holders);
    }
}

/// `ss -s`: every count is of this namespace, but for what the kernel counts for the machine alone, which says so.
fn summarize(diag: &mut Diag, json: bool, out: &mut dyn Write) -> Result<()> {
    let mut census = Census::default();
    for family in Family::ALL {
        diag.dump(&Query::new(family, StateSet::ALL), &mut |view| {
            census.enter(view.state());
            census.orphans += u32::from(view.orphan());
        })?;
    }
    let machine = counters::socket_use().unwrap_or_default();
    let (orphans, allocated, memory_pages) = (machine.orphans, machine.allocated, machine.memory_pages);
    if json {
        let report = serde_json::json!({
            "schema": SCHEMA,
            "kernel": true,
            "census": census,
            "machine": { "orphans": orphans, "allocated": allocated, "memory_pages": memory_pages },
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    super::counts(&census, out)?;
    writeln!(
        out,
        "the whole machine: {allocated} TCP sockets, {orphans} orphans, {memory_pages} pages of memory"
    )?;
    Ok(())
}
