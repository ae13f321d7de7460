//! What ICMP says, in one vocabulary for both families; the numbers on the wire are in `icmpv4` and `icmpv6`.
//!
//! Only what a TCP/IP end system reads or sends: echo and the errors. No redirects, no neighbour discovery.

use std::net::IpAddr;

use crate::{Protocol, Seq, ipv4, ipv6};

/// Identifier and sequence number of an echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Echo {
    /// Which ping.
    pub ident: u16,
    /// Which of its requests.
    pub sequence: u16,
}

/// What went wrong with a packet. Codes are the family's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The destination cannot be reached.
    Unreachable {
        /// The family's code; see the `code` modules of `icmpv4` and `icmpv6`.
        code: u8,
    },
    /// The packet was too big for a link on the way (IPv4: "fragmentation needed and DF set").
    TooBig {
        /// Octets that fit, IP header included. IPv4 routers older than RFC 1191 say 0.
        mtu: u32,
    },
    /// The hop limit ran out (code 0), or fragments did not come in time (code 1).
    TimeExceeded {
        /// 0 or 1.
        code: u8,
    },
    /// A field of the header makes no sense to the sender.
    ParameterProblem {
        /// The family's code.
        code: u8,
        /// The octet of the quoted packet that is wrong.
        pointer: u32,
    },
}

/// What an error message says of the packet that caused it. It left this machine, so `source` is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quoted {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Its upper-layer protocol.
    pub protocol: Protocol,
    /// Source and destination port, when it is TCP or UDP and the quote reaches that far.
    pub ports: Option<(u16, u16)>,
    /// SEG.SEQ, when it is TCP and the quote reaches that far.
    pub seq: Option<Seq>,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Somebody asks whether we are there. What follows [`HEADER_LEN`] octets comes back in the reply.
    EchoRequest(Echo),
    /// An answer to our echo request.
    EchoReply(Echo),
    /// An error about a packet of ours.
    Error {
        /// What went wrong.
        problem: Problem,
        /// With which packet.
        quoted: Quoted,
    },
    /// A message that we have no use for.
    Other {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
}

/// Octets before an echo's data or an error's quote.
pub const HEADER_LEN: usize = 8;

impl Quoted {
    /// Reads the start of an IPv4 packet. `None` when not even its header is there.
    pub(crate) fn ipv4(data: &[u8]) -> Option<Quoted> {
        let (header, header_len) = ipv4::Header::parse_quoted(data).ok()?;
        let upper = if header.fragment_offset == 0 { &data[header_len..] } else { &[] };
        Some(Quoted::new(header.source.into(), header.destination.into(), header.protocol, upper))
    }

    /// Reads the start of an IPv6 packet, through its extension headers. `None` when they cannot be followed.
    pub(crate) fn ipv6(data: &[u8]) -> Option<Quoted> {
        let header = ipv6::Header::parse_quoted(data).ok()?;
        let body = &data[ipv6::HEADER_LEN..];
        let upper = ipv6::skip_extensions(header.next_header, body).ok()?;
        let first = upper.fragment.is_none_or(|fragment| fragment.offset == 0);
        let rest = if first { body.get(upper.offset..).unwrap_or_default() } else { &[] };
        Some(Quoted::new(header.source.into(), header.destination.into(), upper.protocol, rest))
    }

    fn new(source: IpAddr, destination: IpAddr, protocol: Protocol, upper: &[u8]) -> Quoted {
        let has_ports = matches!(protocol, Protocol::TCP | Protocol::UDP);
        let word = |at: usize| Some(u16::from_be_bytes([*upper.get(at)?, *upper.get(at + 1)?]));
        let ports = if has_ports { word(0).zip(word(2)) } else { None };
        let seq = match upper.get(4..8) {
            Some(&[a, b, c, d]) if protocol == Protocol::TCP => Some(Seq(u32::from_be_bytes([a, b, c, d]))),
            _ => None,
        };
        Quoted { source, destination, protocol, ports, seq }
    }
}

/// The eight octets before the data, checksum zero: `rest` is the second word.
pub(crate) fn head(kind: u8, code: u8, rest: [u8; 4]) -> [u8; HEADER_LEN] {
    [kind, code, 0, 0, rest[0], rest[1], rest[2], rest[3]]
}

/// Identifier and sequence number from the second word, and back.
impl Echo {
    pub(crate) fn from_word(word: [u8; 4]) -> Echo {
        Echo {
            ident: u16::from_be_bytes([word[0], word[1]]),
            sequence: u16::from_be_bytes([word[2], word[3]]),
        }
    }

    pub(crate) fn to_word(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.ident.to_be_bytes(), self.sequence.to_be_bytes());
        [a, b, c, d]
    }
}
