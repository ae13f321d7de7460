//! Half-open requests and TIME_WAITs of one family: small records, each with its tuple, its timer and nothing else.
//!
//! Theory of operation: few different delays are ever used (60 s, or the steps of a SYN-ACK), so every delay has a
//! list in the order of its deadlines: starting a timer is appending, firing is taking the head. The list runs through
//! the records. To stay small a record keeps the low 48 bits of its deadline (78 hours; no delay is near that), 24-bit
//! links, and the number of our address. Deadlines stay exact to the nanosecond.

use crate::index::Tuple;
use crate::slab::Slab;
use lastack_observe::Instant;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::time::Duration;

const NIL: u32 = (1 << 24) - 1;
const LISTS_MAX: usize = 250;
/// Marks a record whose timer fired and was not started again.
const IDLE: NonZeroU8 = NonZeroU8::MAX;
const DEADLINE_BITS: u32 = 48;

pub(crate) struct Small<R, const N: usize> {
    record: R,
    remote: [u8; N],
    local_port: [u8; 2],
    remote_port: [u8; 2],
    prev: [u8; 3],
    next: [u8; 3],
    deadline: [u8; 6],
    list: NonZeroU8,
    local: u8,
    tag: [u8; 2],
}

struct DelayList {
    delay: Duration,
    head: u32,
    tail: u32,
    head_deadline: Instant,
    tail_deadline: Instant,
}

/// See the module. `N` is the length of an address in octets.
pub(crate) struct SmallTable<R, const N: usize> {
    slab: Slab<Small<R, N>>,
    lists: Vec<DelayList>,
}

impl<R, const N: usize> SmallTable<R, N> {
    pub(crate) const fn new() -> SmallTable<R, N> {
        SmallTable { slab: Slab::new(), lists: Vec::new() }
    }

    /// `None` when slot numbers run out. `tag` is the caller's.
    pub(crate) fn insert(&mut self, record: R, tuple: &Tuple, local: u8, tag: u16) -> Option<u32> {
        if self.slab.len() >= NIL {
            return None;
        }
        Some(self.slab.insert(Small {
            record,
            remote: octets(tuple.remote.ip()),
            local_port: tuple.local.port().to_be_bytes(),
            remote_port: tuple.remote.port().to_be_bytes(),
            prev: pack(NIL),
            next: pack(NIL),
            deadline: [0; 6],
            list: IDLE,
            local,
            tag: tag.to_be_bytes(),
        }))
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<(R, u16)> {
        self.unlink(slot);
        self.slab.remove(slot).map(|entry| (entry.record, u16::from_be_bytes(entry.tag)))
    }

    pub(crate) fn get(&self, slot: u32) -> Option<(&R, u16)> {
        self.slab.get(slot).map(|entry| (&entry.record, u16::from_be_bytes(entry.tag)))
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut R> {
        self.slab.get_mut(slot).map(|entry| &mut entry.record)
    }

    pub(crate) fn tuple(&self, slot: u32, addresses: &[IpAddr]) -> Option<Tuple> {
        let entry = self.slab.get(slot)?;
        let local = *addresses.get(usize::from(entry.local))?;
        Some(Tuple {
            local: SocketAddr::new(local, u16::from_be_bytes(entry.local_port)),
            remote: SocketAddr::new(address(entry.remote), u16::from_be_bytes(entry.remote_port)),
        })
    }

    pub(crate) fn next_used(&self, slot: u32, chunks_max: usize) -> Result<Option<u32>, u32> {
        self.slab.next_used(slot, chunks_max)
    }

    pub(crate) fn slots(&self) -> Vec<u32> {
        self.slab.slots()
    }

    /// When the record's timer fires, as seen at `now`.
    pub(crate) fn deadline_of(&self, slot: u32, now: Instant) -> Option<Instant> {
        let entry = self.slab.get(slot).filter(|entry| entry.list != IDLE)?;
        Some(whole(entry.deadline, now))
    }

    /// The earliest deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lists.iter().filter(|list| list.head != NIL).map(|list| list.head_deadline).min()
    }

    /// Starts a record's timer anew.
    pub(crate) fn restart(&mut self, slot: u32, now: Instant, delay: Duration) {
        self.unlink(slot);
        let number = self.list_for(delay);
        let list = &mut self.lists[number];
        let mut deadline = now + list.delay;
        if list.head == NIL {
            (list.head, list.head_deadline) = (slot, deadline);
        } else {
            // A clock that goes back must not disturb the order.
            deadline = deadline.max(list.tail_deadline);
        }
        let tail = std::mem::replace(&mut list.tail, slot);
        list.tail_deadline = deadline;
        if let Some(entry) = self.slab.get_mut(slot) {
            let [_, _, low @ ..] = deadline.0.to_be_bytes();
            entry.deadline = low;
            entry.list = NonZeroU8::new(number as u8 + 1).unwrap_or(IDLE);
            entry.prev = pack(tail);
            entry.next = pack(NIL);
        }
        if let Some(before) = self.slab.get_mut(tail) {
            before.next = pack(slot);
        }
    }

    /// A record whose timer fired, the earliest first. Its timer is off: remove it or start it anew.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let due = self.lists.iter().filter(|list| list.head != NIL && list.head_deadline <= now);
        let slot = due.min_by_key(|list| list.head_deadline)?.head;
        self.unlink(slot);
        Some(slot)
    }

