//! How many flows are in each state: counts that every state change maintains, so that asking costs nothing.

use lastack_observe::State;
use serde::{Serialize, Serializer};

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
        self.counts.iter().sum()
    }

    pub(crate) fn enter(&mut self, state: State) {
        self.counts[state as usize] += 1;
    }

    pub(crate) fn leave(&mut self, state: State) {
        debug_assert!(self.counts[state as usize] > 0, "nobody was in {state}");
        self.counts[state as usize] = self.counts[state as usize].saturating_sub(1);
    }

    pub(crate) fn change(&mut self, from: State, to: State) {
        if from != to {
            self.leave(from);
            self.enter(to);
        }
    }
}

impl Serialize for Census {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(state, count)| (state.name(), count)))
    }
}
