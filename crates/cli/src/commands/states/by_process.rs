//! Counts by process: one dump with inodes, one pass over /proc/*/fd.

use super::columns::{self, Line};
use crate::commands::owners;
use anyhow::Result;
use lastack::observe::snapshot::UnreadSource;
use lastack::observe::{Census, Snapshot, State};
use lastack_host::listeners::Listeners;
use lastack_host::processes::Processes;
use lastack_host::{Diag, Dumped, Family, Query, StateSet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Who holds how many sockets in which state.
#[derive(Serialize)]
pub(super) struct ByProcess {
    processes: Vec<ProcessRow>,
    /// Sockets that no process holds: not accepted yet, orphans, TIME_WAIT and SYN_RECV.
    nobody: Census,
    /// Sockets whose process could not be found.
    unknown: Census,
    /// Processes that could not be read.
    unreadable_processes: u32,
}

#[derive(Serialize)]
struct ProcessRow {
    pid: u32,
    name: String,
    states: Census,
}

/// Also counts by listener, as the dump passes by.
pub(super) fn gather(diag: &mut Diag) -> Result<(ByProcess, Listeners, Dumped)> {
    // Sockets first: one that is opened after the pass would seem to belong to nobody.
    let mut listeners = Listeners::read(diag)?;
    let mut dumped = Dumped::default();
    let mut held: Vec<(u32, State)> = Vec::new();
    let mut nobody = Census::default();
    for listener in listeners.iter() {
        held.extend(listener.inodes.iter().map(|inode| (*inode, State::Listen)));
    }
    for family in Family::ALL {
        let query = Query::new(family, StateSet::ALL.without(State::Listen));
        dumped.add(diag.dump_briefly(&query, &mut |brief| {
            listeners.count_brief(brief);
            match brief.inode {
                0 => nobody.enter(brief.state),
                inode => held.push((inode, brief.state)),
            }
        })?);
    }
    let processes = owners::read();
    let (rows, unknown) = attribute(&held, &processes);
    owners::warn(&processes, unknown.total().into());
    let by_process =
        ByProcess { processes: rows, nobody, unknown, unreadable_processes: processes.unreadable() };
    Ok((by_process, listeners, dumped))
}

/// What a snapshot tells; its rows name their holders.
pub(super) fn of(look: &Snapshot) -> ByProcess {
    let mut rows: BTreeMap<u32, ProcessRow> = BTreeMap::new();
    let (mut nobody, mut unknown) = (Census::default(), Census::default());
    for row in &look.rows {
        let host = row.host.as_deref();
        match host.and_then(|host| host.holders.first()) {
            Some(holder) => {
                let new =
                    || ProcessRow { pid: holder.pid, name: holder.name.clone(), states: Census::default() };
                rows.entry(holder.pid).or_insert_with(new).states.enter(row.state);
            }
            None if host.is_some_and(|host| host.inode == 0) => nobody.enter(row.state),
            None => unknown.enter(row.state),
        }
    }
    let unread = look.unread.iter().find(|unread| unread.source == UnreadSource::Processes);
    let unreadable = unread.map_or(0, |unread| u32::try_from(unread.count).unwrap_or(u32::MAX));
    ByProcess { processes: ranked(rows), nobody, unknown, unreadable_processes: unreadable }
}

fn ranked(rows: BTreeMap<u32, ProcessRow>) -> Vec<ProcessRow> {
    let mut rows: Vec<ProcessRow> = rows.into_values().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.states.total()), row.pid));
    rows
}

fn attribute(held: &[(u32, State)], processes: &Processes) -> (Vec<ProcessRow>, Census) {
    let mut rows: BTreeMap<u32, ProcessRow> = BTreeMap::new();
    let mut unknown = Census::default();
    for &(inode, state) in held {
        match processes.of(inode).map(|(process, _)| process).min_by_key(|process| process.pid) {
            Some(process) => {
                let new =
                    || ProcessRow { pid: process.pid, name: process.name.clone(), states: Census::default() };
                rows.entry(process.pid).or_insert_with(new).states.enter(state);
            }
            None => unknown.enter(state),
        }
    }
    (ranked(rows), unknown)
}

impl ByProcess {
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = |name: &str, pid: Option<u32>, census: Census| Line {
            name: name.to_owned(),
            cells: vec![
                pid.map(|pid| pid.to_string()).unwrap_or_default(),
                census.count(State::Listen).to_string(),
            ],
            census,
        };
        let mut lines: Vec<Line> =
            self.processes.iter().map(|row| line(&row.name, Some(row.pid), row.states)).collect();
        for (name, census) in [("held by nobody", self.nobody), ("owner unknown", self.unknown)] {
            if census.total() > 0 {
                lines.push(line(name, None, census));
            }
        }
        columns::print(&["PROCESS", "PID", "LISTEN"], &lines, out)
    }
}
