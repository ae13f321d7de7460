//! Whose namespace a change of state happened in: the tracepoint tells of all, and does not say.
//!
//! A socket is ours when our namespace knows its flow (exact lookup). One that is gone already is ours when its peer on this
//! machine still is, or when its address is one of ours alone: all but loopback. What remains is counted as unmatched.

use super::Change;
use crate::addresses::Addresses;
use crate::{Diag, Error, Extensions};
use lastack_observe::{Flow, State};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

/// Sockets whose namespace is remembered; above, all are forgotten and asked for again.
const SOCKETS: usize = 1 << 16;
/// Questions to the kernel per batch (each takes some microseconds); what lies beyond is unmatched.
const LOOKUPS: u32 = 8192;

#[derive(Debug)]
pub(super) struct Matcher {
    diag: Diag,
    addresses: Addresses,
    /// By the kernel's number of the socket.
    known: HashMap<u64, bool>,
    /// connect() gave them no port yet, so their flow is known with the next change.
    beginning: HashMap<u64, Change>,
    /// Local ends that are listened on here.
    listening: HashSet<SocketAddr>,
    lookups: u32,
    unmatched: u64,
}

impl Matcher {
    pub(super) fn new(diag: Diag) -> Matcher {
        let mut matcher = Matcher {
            diag,
            addresses: Addresses::default(),
            known: HashMap::new(),
            beginning: HashMap::new(),
            listening: HashSet::new(),
            lookups: 0,
            unmatched: 0,
        };
        matcher.listeners();
        matcher
    }

    fn listeners(&mut self) {
        if let Ok(listeners) = crate::listeners::Listeners::read(&mut self.diag) {
            self.listening = listeners.iter().map(|listener| listener.local).collect();
        }
    }

    /// Changes that could not be matched so far.
    pub(super) fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Changes were lost: a number may belong to another socket by now.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.beginning.clear();
    }

    pub(super) fn end_of_batch(&mut self) {
        self.lookups = 0;
        if self.known.len() > SOCKETS || self.beginning.len() > SOCKETS {
            self.forget();
        }
    }

    /// Hands the change to `each` when it is ours, after the one that waited for it.
    pub(super) fn judge(&mut self, change: Change, each: &mut dyn FnMut(&Change)) -> Result<(), Error> {
        if change.to == State::SynSent && change.flow.local.port() == 0 {
            self.beginning.insert(change.socket, change);
            return Ok(());
        }
        let begun = self.beginning.remove(&change.socket);
        let ours = match self.known.get(&change.socket) {
            Some(ours) => Some(*ours),
            None => self.ask(&change)?,
        };
        match ours {
            Some(true) => {
                if let Some(begun) = begun {
                    each(&Change { flow: change.flow, ..begun });
                }
                each(&change);
            }
            Some(false) => {}
            None => self.unmatched += 1 + u64::from(begun.is_some()),
        }
        match ours {
            // The number is free for the next socket.
            _ if change.to == State::Closed => {
                self.known.remove(&change.socket);
            }
            Some(ours) => {
                self.known.insert(change.socket, ours);
            }
            None => {}
        }
        Ok(())
    }

    fn ask(&mut self, change: &Change) -> Result<Option<bool>, Error> {
        let Flow { local, remote } = change.flow;
        if change.from == State::Listen && change.to == State::Closed {
            return self.stopped(local);
        }
        let ip = local.ip().to_canonical();
        let loopback = ip.is_loopback() || ip == remote.ip().to_canonical();
        if !ip.is_unspecified() && !loopback && !self.addresses.contains(ip) {
            return Ok(Some(false));
        }
        if self.lookups >= LOOKUPS {
            return Ok(None);
        }
        if self.exists(change.flow)? {
            if change.to == State::Listen {
                self.listening.insert(local);
            }
            return Ok(Some(true));
        }
        // The other end of a connection within this machine may be here still.
        if loopback && self.exists(Flow { local: remote, remote: local })? {
            return Ok(Some(true));
        }
        Ok((!loopback && !ip.is_unspecified()).then_some(true))
    }

    /// A listener ended: ours, when it was and is no more.
    fn stopped(&mut self, local: SocketAddr) -> Result<Option<bool>, Error> {
        if !self.listening.contains(&local) {
            return Ok(Some(false));
        }
        let any = SocketAddr::new(unspecified(local.ip()), 0);
        let still = self.exists(Flow { local, remote: any })?;
        if !still {
            self.listening.remove(&local);
        }
        Ok(Some(!still))
    }

    fn exists(&mut self, flow: Flow) -> Result<bool, Error> {
        self.lookups += 1;
        Ok(self.diag.lookup(&flow, Extensions::default(), |_| ())?.is_some())
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}
