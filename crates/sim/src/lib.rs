//! The engine under a simulated clock: packetdrill's scripts, seeded worlds of stacks, links and
//! applications, floods, and situations that are drawn.
//!
//! It drives the very same `stack` as `net` does and has no protocol of its own. Nothing here reads a real clock, and
//! every random choice comes from one seed.

pub mod drawing;
pub mod flood;
pub mod lab;
pub mod octets;
pub mod runner;
pub mod script;
pub mod world;

pub use world::{WorldOptions, WorldReport, run_world};
