//! What routers said of the way to each peer: the largest packet that it takes (RFC 1191 section 6.2, RFC 8201 section 5.2). Linux's
//! route exceptions. Bounded; what expires first gives way. Shards learn for themselves.
//!
//! Not here: whether a message is to be believed; the flow that it quotes says so.

use lastack_observe::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// How long a router is believed (Linux's `mtu_expires`; RFC 1191 section 6.3 asks for ten minutes).
const MEMORY: Duration = Duration::from_secs(600);
/// Peers at a time.
const PEERS_MAX: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    peers: BTreeMap<IpAddr, (u16, Instant)>,
    /// The same, by when they are forgotten.
    order: BTreeSet<(Instant, IpAddr)>,
}

impl Paths {
    /// A router on the way to this peer takes no packet above `mtu`. A wider one than is known changes nothing.
    pub(crate) fn learn(&mut self, peer: IpAddr, mtu: u16, now: Instant) {
        if self.mtu_to(peer, now).is_some_and(|known| known < mtu) {
            return;
        }
        if self.peers.len() >= PEERS_MAX
            && !self.peers.contains_key(&peer)
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.peers.remove(&oldest);
        }
        let until = now + MEMORY;
        if let Some((_, before)) = self.peers.insert(peer, (mtu, until)) {
            self.order.remove(&(before, peer));
        }
        self.order.insert((until, peer));
    }

    /// The largest packet that the way to a peer is known to take.
    pub(crate) fn mtu_to(&self, peer: IpAddr, now: Instant) -> Option<u16> {
        self.peers.get(&peer).filter(|(_, until)| now < *until).map(|(mtu, _)| *mtu)
    }
}

#[cfg(test)]
mod tests;
