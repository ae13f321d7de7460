//! What can be wrong with octets from the network. Every text is for an operator who looks at a drop.

use thiserror::Error;

/// Which header the trouble is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// IPv4 (RFC 791).
    Ipv4,
    /// IPv6 and its extension headers (RFC 8200).
    Ipv6,
    /// ICMP (RFC 792).
    Icmpv4,
    /// ICMPv6 (RFC 4443).
    Icmpv6,
    /// TCP (RFC 9293).
    Tcp,
    /// The virtio-net header in front of a packet.
    VirtioNet,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Layer::Ipv4 => "IPv4",
            Layer::Ipv6 => "IPv6",
            Layer::Icmpv4 => "ICMP",
            Layer::Icmpv6 => "ICMPv6",
            Layer::Tcp => "TCP",
            Layer::VirtioNet => "virtio-net",
        })
    }
}

/// Why octets are not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ParseError {
    /// The data end before the header does.
    #[error("{layer} header cut short: {needed} octets needed, {found} there")]
    Truncated {
        /// Which header.
        layer: Layer,
        /// Octets the header takes, as far as it could be read.
        needed: usize,
        /// Octets there are.
        found: usize,
    },
    /// The first nibble is neither 4 nor 6, or not the one that was expected.
    #[error("IP version {0} is neither 4 nor 6")]
    Version(u8),
    /// A length field contradicts itself or the data.
    #[error("{layer} length field says {claimed} octets, but {bound}")]
    Length {
        /// Which header.
        layer: Layer,
        /// What the field says, in octets.
        claimed: usize,
        /// What it had to obey.
        bound: &'static str,
    },
    /// The checksum does not match.
    #[error("{0} checksum is wrong")]
    Checksum(Layer),
    /// More extension headers, or options in one, than anybody needs.
    #[error("too many IPv6 extension headers or options in them")]
    TooManyExtensions,
    /// A hop-by-hop header that does not come first (RFC 8200 section 4.1).
    #[error("IPv6 hop-by-hop options are not the first extension header")]
    MisplacedHopByHop,
    /// An option that says of itself that who does not know it must drop the packet (RFC 8200 section 4.2).
    #[error("IPv6 option {0:#04x} is unknown and forbids to go on")]
    ForbiddenOption(u8),
    /// A source route that has not reached its end: we are no router.
    #[error("IPv6 routing header wants {0} more hops")]
    RoutingSegmentsLeft(u8),
    /// A segmentation type nobody offered.
    #[error("virtio-net gso type {0} is not supported")]
    GsoType(u8),
    /// The checksum position lies outside the packet.
    #[error("virtio-net checksum field at {position} lies outside the packet of {length} octets")]
    ChecksumPosition {
        /// Octets from the start of the packet.
        position: usize,
        /// Octets of the packet.
        length: usize,
    },
}

/// The first `N` octets of `data`, or how many are missing.
pub(crate) fn fixed<const N: usize>(data: &[u8], layer: Layer) -> Result<&[u8; N], ParseError> {
    data.first_chunk().ok_or(ParseError::Truncated { layer, needed: N, found: data.len() })
}
