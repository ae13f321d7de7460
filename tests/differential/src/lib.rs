//! The running kernel as an oracle: seeded sequences of segments and calls, sent both to the kernel's TCP and to the stack; what
//! differs is made small, told as a script, and compared with a list of what is known and why.
//!
//! The kernel's side is a TUN interface in a network namespace that this makes. Nothing of it reaches the machine's own network.

pub mod compare;
pub mod engine;
pub mod kernel;
pub mod known;
pub mod minimise;
mod peer;
pub mod report;
pub mod script;
pub mod sequence;
pub mod trace;
mod wire;
