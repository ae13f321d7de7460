//! One TCP flow, sans-IO: RFC 9293 and what grew on it, with Linux's semantics.
//!
//! `now`, the knobs, the random generator and `&mut Output` are arguments; there is no clock, no I/O and no global.
//! Four kinds of methods: `handle_*` (a segment, a timeout), application calls in the RFC's words, `poll_*`, getters.

pub mod active_open;
pub(crate) mod chunk;
pub mod clock;
pub mod closed;
pub(crate) mod congestion;
pub mod connection;
pub mod cookie;
pub mod ecn;
pub mod fast_open;
pub mod half_open;
mod handshake;
pub mod isn;
pub mod knobs;
pub mod listen;
#[cfg(test)]
mod matrix;
pub mod memory;
pub mod output;
pub(crate) mod receive;
pub mod segment;
pub(crate) mod send;
pub mod state;
pub mod time_wait;

pub use active_open::{ActiveOpen, ActiveVerdict};
pub use closed::reset_for;
pub use congestion::CongestionControl;
pub use connection::{Connection, Established, Outcome, TransmitLimits, Urgent};
pub use cookie::CookieSecrets;
pub use ecn::Codepoint;
pub use fast_open::{FastOpenKey, FastOpenKeys};
pub use half_open::{HalfOpen, HalfOpenVerdict};
pub use isn::Secret;
pub use knobs::Knobs;
pub use listen::{ListenVerdict, judge_in_listen};
pub use output::Output;
pub use segment::{Arrival, Segment};
pub use time_wait::{IsnFloor, TimeWait, TimeWaitVerdict};

pub use lastack_observe::Instant;
pub use lastack_wire::Seq;
