//! The Linux kernel's TCP as [`lastack_observe`] types: sockets by sock_diag, counters and sysctls from /proc, which process
//! holds a socket, network namespaces.
//!
//! It reads and never judges: what is wrong is the doctor's business. It changes nothing, except through [`tune`]. Everything
//! that the kernel and /proc say is taken as hostile: checked offsets, bounded reads, control characters replaced. What could
//! not be read is counted and never guessed.

mod addresses;
pub mod age;
pub mod cgroups;
pub mod changes;
pub mod counters;
pub mod destroyed;
pub mod diag;
mod error;
mod files;
pub mod fuzz;
pub mod interfaces;
pub mod listeners;
pub mod namespace;
pub mod pasted;
pub mod processes;
pub mod snapshot;
pub mod sysctl;
pub mod trace;
pub mod tune;

pub use diag::{Brief, Diag, Dumped, Extensions, Family, PortFilter, Query, SocketView, StateSet};
pub use error::Error;
pub use lastack_observe as observe;
