//! Segments to and from the octets of an IP packet, as the script's peer needs them.
//!
//! Deliberately not `wire`: options keep their order and padding here, so a script checks the engine's octets with an
//! encoder and a checksum that share no code with it.

mod cut;
mod decode;
mod encode;

#[cfg(test)]
mod tests;

pub use cut::cut;
pub use decode::{Seen, decode};
pub use encode::{encode, icmp_error};

use std::net::{IpAddr, SocketAddr};

/// A flow as the peer sees it: from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
}

/// Sum of 16-bit words with end-around carry (RFC 1071), one word after the other.
pub(crate) fn sum(octets: &[u8]) -> u32 {
    let mut total = 0u32;
    for pair in octets.chunks(2) {
        total += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        total = (total & 0xffff) + (total >> 16);
    }
    total
}

/// The sum over the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
fn pseudo_sum(from: IpAddr, to: IpAddr, protocol: u8, len: usize) -> u32 {
    let mut octets = Vec::with_capacity(40);
    for address in [from, to] {
        match address {
            IpAddr::V4(v4) => octets.extend_from_slice(&v4.octets()),
            IpAddr::V6(v6) => octets.extend_from_slice(&v6.octets()),
        }
    }
    octets.extend_from_slice(&(len as u32).to_be_bytes());
    octets.extend_from_slice(&[0, 0, 0, protocol]);
    sum(&octets)
}

fn fold(mut total: u32) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}
