//! `lastack ss` on the kernel: sockets go from sock_diag to the line as they come; nothing is kept of them but for --by.

mod groups;
mod kill;
#[cfg(test)]
mod tests;

use super::SCHEMA;
use super::lines::Lines;
use super::services::Services;
use crate::Verdict;
use crate::explained::{self, Told};
use crate::filter::{Filter, States};
use crate::options::SsOptions;
use anyhow::{Context, Result};
pub(crate) use groups::By;
use groups::Groups;
use lastack::observe::{Census, Flow, SocketRow, State};
use lastack_host::age::Lifetimes;
use lastack_host::counters;
use lastack_host::processes::Processes;
use lastack_host::{Diag, Dumped, Extensions, Family, Query, StateSet};
use std::io::{self, Write};

/// Prints what passes, in the network namespace that was asked for.
pub(super) fn run(options: &SsOptions, filter: &Filter, services: &Services) -> Result<Verdict> {
    match &options.kernel.place.net {
        Some(place) => {
            eprintln!("kernel, network namespace {place}");
            place.within(|| look(options, filter, services))??;
        }
        None => {
            eprintln!("kernel, this network namespace");
            look(options, filter, services)?;
        }
    }
    Ok(Verdict::Fine)
}

fn look(options: &SsOptions, filter: &Filter, services: &Services) -> Result<()> {
    if options.kernel.kill {
        kill::refuse_without_filter(options)?;
    }
    let diag = Diag::open().context("looking at the kernel's sockets")?;
    let mut pass = Pass { diag, options, filter, lifetimes: None, doomed: None };
    let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
    if options.summary {
        summarize(&mut pass.diag, options.json, &mut out)?;
        return Ok(out.flush()?);
    }
    let with_processes = options.kernel.processes || options.kernel.by == Some(By::Process);
    let processes = if with_processes { Some(Processes::read()?) } else { None };
    // JSON carries the age always: it is said when it is not known.
    pass.lifetimes = (options.kernel.age || options.json).then(Lifetimes::read);
    pass.doomed = options.kernel.kill.then(kill::Doomed::default);
    let dumped = if let Some(by) = options.kernel.by {
        let mut groups = Groups::new(by, &mut pass.diag, processes.as_ref())?;
        let dumped = pass.each(&mut |row| {
            groups.add(row);
            Ok(())
        })?;
        groups.print(options.json, &mut out)?;
        dumped
    } else if options.json {
        json(&mut pass, processes.as_ref(), &mut out)?
    } else {
        let rules = options.explain.then(explained::of_kernel);
        let mut lines = Lines::of_kernel(options, (!options.numeric).then_some(services), processes.as_ref())
            .explained(rules);
        if !options.no_header {
            lines.header(&mut out)?;
        }
        pass.each(&mut |row| {
            if options.explain {
                hold(row, processes.as_ref());
            }
            lines.print(row, &mut out)
        })?
    };
    out.flush()?;
    warn(&dumped, processes.as_ref());
    pass.doomed.map_or(Ok(()), |doomed| doomed.destroy(&mut pass.diag, options.kernel.yes))
}

/// What the reader must know about what is missing.
fn warn(dumped: &Dumped, processes: Option<&Processes>) {
    if dumped.interrupted {
        eprintln!("the kernel's tables changed while they were read: sockets may be missing or there twice");
    }
    if dumped.unreadable > 0 {
        eprintln!("{} answers of the kernel were not understood", dumped.unreadable);
    }
    if let Some(unreadable) = processes.map(Processes::unreadable).filter(|unreadable| *unreadable > 0) {
        eprintln!(
            "{unreadable} processes could not be read, so some sockets have no known owner: run as root (or with CAP_SYS_PTRACE) to see them"
        );
    }
}

/// One pass over the kernel's sockets.
struct Pass<'a> {
    diag: Diag,
    options: &'a SsOptions,
    filter: &'a Filter,
    /// To tell the age.
    lifetimes: Option<Lifetimes>,
    /// Those that passed, to be destroyed.
    doomed: Option<kill::Doomed>,
}

impl Pass<'_> {
    /// Hands every socket that passes to `see`, in one row whose memory is used again.
    fn each(&mut self, see: &mut dyn FnMut(&mut SocketRow) -> io::Result<()>) -> Result<Dumped> {
        let mut dumped = Dumped::default();
        let Pass { diag, options, filter, lifetimes, doomed } = self;
        let (Some(ports), states) = (filter.ports(), states(options, filter)) else { return Ok(dumped) };
        let mut row = SocketRow::new(State::Closed, Flow::NONE);
        let mut failed = None;
        for family in Family::ALL {
            let skip = match family {
                Family::V4 => options.ipv6,
                Family::V6 => options.ipv4,
            };
            if skip {
                continue;
            }
            let query = Query { family, states, ports, extensions: extensions(options) };
            dumped.add(diag.dump(&query, &mut |view| {
                if failed.is_some() {
                    return;
                }
                view.fill(&mut row);
                if !filter.passes(&row) {
                    return;
                }
                if let Some(lifetimes) = lifetimes {
                    lifetimes.apply(&mut row);
                }
                if let Some(doomed) = doomed {
                    doomed.add(&row);
                }
                failed = see(&mut row).err();
            })?);
            if let Some(error) = failed.take() {
                return Err(error.into());
            }
        }
        Ok(dumped)
    }
}

/// Those the filter names, else those of -a and -l.
fn states(options: &SsOptions, filter: &Filter) -> StateSet {
    let by_options = match (options.all, options.listening) {
        (true, _) => States::ALL,
        (false, true) => States::LISTENING,
        (false, false) => States::USUAL,
    };
    let named = filter.states(by_options);
    State::ALL.into_iter().filter(|state| named.contains(*state)).fold(StateSet::NONE, StateSet::with)
}

fn extensions(options: &SsOptions) -> Extensions {
    let all = options.json && options.kernel.by.is_none();
    Extensions {
        // The age of a CLOSE_WAIT is read from it, and the timeout that a sentence counts with.
        info: all || options.info || options.kernel.age || options.explain,
        congestion: all || options.info,
        memory: all || options.kernel.memory,
        shutdown: all || options.extended,
    }
}

fn json(pass: &mut Pass<'_>, processes: Option<&Processes>, out: &mut dyn Write) -> Result<Dumped> {
    write!(out, "{{\"schema\":\"{SCHEMA}\",\"kernel\":true,\"sockets\":[")?;
    let mut first = true;
    let rules = pass.options.explain.then(explained::of_kernel);
    let dumped = pass.each(&mut |row| {
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
