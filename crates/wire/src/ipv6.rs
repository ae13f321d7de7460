//! The IPv6 header and its extension headers (RFC 8200 sections 3 and 4).
//!
//! Hop-by-hop, destination options and finished routing headers are skipped, a fragment header is surfaced. The walk is
//! bounded in headers and in options. Jumbograms (RFC 2675) are not understood. No extension header is ever written.

use std::net::Ipv6Addr;
use std::ops::Range;

use crate::error::{Layer, ParseError, fixed};
use crate::packet::Fragment;
use crate::protocol::Protocol;

/// Octets of the fixed header.
pub const HEADER_LEN: usize = 40;
/// Octets of the fragment extension header.
pub const FRAGMENT_HEADER_LEN: usize = 8;
/// Extension headers that are followed before a packet is given up.
pub const EXTENSIONS_MAX: usize = 8;
/// Options in one header that are followed; Linux's `max_hbh_opts_number` and `max_dst_opts_number` are 8, too.
pub const OPTIONS_MAX: usize = 8;

/// The fixed header without its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// What follows directly; often an extension header.
    pub next_header: Protocol,
    /// Hop limit.
    pub hop_limit: u8,
    /// DSCP (upper six bits) and ECN (lower two).
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
}

/// What the walk over extension headers found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// The first header that is no extension header, or what a fragment header names as next.
    pub protocol: Protocol,
    /// Where it starts, in octets from where the walk started.
    pub offset: usize,
    /// Set when the walk ended at a fragment header: what follows is a piece. An atomic fragment (RFC 6946) is whole and
    /// is walked through.
    pub fragment: Option<Fragment>,
}

impl Header {
    /// Reads the fixed header; the range is everything behind it, without what a link may have padded.
    pub fn parse(data: &[u8]) -> Result<(Header, Range<usize>), ParseError> {
        let header = Header::parse_quoted(data)?;
        let total = HEADER_LEN + usize::from(u16::from_be_bytes([data[4], data[5]]));
        if total > data.len() {
            return Err(ParseError::Truncated { layer: Layer::Ipv6, needed: total, found: data.len() });
        }
        Ok((header, HEADER_LEN..total))
    }

    /// Reads the fixed header out of an ICMPv6 error, where the packet may be cut short.
    pub fn parse_quoted(data: &[u8]) -> Result<Header, ParseError> {
        let field = fixed::<HEADER_LEN>(data, Layer::Ipv6)?;
        let first = u32::from_be_bytes([field[0], field[1], field[2], field[3]]);
        if first >> 28 != 6 {
            return Err(ParseError::Version((first >> 28) as u8));
        }
        let address = |at: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&field[at..at + 16]);
            Ipv6Addr::from(octets)
        };
        Ok(Header {
            source: address(8),
            destination: address(24),
            next_header: Protocol(field[6]),
            hop_limit: field[7],
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0x000f_ffff,
        })
    }

    /// The header's octets for a payload of `payload_len` octets (at most 65,535).
    pub fn emit(&self, payload_len: usize) -> [u8; HEADER_LEN] {
        debug_assert!(payload_len <= 65_535, "an IPv6 payload of {payload_len} octets");
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | (self.flow_label & 0x000f_ffff);
        let mut octets = [0; HEADER_LEN];
        octets[..4].copy_from_slice(&first.to_be_bytes());
        octets[4..6].copy_from_slice(&(payload_len as u16).to_be_bytes());
        octets[6] = self.next_header.0;
        octets[7] = self.hop_limit;
        octets[8..24].copy_from_slice(&self.source.octets());
        octets[24..40].copy_from_slice(&self.destination.octets());
        octets
    }
}

/// Walks from `first`, which starts at `data[0]`, to the upper-layer header.
pub fn skip_extensions(first: Protocol, data: &[u8]) -> Result<Upper, ParseError> {
    let mut upper = Upper { protocol: first, offset: 0, fragment: None };
    for step in 0..=EXTENSIONS_MAX {
        let rest = data.get(upper.offset..).unwrap_or_default();
        let len = match upper.protocol {
            Protocol::HOP_BY_HOP if step > 0 => return Err(ParseError::MisplacedHopByHop),
            Protocol::HOP_BY_HOP | Protocol::DESTINATION_OPTIONS => {
                let header = extension(rest)?;
                accept_options(&header[2..])?;
                header.len()
            }
            Protocol::ROUTING => {
                let header = extension(rest)?;
                if header[3] > 0 {
                    return Err(ParseError::RoutingSegmentsLeft(header[3]));
                }
                header.len()
            }
            Protocol::FRAGMENT => {
                let field = fixed::<FRAGMENT_HEADER_LEN>(rest, Layer::Ipv6)?;
                let place = u16::from_be_bytes([field[2], field[3]]);
                let ident = u32::from_be_bytes([field[4], field[5], field[6], field[7]]);
                let fragment = Fragment { ident, offset: place & !7, more: place & 1 != 0 };
                if fragment.more || fragment.offset > 0 {
                    upper.fragment = Some(fragment);
                    upper.protocol = Protocol(field[0]);
                    upper.offset += FRAGMENT_HEADER_LEN;
                    return Ok(upper);
                }
                FRAGMENT_HEADER_LEN
            }
            _ => return Ok(upper),
        };
        upper.protocol = Protocol(rest[0]);
        upper.offset += len;
    }
    Err(ParseError::TooManyExtensions)
}

/// One extension header of the common shape: next header, length in 8 octets beyond the first 8, body.
fn extension(data: &[u8]) -> Result<&[u8], ParseError> {
    let start = fixed::<8>(data, Layer::Ipv6)?;
    let needed = 8 + usize::from(start[1]) * 8;
    data.get(..needed).ok_or(ParseError::Truncated { layer: Layer::Ipv6, needed, found: data.len() })
}

/// Looks at every option of a header's body. We know Pad1 and PadN; of the others the two upper bits of the kind say
/// whether one who does not know it may go on (RFC 8200 section 4.2).
fn accept_options(mut body: &[u8]) -> Result<(), ParseError> {
    const PAD1: u8 = 0;
    const PADN: u8 = 1;
    let mut options = 0;
    while let [kind, rest @ ..] = body {
        if *kind == PAD1 {
            body = rest;
            continue;
        }
        let Some((&len, value)) = rest.split_first() else {
            return Err(ParseError::Truncated { layer: Layer::Ipv6, needed: 2, found: 1 });
        };
        body = value.get(usize::from(len)..).ok_or(ParseError::Length {
            layer: Layer::Ipv6,
            claimed: usize::from(len),
            bound: "the header ends before the option",
        })?;
        if *kind == PADN {
            continue;
        }
        options += 1;
        if options > OPTIONS_MAX {
            return Err(ParseError::TooManyExtensions);
        }
        if kind & 0xc0 != 0 {
            return Err(ParseError::ForbiddenOption(*kind));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
