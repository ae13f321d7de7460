//! The virtio-net header in front of a packet (virtio 1.2 section 5.1.6), as TUN with `IFF_VNET_HDR` speaks it.
//!
//! Fields are in the machine's own byte order, TUN's default without `TUNSETVNETLE`; on a little-endian machine that is
//! virtio 1's order, too. Ten octets, or twelve with the count of merged buffers.

use crate::error::{Layer, ParseError, fixed};
use crate::frame::{Checksum, Gso, Offload, Packet};

/// Octets without the count of merged buffers.
pub const LEN: usize = 10;
/// Octets with it.
pub const LEN_MERGED: usize = 12;

/// The checksum field holds a partial sum that must be finished.
pub const NEEDS_CSUM: u8 = 1;
/// The checksum was verified.
pub const DATA_VALID: u8 = 2;

/// No super-segment.
pub const GSO_NONE: u8 = 0;
/// TCP over IPv4 to be cut.
pub const GSO_TCPV4: u8 = 1;
/// TCP over IPv6 to be cut.
pub const GSO_TCPV6: u8 = 4;
/// A bit beside the type: CWR is set, so only the first piece may keep it (RFC 3168).
pub const GSO_ECN: u8 = 0x80;

/// The header, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NetHeader {
    /// [`NEEDS_CSUM`], [`DATA_VALID`].
    pub flags: u8,
    /// [`GSO_NONE`], [`GSO_TCPV4`] or [`GSO_TCPV6`], perhaps with [`GSO_ECN`].
    pub gso_type: u8,
    /// Octets of all headers that each piece repeats; a hint.
    pub hdr_len: u16,
    /// Payload octets of each piece but the last.
    pub gso_size: u16,
    /// Where the summed part starts, in octets from the start of the packet.
    pub csum_start: u16,
    /// Where the checksum field lies, in octets from `csum_start`.
    pub csum_offset: u16,
}

impl NetHeader {
    /// Reads the ten octets in front of a packet.
    pub fn parse(data: &[u8]) -> Result<NetHeader, ParseError> {
        let field = fixed::<LEN>(data, Layer::VirtioNet)?;
        let word = |at: usize| u16::from_ne_bytes([field[at], field[at + 1]]);
        Ok(NetHeader {
            flags: field[0],
            gso_type: field[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        })
    }

    /// The ten octets.
    pub fn emit(&self) -> [u8; LEN] {
        let mut octets = [self.flags, self.gso_type, 0, 0, 0, 0, 0, 0, 0, 0];
        let words = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (place, word) in octets[2..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        octets
    }

    /// The twelve octets, for a packet in one buffer.
    pub fn emit_merged(&self) -> [u8; LEN_MERGED] {
        let mut octets = [0; LEN_MERGED];
        octets[..LEN].copy_from_slice(&self.emit());
        octets[LEN..].copy_from_slice(&1_u16.to_ne_bytes());
        octets
    }

    /// The header that says what `packet.offload` says.
    pub fn for_packet(packet: &Packet) -> NetHeader {
        const TCP_CWR: u8 = 0x80;
        const TCP_FLAGS: usize = 13;
        let mut header = NetHeader::default();
        match packet.offload.checksum {
            Checksum::Full => {}
            Checksum::Valid => header.flags = DATA_VALID,
            Checksum::Partial { start, offset } => {
                header.flags = NEEDS_CSUM;
                header.csum_start = start;
                header.csum_offset = offset;
            }
        }
        if let Some(gso) = packet.offload.gso {
            let version = packet.head.first().map_or(0, |octet| octet >> 4);
            header.gso_type = if version == 4 { GSO_TCPV4 } else { GSO_TCPV6 };
            let flags = packet.head.get(usize::from(header.csum_start) + TCP_FLAGS);
            if flags.is_some_and(|flags| flags & TCP_CWR != 0) {
                header.gso_type |= GSO_ECN;
            }
            header.gso_size = gso.size;
            header.hdr_len = packet.head.len() as u16;
        }
        header
    }

    /// What the header says of a packet of `packet_len` octets behind it. Positions outside the packet, and segmentation
    /// that is not TCP's, are errors.
    pub fn offload(&self, packet_len: usize) -> Result<Offload, ParseError> {
        let checksum = if self.flags & NEEDS_CSUM != 0 {
            let position = usize::from(self.csum_start) + usize::from(self.csum_offset);
            if position + 2 > packet_len {
                return Err(ParseError::ChecksumPosition { position, length: packet_len });
            }
            Checksum::Partial { start: self.csum_start, offset: self.csum_offset }
        } else if self.flags & DATA_VALID != 0 {
            Checksum::Valid
        } else {
            Checksum::Full
        };
        let gso = match self.gso_type & !GSO_ECN {
            GSO_NONE => None,
            GSO_TCPV4 | GSO_TCPV6 if self.gso_size > 0 => Some(Gso { size: self.gso_size }),
            _ => return Err(ParseError::GsoType(self.gso_type)),
        };
        Ok(Offload { checksum, gso })
    }
}

#[cfg(test)]
mod tests;
