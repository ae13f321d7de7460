//! The receiving half of a connection: the window that is offered, the octets that came out of order, and what both are
//! charged with.
//!
//! Not here: the in-order queue (a [`crate::chunk::ChunkQueue`] of the connection) and the acknowledgments.

pub(crate) mod autotune;
pub(crate) mod cost;
pub(crate) mod ledger;
pub(crate) mod reassembly;
pub(crate) mod window;

pub(crate) use autotune::Autotune;
pub(crate) use ledger::Ledger;
pub(crate) use reassembly::{Insertion, Reassembly, Reports};
pub(crate) use window::ReceiveWindow;
