//! One look at a running stack, over its control socket.

use crate::control::client::Client;
use anyhow::Result;
use lastack::observe::snapshot::{ListenerFacts, Target};
use lastack::observe::{Snapshot, State};
use lastack_host::listeners::Listeners;
use std::time::SystemTime;

pub(super) fn take(client: &mut Client) -> Result<Snapshot> {
    let about = client.about()?;
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut snapshot = Snapshot {
        taken_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        target: Target::Stack { name: about.name, device: about.device },
        ..Snapshot::default()
    };
    client.sockets(|row| snapshot.rows.push(row))?;
    snapshot.census = client.census()?;
    snapshot.counters =
        client.counters()?.iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect();
    snapshot.sysctls = client.knobs()?.into_iter().collect();
    snapshot.listeners = listeners(&snapshot);
    Ok(snapshot)
}

/// Every listener with the flows that came from it.
fn listeners(snapshot: &Snapshot) -> Vec<ListenerFacts> {
    let mut listeners = Listeners::default();
    let (listening, flows): (Vec<_>, Vec<_>) =
        snapshot.rows.iter().partition(|row| row.state == State::Listen);
    listening.into_iter().for_each(|row| listeners.add(row));
    flows.into_iter().for_each(|row| listeners.count_row(row));
    let facts = |listener: &lastack_host::listeners::Listener| ListenerFacts {
        local: listener.local,
        sockets: listener.sockets,
        queue: listener.queue,
        backlog: listener.backlog,
        // A stack counts drops for all its listeners together.
        drops: None,
        flows: listener.flows,
        holders: Vec::new(),
    };
    listeners.iter().map(facts).collect()
}
