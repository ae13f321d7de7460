//! A segment of the peer as the fuzzer makes it up.

use arbitrary::Arbitrary;

/// A segment of the peer: what it would rightly be, and what is changed.
#[derive(Arbitrary, Debug)]
pub struct Bent {
    /// Which of the peer's ports, if it opens something new.
    pub port: u8,
    /// The stack's open port, or another.
    pub to_listener: bool,
    /// The TCP flags.
    pub flags: u8,
    /// Added to the sequence number the stack expects; mostly zero is made of it.
    pub seq: i16,
    /// Added to the acknowledgment of all that the stack sent.
    pub ack: i16,
    /// The window field.
    pub window: u16,
    /// Octets of data.
    pub len: u16,
    /// The TSval, if there are timestamps, as steps from the last.
    pub timestamp: Option<i16>,
    /// A block of SACK, as distances from the acknowledgment.
    pub sack: Option<(u16, u16)>,
    /// Bends nothing of the numbers: the common case is a good segment.
    pub straight: bool,
}
