//! One packet whose pieces are not all there: ordered, without overlap, and how they become one.

use bytes::{Bytes, BytesMut};
use lastack_observe::Instant;
use lastack_observe::event::DropReason;
use lastack_wire::packet::{Fragment, Parsed};
use lastack_wire::{Frame, Offload, Protocol, checksum, ipv4, ipv6};

use super::Key;

/// Pieces of one packet; 65,535 octets over the least MTU of IPv4 that is in use (576) are 119.
const PIECES_MAX: usize = 128;

/// Why a piece was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Exactly this piece was there before.
    Duplicate,
    /// It overlaps with another, or lies behind the end.
    Overlap,
    /// The packet has too many pieces.
    TooMany,
    /// An earlier overlap spoiled the packet.
    Refused,
}

impl Trouble {
    pub(super) fn reason(self) -> DropReason {
        match self {
            Trouble::TooMany => DropReason::FragmentLimit,
            Trouble::Duplicate | Trouble::Overlap | Trouble::Refused => DropReason::FragmentOverlap,
        }
    }
}

/// One fragment as it came.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where its payload starts in the whole payload.
    offset: usize,
    /// Headers and payload, without padding.
    packet: Bytes,
    /// Where its payload starts in `packet`.
    header_len: usize,
    protocol: Protocol,
    /// Octets of memory `packet` keeps alive.
    pinned: usize,
}

impl Piece {
    /// A piece that would keep more than twice its octets alive is copied.
    pub(super) fn new(frame: &Frame, parsed: &Parsed, fragment: Fragment) -> Piece {
        let end = parsed.payload.end;
        let (packet, pinned) = if frame.pinned > 2 * end {
            (Bytes::copy_from_slice(&frame.data[..end]), end)
        } else {
            (frame.data.slice(..end), frame.pinned)
        };
        Piece {
            offset: usize::from(fragment.offset),
            packet,
            header_len: parsed.payload.start,
            protocol: parsed.protocol,
            pinned,
        }
    }

    fn payload(&self) -> &[u8] {
        &self.packet[self.header_len..]
    }

    fn end(&self) -> usize {
        self.offset + self.payload().len()
    }
}

/// One packet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) began: Instant,
    pub(super) older: Option<u32>,
    pub(super) younger: Option<u32>,
    /// In order of their offset.
    pieces: Vec<Piece>,
    /// Octets of the whole payload, once the last piece is here.
    total: Option<usize>,
    /// Octets in `pieces`.
    octets: usize,
    pinned: usize,
    poisoned: bool,
}

impl Waiting {
    pub(super) fn new(key: Key, began: Instant, older: Option<u32>) -> Waiting {
        Waiting {
            key,
            began,
            older,
            younger: None,
            pieces: Vec::new(),
            total: None,
            octets: 0,
            pinned: 0,
            poisoned: false,
        }
    }

    /// Octets of memory it costs.
    pub(super) fn charge(&self) -> usize {
        size_of::<Waiting>() + self.pieces.len() * size_of::<Piece>() + self.pinned
    }

    /// Puts a piece in its place; true when it was the last that was missing.
    pub(super) fn place(&mut self, piece: Piece, more: bool) -> Result<bool, Trouble> {
        if self.poisoned {
            return Err(Trouble::Refused);
        }
        let at = self.pieces.partition_point(|other| other.offset < piece.offset);
        let next = self.pieces.get(at);
        let known_end = self.total == Some(piece.end());
        if next.is_some_and(|next| next.offset == piece.offset && next.end() == piece.end())
            && more != known_end
        {
            return Err(Trouble::Duplicate);
        }
        let follows = at.checked_sub(1).is_none_or(|before| self.pieces[before].end() <= piece.offset);
        let precedes = next.is_none_or(|next| piece.end() <= next.offset);
        let fits = match (self.total, more) {
            (Some(total), true) => piece.end() <= total,
            (Some(_), false) => false,
            (None, true) => true,
            (None, false) => next.is_none(),
        };
        if !(follows && precedes && fits) {
            return Err(Trouble::Overlap);
        }
        if self.pieces.len() >= PIECES_MAX {
            return Err(Trouble::TooMany);
        }
        if !more {
            self.total = Some(piece.end());
        }
        self.octets += piece.payload().len();
        self.pinned += piece.pinned;
        self.pieces.insert(at, piece);
        Ok(self.total == Some(self.octets))
    }

    /// Lets the pieces go and refuses all that come.
    pub(super) fn poison(&mut self) {
        self.pieces = Vec::new();
        self.octets = 0;
        self.pinned = 0;
        self.poisoned = true;
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The first fragment with its headers, if it is here.
    pub(super) fn first_fragment(&self) -> Option<Bytes> {
        let first = self.pieces.first().filter(|piece| piece.offset == 0)?;
        Some(first.packet.clone())
    }

    /// One packet out of all pieces. An IPv4 header keeps its options; an IPv6 packet keeps the fixed header only, what
    /// else stood before the fragment header was obeyed when the piece came in. `None`: longer than a packet can be.
    pub(super) fn assemble(self) -> Option<Frame> {
        let first = self.pieces.first()?;
        let total = self.total?;
        let mut whole = BytesMut::with_capacity(first.header_len + total);
        if self.key.source.is_ipv4() {
            let length = u16::try_from(first.header_len + total).ok()?;
            whole.extend_from_slice(&first.packet[..first.header_len]);
            mark_whole_ipv4(&mut whole, length);
        } else {
            let header = ipv6::Header::parse_quoted(&first.packet).ok()?;
            let header = ipv6::Header { next_header: first.protocol, ..header };
            whole.extend_from_slice(&header.emit(u16::try_from(total).ok()?.into()));
        }
        self.pieces.iter().for_each(|piece| whole.extend_from_slice(piece.payload()));
        Some(Frame { pinned: whole.capacity(), data: whole.freeze(), offload: Offload::default() })
    }
}

/// Total length, no fragment marks, checksum.
fn mark_whole_ipv4(header: &mut [u8], length: u16) {
    debug_assert!(header.len() >= ipv4::HEADER_LEN, "it was parsed");
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[6..8].fill(0);
    header[10..12].fill(0);
    let sum = checksum::sum(header);
    header[10..12].copy_from_slice(&(!sum).to_be_bytes());
}
