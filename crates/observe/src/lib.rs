//! What can be seen of a TCP: states, socket rows, counters under Linux's names, events with reasons.
//!
//! No logic and no I/O: a lastack stack and the Linux kernel are both reported in these types.

pub mod census;
pub mod counter;
pub mod event;
pub mod row;
pub mod snapshot;
pub mod state;
pub mod time;

pub use census::Census;
pub use counter::{Counter, Counters};
pub use event::{
    Cause, DropReason, Event, EventKind, FastOpenFailure, Flow, Refusal, ResetReason, Unreachable,
};
pub use row::{Bbr, Holder, HostFacts, Negotiated, SocketMemory, SocketRow, TcpInfo, TimerKind};
pub use snapshot::Snapshot;
pub use state::{ParseStateError, State};
pub use time::Instant;
