//! How many flows are in each state: counts that every state change maintains, so that asking costs nothing.

use crate::State;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// Counts per state, and of orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Census {
    counts: [u32; 12],
    /// Flows that no application holds, TIME_WAIT apart.
    pub orphans: u32,
}

impl Census {
    /// Flows (for LISTEN: listeners) in this state. The FIN_WAIT2 of orphans counts as FIN_WAIT2.
    pub fn count(&self, state: State) -> u32 {
        self.counts[state as usize]
    }

    /// Every state with its count.
    pub fn iter(&self) -> impl Iterator<Item = (State, u32)> + '_ {
        State::ALL.iter().map(|&state| (state, self.count(state)))
    }

    /// Flows and listeners.
    pub fn total(&self) -> u32 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// A flow or listener begins in this state.
    pub fn enter(&mut self, state: State) {
        self.counts[state as usize] += 1;
    }

    /// A flow or listener in this state ends.
    pub fn leave(&mut self, state: State) {
        debug_assert!(self.counts[state as usize] > 0, "nobody was in {state}");
        self.counts[state as usize] = self.counts[state as usize].saturating_sub(1);
    }

    /// Adds flows or listeners in this state that were counted elsewhere.
    pub fn add(&mut self, state: State, count: u32) {
        self.counts[state as usize] = self.counts[state as usize].saturating_add(count);
    }

    /// Adds the counts of another.
    pub fn join(&mut self, other: &Census) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.orphans = self.orphans.saturating_add(other.orphans);
    }

    /// A flow or listener goes from one state to another.
    pub fn change(&mut self, from: State, to: State) {
        if from != to {
            self.leave(from);
            self.enter(to);
        }
    }
}

/// A map from the kernel's names, and `orphans`.
impl Serialize for Census {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let states = self.iter().map(|(state, count)| (state.name(), count));
        serializer.collect_map(states.chain([("orphans", self.orphans)]))
    }
}

impl<'de> Deserialize<'de> for Census {
    /// States that are left out are zero; a name that is no state is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Census, D::Error> {
        let mut census = Census::default();
        for (name, count) in BTreeMap::<String, u32>::deserialize(deserializer)? {
            if name == "orphans" {
                census.orphans = count;
            } else {
                let state: State = name.parse().map_err(D::Error::custom)?;
                census.counts[state as usize] = count;
            }
        }
        Ok(census)
    }
}

impl fmt::Display for Census {
    /// States that are not empty, one per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .filter(|&(_, count)| count != 0)
            .try_for_each(|(state, count)| writeln!(f, "{:<10} {count}", state.ss_name()))
    }
}
