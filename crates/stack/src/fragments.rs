//! Putting fragments together again: IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5).
//!
//! A packet that is whole leaves as a new frame without fragment marks and goes through ingress once more. Everything is
//! bounded: packets, pieces of one packet, octets of memory that pieces keep alive, and time. When a bound is reached
//! the oldest packet gives way. Pieces that overlap drop their packet: RFC 5722 wants that for IPv6, and Linux does it
//! for IPv4, too (since 4.20). The same piece twice is no overlap.
//! Not here: cutting packets up, and joining the ECN marks of pieces (RFC 3168 section 5.3): the first piece's count.

mod waiting;

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use lastack_observe::event::DropReason;
use lastack_observe::{Counter, Counters, Instant};
use lastack_wire::packet::{Fragment, Parsed};
use lastack_wire::{Frame, Protocol};
use siphasher::sip::SipHasher13;

use crate::slab::Slab;
use waiting::{Piece, Trouble, Waiting};

/// Packets that wait at once, of both families.
const PACKETS_MAX: u32 = 1024;
/// Octets of a packet's payload, and of an IPv4 packet with its header.
const OCTETS_MAX: usize = 65_535;
/// Linux's `ipfrag_time` and `ip6frag_time`.
const TIMEOUTS: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];

/// What became of one fragment.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was the last that was missing: here is the packet.
    Whole(Frame),
    /// It waits for others, or was there before.
    Waits,
    /// It, or its whole packet, was dropped.
    Dropped(DropReason),
}

/// Which packet a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    /// IPv4 only: in IPv6 the first fragment alone knows it.
    protocol: Option<u8>,
    ident: u32,
}

impl Key {
    fn new(parsed: &Parsed, fragment: Fragment) -> Key {
        Key {
            source: parsed.source,
            destination: parsed.destination,
            protocol: parsed.source.is_ipv4().then_some(parsed.protocol.0),
            ident: fragment.ident,
        }
    }

    fn family(&self) -> Family {
        if self.source.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// Counters for: requests, packets made whole, failures, timeouts.
    const fn counters(self) -> [Counter; 4] {
        match self {
            Family::V4 => {
                [Counter::IpReasmReqds, Counter::IpReasmOKs, Counter::IpReasmFails, Counter::IpReasmTimeout]
            }
            Family::V6 => [
                Counter::Ip6ReasmReqds,
                Counter::Ip6ReasmOKs,
                Counter::Ip6ReasmFails,
                Counter::Ip6ReasmTimeout,
            ],
        }
    }
}

/// A hash that a flood cannot aim at.
#[derive(Clone, Debug)]
struct Keyed([u64; 2]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0[0], self.0[1])
    }
}

/// The ends of a list in order of arrival; the links are in `Waiting`.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    oldest: Option<u32>,
    youngest: Option<u32>,
}

/// All fragments of one stack.
pub(crate) struct Fragments {
    index: HashMap<Key, u32, Keyed>,
    packets: Slab<Waiting>,
    /// One list per family, because all packets on one list time out in order.
    orders: [Order; 2],
    /// Octets of memory charged, and their bound.
    charged: usize,
    charged_max: usize,
}

impl Fragments {
    /// An empty table; `octets_max` bounds the memory that pieces keep alive.
    pub(crate) fn new(key: [u64; 2], octets_max: usize) -> Fragments {
        Fragments {
            index: HashMap::with_hasher(Keyed(key)),
            packets: Slab::new(),
            orders: [Order::default(); 2],
            charged: 0,
            charged_max: octets_max,
        }
    }

