//! The front door for the public packetdrill tool: a shared library with a C interface over the real `stack`.
//!
//! `packetdrill --so_filename=liblastack_packetdrill.so --so_flags=... script.pkt` hands the stack packets and socket calls
//! and watches what comes back. No protocol here: descriptors, Linux's argument checks, a clock that jumps from deadline to
//! deadline, and calls that sleep until the stack answers. The words of `--so_flags` are in `flags`.
//!
//! Theory of operation: one lock around the stack, its clock and the descriptors (`core`). A call that must wait leaves its
//! attempt with the core and sleeps on a condition variable (`world`); whoever moves the stack on runs the attempts, so an
//! answer is found at the very moment of the virtual clock at which it came to be.
#![allow(unsafe_code)]

mod abi;
mod address;
mod arrivals;
mod calls;
mod commands;
mod core;
mod descriptors;
mod flags;
mod info;
mod memory;
mod notices;
mod options;
mod preload;
mod ready;
mod saved_syn;
mod sysctl;
mod world;

pub use abi::{Interface, packetdrill_interface_init};
pub use commands::system;
pub use preload::{close, getsockopt, sendfile, sendfile64};
