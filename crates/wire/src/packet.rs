//! Whole IP packets: the one way in for the stack's ingress, and the builders for everything it sends.
//!
//! Reading stops at the IP payload; `tcp::parse`, `icmpv4::parse` and `icmpv6::parse` go on from there. Nothing here
//! decides whether a packet is wanted, and nothing reassembles.

mod build;
mod fragment;

pub use build::{
    BuildOptions, ChecksumMode, echo_reply, echo_request, icmp_error, tcp, too_big, unreachable,
};

pub use fragment::fragments;

use std::net::IpAddr;
use std::ops::Range;

use crate::error::{Layer, ParseError};
use crate::frame::{Checksum, Offload};
use crate::protocol::Protocol;
use crate::{checksum, ipv4, ipv6};

/// Where a piece belongs in the packet it was cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Which packet (16 bits in IPv4).
    pub ident: u32,
    /// Where the piece starts in the whole payload, in octets (a multiple of 8).
    pub offset: u16,
    /// More pieces follow behind it.
    pub more: bool,
}

/// What ingress needs to know of an IP packet of either family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// The upper-layer protocol, extension headers skipped.
    pub protocol: Protocol,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// DSCP (upper six bits) and ECN (lower two).
    pub traffic_class: u8,
    /// Set when the packet is a piece; then `payload` is a piece, too.
    pub fragment: Option<Fragment>,
    /// Where the upper-layer octets lie in the packet.
    pub payload: Range<usize>,
}

/// Reads the IP header(s) of a packet.
pub fn parse(data: &[u8]) -> Result<Parsed, ParseError> {
    match data.first().map(|octet| octet >> 4) {
        Some(4) => parse_ipv4(data),
        Some(6) => parse_ipv6(data),
        Some(version) => Err(ParseError::Version(version)),
        None => Err(ParseError::Truncated { layer: Layer::Ipv4, needed: ipv4::HEADER_LEN, found: 0 }),
    }
}

fn parse_ipv4(data: &[u8]) -> Result<Parsed, ParseError> {
    let (header, payload) = ipv4::Header::parse(data)?;
    Ok(Parsed {
        source: header.source.into(),
        destination: header.destination.into(),
        protocol: header.protocol,
        hop_limit: header.ttl,
        traffic_class: header.traffic_class,
        fragment: header.fragment(),
        payload,
    })
}

fn parse_ipv6(data: &[u8]) -> Result<Parsed, ParseError> {
    let (header, body) = ipv6::Header::parse(data)?;
    let upper = ipv6::skip_extensions(header.next_header, &data[body.clone()])?;
    Ok(Parsed {
        source: header.source.into(),
        destination: header.destination.into(),
        protocol: upper.protocol,
        hop_limit: header.hop_limit,
        traffic_class: header.traffic_class,
        fragment: upper.fragment,
        payload: body.start + upper.offset..body.end,
    })
}

impl Parsed {
    /// True when the TCP checksum is right, or the device answers for it: verified ([`Checksum::Valid`]), or never
    /// computed because the packet has not been on a wire ([`Checksum::Partial`]).
    pub fn tcp_checksum_holds(&self, data: &[u8], offload: &Offload) -> bool {
        match offload.checksum {
            Checksum::Valid | Checksum::Partial { .. } => true,
            Checksum::Full => {
                let Some(payload) = data.get(self.payload.clone()) else { return false };
                let mut sum =
                    checksum::pseudo_header(self.source, self.destination, Protocol::TCP, payload.len());
                sum.add(payload);
                sum.fold() == 0xffff
            }
        }
    }
}

#[cfg(test)]
mod tests;
