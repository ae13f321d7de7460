//! Time in a state, from the changes themselves: exact when the change into it was seen, else at least since first seen.

use crate::trace::Change;
use lastack_observe::{Flow, State};
use std::collections::HashMap;
use std::time::Duration;

/// Sockets that are remembered; of those beyond no age is known.
const SOCKETS: usize = 1 << 20;

/// Since when each socket is in its state.
#[derive(Debug, Default)]
pub struct Ages {
    since: HashMap<Flow, Since>,
}

#[derive(Clone, Copy, Debug)]
struct Since {
    at: Duration,
    /// It was there already.
    least: bool,
}

impl Ages {
    /// A socket that was there when the watch began.
    pub fn begin(&mut self, flow: Flow, now: Duration) {
        if self.since.len() < SOCKETS {
            self.since.insert(flow, Since { at: now, least: true });
        }
    }

    /// How long it was in the state that it left; true when that is only a lower bound.
    pub fn left(&mut self, change: &Change) -> Option<(Duration, bool)> {
        let before = self.since.remove(&change.flow);
        if change.to != State::Closed && self.since.len() < SOCKETS {
            self.since.insert(change.flow, Since { at: change.at, least: false });
        }
        before.map(|since| (change.at.saturating_sub(since.at), since.least))
    }
}
