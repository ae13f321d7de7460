//! One TCP flow, sans-IO: RFC 9293 and what grew on it, with Linux's semantics.
//!
//! `now`, the knobs, the random generator and `&mut Output` are arguments; there is no clock, no I/O and no global.
//! Four kinds of methods: `handle_*` (a segment, a timeout), application calls in the RFC's words, `poll_*`, getters.

pub mod connection;
pub mod knobs;
pub mod output;
pub mod segment;
pub mod state;

pub use connection::{Connection, Established, Outcome, TransmitLimits};
pub use knobs::Knobs;
pub use output::Output;
pub use segment::{Arrival, Segment};

pub use lastack_observe::Instant;
pub use lastack_wire::Seq;
