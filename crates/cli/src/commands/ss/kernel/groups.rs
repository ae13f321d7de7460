//! `--by`: sockets counted instead of listed.

use super::pass::Pass;
use crate::commands::states::columns::{self, Line};
use crate::filter::Filter;
use crate::options::SsOptions;
use anyhow::Result;
use clap::ValueEnum;
use lastack::observe::{Census, HostFacts, SocketRow, State};
use lastack_host::cgroups::Cgroups;
use lastack_host::listeners::Listeners;
use lastack_host::namespace::All;
use lastack_host::processes::Processes;
use lastack_host::{Diag, Dumped};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

/// What to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Its state.
    State,
    /// The process that holds it (of several, the one with the lowest id).
    Process,
    /// Its local port.
    Port,
    /// The peer's address.
    Peer,
    /// The listener on its local end.
    Listener,
    /// Its control group.
    Cgroup,
    /// The network namespace that it is in: all of them are looked at. It needs CAP_SYS_ADMIN.
    Netns,
}

pub(in crate::commands::ss) struct Groups<'a> {
    by: By,
    processes: Option<&'a Processes>,
    listeners: Option<Listeners>,
    cgroups: Cgroups,
    /// The one that is looked at.
    namespace: String,
    counts: HashMap<String, Census>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(by: By, diag: &mut Diag, processes: Option<&'a Processes>) -> Result<Groups<'a>> {
        let listeners = if by == By::Listener { Some(Listeners::read(diag)?) } else { None };
        let cgroups = if by == By::Cgroup { Cgroups::read() } else { Cgroups::default() };
        Ok(Groups { by, processes, listeners, cgroups, namespace: String::new(), counts: HashMap::new() })
    }

    /// Of a snapshot: its rows tell who listens and who holds what. The names of its control groups are not known here.
    pub(in crate::commands::ss) fn of_rows(by: By, rows: &[SocketRow]) -> Groups<'static> {
        let mut listeners = Listeners::default();
        rows.iter().filter(|row| row.state == State::Listen).for_each(|row| listeners.add(row));
        Groups {
            by,
            processes: None,
            listeners: Some(listeners),
            cgroups: Cgroups::default(),
            namespace: String::new(),
            counts: HashMap::new(),
        }
    }

    /// Adds what passes.
    pub(super) fn count(&mut self, pass: &mut Pass<'_>) -> Result<Dumped> {
        pass.each(&mut |row| {
            self.add(row);
            Ok(())
        })
    }

    pub(in crate::commands::ss) fn add(&mut self, row: &SocketRow) {
        let name = self.name(row);
        self.counts.entry(name).or_default().enter(row.state);
    }

    fn name(&self, row: &SocketRow) -> String {
        let host = row.host.as_deref();
        match self.by {
            By::State => row.state.name().to_owned(),
            By::Port => row.flow.local.port().to_string(),
            By::Peer => row.flow.remote.ip().to_canonical().to_string(),
            By::Process => self.process(host),
            By::Listener => {
                let listeners = self.listeners.as_ref();
                let index = listeners.and_then(|listeners| listeners.of(row.flow.local));
                let listener =
                    index.and_then(|index| listeners.and_then(|listeners| listeners.iter().nth(index)));
                listener.map_or_else(|| "no listener".to_owned(), |listener| listener.local.to_string())
            }
            By::Cgroup => match host.and_then(|host| host.cgroup) {
                Some(id) => self.cgroups.path(id).map_or_else(|| format!("id {id}"), str::to_owned),
                None => "unknown".to_owned(),
            },
            By::Netns => self.namespace.clone(),
        }
    }

    fn process(&self, host: Option<&HostFacts>) -> String {
        if let Some(holder) = host.and_then(|host| host.holders.first()) {
            return format!("{}[{}]", holder.name, holder.pid);
        }
        let inode = host.map_or(0, |host| host.inode);
        let holders = self.processes.into_iter().flat_map(|processes| processes.of(inode));
        match holders.map(|(process, _)| process).min_by_key(|process| process.pid) {
            Some(process) => format!("{}[{}]", process.name, process.pid),
            None if inode == 0 => "held by nobody".to_owned(),
            None => "owner unknown".to_owned(),
        }
    }

    /// The largest first.
    fn ranked(self) -> Vec<(String, Census)> {
        let mut ranked: Vec<_> = self.counts.into_iter().collect();
        ranked.sort_by(|a, b| (Reverse(a.1.total()), &a.0).cmp(&(Reverse(b.1.total()), &b.0)));
        ranked
    }

    pub(in crate::commands::ss) fn print(self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        let by = self.by.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let ranked = self.ranked();
        if json {
            let groups: Vec<_> = ranked
                .iter()
                .map(|(name, census)| serde_json::json!({ "name": name, "states": census }))
                .collect();
            let report =
                serde_json::json!({ "schema": super::SCHEMA, "kernel": true, "by": by, "groups": groups });
            return writeln!(out, "{report:#}");
        }
        let line = |(name, census): (String, Census)| {
            let cells = vec![census.total().to_string(), census.count(State::Listen).to_string()];
            Line { name, cells, census }
        };
        let lines: Vec<Line> = ranked.into_iter().map(line).collect();
        columns::print(&[&by.to_uppercase(), "ALL", "LISTEN"], &lines, out)
    }
}

/// `--by netns`: the sockets of every namespace that can be entered; the others are counted and their first reasons told.
pub(super) fn by_namespace(options: &SsOptions, filter: &Filter, out: &mut dyn Write) -> Result<()> {
    let mut groups = Groups::new(By::Netns, &mut Diag::open()?, None)?;
    let (all, mut dumped) = (All::find()?, Dumped::default());
    let mut unreadable = all.unreadable;
    for found in &all.found {
        groups.namespace = found.to_string();
        // A namespace without a socket that passes has its line, too.
        groups.counts.entry(groups.namespace.clone()).or_default();
        match found.within(|| groups.count(&mut Pass::new(options, filter)?)) {
            Ok(Ok(counted)) => dumped.add(counted),
            Ok(Err(error)) => return Err(error),
            Err(error) => {
                groups.counts.remove(&groups.namespace);
                unreadable += 1;
                eprintln!("{error}");
            }
        }
    }
    groups.print(options.json, out)?;
    super::warn(&dumped);
    if unreadable > 0 {
        eprintln!("{unreadable} processes or namespaces could not be read: run as root to see them");
    }
    Ok(())
}
