//! What is wrong with a TCP, from snapshots over time: findings, each with its evidence, its culprit, why it is so, what to do
//! about it and at what risk.
//!
//! It reads `observe` types only, so that it judges the kernel and a lastack stack alike. It asks nobody, knows no clock and
//! changes nothing: the same snapshots give the same findings. A rule that lacks what it needs says so: silence means health
//! only where everything could be seen.

mod case;
pub mod diff;
pub mod document;
mod examine;
pub mod finding;
pub mod rules;
pub mod text;
pub mod thresholds;

pub use examine::{Blind, Report, Settings, examine};
pub use finding::{Culprit, Fact, Finding, Place, Severity, Step, Value};
pub use rules::{RULES, Rule, Source, Targets};
pub use thresholds::{Threshold, Thresholds};
