//! Situations of a connection, played by two stacks on a virtual clock and drawn: the same engine as everywhere else, with
//! Linux's defaults.
//!
//! The scenes only connect, write, read, close, and lose packets; what becomes of it is the engine's doing.

mod closing;
mod crowds;
mod opening;
mod profiles;
mod stage;
#[cfg(test)]
mod tests;
mod trouble;
mod waiting;

use crate::drawing::Diagram;
use crate::world::Edges;
pub use profiles::{PROFILES, Profile, profile};
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
    &trouble::DELAYED_DUPLICATE,
    &closing::HALF_CLOSE,
    &trouble::RESET,
    &waiting::CONNECT_TO_NOBODY,
    &waiting::SLOW_ACCEPT,
    &waiting::CLOSE_WAIT,
    &waiting::ONE_SIDED,
    &waiting::KEEPALIVE,
    &crowds::SYN_FLOOD,
    &crowds::SYN_COOKIES,
    &crowds::CRAWLER,
    &crowds::TW_REUSE,
    &crowds::ONE_NAT,
    &crowds::TW_RECYCLE,
];

/// The preset with this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().copied().find(|preset| preset.name == name)
}

impl Preset {
    /// Plays it by the rules of today's Linux. Every run gives the same diagram.
    pub fn play(&self) -> Played {
        let mut played = self.play_at(Stage::new(self.title, None));
        played.diagram.see = self.see.map(str::to_owned).to_vec();
        played
    }

    /// Plays it by other rules. What there is to see is then the reader's to find: the sentences are about Linux.
    pub fn play_as(&self, profile: &'static Profile) -> Played {
        let mut played =
            self.play_at(Stage::new(&format!("{} ({})", self.title, profile.name), Some(profile)));
        played.diagram.see = vec![format!("Played by the rules of {}: {}.", profile.name, profile.title)];
        played
    }

    fn play_at(&self, mut stage: Stage) -> Played {
        (self.play)(&mut stage);
        let (diagram, edges) = stage.finish();
        Played { diagram, edges }
    }
}
