//! One look at the kernel as an `observe::Snapshot`: everything that is needed to say later what was wrong.
//!
//! It collects and never judges. Memory is bounded: sockets beyond [`ROWS_MAX`] are counted and left out. What could not be read
//! is listed in the snapshot, with what to do about it.

use crate::age::Lifetimes;
use crate::counters::{self, KernelCounters};
use crate::listeners::{Listener, Listeners};
use crate::processes::{self, Processes};
use crate::{Diag, Dumped, Error, Extensions, Family, Query, StateSet, files, sysctl};
use lastack_observe::snapshot::{ListenerFacts, ProcessFacts, Target, Unread, UnreadSource};
use lastack_observe::{Flow, Holder, Snapshot, SocketRow, State};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

mod from_text;
#[cfg(test)]
mod tests;

pub use from_text::from_text;

/// Sockets that one snapshot holds. More than that is a machine whose counts alone tell the story.
pub const ROWS_MAX: usize = 500_000;

/// Holders of one listener that are named; the others are workers of the same kind.
const HOLDERS_MAX: usize = 64;

/// Sockets without a known holder that are looked up again.
const OWNERLESS_MAX: usize = 64;

/// Sysctls of a network namespace that bear on TCP.
const OF_NAMESPACE: &[&str] = &[
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_ehash_entries",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_tw_timeout",
    "net.ipv4.tcp_wmem",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
];

/// Sysctls of the machine. Those below net exist in the first network namespace only.
const OF_MACHINE: &[&str] =
    &["fs.file-max", "fs.file-nr", "fs.nr_open", "net.ipv4.tcp_max_orphans", "net.ipv4.tcp_mem"];

/// What belongs to the machine, read where the caller is, before it enters another namespace.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    values: BTreeMap<String, String>,
}

impl Machine {
    /// Reads what can be read; what cannot is not there.
    pub fn read() -> Machine {
        Machine { values: values(OF_MACHINE) }
    }
}

fn values(names: &[&str]) -> BTreeMap<String, String> {
    let value = |name: &&str| Some(((*name).to_owned(), sysctl::value(name).ok()?.trim().to_owned()));
    names.iter().filter_map(value).collect()
}

