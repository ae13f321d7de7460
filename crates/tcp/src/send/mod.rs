//! The sending half of a connection: what is buffered, what is in flight, what is lost, and when to try again.
//!
//! Not here: segments, timers and windows; the connection asks these parts and acts.

mod acked;
mod alert;
pub(crate) mod buffer;
mod departures;
mod evidence;
mod loss;
mod pieces;
mod probe;
mod prr;
mod rack;
pub(crate) mod recovery;
mod reordering;
pub(crate) mod rto;
mod runs;
mod sack;
mod scoreboard;
mod spurious;
mod undo;

pub(crate) use buffer::SendBuffer;
pub(crate) use loss::Timeout;
pub(crate) use pieces::Leave;
pub(crate) use probe::Probe;
pub(crate) use recovery::{AckDecision, AckFacts, Means, Recovery, RecoveryState, Resend, Sent, TimerChange};
pub(crate) use rto::RttEstimator;

#[cfg(test)]
mod tests;
