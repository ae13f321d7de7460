//! One line of `ss`: everything that can be told about one socket.

use crate::{Flow, State};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Which timer runs (the kernel's numbers in sock_diag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// None.
    Off,
    /// Retransmission (or tail loss probe).
    On,
    /// Keepalive.
    Keepalive,
    /// TIME_WAIT, or FIN_WAIT2 of an orphan.
    Timewait,
    /// Zero-window probe.
    Persist,
}

impl TimerKind {
    /// The word ss prints.
    pub const fn name(self) -> &'static str {
        match self {
            TimerKind::Off => "off",
            TimerKind::On => "on",
            TimerKind::Keepalive => "keepalive",
            TimerKind::Timewait => "timewait",
            TimerKind::Persist => "persist",
        }
    }
}

impl fmt::Display for TimerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The options that a handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Negotiated {
    /// Timestamps on both sides.
    pub timestamps: bool,
    /// SACK on both sides.
    pub sack: bool,
    /// Window scale, when both sides sent it: the peer's shift, then ours.
    pub window_scale: Option<(u8, u8)>,
    /// Largest payload we send, in octets.
    pub mss: u16,
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SocketRow {
    /// Its state.
    pub state: State,
    /// Octets not read yet; for LISTEN the length of the accept queue.
    pub recv_queue: u32,
    /// Octets not acknowledged yet; for LISTEN the backlog.
    pub send_queue: u32,
    /// Both ends.
    pub flow: Flow,
    /// Which timer runs.
    pub timer: TimerKind,
    /// Time until it fires.
    pub timer_left: Option<Duration>,
    /// Timeouts in a row without an answer.
    pub retransmits: u8,
    /// Time in this state, when it is known.
    pub age: Option<Duration>,
    /// True when no application holds the socket.
    pub orphan: bool,
    /// True for an established connection that accept() has not returned yet.
    pub unaccepted: bool,
    /// What the handshake agreed on, once it has.
    pub negotiated: Option<Negotiated>,
}
