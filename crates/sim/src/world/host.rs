//! A machine of the world: one stack of one or more shards, and what an observer sees of it.

use super::dice::Dice;
use crate::octets::cut;
use bytes::Bytes;
use lastack_observe::{Counter, Event, EventKind, Instant, SocketRow, State};
use lastack_stack::{Budget, Config, Cursor, Secrets, Shard, Sockets, Stack};
use lastack_tcp::state;
use lastack_wire::Frame;
use std::net::IpAddr;
use std::sync::Arc;

/// Which edges of the state tables were crossed, by their place in the list of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges([u64; 4]);

impl Edges {
    fn cross(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    /// Adds what another world crossed.
    pub fn merge(&mut self, other: &Edges) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// Edges that were never crossed.
    pub fn missing(&self) -> impl Iterator<Item = &'static state::Edge> + '_ {
        state::EDGES.iter().enumerate().filter(|(index, _)| !self.is_crossed(*index)).map(|(_, edge)| edge)
    }

    /// True when the edge at this place of the list of all was crossed.
    pub fn is_crossed(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    /// How many were crossed.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// One machine.
pub(crate) struct Host {
    /// Its IPv4 and its IPv6 address.
    pub(crate) addresses: [IpAddr; 2],
    shards: Vec<Stack>,
    /// Nothing goes in or out any more.
    pub(crate) dead: bool,
}

impl Host {
    /// A machine with its own secrets.
    pub(crate) fn new(mut config: Config, addresses: [IpAddr; 2], shards: u16, dice: &mut Dice) -> Host {
        config.addresses = vec![(addresses[0], 16), (addresses[1], 64)];
        config.limits.events = 4096;
        let secrets = Secrets::from_rng(dice.rng());
        let budget = Arc::new(Budget::new());
        let shards = (0..shards)
            .map(|index| {
                let shard = Shard { index, count: shards };
                Stack::with_budget(Config { shard, ..config.clone() }, secrets.clone(), budget.clone())
            })
            .collect();
        Host { addresses, shards, dead: false }
    }

    /// The maker of sockets of one of its shards.
    pub(crate) fn sockets(&self, dice: &mut Dice) -> Sockets {
        self.shards[dice.below(self.shards.len() as u64) as usize].sockets()
    }

    /// A packet arrives, at whichever shard's queue.
    pub(crate) fn deliver(&mut self, now: Instant, dice: &mut Dice, octets: Bytes) {
        if self.dead {
            return;
        }
        let shard = dice.below(self.shards.len() as u64) as usize;
        self.shards[shard].handle_frame(now, dice.rng(), Frame::plain(octets));
    }

    /// When one of its timers is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.shards.iter().filter_map(Stack::deadline).min()
    }

    /// Fires what is due.
    pub(crate) fn fire(&mut self, now: Instant, dice: &mut Dice) {
        for shard in &mut self.shards {
            if shard.deadline().is_some_and(|at| at <= now) {
                shard.handle_timeout(now, dice.rng());
            }
        }
    }

    /// One turn of every shard's driver; packets go to `sink`. True when something moved.
    pub(crate) fn turn(&mut self, now: Instant, dice: &mut Dice, sink: &mut dyn FnMut(Bytes)) -> bool {
        let mut moved = false;
        for index in 0..self.shards.len() {
            let shard = &mut self.shards[index];
            moved |= shard.sockets().is_dirty();
            moved |= shard.handle_sockets(now, dice.rng());
            let sent = shard.poll_transmit(now, 64, &mut |packet| {
                cut(&packet.to_frame()).into_iter().for_each(|packet| sink(packet.into()));
            });
            moved |= sent > 0;
            while let Some((to, message)) = self.shards[index].poll_message() {
                moved = true;
                self.shards[usize::from(to.0)].handle_message(now, dice.rng(), message);
            }
        }
        moved
    }

    /// Applications asked for something that the stack has not taken yet.
    pub(crate) fn has_calls(&self) -> bool {
        self.shards.iter().any(|shard| shard.sockets().is_dirty())
    }

    /// The device is gone.
    pub(crate) fn lose_device(&mut self, now: Instant) {
        self.dead = true;
        self.shards.iter_mut().for_each(|shard| shard.device_lost(now));
    }

    /// Takes the events: marks the edges that were crossed, complains about changes that are no edge, tells the others.
    pub(crate) fn events(&mut self, edges: &mut Edges, mut tell: impl FnMut(&Event)) -> Result<(), String> {
        for shard in &mut self.shards {
            while let Some(event) = shard.poll_event() {
                if let EventKind::StateChanged { from, to, cause } = event.kind {
                    match state::edge_index(from, cause, to) {
                        Some(index) => edges.cross(index),
                        None => return Err(format!("{from} -> {to} by {cause:?} is no edge of the tables")),
                    }
                }
                tell(&event);
            }
        }
        Ok(())
    }

    /// Every row of every shard.
    pub(crate) fn rows(&mut self, now: Instant) -> Vec<SocketRow> {
        let mut rows = Vec::new();
        for shard in &mut self.shards {
            let mut cursor = Some(Cursor::default());
            while let Some(at) = cursor {
                cursor = shard.snapshot(now, at, 32, &mut |row| rows.push(row));
            }
        }
        rows
    }

    /// How many flows are in a state, by the maintained census.
    pub(crate) fn count(&self, state: State) -> u32 {
        self.shards.iter().map(|shard| shard.census().count(state)).sum()
    }

    /// Pages that connections are charged; known exactly to a single shard only.
    pub(crate) fn memory_pages(&self) -> Option<u64> {
        let [only] = &self.shards[..] else { return None };
        Some(only.memory_pages())
    }

    /// The value of a counter.
    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        self.shards.iter().map(|shard| shard.counters().value(counter)).sum()
    }

    /// Changes the knobs.
    pub(crate) fn change_knobs(&mut self, change: impl FnOnce(&mut lastack_stack::Knobs)) {
        let mut knobs = self.knobs().clone();
        change(&mut knobs);
        self.shards.iter_mut().for_each(|shard| shard.set_knobs(knobs.clone()));
    }

    /// The knobs in force.
    pub(crate) fn knobs(&self) -> &lastack_stack::Knobs {
        self.shards[0].knobs()
    }
}
