//! Builders: TCP in IP, and the few ICMP messages an end system sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use crate::checksum::{self, Sum};
use crate::frame::{Checksum, Gso, Head, Offload, Packet, Payload};
use crate::icmp::{Echo, Problem};
use crate::protocol::Protocol;
use crate::tcp::Header;
use crate::{icmpv4, icmpv6, ipv4, ipv6};

/// An ICMP error for IPv4 quotes as much as fits in this many octets (RFC 1812 section 4.3.2.3).
const ICMPV4_LEN_MAX: usize = 576;
/// And for IPv6 in the least MTU (RFC 4443 section 2.4 (c)).
const ICMPV6_LEN_MAX: usize = 1280;
const ICMPV4_CHECKSUM: usize = 2;

/// Who computes the TCP checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChecksumMode {
    /// We do, now.
    #[default]
    Full,
    /// The device, later: the field gets the pseudo-header sum (`NEEDS_CSUM`).
    Partial,
}

/// What the IP layer adds to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// TTL or hop limit.
    pub ttl: u8,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// IPv4 identification; no meaning in IPv6. With `gso` the device counts up from it.
    pub ident: u16,
    /// IPv4 DF; no meaning in IPv6, where routers never cut.
    pub dont_fragment: bool,
    /// Who computes the TCP checksum.
    pub checksum: ChecksumMode,
    /// Set for a super-segment. The checksum is then partial in any case: each piece has its own.
    pub gso: Option<Gso>,
}

impl Default for BuildOptions {
    /// Linux's defaults: TTL 64, DF set.
    fn default() -> BuildOptions {
        BuildOptions {
            ttl: 64,
            traffic_class: 0,
            ident: 0,
            dont_fragment: true,
            checksum: ChecksumMode::Full,
            gso: None,
        }
    }
}

/// One TCP segment in an IP packet, from `source` to `destination`. The payload is not copied. Addresses of different
/// families make an IPv6 packet with mapped addresses; a mapped pair makes an IPv4 packet.
pub fn tcp(
    source: SocketAddr,
    destination: SocketAddr,
    header: &Header,
    payload: Payload,
    options: BuildOptions,
) -> Packet {
    let mut segment = Head::new();
    let header_len = crate::tcp::emit(source.port(), destination.port(), header, &mut segment);
    let length = header_len + payload.len();
    let addresses = Addresses::new(source.ip(), destination.ip());
    let mut sum = addresses.pseudo_header(Protocol::TCP, length);
    let partial = options.checksum == ChecksumMode::Partial || options.gso.is_some();
    let field = if partial {
        sum.fold()
    } else {
        sum.add(&segment);
        payload.chunks().iter().for_each(|chunk| sum.add(chunk));
        sum.checksum()
    };
    let at = crate::tcp::CHECKSUM_OFFSET;
    segment[at..at + 2].copy_from_slice(&field.to_be_bytes());
    let mut head = addresses.ip_header(Protocol::TCP, length, &options);
    let checksum = if partial {
        Checksum::Partial { start: head.len() as u16, offset: at as u16 }
    } else {
        Checksum::Full
    };
    head.extend_from_slice(&segment);
    Packet { head, payload, offload: Offload { checksum, gso: options.gso } }
}

/// An echo reply with the request's data (what follows its first 8 octets), not copied.
pub fn echo_reply(
    source: IpAddr,
    destination: IpAddr,
    echo: Echo,
    data: Bytes,
    options: BuildOptions,
) -> Packet {
    let addresses = Addresses::new(source, destination);
    let head = match addresses {
        Addresses::V4(..) => icmpv4::echo_reply(echo),
        Addresses::V6(..) => icmpv6::echo_reply(echo),
    };
    addresses.icmp(head, data, options)
}

/// An echo request with any data.
pub fn echo_request(
    source: IpAddr,
    destination: IpAddr,
    echo: Echo,
    data: Bytes,
    options: BuildOptions,
) -> Packet {
    let addresses = Addresses::new(source, destination);
    let head = match addresses {
        Addresses::V4(..) => icmpv4::echo_request(echo),
        Addresses::V6(..) => icmpv6::echo_request(echo),
    };
    addresses.icmp(head, data, options)
}

