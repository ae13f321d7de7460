//! Time in state by watching: since a socket was first seen in the state that it is in.

use lastack_observe::{SocketRow, State};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Sockets that are remembered; of those beyond no age is known.
const SOCKETS: usize = 1 << 20;

/// A table of sockets by their cookies, as long as somebody watches.
#[derive(Debug, Default)]
pub struct FirstSeen {
    seen: HashMap<u64, Seen>,
    round: u32,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    state: State,
    since: Instant,
    round: u32,
}

impl FirstSeen {
    /// A new look at all sockets begins: those that the look before did not show are gone.
    pub fn begin_round(&mut self) {
        let last = self.round;
        self.seen.retain(|_, seen| seen.round == last);
        self.round = self.round.wrapping_add(1);
    }

    /// Remembers the socket and sets the row's age where the kernel gives none, or a lesser bound: at least since first seen.
    pub fn apply(&mut self, row: &mut SocketRow, now: Instant) {
        let Some(host) = &mut row.host else { return };
        let room = self.seen.len() < SOCKETS;
        let new = Seen { state: row.state, since: now, round: self.round };
        let seen = match self.seen.get_mut(&host.cookie) {
            Some(seen) => seen,
            None if room => self.seen.entry(host.cookie).or_insert(new),
            None => return,
        };
        if seen.state != row.state {
            *seen = new;
        }
        seen.round = self.round;
        let age: Duration = now.saturating_duration_since(seen.since);
        if row.age.is_none_or(|known| host.age_is_least && known < age) {
            row.age = Some(age);
            host.age_is_least = true;
        }
    }
}
