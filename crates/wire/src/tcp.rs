//! The TCP header and its options (RFC 9293 section 3.1, RFC 7323, RFC 2018, RFC 7413): the values; `codec` reads and
//! writes them.

mod codec;
mod fastopen;

pub use codec::{CHECKSUM_OFFSET, HEADER_LEN, OPTIONS_LEN_MAX, emit, parse};
pub use fastopen::{FastOpen, FastOpenCookie};

use crate::Seq;
use smallvec::SmallVec;
use std::fmt;

/// The control bits of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push function.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer is significant.
    pub const URG: Flags = Flags(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Flags = Flags(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Flags = Flags(0x80);

    /// True when every bit of `other` is set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// `self` without the bits of `other`.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// SYN is set.
    pub const fn syn(self) -> bool {
        self.contains(Flags::SYN)
    }
    /// FIN is set.
    pub const fn fin(self) -> bool {
        self.contains(Flags::FIN)
    }
    /// RST is set.
    pub const fn rst(self) -> bool {
        self.contains(Flags::RST)
    }
    /// ACK is set.
    pub const fn ack(self) -> bool {
        self.contains(Flags::ACK)
    }
    /// URG is set.
    pub const fn urg(self) -> bool {
        self.contains(Flags::URG)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut first = true;
        for (_, name) in NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0) {
            if !first {
                f.write_str("|")?;
            }
            f.write_str(name)?;
            first = false;
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

/// The timestamps option (RFC 7323 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the echoed clock of the receiver.
    pub echo: u32,
}

/// One block of octets that arrived out of order: `[left, right)` (RFC 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SackBlock {
    /// First number of the block.
    pub left: Seq,
    /// The number after the last of the block.
    pub right: Seq,
}

/// The options that lastack knows. Unknown kinds are skipped on parsing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Maximum segment size; only meaningful with SYN.
    pub mss: Option<u16>,
    /// Window scale shift count as received (may exceed 14); only meaningful with SYN.
    pub window_scale: Option<u8>,
    /// SACK-permitted; only meaningful with SYN.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, at most four.
    pub sack: SmallVec<[SackBlock; 4]>,
    /// Fast Open: a cookie or the wish for one; only meaningful with SYN.
    pub fastopen: Option<FastOpen>,
}

/// A TCP header without its ports: what one flow sees of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK; only meaningful with ACK.
    pub ack: Seq,
    /// The control bits.
    pub flags: Flags,
    /// The raw 16-bit window field, unscaled.
    pub window: u16,
    /// The urgent pointer; only meaningful with URG.
    pub urgent: u16,
    /// The options.
    pub options: Options,
}

#[cfg(test)]
mod tests;
