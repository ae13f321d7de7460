//! `lastack ss --from`: the sockets of a snapshot, with the same options, filters and columns.

use super::kernel::By;
use super::kernel::groups::Groups;
use super::lines::Lines;
use super::services::Services;
use super::{SCHEMA, counts, passes};
use crate::Verdict;
use crate::commands::snapshot;
use crate::explained::Told;
use crate::filter::Filter;
use crate::options::SsOptions;
use anyhow::{Result, bail};
use lastack::observe::snapshot::Target;
use lastack::observe::{Snapshot, SocketRow};
use lastack_explain::Rules;
use std::io::{self, Write};
use std::path::Path;

pub(super) fn run(path: &Path, options: &SsOptions, filter: &Filter, services: &Services) -> Result<Verdict> {
    let look = snapshot::last(path)?;
    eprintln!("{}", snapshot::describe(&look));
    let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
    if options.summary {
        summarize(&look, options.json, &mut out)?;
        out.flush()?;
        return Ok(Verdict::Fine);
    }
    let passing = || look.rows.iter().filter(|row| passes(row, options, filter));
    if let Some(by) = options.kernel.by {
        if by == By::Netns {
            bail!("a snapshot is of one network namespace");
        }
        let mut groups = Groups::of_rows(by, &look.rows);
        passing().for_each(|row| groups.add(row));
        groups.print(options.json, &mut out)?;
    } else {
        let rows: Vec<SocketRow> = passing().cloned().collect();
        list(&look, &rows, options, services, &mut out)?;
    }
    out.flush()?;
    if look.rows_left_out > 0 {
        eprintln!("{} sockets were left out when it was taken", look.rows_left_out);
    }
    if look.interrupted {
        eprintln!("the tables changed while it was taken: sockets may be missing or there twice");
    }
    Ok(Verdict::Fine)
}

fn list(
    look: &Snapshot,
    rows: &[SocketRow],
    options: &SsOptions,
    services: &Services,
    out: &mut dyn Write,
) -> Result<()> {
    let number = |name: &str| look.sysctls.get(name)?.parse().ok();
    let rules = options.explain.then(|| Rules::read(|rule| number(rule.name())));
    if options.json {
        let sockets = Told::all(rows, rules.as_ref());
        let report = serde_json::json!({
            "schema": SCHEMA,
            "target": look.target,
            "taken_ms": look.taken_ms,
            "sockets": sockets,
            "interrupted": look.interrupted,
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    let services = (!options.numeric).then_some(services);
    let mut lines = match look.target {
        Target::Kernel { .. } => Lines::of_snapshot(options, services, rows, ephemeral(look)),
        Target::Stack { .. } => Lines::of_stack(options, services, rows),
    }
    .explained(rules);
    if !options.no_header {
        lines.header(out)?;
    }
    rows.iter().try_for_each(|row| lines.print(row, out))?;
    Ok(())
}

/// Ports that have no names; an empty range where it is not known.
fn ephemeral(look: &Snapshot) -> (u64, u64) {
    let range = look.sysctls.get("net.ipv4.ip_local_port_range").map_or("", String::as_str);
    let mut ends = range.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) => (low, high),
        _ => (1, 0),
    }
}

fn summarize(look: &Snapshot, json: bool, out: &mut dyn Write) -> Result<()> {
    if json {
        let report = serde_json::json!({
            "schema": SCHEMA,
            "target": look.target,
            "taken_ms": look.taken_ms,
            "census": look.census,
            "machine": look.socket_use,
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    counts(&look.census, out)?;
    if let Some(machine) = look.socket_use {
        let (sockets, orphans, pages) = (machine.allocated, machine.orphans, machine.memory_pages);
        writeln!(
            out,
            "the whole machine: {sockets} TCP sockets, {orphans} orphans, {pages} pages of memory"
        )?;
    }
    Ok(())
}