    /// Takes a fragment. A frame that is none is whole as it is.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        frame: &Frame,
        parsed: &Parsed,
        counters: &mut Counters,
    ) -> Verdict {
        let Some(fragment) = parsed.fragment else { return Verdict::Whole(frame.clone()) };
        let key = Key::new(parsed, fragment);
        let [requests, wholes, failures, _] = key.family().counters();
        counters.bump(requests);
        if !is_well_formed(parsed, fragment, key.family()) {
            counters.bump(failures);
            return Verdict::Dropped(DropReason::Malformed);
        }
        let slot = self.find_or_begin(now, key, counters);
        let Some(packet) = self.packets.get_mut(slot) else {
            return Verdict::Dropped(DropReason::FragmentLimit);
        };
        let before = packet.charge();
        let placed = packet.place(Piece::new(frame, parsed, fragment), fragment.more);
        self.charged = self.charged + packet.charge() - before;
        match placed {
            Err(Trouble::Duplicate) => return Verdict::Waits,
            Err(Trouble::Refused) => return Verdict::Dropped(DropReason::FragmentOverlap),
            Err(trouble) => {
                counters.bump(failures);
                if key.family() == Family::V4 && trouble == Trouble::Overlap {
                    counters.bump(Counter::IpReasmOverlaps);
                }
                self.give_up(slot, key.family());
                return Verdict::Dropped(trouble.reason());
            }
            Ok(false) => {
                self.make_room(counters);
                let kept = self.index.contains_key(&key);
                return if kept { Verdict::Waits } else { Verdict::Dropped(DropReason::FragmentLimit) };
            }
            Ok(true) => {}
        }
        match self.remove(slot).and_then(|packet| packet.assemble()) {
            Some(whole) => {
                counters.bump(wholes);
                Verdict::Whole(whole)
            }
            None => {
                counters.bump(failures);
                Verdict::Dropped(DropReason::Malformed)
            }
        }
    }

    /// When the next packet runs out of time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [Family::V4, Family::V6]
            .into_iter()
            .filter_map(|family| self.oldest_of(family))
            .map(|(_, at)| at)
            .min()
    }

    /// Drops packets that ran out of time, at most as many as there can be. `report` gets the first fragment of each, as it
    /// came: its sender is to be told (ICMP time exceeded, code 1), and only if that fragment is here (RFC 1122 section
    /// 3.3.2, RFC 8200 section 4.5).
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        counters: &mut Counters,
        report: &mut dyn FnMut(Bytes),
    ) {
        for family in [Family::V4, Family::V6] {
            while let Some((slot, _)) = self.oldest_of(family).filter(|&(_, at)| at <= now) {
                let Some(packet) = self.remove(slot) else { return };
                if packet.is_poisoned() {
                    continue;
                }
                let [_, _, failures, timeouts] = family.counters();
                counters.bump(failures);
                counters.bump(timeouts);
                packet.first_fragment().into_iter().for_each(&mut *report);
            }
        }
    }

    fn oldest_of(&self, family: Family) -> Option<(u32, Instant)> {
        let slot = self.orders[family as usize].oldest?;
        Some((slot, self.packets.get(slot)?.began + TIMEOUTS[family as usize]))
    }

    fn find_or_begin(&mut self, now: Instant, key: Key, counters: &mut Counters) -> u32 {
        if let Some(&slot) = self.index.get(&key) {
            return slot;
        }
        if self.packets.len() >= PACKETS_MAX {
            self.drop_oldest(counters);
        }
        let order = &mut self.orders[key.family() as usize];
        let packet = Waiting::new(key, now, order.youngest);
        self.charged += packet.charge();
        let slot = self.packets.insert(packet);
        match order.youngest.replace(slot) {
            Some(older) => {
                if let Some(older) = self.packets.get_mut(older) {
                    older.younger = Some(slot);
                }
            }
            None => order.oldest = Some(slot),
        }
        self.index.insert(key, slot);
        slot
    }

    /// Pieces that contradict each other: an IPv6 packet stays as a mark that refuses the rest of its pieces until its time
    /// is over (RFC 5722 section 4). In IPv4 the identification is too short for that: it comes round within the time.
    fn give_up(&mut self, slot: u32, family: Family) {
        match self.packets.get_mut(slot) {
            Some(packet) if family == Family::V6 => {
                let before = packet.charge();
                packet.poison();
                self.charged = self.charged + packet.charge() - before;
            }
            _ => {
                self.remove(slot);
            }
        }
    }

    fn make_room(&mut self, counters: &mut Counters) {
        while self.charged > self.charged_max && self.packets.len() > 0 {
            self.drop_oldest(counters);
        }
    }

    fn drop_oldest(&mut self, counters: &mut Counters) {
        let began = |slot: u32| self.packets.get(slot).map(|packet| packet.began);
        let candidates = [Family::V4, Family::V6].into_iter().filter_map(|family| {
            let slot = self.orders[family as usize].oldest?;
            Some((began(slot)?, slot, family))
        });
        let Some((_, slot, family)) = candidates.min_by_key(|&(began, _, _)| began) else { return };
        if self.remove(slot).is_some_and(|packet| !packet.is_poisoned()) {
            counters.bump(family.counters()[2]);
        }
    }

    fn remove(&mut self, slot: u32) -> Option<Waiting> {
        let packet = self.packets.remove(slot)?;
        self.charged -= packet.charge();
        self.index.remove(&packet.key);
        let order = &mut self.orders[packet.key.family() as usize];
        match packet.older {
            Some(older) => {
                if let Some(older) = self.packets.get_mut(older) {
                    older.younger = packet.younger;
                }
            }
            None => order.oldest = packet.younger,
        }
        match packet.younger {
            Some(younger) => {
                if let Some(younger) = self.packets.get_mut(younger) {
                    younger.older = packet.older;
                }
            }
            None => order.youngest = packet.older,
        }
        Some(packet)
    }
}

/// A piece has octets, ends at a multiple of 8 unless it is the last, and lies in a packet that can be. What an IPv6
/// fragment header names as next must come behind one (RFC 8200 section 4.1), or fragments could be nested.
fn is_well_formed(parsed: &Parsed, fragment: Fragment, family: Family) -> bool {
    let len = parsed.payload.len();
    let header_len = if family == Family::V4 { parsed.payload.start } else { 0 };
    let nested = family == Family::V6
        && fragment.offset == 0
        && matches!(parsed.protocol, Protocol::HOP_BY_HOP | Protocol::FRAGMENT);
    len > 0
        && (!fragment.more || len.is_multiple_of(8))
        && header_len + usize::from(fragment.offset) + len <= OCTETS_MAX
        && !nested
}

#[cfg(test)]
mod tests;
