//! The IPv4 header (RFC 791 section 3.1). Options are skipped, never written. No reassembly here.

use std::net::Ipv4Addr;
use std::ops::Range;

use crate::checksum;
use crate::error::{Layer, ParseError, fixed};
use crate::packet::Fragment;
use crate::protocol::Protocol;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// The header without its options, lengths and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// What follows.
    pub protocol: Protocol,
    /// Time to live, in hops.
    pub ttl: u8,
    /// DSCP (upper six bits) and ECN (lower two; RFC 3168).
    pub traffic_class: u8,
    /// Identification: which fragments belong together.
    pub ident: u16,
    /// DF: routers must not cut it.
    pub dont_fragment: bool,
    /// MF: this is not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment's payload starts in the whole payload, in octets (a multiple of 8).
    pub fragment_offset: u16,
}

impl Header {
    /// Reads a header with Linux's checks in Linux's order (header length, version, checksum, total length); the range is
    /// the payload's, without what a link may have padded behind it.
    pub fn parse(data: &[u8]) -> Result<(Header, Range<usize>), ParseError> {
        let (header, header_len) = Header::parse_quoted(data)?;
        if checksum::sum(&data[..header_len]) != 0xffff {
            return Err(ParseError::Checksum(Layer::Ipv4));
        }
        let total = usize::from(u16::from_be_bytes([data[2], data[3]]));
        if total < header_len {
            let bound = "the header alone is longer";
            return Err(ParseError::Length { layer: Layer::Ipv4, claimed: total, bound });
        }
        if total > data.len() {
            return Err(ParseError::Truncated { layer: Layer::Ipv4, needed: total, found: data.len() });
        }
        Ok((header, header_len..total))
    }

    /// Reads a header out of an ICMP error, where the packet is cut short and its checksum may be that of another hop:
    /// only the header must be there. Gives the header's length in octets, options included.
    pub fn parse_quoted(data: &[u8]) -> Result<(Header, usize), ParseError> {
        let field = fixed::<HEADER_LEN>(data, Layer::Ipv4)?;
        if field[0] >> 4 != 4 {
            return Err(ParseError::Version(field[0] >> 4));
        }
        let header_len = usize::from(field[0] & 0x0f) * 4;
        if header_len < HEADER_LEN {
            let bound = "20 is the least";
            return Err(ParseError::Length { layer: Layer::Ipv4, claimed: header_len, bound });
        }
        if header_len > data.len() {
            return Err(ParseError::Truncated { layer: Layer::Ipv4, needed: header_len, found: data.len() });
        }
        let fragment = u16::from_be_bytes([field[6], field[7]]);
        let header = Header {
            source: Ipv4Addr::new(field[12], field[13], field[14], field[15]),
            destination: Ipv4Addr::new(field[16], field[17], field[18], field[19]),
            protocol: Protocol(field[9]),
            ttl: field[8],
            traffic_class: field[1],
            ident: u16::from_be_bytes([field[4], field[5]]),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            more_fragments: fragment & MORE_FRAGMENTS != 0,
            fragment_offset: (fragment & 0x1fff) << 3,
        };
        Ok((header, header_len))
    }

    /// The header's octets with its checksum, for a payload of `payload_len` octets (at most 65,515).
    pub fn emit(&self, payload_len: usize) -> [u8; HEADER_LEN] {
        debug_assert!(payload_len + HEADER_LEN <= 65_535, "an IPv4 packet of {payload_len} + 20 octets");
        let mut octets = [0; HEADER_LEN];
        let mut fragment = self.fragment_offset >> 3;
        fragment |= if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        fragment |= if self.more_fragments { MORE_FRAGMENTS } else { 0 };
        octets[0] = 0x45;
        octets[1] = self.traffic_class;
        octets[2..4].copy_from_slice(&((payload_len + HEADER_LEN) as u16).to_be_bytes());
        octets[4..6].copy_from_slice(&self.ident.to_be_bytes());
        octets[6..8].copy_from_slice(&fragment.to_be_bytes());
        octets[8] = self.ttl;
        octets[9] = self.protocol.0;
        octets[12..16].copy_from_slice(&self.source.octets());
        octets[16..20].copy_from_slice(&self.destination.octets());
        let sum = checksum::sum(&octets);
        octets[10..12].copy_from_slice(&(!sum).to_be_bytes());
        octets
    }

    /// The fragment facts, when this is a fragment of something larger.
    pub fn fragment(&self) -> Option<Fragment> {
        (self.more_fragments || self.fragment_offset > 0).then_some(Fragment {
            ident: u32::from(self.ident),
            offset: self.fragment_offset,
            more: self.more_fragments,
        })
    }
}

#[cfg(test)]
mod tests;