    fn list_for(&mut self, delay: Duration) -> usize {
        if let Some(number) = self.lists.iter().position(|list| list.delay == delay) {
            return number;
        }
        if let Some(number) = self.lists.iter().position(|list| list.head == NIL) {
            self.lists[number].delay = delay;
            return number;
        }
        if self.lists.len() < LISTS_MAX {
            let at = Instant::ZERO;
            self.lists.push(DelayList { delay, head: NIL, tail: NIL, head_deadline: at, tail_deadline: at });
            return self.lists.len() - 1;
        }
        // More delays at once than any setting of the knobs gives: the next longer one, else the longest, serves.
        let longer = (0..self.lists.len()).filter(|&number| self.lists[number].delay > delay);
        let next = longer.min_by_key(|&number| self.lists[number].delay);
        next.unwrap_or_else(|| (0..self.lists.len()).max_by_key(|&n| self.lists[n].delay).unwrap_or(0))
    }

    fn unlink(&mut self, slot: u32) {
        let Some(entry) = self.slab.get_mut(slot) else { return };
        let number = std::mem::replace(&mut entry.list, IDLE);
        if number == IDLE {
            return;
        }
        let (prev, next) = (unpack(entry.prev), unpack(entry.next));
        let list = &mut self.lists[usize::from(number.get()) - 1];
        if prev == NIL {
            list.head = next;
            if let Some(after) = self.slab.get(next) {
                list.head_deadline = whole(after.deadline, list.head_deadline);
            }
        }
        if next == NIL {
            list.tail = prev;
            if let Some(before) = self.slab.get(prev) {
                list.tail_deadline = whole(before.deadline, list.tail_deadline);
            }
        }
        if let Some(before) = self.slab.get_mut(prev) {
            before.next = pack(next);
        }
        if let Some(after) = self.slab.get_mut(next) {
            after.prev = pack(prev);
        }
    }
}

fn octets<const N: usize>(ip: IpAddr) -> [u8; N] {
    let mut octets = [0; N];
    match ip {
        IpAddr::V4(ip) => octets.copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => octets.copy_from_slice(&ip.octets()),
    }
    octets
}

fn address<const N: usize>(octets: [u8; N]) -> IpAddr {
    let mut wide = [0; 16];
    wide[..N].copy_from_slice(&octets);
    match wide {
        [a, b, c, d, ..] if N == 4 => IpAddr::from([a, b, c, d]),
        wide => IpAddr::from(wide),
    }
}

fn pack(link: u32) -> [u8; 3] {
    let [_, low @ ..] = link.to_be_bytes();
    low
}

fn unpack([a, b, c]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

/// The instant nearest to `near` whose low 48 bits are these.
fn whole(low: [u8; 6], near: Instant) -> Instant {
    let [a, b, c, d, e, f] = low;
    let low = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let ahead = low.wrapping_sub(near.0) << (64 - DEADLINE_BITS);
    // Sign extension: the nearest lies at most half a turn ahead or behind.
    let distance = (ahead as i64) >> (64 - DEADLINE_BITS);
    Instant(near.0.wrapping_add_signed(distance))
}

#[cfg(test)]
mod tests;
