//! What may happen to a stack, as the fuzzer makes it up.

use crate::bent::Bent;
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
