//! The receiving half of a connection: the window that is offered, and the octets that came out of order.
//!
//! Not here: the in-order queue (a [`crate::chunk::ChunkQueue`] of the connection) and the acknowledgments.

pub(crate) mod autotune;
pub(crate) mod reassembly;
pub(crate) mod window;

pub(crate) use autotune::Autotune;
pub(crate) use reassembly::{Insertion, Reassembly, Reports};
pub(crate) use window::ReceiveWindow;
