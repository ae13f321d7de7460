//! Cutting a packet of ours into fragments (RFC 791 section 3.2, RFC 8200 section 4.5): for ICMP only, TCP never needs it.

use crate::frame::{Head, Offload, Packet};
use crate::protocol::Protocol;
use crate::{ipv4, ipv6};
use bytes::Bytes;

/// Pieces begin at a multiple of this many octets.
const UNIT: usize = 8;

/// The pieces of a packet with a full checksum, none longer than `mtu` octets, all with the identification `ident` (its low
/// 16 bits in IPv4). `None` when there is no room for a piece, or the packet is none that this crate builds.
pub fn fragments(packet: &Packet, mtu: u16, ident: u32) -> Option<Vec<Packet>> {
    let whole = packet.to_frame().data;
    match whole.first()? >> 4 {
        4 => {
            let (header, body) = ipv4::Header::parse(&whole).ok()?;
            cut(whole.slice(body), usize::from(mtu).checked_sub(ipv4::HEADER_LEN)?, |offset, more, len| {
                let header = ipv4::Header {
                    ident: ident as u16,
                    dont_fragment: false,
                    more_fragments: more,
                    fragment_offset: offset,
                    ..header
                };
                Head::from_slice(&header.emit(len))
            })
        }
        _ => {
            let (header, body) = ipv6::Header::parse(&whole).ok()?;
            let room = usize::from(mtu).checked_sub(ipv6::HEADER_LEN + ipv6::FRAGMENT_HEADER_LEN)?;
            cut(whole.slice(body), room, |offset, more, len| {
                let outer = ipv6::Header { next_header: Protocol::FRAGMENT, ..header };
                let mut head = Head::from_slice(&outer.emit(ipv6::FRAGMENT_HEADER_LEN + len));
                head.extend_from_slice(&[header.next_header.0, 0]);
                head.extend_from_slice(&(offset | u16::from(more)).to_be_bytes());
                head.extend_from_slice(&ident.to_be_bytes());
                head
            })
        }
    }
}

fn cut(body: Bytes, room: usize, head: impl Fn(u16, bool, usize) -> Head) -> Option<Vec<Packet>> {
    let piece = room / UNIT * UNIT;
    if piece == 0 {
        return None;
    }
    let pieces = (0..body.len()).step_by(piece).map(|offset| {
        let end = body.len().min(offset + piece);
        let part = body.slice(offset..end);
        let head = head(offset as u16, end < body.len(), part.len());
        Packet { head, payload: part.into(), offload: Offload::default() }
    });
    Some(pieces.collect())
}
