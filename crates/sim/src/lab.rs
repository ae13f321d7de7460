//! Situations of a connection, played by two stacks on a virtual clock and drawn: the same engine as everywhere else, with
//! Linux's defaults.
//!
//! The scenes only connect, write, read, close, and lose packets; what becomes of it is the engine's doing.

mod closing;
mod crowds;
mod opening;
mod stage;
#[cfg(test)]
mod tests;
mod trouble;

use crate::drawing::Diagram;
use crate::world::Edges;
use stage::Stage;

/// A situation that can be played.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name on the command line.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// Three sentences about what to look at; true on Linux.
    pub see: [&'static str; 3],
    play: fn(&mut Stage),
}

/// What a preset that was played left behind.
#[derive(Clone, Debug)]
pub struct Played {
    /// What happened.
    pub diagram: Diagram,
    /// The edges of the state tables that both ends crossed.
    pub edges: Edges,
}

/// All of them, in the order in which they are best read.
pub const PRESETS: &[&Preset] = &[
    &opening::HANDSHAKE,
    &closing::CLOSE4,
    &closing::CLOSE3,
    &opening::SIMULTANEOUS_OPEN,
    &closing::SIMULTANEOUS_CLOSE,
    &trouble::LOST_THIRD_ACK,
    &trouble::LOST_LAST_ACK,
    &closing::HALF_CLOSE,
    &trouble::RESET,
    &crowds::SYN_FLOOD,
    &crowds::CRAWLER,
    &crowds::ONE_NAT,
];

/// The preset with this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().copied().find(|preset| preset.name == name)
}

impl Preset {
    /// Plays it. Every run gives the same diagram.
    pub fn play(&self) -> Played {
        let mut stage = Stage::new(self.title);
        (self.play)(&mut stage);
        let (mut diagram, edges) = stage.finish();
        diagram.see = self.see.map(str::to_owned).to_vec();
        Played { diagram, edges }
    }
}
