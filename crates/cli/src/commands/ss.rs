//! `lastack ss`: the sockets of the kernel or of a running stack, with ss' columns, options and filters.

pub(crate) mod kernel;
mod lines;
mod saved;
mod services;
#[cfg(test)]
mod tests;

use crate::Verdict;
use crate::control::client::Client;
use crate::explained::{self, Told};
use crate::filter::{Filter, States};
use crate::options::SsOptions;
use anyhow::{Result, bail};
use lastack::observe::{Census, SocketRow, State};
use lastack_explain::Rules;
use lines::Lines;
use serde::Serialize;
use services::Services;
use std::io::{self, Write};

/// The version of the JSON: it grows with every change that a reader must know of.
const SCHEMA: &str = "lastack.ss/1";

/// Asks the stack and prints what passes.
pub(crate) fn run(options: &SsOptions) -> Result<Verdict> {
    if let Some(option) = options.others.given() {
        bail!("TCP only: {option} asks for sockets of another kind");
    }
    let services = Services::read();
    let filter = Filter::parse(&options.filter.join(" "), &|name| services.port(name))?;
    if let Some(path) = &options.from {
        return saved::run(path, options, &filter, &services);
    }
    let Some(wanted) = &options.stack else {
        return kernel::run(options, &filter, &services);
    };
    let mut client = Client::open(wanted.name())?;
    let about = client.about()?;
    eprintln!("stack {} on {}", about.name, about.device);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.summary {
        summarize(&client.census()?, options.json, &about.name, &mut out)?;
    } else {
        let mut rows = Vec::new();
        let keep = |row: SocketRow| {
            if passes(&row, options, &filter) {
                rows.push(row);
            }
        };
        // JSON tells all there is.
        if options.info || options.json {
            client.sockets_with_info(keep)?;
        } else {
            client.sockets(keep)?;
        }
        let rules = if options.explain { Some(explained::of_stack(&mut client)?) } else { None };
        if options.json {
            let sockets = Told::all(&rows, rules.as_ref());
            let report = Report { schema: SCHEMA, stack: &about.name, sockets };
            serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            let names = (!options.numeric).then_some(&services);
            print(&rows, options, names, rules, &mut out)?;
        }
    }
    out.flush()?;
    Ok(Verdict::Fine)
}

/// With `services`, ports have their names.
fn print(
    rows: &[SocketRow],
    options: &SsOptions,
    services: Option<&Services>,
    rules: Option<Rules>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = Lines::of_stack(options, services, rows).explained(rules);
    if !options.no_header {
        lines.header(out)?;
    }
    rows.iter().try_for_each(|row| lines.print(row, out))
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    stack: &'a str,
    sockets: Vec<Told<'a>>,
}

/// By the states that the filter names, else those of the options; by family; by the filter's expression.
fn passes(row: &SocketRow, options: &SsOptions, filter: &Filter) -> bool {
    let by_options = match (options.all, options.listening) {
        (true, _) => States::ALL,
        (false, true) => States::LISTENING,
        (false, false) => States::USUAL,
    };
    let family = match (options.ipv4, options.ipv6) {
        (true, _) => row.flow.local.is_ipv4(),
        (_, true) => row.flow.local.is_ipv6(),
        _ => true,
    };
    family && filter.states(by_options).contains(row.state) && filter.passes(row)
}

/// The counts as `ss -s` puts them, from the census: no socket is looked at.
fn summarize(census: &Census, json: bool, stack: &str, out: &mut dyn Write) -> Result<()> {
    if json {
        let report = serde_json::json!({ "schema": SCHEMA, "stack": stack, "census": census });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    counts(census, out)?;
    Ok(())
}

/// As text.
fn counts(census: &Census, out: &mut dyn Write) -> io::Result<()> {
    let count = |state| census.count(state);
    writeln!(
        out,
        "TCP:   {} (estab {}, synrecv {}, orphaned {}, timewait {}, listen {})",
        census.total(),
        count(State::Established),
        count(State::SynRecv),
        census.orphans,
        count(State::TimeWait),
        count(State::Listen)
    )?;
    for (state, count) in census.iter().filter(|&(_, count)| count != 0) {
        writeln!(out, "  {:<12} {count}", state.ss_name())?;
    }
    Ok(())
}
