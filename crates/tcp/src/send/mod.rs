//! The sending half of a connection: what is buffered, what is in flight, what is lost, and when to try again.
//!
//! Not here: segments, timers and windows; the connection asks these parts and acts.

pub(crate) mod buffer;
mod flight;
pub(crate) mod probe;
pub(crate) mod recovery;
pub(crate) mod rto;
pub(crate) mod scoreboard;

pub(crate) use buffer::SendBuffer;
pub(crate) use probe::Probe;
pub(crate) use recovery::{AckFacts, Recovery, RecoveryState};
pub(crate) use rto::RttEstimator;
pub(crate) use scoreboard::DUPLICATES_MIN;

#[cfg(test)]
mod tests;