/// An error about `offending`, a whole IP packet that came from `destination`; quotes as much of it as the RFCs allow.
pub fn icmp_error(
    source: IpAddr,
    destination: IpAddr,
    problem: Problem,
    offending: &Bytes,
    options: BuildOptions,
) -> Packet {
    let addresses = Addresses::new(source, destination);
    let (head, len_max) = match addresses {
        Addresses::V4(..) => (icmpv4::error(problem), ICMPV4_LEN_MAX - ipv4::HEADER_LEN),
        Addresses::V6(..) => (icmpv6::error(problem), ICMPV6_LEN_MAX - ipv6::HEADER_LEN),
    };
    let quote = offending.slice(..offending.len().min(len_max - head.len()));
    addresses.icmp(head, quote, options)
}

/// "Destination unreachable" with the family's code; see the `code` modules of `icmpv4` and `icmpv6`.
pub fn unreachable(
    source: IpAddr,
    destination: IpAddr,
    code: u8,
    offending: &Bytes,
    options: BuildOptions,
) -> Packet {
    icmp_error(source, destination, Problem::Unreachable { code }, offending, options)
}

/// "Packet too big", or "fragmentation needed", with the MTU that fits.
pub fn too_big(
    source: IpAddr,
    destination: IpAddr,
    mtu: u32,
    offending: &Bytes,
    options: BuildOptions,
) -> Packet {
    icmp_error(source, destination, Problem::TooBig { mtu }, offending, options)
}

enum Addresses {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Addresses {
    fn new(source: IpAddr, destination: IpAddr) -> Addresses {
        let mapped = |address: IpAddr| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        match (source.to_canonical(), destination.to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Addresses::V4(source, destination),
            (source, destination) => Addresses::V6(mapped(source), mapped(destination)),
        }
    }

    fn pseudo_header(&self, protocol: Protocol, length: usize) -> Sum {
        match *self {
            Addresses::V4(source, destination) => {
                checksum::pseudo_header(source.into(), destination.into(), protocol, length)
            }
            Addresses::V6(source, destination) => {
                checksum::pseudo_header(source.into(), destination.into(), protocol, length)
            }
        }
    }

    fn ip_header(&self, protocol: Protocol, length: usize, options: &BuildOptions) -> Head {
        match *self {
            Addresses::V4(source, destination) => {
                let header = ipv4::Header {
                    source,
                    destination,
                    protocol,
                    ttl: options.ttl,
                    traffic_class: options.traffic_class,
                    ident: options.ident,
                    dont_fragment: options.dont_fragment,
                    more_fragments: false,
                    fragment_offset: 0,
                };
                Head::from_slice(&header.emit(length))
            }
            Addresses::V6(source, destination) => {
                let header = ipv6::Header {
                    source,
                    destination,
                    next_header: protocol,
                    hop_limit: options.ttl,
                    traffic_class: options.traffic_class,
                    flow_label: 0,
                };
                Head::from_slice(&header.emit(length))
            }
        }
    }

    fn icmp(&self, mut icmp: [u8; 8], data: Bytes, options: BuildOptions) -> Packet {
        let length = icmp.len() + data.len();
        let (protocol, mut sum) = match self {
            Addresses::V4(..) => (Protocol::ICMPV4, Sum::new()),
            Addresses::V6(..) => (Protocol::ICMPV6, self.pseudo_header(Protocol::ICMPV6, length)),
        };
        sum.add(&icmp);
        sum.add(&data);
        icmp[ICMPV4_CHECKSUM..ICMPV4_CHECKSUM + 2].copy_from_slice(&sum.checksum().to_be_bytes());
        let mut head = self.ip_header(protocol, length, &options);
        head.extend_from_slice(&icmp);
        Packet { head, payload: data.into(), offload: Offload::default() }
    }
}
