//! From a four-tuple to its flow: a keyed hash table that grows without a stall.
//!
//! Theory of operation: two tables. When the newer is full, a larger one takes its place and the full one becomes the
//! older; each later insertion moves what lies in a few buckets of the older one. Growth is sized so that the
//! older is empty before the newer is full. The table never rehashes in place: deleted places that pile up count as full.

use crate::flows::FlowRef;
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

const FIRST_CAPACITY: usize = 112;
const BUCKETS_PER_INSERT: usize = 16;

/// The key of a flow.
pub(crate) type Tuple = lastack_observe::Flow;

/// A hash of the pair under a key that nobody outside knows.
pub(crate) fn hash_tuple(key: [u64; 2], tuple: &Tuple) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    hash_end(&mut hasher, tuple.local);
    hash_end(&mut hasher, tuple.remote);
    hasher.finish()
}

fn hash_end(hasher: &mut SipHasher13, end: SocketAddr) {
    match end.ip() {
        IpAddr::V4(ip) => hasher.write_u32(ip.to_bits()),
        IpAddr::V6(ip) => hasher.write_u128(ip.to_bits()),
    }
    hasher.write_u16(end.port());
}

/// See the module. Equality and rehashing are the caller's, who owns the slabs.
pub(crate) struct Index {
    newer: HashTable<FlowRef>,
    older: HashTable<FlowRef>,
    next_bucket: usize,
}

impl Index {
    pub(crate) fn new() -> Index {
        Index { newer: HashTable::with_capacity(FIRST_CAPACITY), older: HashTable::new(), next_bucket: 0 }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }

    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(FlowRef) -> bool) -> Option<FlowRef> {
        if let Some(&flow) = self.newer.find(hash, |&flow| is_it(flow)) {
            return Some(flow);
        }
        if self.older.is_empty() {
            return None;
        }
        self.older.find(hash, |&flow| is_it(flow)).copied()
    }

    /// The flow must not be in the index.
    pub(crate) fn insert(&mut self, hash: u64, flow: FlowRef, rehash: impl Fn(FlowRef) -> u64) {
        if self.newer.len() == self.newer.capacity() {
            self.grow(&rehash);
        }
        self.newer.insert_unique(hash, flow, |&other| rehash(other));
        self.move_some(BUCKETS_PER_INSERT, &rehash);
    }

    /// The same tuple is another kind of flow now.
    pub(crate) fn replace(&mut self, hash: u64, from: FlowRef, to: FlowRef) {
        let found = match self.newer.find_mut(hash, |&flow| flow == from) {
            Some(found) => Some(found),
            None => self.older.find_mut(hash, |&flow| flow == from),
        };
        debug_assert!(found.is_some(), "{from:?} is not in the index");
        if let Some(found) = found {
            *found = to;
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, flow: FlowRef) {
        for table in [&mut self.newer, &mut self.older] {
            if let Ok(entry) = table.find_entry(hash, |&other| other == flow) {
                entry.remove();
                return;
            }
        }
        debug_assert!(false, "{flow:?} is not in the index");
    }

    fn grow(&mut self, rehash: &impl Fn(FlowRef) -> u64) {
        self.move_some(usize::MAX, rehash);
        let capacity = (self.newer.len() * 2).max(self.newer.num_buckets() / 2).max(FIRST_CAPACITY);
        self.older = std::mem::replace(&mut self.newer, HashTable::with_capacity(capacity));
        self.next_bucket = 0;
    }

    fn move_some(&mut self, buckets: usize, rehash: &impl Fn(FlowRef) -> u64) {
        let end = self.next_bucket.saturating_add(buckets).min(self.older.num_buckets());
        while self.next_bucket < end && !self.older.is_empty() {
            if let Ok(entry) = self.older.get_bucket_entry(self.next_bucket) {
                let (flow, _) = entry.remove();
                self.newer.insert_unique(rehash(flow), flow, |&other| rehash(other));
            }
            self.next_bucket += 1;
        }
        if self.older.is_empty() && self.older.num_buckets() > 0 {
            self.older = HashTable::new();
        }
    }
}

#[cfg(test)]
mod tests;
