//! All flows of a shard: a slab per kind (and family, for the small records) and the index over them.
//!
//! It keeps slabs and index in step and knows no protocol: what a flow does next is decided in `ingress`, `lifecycle` and
//! `calls`.

use super::small::SmallTable;
use super::{FlowKind, FlowRef};
use crate::bind::Claim;
use crate::index::{Index, Tuple, hash_tuple};
use crate::slab::Slab;
use crate::socket::cell::Cell;
use crate::wheel::TimerKey;
use lastack_observe::{Instant, State};
use lastack_tcp::{ActiveOpen, Connection, HalfOpen, TimeWait};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

type Small<R, const N: usize> = Option<super::small::Small<R, N>>;
const _: () = assert!(size_of::<Small<HalfOpen, 4>>() <= 56);
const _: () = assert!(size_of::<Small<HalfOpen, 16>>() <= 88);
const _: () = assert!(size_of::<Small<TimeWait, 4>>() <= 56);
const _: () = assert!(size_of::<Small<TimeWait, 16>>() <= 88);

/// A flow that has a socket, or had one: the engine and what the stack knows of it.
pub(crate) struct Entry<E> {
    pub(crate) engine: E,
    pub(crate) tuple: Tuple,
    /// The application's end; `None` for an orphan.
    pub(crate) cell: Option<Arc<Cell>>,
    pub(crate) claim: Claim,
    pub(crate) timer: Option<TimerKey>,
    /// The flow is on the ready list.
    pub(crate) ready: bool,
    /// The state that the census counts.
    pub(crate) state: State,
    pub(crate) since: Instant,
    /// close() waits for the peer until then (SO_LINGER).
    pub(crate) linger_until: Option<Instant>,
    /// The application has closed; what the engine does now it does for itself.
    pub(crate) orphan: bool,
    /// Pages that it is charged.
    pub(crate) pages: u32,
    /// The batch in which it last sent data.
    pub(crate) batch: u32,
    /// Before it closed, the application was told that nothing more comes.
    pub(crate) end_was_read: bool,
}

impl<E> Entry<E> {
    pub(crate) fn new(
        engine: E,
        tuple: Tuple,
        cell: Option<Arc<Cell>>,
        claim: Claim,
        state: State,
        now: Instant,
    ) -> Entry<E> {
        Entry {
            engine,
            tuple,
            cell,
            claim,
            timer: None,
            ready: false,
            state,
            since: now,
            linger_until: None,
            orphan: false,
            pages: 0,
            batch: 0,
            end_was_read: false,
        }
    }
}

/// One kind of small record, both families.
pub(crate) struct Pair<R> {
    pub(crate) v4: SmallTable<R, 4>,
    pub(crate) v6: SmallTable<R, 16>,
}

impl<R> Pair<R> {
    const fn new() -> Pair<R> {
        Pair { v4: SmallTable::new(), v6: SmallTable::new() }
    }

    pub(crate) fn get(&self, flow: FlowRef) -> Option<(&R, u16)> {
        if flow.v6() { self.v6.get(flow.slot()) } else { self.v4.get(flow.slot()) }
    }

    pub(crate) fn get_mut(&mut self, flow: FlowRef) -> Option<&mut R> {
        if flow.v6() { self.v6.get_mut(flow.slot()) } else { self.v4.get_mut(flow.slot()) }
    }

    pub(crate) fn restart(&mut self, flow: FlowRef, now: Instant, delay: Duration) {
        if flow.v6() {
            self.v6.restart(flow.slot(), now, delay)
        } else {
            self.v4.restart(flow.slot(), now, delay)
        }
    }

    pub(crate) fn deadline_of(&self, flow: FlowRef, now: Instant) -> Option<Instant> {
        if flow.v6() { self.v6.deadline_of(flow.slot(), now) } else { self.v4.deadline_of(flow.slot(), now) }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        earlier(self.v4.deadline(), self.v6.deadline())
    }

    fn tuple(&self, flow: FlowRef, addresses: &[IpAddr]) -> Option<Tuple> {
        if flow.v6() { self.v6.tuple(flow.slot(), addresses) } else { self.v4.tuple(flow.slot(), addresses) }
    }

    fn insert(&mut self, record: R, tuple: &Tuple, local: u8, tag: u16) -> Option<(bool, u32)> {
        if tuple.local.is_ipv6() {
            self.v6.insert(record, tuple, local, tag).map(|slot| (true, slot))
        } else {
            self.v4.insert(record, tuple, local, tag).map(|slot| (false, slot))
        }
    }

    fn remove(&mut self, flow: FlowRef) -> Option<(R, u16)> {
        if flow.v6() { self.v6.remove(flow.slot()) } else { self.v4.remove(flow.slot()) }
    }

    fn pop_due(&mut self, now: Instant) -> Option<(bool, u32)> {
        if let Some(slot) = self.v4.pop_due(now) {
            return Some((false, slot));
        }
        self.v6.pop_due(now).map(|slot| (true, slot))
    }

    pub(crate) fn flows(&self, kind: FlowKind) -> Vec<FlowRef> {
        let v4 = self.v4.slots().into_iter().map(|slot| FlowRef::new(kind, false, slot));
        v4.chain(self.v6.slots().into_iter().map(|slot| FlowRef::new(kind, true, slot))).collect()
    }
}

