//! The engine under a simulated clock: packetdrill's scripts, and seeded worlds of stacks, links and applications.
//!
//! It drives the very same `stack` as `net` does and has no protocol of its own. Nothing here reads a real clock, and
//! every random choice comes from one seed.

pub mod octets;
pub mod runner;
pub mod script;
pub mod world;

pub use world::{WorldOptions, WorldReport, run_world};
