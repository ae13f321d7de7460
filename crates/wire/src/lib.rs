//! Parse and emit: IPv4, IPv6, ICMP, TCP with options, checksums, the virtio-net header.
//!
//! This crate keeps no state and does no I/O: bytes in, values out, values in, bytes out. No input makes it panic.

pub mod frame;
pub mod seq;
pub mod tcp;

pub use frame::{Checksum, Frame, Gso, Offload, Packet, Payload};
pub use seq::Seq;
