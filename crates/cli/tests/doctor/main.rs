//! `lastack doctor` before real sicknesses: each is made with the kernel's own sockets in a network namespace of the test, and has
//! a twin just below the threshold, in which the doctor is silent.
//!
//! What is the machine's (conntrack, tcp_mem, orphans, file-max) is never written: those rules are tested on recorded looks.

mod close_wait;
mod exit;
mod files;
mod listeners;
#[path = "../interop/namespace.rs"]
mod namespace;
mod neighbour;
mod peers;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../interop/program.rs"]
mod program;
mod programs;
mod puppet;
mod saved;
mod settings;
mod sick;
mod stack;
mod syns;
mod time_wait;
