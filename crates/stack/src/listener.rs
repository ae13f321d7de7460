//! Listeners: which one a segment is for, and how full its two queues are.
//!
//! The accept queue itself lies in the listener's socket cell; half-open requests lie in the table of flows. Both are
//! limited by `min(backlog, somaxconn)` and admit one more than that, as Linux's do (TIMELINES T09c, T20).

use crate::ShardId;
use crate::bind::Claim;
use crate::fast_open::queue::FastOpenQueue;
use crate::slab::Slab;
use crate::socket::cell::Cell;
use hashbrown::HashMap;
use lastack_observe::Instant;
use lastack_tcp::knobs::SocketOptions;
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;
use std::hash::BuildHasherDefault;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Only local applications add keys, so the hash needs no secret.
type Fixed = BuildHasherDefault<SipHasher13>;

/// Numbers must fit in a half-open record.
const LISTENERS_MAX: u32 = u16::MAX as u32;

/// One listener.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) cell: Arc<Cell>,
    pub(crate) address: SocketAddr,
    /// Its hold on the port.
    pub(crate) claim: Claim,
    /// The shard whose socket it is; the others have copies.
    pub(crate) home: ShardId,
    pub(crate) v6only: bool,
    /// What listen() was called with.
    pub(crate) backlog: u32,
    pub(crate) options: SocketOptions,
    /// Requests in SYN_RECV.
    pub(crate) half_open: u32,
    /// Those of them whose timer has not fired yet.
    pub(crate) young: u32,
    /// When it last answered with a cookie.
    pub(crate) overflowed: Option<Instant>,
    /// Connections that Fast Open made and that wait for their proof.
    pub(crate) fast_opens: FastOpenQueue,
    /// The first overflow was reported.
    pub(crate) flood_told: bool,
    /// close() was called; the number stays taken until its last request is gone.
    pub(crate) closed: bool,
}

impl Listener {
    pub(crate) fn limit(&self, somaxconn: u32) -> usize {
        self.backlog.min(somaxconn) as usize
    }

    /// Room for one more request? Linux tests with ">": `limit + 1` are admitted.
    pub(crate) fn half_open_is_full(&self, somaxconn: u32) -> bool {
        self.half_open as usize > self.limit(somaxconn)
    }

    /// The same test for connections that wait for accept().
    pub(crate) fn accept_is_full(&self, somaxconn: u32) -> bool {
        let inner = self.cell.lock();
        inner.accept_queue.len() + inner.accept_reserved > self.limit(somaxconn)
    }

    /// With `tcp_syncookies = 0`, no more than three quarters of `tcp_max_syn_backlog` and one go to peers that have not
    /// proved themselves (TIMELINES T20); lastack remembers no peer.
    pub(crate) fn spares_the_rest(&self, max_syn_backlog: i32) -> bool {
        i64::from(max_syn_backlog) - i64::from(self.half_open) < i64::from(max_syn_backlog >> 2)
    }

    /// SYN-ACK retransmissions that a request whose timer fires may have. While the queue is more than half full and most
    /// requests are old, they are given up sooner (TIMELINES T36).
    pub(crate) fn patience(&self, retries: u8, somaxconn: u32) -> u8 {
        let queued = u64::from(self.half_open);
        if queued * 2 <= (self.limit(somaxconn) as u64).max(8) {
            return retries;
        }
        let (mut retries, mut young) = (retries, u64::from(self.young) * 2);
        while retries > 2 && queued >= young {
            retries -= 1;
            young *= 2;
        }
        retries
    }

    fn accepts_ipv4(&self) -> bool {
        self.address.is_ipv4() || !self.v6only
    }
}

/// All listeners of a shard.
pub(crate) struct Listeners {
    slab: Slab<Listener>,
    by_address: HashMap<(IpAddr, u16), SmallVec<[u16; 2]>, Fixed>,
}

impl Listeners {
    pub(crate) fn new() -> Listeners {
        Listeners { slab: Slab::new(), by_address: HashMap::default() }
    }

    /// `None` when there are too many.
    pub(crate) fn insert(&mut self, listener: Listener) -> Option<u16> {
        if self.slab.len() >= LISTENERS_MAX {
            return None;
        }
        let key = (listener.address.ip(), listener.address.port());
        let number = self.slab.insert(listener) as u16;
        self.by_address.entry(key).or_default().push(number);
        Some(number)
    }

    pub(crate) fn get(&self, number: u16) -> Option<&Listener> {
        self.slab.get(u32::from(number))
    }

    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Listener> {
        self.slab.get_mut(u32::from(number))
    }

    /// Stops listening. Its requests find it closed.
    pub(crate) fn close(&mut self, number: u16) {
        let Some(listener) = self.slab.get_mut(u32::from(number)) else { return };
        listener.closed = true;
        let key = (listener.address.ip(), listener.address.port());
        if let Some(numbers) = self.by_address.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_address.remove(&key);
            }
        }
        self.drop_unused(number);
    }

    /// One young request less: its timer fired, or it is gone.
    pub(crate) fn leave_young(&mut self, number: u16) {
        if let Some(listener) = self.slab.get_mut(u32::from(number)) {
            debug_assert!(listener.young > 0);
            listener.young = listener.young.saturating_sub(1);
        }
    }

    /// One request less.
    pub(crate) fn leave_half_open(&mut self, number: u16) {
        if let Some(listener) = self.slab.get_mut(u32::from(number)) {
            debug_assert!(listener.half_open > listener.young);
            listener.half_open = listener.half_open.saturating_sub(1);
            self.drop_unused(number);
        }
    }

    fn drop_unused(&mut self, number: u16) {
        if self.get(number).is_some_and(|listener| listener.closed && listener.half_open == 0) {
            self.slab.remove(u32::from(number));
        }
    }

    /// The listener for a segment to `local`: one bound to the very address before one bound to the wildcard, one of
    /// the same family before a dual one. Among several with SO_REUSEPORT the flow's hash chooses.
    pub(crate) fn find(&self, local: SocketAddr, hash: u64) -> Option<u16> {
        let choose = |ip: IpAddr| {
            let numbers = self.by_address.get(&(ip, local.port()))?;
            // The lower half chose the shard already.
            numbers.get((hash >> 32) as usize % numbers.len().max(1)).copied()
        };
        choose(local.ip()).or_else(|| match local.ip() {
            IpAddr::V6(_) => choose(Ipv6Addr::UNSPECIFIED.into()),
            IpAddr::V4(_) => choose(Ipv4Addr::UNSPECIFIED.into()).or_else(|| {
                let numbers = self.by_address.get(&(Ipv6Addr::UNSPECIFIED.into(), local.port()))?;
                numbers.iter().copied().find(|&n| self.get(n).is_some_and(Listener::accepts_ipv4))
            }),
        })
    }

    pub(crate) fn by_cell(&self, cell: &Arc<Cell>) -> Option<u16> {
        self.numbers()
            .into_iter()
            .find(|&n| self.get(n).is_some_and(|listener| Arc::ptr_eq(&listener.cell, cell)))
    }

    pub(crate) fn numbers(&self) -> Vec<u16> {
        self.slab.slots().into_iter().map(|slot| slot as u16).collect()
    }

    pub(crate) fn next_used(&self, slot: u32, chunks_max: usize) -> Result<Option<u32>, u32> {
        self.slab.next_used(slot, chunks_max)
    }
}

/// An address as a socket of a family shows it: an IPv6 socket shows IPv4 peers as mapped addresses.
pub(crate) fn shown_to(v6: bool, address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        address => address,
    }
}

/// An address as the wire has it: a mapped one is IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
