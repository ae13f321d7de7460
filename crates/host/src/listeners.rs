//! Which listener a flow belongs to, and what waits at each: the half-open that the kernel does not count per listener are
//! counted here by local end.

mod parallel;
#[cfg(test)]
mod tests;

use crate::{Brief, Diag, Error, Extensions, Family, Query, StateSet};
use lastack_observe::{Census, SocketRow, State};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One local end that is listened on, by one socket or by several (SO_REUSEPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub local: SocketAddr,
    /// Only IPv6 (of an IPv6 one).
    pub v6only: bool,
    /// Sockets that listen here.
    pub sockets: u32,
    /// Connections in the accept queues, of all its sockets.
    pub queue: u64,
    /// Room in them.
    pub backlog: u64,
    /// Connections that full queues refused since the sockets listen.
    pub drops: u64,
    /// Inodes of its sockets, in the order seen.
    pub inodes: Vec<u32>,
    /// Its flows by state. LISTEN counts its sockets.
    pub flows: Census,
}

/// Every listener of a namespace, and how many flows belong to none.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Listeners {
    all: Vec<Listener>,
    /// By port, in its order, so that a flow looks only at those that may be its own.
    ports: Vec<(u16, Vec<u32>)>,
    /// Flows that no listener accounts for: opened from here, or their listener is gone.
    pub others: Census,
}

impl Listeners {
    /// Reads the listeners; no flow is counted yet.
    pub fn read(diag: &mut Diag) -> Result<Listeners, Error> {
        let mut listeners = Listeners::default();
        let extensions = Extensions { memory: true, ..Extensions::default() };
        for family in Family::ALL {
            let query = Query { extensions, ..Query::new(family, StateSet::of(&[State::Listen])) };
            let mut row = SocketRow::new(State::Listen, lastack_observe::Flow::NONE);
            diag.dump(&query, &mut |view| {
                view.fill(&mut row);
                listeners.add(&row);
            })?;
        }
        Ok(listeners)
    }

    /// Adds a listening socket; those of one local end are one.
    pub fn add(&mut self, row: &SocketRow) {
        let host = row.host.as_deref();
        let (local, inode) = (row.flow.local, host.map_or(0, |host| host.inode));
        let at = self.ports.binary_search_by_key(&local.port(), |(port, _)| *port).unwrap_or_else(|at| {
            self.ports.insert(at, (local.port(), Vec::new()));
            at
        });
        let indexes = &mut self.ports[at].1;
        let same = |index: &&u32| self.all[**index as usize].local == local;
        let index = indexes.iter().find(same).copied().unwrap_or_else(|| {
            let index = self.all.len() as u32;
            indexes.push(index);
            self.all.push(Listener {
                local,
                v6only: host.and_then(|host| host.v6only).unwrap_or(false),
                sockets: 0,
                queue: 0,
                backlog: 0,
                drops: 0,
                inodes: Vec::new(),
                flows: Census::default(),
            });
            index
        });
        let listener = &mut self.all[index as usize];
        listener.sockets += 1;
        listener.queue += u64::from(row.recv_queue);
        listener.backlog += u64::from(row.send_queue);
        listener.drops += u64::from(host.and_then(|host| host.memory).map_or(0, |memory| memory.drops));
        listener.inodes.push(inode);
        listener.flows.enter(State::Listen);
    }

    /// Counts a flow with its listener: the one on exactly its address, else the one on any address of its family, else an
    /// IPv6 one that takes IPv4 too.
    pub fn count(&mut self, local: SocketAddr, state: State) {
        match self.of(local) {
            Some(index) => self.all[index].flows.enter(state),
            None => self.others.enter(state),
        }
    }

    /// The same with a socket as it comes, which may be an orphan.
    pub fn count_brief(&mut self, brief: &Brief) {
        if brief.orphan() {
            self.orphan(brief.local);
        }
        self.count(brief.local, brief.state);
    }

    /// The same with a row.
    pub fn count_row(&mut self, row: &SocketRow) {
        if row.orphan {
            self.orphan(row.flow.local);
        }
        self.count(row.flow.local, row.state);
    }

    /// The index of the listener that a flow with this local end belongs to.
    pub fn of(&self, local: SocketAddr) -> Option<usize> {
        let at = self.ports.binary_search_by_key(&local.port(), |(port, _)| *port).ok()?;
        let indexes = &self.ports[at].1;
        let find = |wanted: IpAddr, dual: bool| {
            indexes.iter().map(|index| *index as usize).find(|index| {
                let listener = &self.all[*index];
                listener.local.ip() == wanted && !(dual && listener.v6only)
            })
        };
        let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        // A flow of a dual-stack listener is an IPv6 socket with a mapped address.
        let ip = local.ip();
        let mapped = matches!(ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        let own_any = if ip.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { any6 };
        find(ip, false).or_else(|| find(own_any, mapped)).or_else(|| find(any6, ip.is_ipv4() || mapped))
    }

    /// Every listener, in the order the kernel gave them.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }
}

/// Counts every flow of the namespace by state and by listener at once; memory grows with the listeners, not with the flows.
pub fn census(diag: &mut Diag) -> Result<(Listeners, crate::Dumped), Error> {
    let listeners = Listeners::read(diag)?;
    parallel::census(listeners)
}

impl Listeners {
    fn orphan(&mut self, local: SocketAddr) {
        match self.of(local) {
            Some(index) => self.all[index].flows.orphans += 1,
            None => self.others.orphans += 1,
        }
    }

    /// All flows and listeners of the namespace.
    pub fn total(&self) -> Census {
        let mut total = self.others;
        for listener in &self.all {
            total.join(&listener.flows);
        }
        total
    }
}
