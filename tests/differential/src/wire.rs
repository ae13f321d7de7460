//! Octets of both sides: the same encoder, the same decoder.

use bytes::Bytes;
use lastack_sim::octets::{self, Ends, Seen};
use lastack_sim::script::ast::Segment;

/// Where the TCP checksum lies behind the IP header.
const CHECKSUM: usize = 16;

/// A segment of the peer as an IP packet.
pub(crate) fn packet(ends: Ends, segment: &Segment, damaged: bool) -> Vec<u8> {
    let mut packet = octets::encode(ends, segment);
    if damaged {
        let ip = if ends.from.is_ipv4() { 20 } else { 40 };
        packet[ip + CHECKSUM] ^= 0x55;
    }
    packet
}

/// A segment from the other side to the peer, if the packet is one of this flow.
pub(crate) fn seen(packet: &[u8], ends: Ends) -> Option<Seen> {
    let seen = octets::decode(packet).ok().flatten()?;
    (seen.ends == Ends { from: ends.to, to: ends.from }).then_some(seen)
}

/// What the application writes: every octet tells its place in the stream.
pub(crate) fn written(place: usize, octets: usize) -> Bytes {
    (place..place + octets).map(|at| (at % 251) as u8).collect()
}
