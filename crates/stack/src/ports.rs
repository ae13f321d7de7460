//! The local port of connect(): RFC 6056 section 3.3.4 (algorithm 4, double hash) as Linux does it.
//!
//! A keyed hash of both addresses and the destination port gives each destination its own place in the range; a table of
//! counters, chosen by the same hash, moves on with every port that was taken. Nobody outside can guess the next port,
//! yet one destination sees ports come back as late as possible. Even distances from the start of the range are taken
//! first, odd ones when those are used up: bind() to port 0 does the opposite, so both rarely meet.
//! Not here: which ports are free (the caller asks the table and `bind`).

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use rand_core::Rng;
use siphasher::sip::SipHasher24;

use crate::bind::scan;

/// Counters; as many as Linux has. With fewer, the steps of one destination tell of connections to another.
const COUNTERS: usize = 1 << 16;

/// The chooser of one stack.
#[derive(Debug)]
pub(crate) struct Ports {
    key: [u64; 2],
    counters: Vec<u32>,
}

impl Ports {
    /// A chooser whose choices depend on a secret.
    pub(crate) fn new(key: [u64; 2]) -> Ports {
        Ports { key, counters: vec![0; COUNTERS] }
    }

    /// A port of `range` (both ends included) for a connection from `source` to `destination`.
    ///
    /// `replies_hash_home` says whether what the peer sends to that port reaches this shard; `is_free` whether the
    /// four-tuple is free and the port not bound otherwise. Each port of the range is looked at once at most; `None`:
    /// EADDRNOTAVAIL.
    pub(crate) fn choose(
        &mut self,
        source: IpAddr,
        destination: SocketAddr,
        range: [u16; 2],
        rng: &mut dyn Rng,
        mut replies_hash_home: impl FnMut(u16) -> bool,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let hash = self.hash(source, destination);
        let counter = &mut self.counters[hash as usize % COUNTERS];
        let offset = counter.wrapping_add((hash >> 32) as u32);
        let mut looked_at = 0_u32;
        let (low, end) = (u32::from(range[0]), u32::from(range[1]) + 1);
        let port = scan(low, end, 0, offset, |port| {
            looked_at += 1;
            replies_hash_home(port) && is_free(port)
        })?;
        // Linux moves on by what it searched, and by up to seven steps more than one, so that the next port cannot be
        // told from the last.
        let searched = looked_at - 1;
        let steps = searched.max(rng.next_u32() % 8) + 1;
        *counter = counter.wrapping_add(2 * steps);
        Some(port)
    }

    fn hash(&self, source: IpAddr, destination: SocketAddr) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.key[0], self.key[1]);
        for address in [source, destination.ip()] {
            match address {
                IpAddr::V4(address) => hasher.write(&address.octets()),
                IpAddr::V6(address) => hasher.write(&address.octets()),
            }
        }
        hasher.write_u16(destination.port());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests;