/// The earlier of two deadlines.
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The slabs.
pub(crate) struct Slabs {
    pub(crate) active: Slab<Entry<Box<ActiveOpen>>>,
    pub(crate) half: Pair<HalfOpen>,
    pub(crate) connections: Slab<Entry<Connection>>,
    pub(crate) waits: Pair<TimeWait>,
    /// Ours; small records name them by their place.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Slabs {
    pub(crate) fn tuple(&self, flow: FlowRef) -> Option<Tuple> {
        match flow.kind() {
            FlowKind::ActiveOpen => self.active.get(flow.slot()).map(|entry| entry.tuple),
            FlowKind::HalfOpen => self.half.tuple(flow, &self.addresses),
            FlowKind::Connection => self.connections.get(flow.slot()).map(|entry| entry.tuple),
            FlowKind::TimeWait => self.waits.tuple(flow, &self.addresses),
        }
    }

    fn number_of(&self, address: IpAddr) -> Option<u8> {
        let place = self.addresses.iter().position(|&ours| ours == address)?;
        u8::try_from(place).ok()
    }
}

/// See the module.
pub(crate) struct Flows {
    pub(crate) slabs: Slabs,
    index: Index,
    key: [u64; 2],
}

impl Flows {
    /// At most 256 addresses of ours: small records keep their number.
    pub(crate) fn new(addresses: Vec<IpAddr>, key: [u64; 2]) -> Flows {
        let slabs = Slabs {
            active: Slab::new(),
            half: Pair::new(),
            connections: Slab::new(),
            waits: Pair::new(),
            addresses,
        };
        Flows { slabs, index: Index::new(), key }
    }

    pub(crate) fn find(&self, tuple: &Tuple) -> Option<FlowRef> {
        let hash = hash_tuple(self.key, tuple);
        self.index.find(hash, |flow| self.slabs.tuple(flow).as_ref() == Some(tuple))
    }

    pub(crate) fn tuple(&self, flow: FlowRef) -> Option<Tuple> {
        self.slabs.tuple(flow)
    }

    pub(crate) fn insert_active(&mut self, entry: Entry<Box<ActiveOpen>>) -> FlowRef {
        let (tuple, slot) = (entry.tuple, self.slabs.active.insert(entry));
        let flow = FlowRef::new(FlowKind::ActiveOpen, false, slot);
        self.add(&tuple, flow);
        flow
    }

    /// `None` when slots run out or the local address is none of ours.
    pub(crate) fn insert_half(&mut self, record: HalfOpen, tuple: &Tuple, listener: u16) -> Option<FlowRef> {
        let local = self.slabs.number_of(tuple.local.ip())?;
        let (v6, slot) = self.slabs.half.insert(record, tuple, local, listener)?;
        let flow = FlowRef::new(FlowKind::HalfOpen, v6, slot);
        self.add(tuple, flow);
        Some(flow)
    }

    /// Replaces the flow that has the tuple now (its slot is free already), or adds it when there is none.
    pub(crate) fn insert_connection(
        &mut self,
        entry: Entry<Connection>,
        replaces: Option<FlowRef>,
    ) -> FlowRef {
        let (tuple, slot) = (entry.tuple, self.slabs.connections.insert(entry));
        let flow = FlowRef::new(FlowKind::Connection, false, slot);
        match replaces {
            Some(replaced) => self.index.replace(hash_tuple(self.key, &tuple), replaced, flow),
            None => self.add(&tuple, flow),
        }
        flow
    }

    /// Replaces a connection whose slot is free already. `None` when slots run out: the tuple is forgotten then.
    pub(crate) fn insert_wait(
        &mut self,
        record: TimeWait,
        tuple: &Tuple,
        owner: u8,
        replaces: FlowRef,
    ) -> Option<FlowRef> {
        let hash = hash_tuple(self.key, tuple);
        let placed = self
            .slabs
            .number_of(tuple.local.ip())
            .and_then(|local| self.slabs.waits.insert(record, tuple, local, u16::from(owner)));
        let Some((v6, slot)) = placed else {
            self.index.remove(hash, replaces);
            return None;
        };
        let flow = FlowRef::new(FlowKind::TimeWait, v6, slot);
        self.index.replace(hash, replaces, flow);
        Some(flow)
    }

    pub(crate) fn remove_half(&mut self, flow: FlowRef) -> Option<(HalfOpen, u16)> {
        self.forget_of(flow);
        self.slabs.half.remove(flow)
    }

    pub(crate) fn remove_wait(&mut self, flow: FlowRef) -> Option<(TimeWait, u16)> {
        self.forget_of(flow);
        self.slabs.waits.remove(flow)
    }

    /// The record leaves its slab and its tuple stays in the index, for the connection that replaces it.
    pub(crate) fn take_half(&mut self, flow: FlowRef) -> Option<(HalfOpen, u16)> {
        self.slabs.half.remove(flow)
    }

    /// The tuple belongs to nobody from now on.
    pub(crate) fn forget(&mut self, tuple: &Tuple, flow: FlowRef) {
        self.index.remove(hash_tuple(self.key, tuple), flow);
    }

    pub(crate) fn pop_due_half(&mut self, now: Instant) -> Option<FlowRef> {
        let (v6, slot) = self.slabs.half.pop_due(now)?;
        Some(FlowRef::new(FlowKind::HalfOpen, v6, slot))
    }

    pub(crate) fn pop_due_wait(&mut self, now: Instant) -> Option<FlowRef> {
        let (v6, slot) = self.slabs.waits.pop_due(now)?;
        Some(FlowRef::new(FlowKind::TimeWait, v6, slot))
    }

    fn forget_of(&mut self, flow: FlowRef) {
        if let Some(tuple) = self.slabs.tuple(flow) {
            self.forget(&tuple, flow);
        }
    }

    fn add(&mut self, tuple: &Tuple, flow: FlowRef) {
        let Flows { slabs, index, key } = self;
        let rehash = |other| slabs.tuple(other).map_or(0, |tuple| hash_tuple(*key, &tuple));
        index.insert(hash_tuple(*key, tuple), flow, rehash);
    }
}
