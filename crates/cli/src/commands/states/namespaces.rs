//! One line per network namespace: where do connections wait for a close() that never comes?

use super::columns::{self, Line};
use super::{SCHEMA, open};
use anyhow::Result;
use lastack::observe::{Census, State};
use lastack_host::listeners;
use lastack_host::namespace::{All, Found};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Row {
    id: u64,
    name: String,
    process: Option<u32>,
    states: Census,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    namespaces: Vec<Row>,
    /// Processes whose namespace could not be read, and namespaces that could not be entered.
    unreadable: u32,
}

fn row(found: &Found) -> Result<Row> {
    let census = found.within(|| -> Result<Census> { Ok(listeners::census(&mut open()?)?.0.total()) })??;
    Ok(Row { id: found.id, name: found.to_string(), process: found.process, states: census })
}

/// Ranked by CLOSE_WAIT, then by size. A namespace that cannot be entered is counted; its first reason is told.
pub(super) fn print(json: bool) -> Result<()> {
    let all = All::find()?;
    let mut unreadable = all.unreadable;
    let mut rows = Vec::new();
    for found in &all.found {
        match row(found) {
            Ok(row) => rows.push(row),
            Err(error) => {
                unreadable += 1;
                eprintln!("{error:#}");
            }
        }
    }
    rank(&mut rows);
    if unreadable > 0 {
        eprintln!("{unreadable} processes or namespaces could not be read: run as root to see them");
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if json {
        let report = Report { schema: SCHEMA, namespaces: rows, unreadable };
        serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let lines: Vec<Line> = rows.iter().map(line).collect();
        columns::print(&["NAMESPACE", "LISTEN"], &lines, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn rank(rows: &mut [Row]) {
    use std::cmp::Reverse;
    rows.sort_by_key(|row| {
        (Reverse(row.states.count(State::CloseWait)), Reverse(row.states.total()), row.id)
    });
}

fn line(row: &Row) -> Line {
    let listen = row.states.count(State::Listen).to_string();
    Line { name: row.name.clone(), cells: vec![listen], census: row.states }
}
