//! Parse and emit: IPv4, IPv6, ICMP, TCP with options, checksums, the virtio-net header.
//!
//! This crate keeps no state and does no I/O: bytes in, values out, values in, bytes out. No input makes it panic.
//! Whoever takes packets in starts with [`packet::parse`], whoever sends them with [`packet::tcp`].

pub mod checksum;
pub mod error;
pub mod frame;
pub mod icmp;
pub mod icmpv4;
pub mod icmpv6;
pub mod ipv4;
pub mod ipv6;
pub mod packet;
pub mod protocol;
pub mod seq;
pub mod tcp;
pub mod virtio;

pub use error::ParseError;
pub use frame::{Checksum, Frame, Gso, Head, Offload, Packet, Payload};
pub use protocol::Protocol;
pub use seq::Seq;
