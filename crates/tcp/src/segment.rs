//! A segment as one flow sees it: no ports, no addresses, no checksum.

use crate::Codepoint;
use bytes::Bytes;
use lastack_wire::tcp::Header;
use lastack_wire::{Payload, Seq};

/// A segment that arrived. Its header was parsed and its checksum verified.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Numbers, flags, window and options.
    pub header: Header,
    /// The octets.
    pub payload: Bytes,
    /// Octets of memory that `payload` keeps alive.
    pub pinned: usize,
    /// Octets of its IP packet.
    pub packet: u32,
    /// Payload of each of the segments that the device joined to this one; zero when it did not, or does not tell.
    pub piece: u16,
    /// What the ECN field of its IP packet said.
    pub ecn: Codepoint,
}

impl Arrival {
    /// SEG.LEN: octets of sequence space, SYN and FIN included.
    pub fn len(&self) -> u32 {
        let flags = self.header.flags;
        self.payload.len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin())
    }

    /// True when the segment takes no sequence space.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number after the last octet of the segment.
    pub fn end(&self) -> Seq {
        self.header.seq + self.len()
    }
}

/// A segment to be sent. The stack adds ports, addresses and checksum.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    /// Numbers, flags, window and options.
    pub header: Header,
    /// The octets.
    pub payload: Payload,
    /// Set when the payload exceeds this: the device cuts it in pieces of this size.
    pub mss: u16,
    /// Its IP packet says ECT(0): routers may mark it instead of dropping it (RFC 3168).
    pub ect: bool,
    /// All of it was sent before: RFC 1213's tcpOutSegs leaves it out.
    pub again: bool,
}

impl Segment {
    /// SEG.LEN: octets of sequence space, SYN and FIN included.
    pub fn len(&self) -> u32 {
        let flags = self.header.flags;
        self.payload.len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin())
    }

    /// True when the segment takes no sequence space.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
