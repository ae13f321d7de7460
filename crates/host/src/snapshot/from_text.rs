//! A pasted output as a look: its sockets and counts, and a list of all that such a text cannot tell.

use super::{facts, unread};
use crate::age::Lifetimes;
use crate::listeners::Listeners;
use crate::pasted::{self, Pasted};
use lastack_observe::snapshot::UnreadSource;
use lastack_observe::{Census, Snapshot, SocketRow, State};

/// Reads a text as [`pasted::parse`] does. When it was taken and of which kernel is not known. `None` when nothing in it is a
/// socket or a count.
pub fn from_text(text: &str) -> Option<Snapshot> {
    let mut pasted = pasted::parse(text)?;
    // As a look of our own has them.
    pasted.rows.sort_by_key(|row| row.state != State::Listen);
    let (mut listeners, mut census) = (Listeners::default(), Census::default());
    for row in &mut pasted.rows {
        Lifetimes::FIXED.apply(row);
        count(row, &mut listeners);
        census.enter(row.state);
        census.orphans += u32::from(row.orphan);
    }
    if pasted.rows.is_empty() {
        census = pasted.counts.unwrap_or_default();
    }
    let mut snapshot = Snapshot { census, ..Snapshot::default() };
    say_what_is_missing(&pasted, &mut snapshot);
    let told_drops = |row: &SocketRow| row.host.as_ref().is_some_and(|host| host.memory.is_some());
    snapshot.listeners = listeners
        .iter()
        .map(|listener| {
            let mut facts = facts(listener, &pasted.rows);
            let mine = |row: &&SocketRow| row.state == State::Listen && row.flow.local == listener.local;
            if !pasted.rows.iter().filter(mine).all(told_drops) {
                facts.drops = None;
            }
            facts
        })
        .collect();
    snapshot.rows = pasted.rows;
    Some(snapshot)
}

fn count(row: &SocketRow, listeners: &mut Listeners) {
    if row.state == State::Listen { listeners.add(row) } else { listeners.count_row(row) }
}

fn say_what_is_missing(pasted: &Pasted, snapshot: &mut Snapshot) {
    if pasted.rows.is_empty() {
        unread(snapshot, UnreadSource::Sockets, 1, "the text holds counts only: paste `ss -tanpi`");
    } else if pasted.unread > 0 {
        let first = pasted.first_unread.as_deref().unwrap_or_default();
        let why = format!("lines with names or cut-off addresses, such as \"{first}\": paste `ss -tanpi`");
        unread(snapshot, UnreadSource::Sockets, pasted.unread as u64, &why);
    } else if !pasted.has.listeners {
        unread(snapshot, UnreadSource::Sockets, 1, "the text has no listening sockets: paste `ss -tanpi`");
    }
    if !pasted.has.processes {
        let why = "the text names no process: paste `ss -tanpi`, taken as root";
        unread(snapshot, UnreadSource::Processes, 1, why);
    }
    let elsewhere = "a pasted text has none: `lastack snapshot` writes down everything";
    for source in [UnreadSource::Counters, UnreadSource::SocketUse, UnreadSource::SysctlFiles] {
        unread(snapshot, source, 1, elsewhere);
    }
}
