//! The kernel's own TCP as the peer: `lastack serve` in a network namespace of the test's own, over TUN.
//!
//! Each test makes its namespace, which is gone with its last process. `LASTACK_INTEROP_MIB` says how much the transfers
//! move (16 by default). A test that this machine cannot run says `skipped:` and why, on stderr.

mod capture;
mod ecn;
mod explained;
mod flood;
mod forward;
mod kills;
mod namespace;
mod program;
mod readme;
mod rights;
mod serve;
mod services;
mod transcripts;
mod transfers;
mod watch;
