//! What is done to both sides: a setup, and a few steps. Segments are told by their place (the next number, the window's edge),
//! so that a step keeps its meaning when another one is dropped.

pub mod generate;
mod setup;
mod words;

pub(crate) use words::flags;

pub use setup::{PeerOptions, Profile, Setup, Start};

use lastack_wire::tcp::Flags;

/// One sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Which seed and number made it.
    pub name: (u64, u64),
    /// Where it begins.
    pub setup: Setup,
    /// What is tried there.
    pub steps: Vec<Step>,
}

impl Sequence {
    /// Everything in order: how to get to the beginning, then the steps.
    pub fn all_steps(&self) -> Vec<Step> {
        let mut all = self.setup.preamble();
        all.extend(self.steps.iter().cloned());
        all
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The peer sends a segment.
    Segment(Shape),
    /// The application calls.
    Call(Call),
    /// Time passes, milliseconds.
    Wait(u16),
}

/// A call of the application. On a socket that is not there it does nothing, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// socket(), bind(), listen().
    Listen,
    /// socket(), bind(), connect().
    Connect,
    /// accept().
    Accept,
    /// read() of at most so many octets.
    Read(u32),
    /// write() of so many octets.
    Write(u32),
    /// shutdown(SHUT_RD).
    ShutdownRead,
    /// shutdown(SHUT_WR).
    ShutdownWrite,
    /// shutdown(SHUT_RDWR).
    ShutdownBoth,
    /// close().
    Close,
    /// SO_LINGER with zero seconds, then close().
    Abort,
    /// close() of the listener.
    CloseListener,
    /// getsockopt(SO_ERROR).
    TakeError,
    /// TCP_NODELAY.
    Nodelay(bool),
    /// TCP_CORK.
    Cork(bool),
    /// TCP_QUICKACK.
    Quickack(bool),
    /// SO_KEEPALIVE.
    Keepalive(bool),
}

/// A segment of the peer's, told by its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Control bits.
    pub flags: Flags,
    /// Where it begins.
    pub seq: SeqAt,
    /// What it acknowledges, when it has ACK; otherwise the field is zero.
    pub ack: AckAt,
    /// Octets of data.
    pub len: u16,
    /// The raw window.
    pub window: u16,
    /// Its timestamps.
    pub stamp: Stamp,
    /// Its SACK blocks.
    pub sack: SackAt,
    /// Its urgent pointer; only with URG.
    pub urgent: u16,
    /// Its checksum is wrong.
    pub damaged: bool,
}

impl Shape {
    /// An ordinary segment at the next number that acknowledges everything.
    pub const fn plain(flags: Flags, len: u16, window: u16) -> Shape {
        Shape {
            flags,
            seq: SeqAt::Next(0),
            ack: AckAt::Next(0),
            len,
            window,
            stamp: Stamp::Newer,
            sack: SackAt::None,
            urgent: 0,
            damaged: false,
        }
    }
}

/// A sequence number, so many beside a landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeqAt {
    /// The next one the stack expects.
    Next(i32),
    /// The right edge of the window that the stack offers.
    Edge(i32),
    /// The peer's initial number.
    Isn(i32),
}

/// An acknowledgment number, so many beside a landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckAt {
    /// Everything that the stack sent.
    Next(i32),
    /// What the peer acknowledged before.
    Una(i32),
    /// The stack's initial number.
    Iss(i32),
}

/// What a segment's timestamps say. Where the peer has none of its own, only [`Stamp::Forced`] adds any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// One more than the last, and the stack's last echoed.
    Newer,
    /// The last again.
    Same,
    /// So many before the last.
    Older(u32),
    /// None, though they were agreed on.
    Missing,
    /// Some, though they were not agreed on.
    Forced,
    /// Newer, but the echo is zero.
    NoEcho,
    /// Newer, but the echo lies so many beside the stack's last.
    Echo(i32),
}

/// SACK blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SackAt {
    /// None.
    None,
    /// The last so many octets that the stack sent.
    Tail(u16),
    /// A block below what is acknowledged: a D-SACK.
    Below,
    /// A block of octets that were never sent.
    Beyond,
}
