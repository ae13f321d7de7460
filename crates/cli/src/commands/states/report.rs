//! One look at the kernel: gathered, then printed or serialized.

use super::by_process::{self, ByProcess};
use super::columns::{self, Line};
use super::{SCHEMA, open};
use crate::options::By;
use anyhow::Result;
use lastack::observe::{Census, Snapshot, SocketRow, State};
use lastack_host::listeners::{self, Listener, Listeners};
use serde::Serialize;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

/// What `lastack states` tells.
#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    /// Everything.
    pub(super) states: Census,
    /// With the flows of each.
    listeners: Vec<ListenerRow>,
    /// Flows that no listener accounts for.
    no_listener: Census,
    #[serde(flatten)]
    by_process: Option<ByProcess>,
    /// The kernel's tables changed while they were read: some sockets may be missing or there twice.
    interrupted: bool,
}

#[derive(Serialize)]
struct ListenerRow {
    local: SocketAddr,
    sockets: u32,
    queue: u64,
    backlog: u64,
    drops: u64,
    states: Census,
}

impl From<&Listener> for ListenerRow {
    fn from(listener: &Listener) -> ListenerRow {
        let Listener { local, v6only: _, sockets, queue, backlog, drops, inodes: _, flows } = listener;
        ListenerRow {
            local: *local,
            sockets: *sockets,
            queue: *queue,
            backlog: *backlog,
            drops: *drops,
            states: *flows,
        }
    }
}

impl Report {
    pub(super) fn gather(by: Option<By>) -> Result<Report> {
        let mut diag = open()?;
        let (by_process, listeners, dumped) = match by {
            Some(By::Process) => {
                let (by_process, listeners, dumped) = by_process::gather(&mut diag)?;
                (Some(by_process), listeners, dumped)
            }
            None => {
                let (listeners, dumped) = listeners::census(&mut diag)?;
                (None, listeners, dumped)
            }
        };
        Ok(Report::new(&listeners, by_process, dumped.interrupted))
    }

    /// What a snapshot tells.
    pub(super) fn of(look: &Snapshot, by: Option<By>) -> Report {
        let listeners = of_rows(&look.rows);
        let by_process = by.map(|By::Process| by_process::of(look));
        // Where there are counts only, they stand.
        Report { states: look.census, ..Report::new(&listeners, by_process, look.interrupted) }
    }

    fn new(listeners: &Listeners, by_process: Option<ByProcess>, interrupted: bool) -> Report {
        let mut rows: Vec<ListenerRow> = listeners.iter().map(ListenerRow::from).collect();
        rows.sort_by_key(|row| (row.local.port(), row.local));
        Report {
            schema: SCHEMA,
            states: listeners.total(),
            listeners: rows,
            no_listener: listeners.others,
            by_process,
            interrupted,
        }
    }

    /// What the reader must know about what is missing, on stderr.
    pub(super) fn warn(&self) {
        if self.interrupted {
            eprintln!("the kernel's tables changed while they were read: counts may be off by a few");
        }
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for (state, count) in self.states.iter().filter(|(_, count)| *count > 0) {
            writeln!(out, "{:<12}{count:>9}", state.name())?;
        }
        writeln!(out, "{:<12}{:>9}", "all", self.states.total())?;
        if self.states.orphans > 0 {
            writeln!(out, "{:<12}{:>9}", "orphans", self.states.orphans)?;
        }
        if let Some(by_process) = &self.by_process {
            writeln!(out)?;
            return by_process.print(out);
        }
        let mut lines: Vec<Line> = self.listeners.iter().map(line).collect();
        if self.no_listener.total() > 0 {
            let cells = ["", "", ""].map(str::to_owned).to_vec();
            lines.push(Line { name: "no listener".to_owned(), cells, census: self.no_listener });
        }
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        columns::print(&["LISTENER", "SOCKETS", "QUEUE", "DROPS"], &lines, out)
    }
}

/// Every listener with its flows.
fn of_rows(rows: &[SocketRow]) -> Listeners {
    let mut listeners = Listeners::default();
    let listening = |row: &&SocketRow| row.state == State::Listen;
    rows.iter().filter(listening).for_each(|row| listeners.add(row));
    rows.iter().filter(|row| !listening(row)).for_each(|row| listeners.count_row(row));
    listeners
}

fn line(row: &ListenerRow) -> Line {
    debug_assert_eq!(row.states.count(State::Listen), row.sockets);
    let name = match row.local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("0.0.0.0:{}", row.local.port()),
        _ => row.local.to_string(),
    };
    let queue = format!("{}/{}", row.queue, row.backlog);
    Line { name, cells: vec![row.sockets.to_string(), queue, row.drops.to_string()], census: row.states }
}
