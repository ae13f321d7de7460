//! Seeded worlds: stacks, links and applications on one virtual clock, and checkers that look at them after each step.
//!
//! A seed decides everything; the same seed gives the same packets, and [`WorldReport::trace`] says so. Orderly conversations
//! must deliver every octet; rough worlds add what breaks connections (partitions, lost devices, strangers, tight limits),
//! and there only the invariants hold.

mod agenda;
mod cast;
mod dice;
mod end;
mod host;
mod link;
mod network;
mod people;
mod plan;
mod raw;
mod run;
mod stream;
mod watch;

#[cfg(test)]
mod tests;

pub use agenda::Agenda;
pub use dice::Dice;
pub use host::Edges;
pub(crate) use host::Host;
pub use link::{Delivery, Link, LinkOptions, Rule, Transit, Verdict};

use std::fmt;
use std::time::Duration;

/// What kind of world a seed is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldOptions {
    /// Packets lost on a link, of a hundred: each link draws from zero to this.
    pub loss_max: u32,
    /// Add what breaks connections. Without it every conversation is orderly.
    pub rough: bool,
    /// Shards of each host's stack.
    pub shards: u16,
}

impl WorldOptions {
    /// Orderly conversations over links that lose up to so many of a hundred packets.
    pub fn orderly(loss_max: u32) -> WorldOptions {
        WorldOptions { loss_max, rough: false, shards: 1 }
    }

    /// Everything that may go wrong.
    pub fn rough() -> WorldOptions {
        WorldOptions { loss_max: 10, rough: true, shards: 1 }
    }
}

/// What became of a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldReport {
    /// Its seed.
    pub seed: u64,
    /// A hash of every packet with its time, and of every outcome.
    pub trace: u64,
    /// Time that passed on the virtual clock.
    pub duration: Duration,
    /// Packets that stacks sent.
    pub packets: u64,
    /// Octets that applications read.
    pub octets: u64,
    /// Conversations that were begun.
    pub conversations: u32,
    /// Orderly conversations that ended with ETIMEDOUT.
    pub timed_out: u32,
    /// What must not be: broken invariants, and orderly conversations that failed in any other way.
    pub violations: Vec<String>,
    /// Edges of the state tables that were crossed.
    pub edges: Edges,
}

impl fmt::Display for WorldReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} conversations, {} octets in {} packets, {:.1} s, trace {:016x}",
            self.seed,
            self.conversations,
            self.octets,
            self.packets,
            self.duration.as_secs_f64(),
            self.trace
        )?;
        if self.timed_out > 0 {
            write!(f, ", {} timed out", self.timed_out)?;
        }
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

/// Runs the world of a seed to its end. The engine's own assertions are the caller's to catch.
pub fn run_world(seed: u64, options: WorldOptions) -> WorldReport {
    run::World::new(seed, options).run()
}