/// Looks at the thread's network namespace; `namespace` is how the user named it. Without `owners` the processes are not looked
/// through, which takes most of the time where there are many descriptors; then nobody holds anything.
///
/// # Errors
/// Only when the sockets themselves cannot be had; everything else that fails is in `unread`.
pub fn take(machine: &Machine, namespace: Option<String>, owners: bool) -> Result<Snapshot, Error> {
    let release = files::read(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut snapshot = Snapshot {
        taken_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        target: Target::Kernel { release: files::plain(&release), namespace },
        sysctls: machine.values.clone(),
        ..Snapshot::default()
    };
    snapshot.sysctls.extend(values(OF_NAMESPACE));
    let (listeners, dumped) = sockets(&mut snapshot)?;
    snapshot.interrupted = dumped.interrupted;
    if dumped.unreadable > 0 {
        unread(&mut snapshot, UnreadSource::Sockets, dumped.unreadable, "the kernel's answer made no sense");
    }
    if snapshot.rows_left_out > 0 {
        let (left_out, why) = (snapshot.rows_left_out, format!("a snapshot holds {ROWS_MAX} sockets"));
        unread(&mut snapshot, UnreadSource::Sockets, left_out, &why);
    }
    // After the sockets: one that is opened after the pass would seem to belong to nobody.
    if owners {
        holders(&mut snapshot);
    }
    snapshot.listeners = listeners.iter().map(|listener| facts(listener, &snapshot.rows)).collect();
    match KernelCounters::read() {
        Ok(counters) => snapshot.counters = counters.into_values(),
        Err(error) => unread(&mut snapshot, UnreadSource::Counters, 1, &error.to_string()),
    }
    match counters::socket_use() {
        Ok(socket_use) => snapshot.socket_use = Some(socket_use),
        Err(error) => unread(&mut snapshot, UnreadSource::SocketUse, 1, &error.to_string()),
    }
    Ok(snapshot)
}

fn unread(snapshot: &mut Snapshot, source: UnreadSource, count: u64, why: &str) {
    snapshot.unread.push(Unread { source, count, why: why.to_owned() });
}

/// Listeners first, then everything else, counted with its listener.
fn sockets(snapshot: &mut Snapshot) -> Result<(Listeners, Dumped), Error> {
    let mut diag = Diag::open()?;
    let lifetimes = Lifetimes::read();
    let mut listeners = Listeners::default();
    let mut dumped = Dumped::default();
    let rest = StateSet::ALL.without(State::Listen);
    for states in [StateSet::of(&[State::Listen]), rest] {
        for family in Family::ALL {
            let query = Query { extensions: Extensions::ALL, ..Query::new(family, states) };
            let (rows, left_out) = (&mut snapshot.rows, &mut snapshot.rows_left_out);
            dumped.add(diag.dump(&query, &mut |view| {
                let mut row = SocketRow::new(State::Closed, Flow::NONE);
                view.fill(&mut row);
                lifetimes.apply(&mut row);
                if row.state == State::Listen {
                    listeners.add(&row);
                } else {
                    listeners.count_row(&row);
                }
                if rows.len() < ROWS_MAX { rows.push(row) } else { *left_out += 1 }
            })?);
        }
    }
    snapshot.census = listeners.total();
    Ok((listeners, dumped))
}

/// Names the holders of each socket, and how many descriptors they have of how many.
fn holders(snapshot: &mut Snapshot) {
    let all = match Processes::read() {
        Ok(all) => all,
        Err(error) => return unread(snapshot, UnreadSource::Processes, 1, &error.to_string()),
    };
    let mut pids = BTreeSet::new();
    for host in snapshot.rows.iter_mut().filter_map(|row| row.host.as_deref_mut()) {
        all.holders(host.inode, &mut host.holders);
        host.holders.sort_by_key(|holder| (holder.pid, holder.fd));
        pids.extend(host.holders.iter().map(|holder| holder.pid));
    }
    let holding = all.iter().filter(|process| pids.contains(&process.pid));
    snapshot.processes = holding
        .map(|process| ProcessFacts {
            pid: process.pid,
            name: process.name.clone(),
            descriptors: process.descriptors,
            descriptors_max: processes::descriptor_limit(process.pid).and_then(|limit| limit.soft),
        })
        .collect();
    snapshot.processes.sort_by_key(|process| process.pid);
    if all.unreadable() > 0 {
        let why = "they belong to others: run as root (or with CAP_SYS_PTRACE) to see them";
        unread(snapshot, UnreadSource::Processes, all.unreadable().into(), why);
    } else {
        let hidden = hidden(&snapshot.rows);
        let why = "no process of this /proc holds them: look from outside the container, or as root";
        if hidden > 0 {
            unread(snapshot, UnreadSource::Owners, hidden, why);
        }
    }
}

/// Sockets whose holder is in no /proc that can be seen: in another PID namespace, or hidden (hidepid). One that was closed
/// before the processes were read does not count, so some are looked up again: when those are all gone, the others are taken
/// for gone, too.
fn hidden(rows: &[SocketRow]) -> u64 {
    let ownerless =
        |row: &&SocketRow| row.host.as_deref().is_some_and(|host| host.inode != 0 && host.holders.is_empty());
    let mut diag = match Diag::open() {
        Ok(diag) => diag,
        Err(_) => return 0,
    };
    let mut still_there = |row: &SocketRow| {
        let inode = diag.lookup(&row.flow, Extensions::default(), |view| view.inode());
        matches!(inode, Ok(Some(inode)) if row.host.as_deref().is_some_and(|host| host.inode == inode))
    };
    let mut looked_up = rows.iter().filter(ownerless).take(OWNERLESS_MAX);
    match looked_up.any(&mut still_there) {
        true => rows.iter().filter(ownerless).count() as u64,
        false => 0,
    }
}

fn facts(listener: &Listener, rows: &[SocketRow]) -> ListenerFacts {
    let Listener { local, v6only: _, sockets, queue, backlog, drops, inodes: _, flows } = listener;
    // They were read first.
    let listening = rows.iter().take_while(|row| row.state == State::Listen);
    let hosts = listening.filter(|row| row.flow.local == *local).filter_map(|row| row.host.as_deref());
    let holders: Vec<Holder> =
        hosts.flat_map(|host| host.holders.iter().cloned()).take(HOLDERS_MAX).collect();
    ListenerFacts {
        local: *local,
        sockets: *sockets,
        queue: *queue,
        backlog: *backlog,
        drops: Some(*drops),
        flows: *flows,
        holders,
    }
}
