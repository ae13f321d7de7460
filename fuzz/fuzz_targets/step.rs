//! What may happen to a stack, as the fuzzer makes it up.

use arbitrary::Arbitrary;

/// One thing that happens.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// A segment that fits the stack's last one, but for what is bent on purpose.
    Segment(Bent),
    /// Octets of no plan.
    Octets(Vec<u8>),
    /// An ICMP error about the stack's last segment.
    Unreachable { code: u8, mtu: Option<u16> },
    /// Time passes, in milliseconds.
    Wait(u16),
    /// Much time passes, in seconds.
    WaitLong(u8),
    /// Time passes until the next timer.
    ToDeadline,
    /// An application's call on one of its sockets.
    Call { socket: u8, call: Call },
}

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

/// A call.
#[derive(Arbitrary, Debug)]
pub enum Call {
    Connect { port: u8 },
    Accept,
    Read(u16),
    Write(u16),
    ShutdownRead,
    ShutdownWrite,
    Close,
    Abort,
    NoDelay(bool),
    Cork(bool),
    Keepalive(bool),
    Linger(Option<u8>),
    ReceiveBuffer(u16),
}
