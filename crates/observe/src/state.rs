//! The states of RFC 9293 section 3.3.2, under the Linux kernel's names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// The state of one flow, or of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum State {
    /// Data flows both ways.
    Established = 1,
    /// Our SYN is out, nothing came back.
    SynSent = 2,
    /// SYN received and answered, its acknowledgment not here yet.
    SynRecv = 3,
    /// We closed; our FIN is not acknowledged.
    #[serde(rename = "FIN_WAIT1")]
    FinWait1 = 4,
    /// We closed, our FIN is acknowledged; the peer may still send.
    #[serde(rename = "FIN_WAIT2")]
    FinWait2 = 5,
    /// Both closed, ours first: waiting for old segments to die.
    TimeWait = 6,
    /// No connection.
    #[serde(rename = "CLOSE")]
    Closed = 7,
    /// The peer closed; our application has not.
    CloseWait = 8,
    /// The peer closed, then we did; our FIN is not acknowledged.
    LastAck = 9,
    /// Waiting for connections.
    Listen = 10,
    /// Both closed at once; our FIN is not acknowledged.
    Closing = 11,
}

impl State {
    /// Every state, in the kernel's numbering.
    pub const ALL: [State; 11] = [
        State::Established,
        State::SynSent,
        State::SynRecv,
        State::FinWait1,
        State::FinWait2,
        State::TimeWait,
        State::Closed,
        State::CloseWait,
        State::LastAck,
        State::Listen,
        State::Closing,
    ];

    /// The kernel's name (`include/net/tcp_states.h` without the prefix), as netstat prints it.
    pub const fn name(self) -> &'static str {
        match self {
            State::Established => "ESTABLISHED",
            State::SynSent => "SYN_SENT",
            State::SynRecv => "SYN_RECV",
            State::FinWait1 => "FIN_WAIT1",
            State::FinWait2 => "FIN_WAIT2",
            State::TimeWait => "TIME_WAIT",
            State::Closed => "CLOSE",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Listen => "LISTEN",
            State::Closing => "CLOSING",
        }
    }

    /// The name that ss prints.
    pub const fn ss_name(self) -> &'static str {
        match self {
            State::Established => "ESTAB",
            State::SynSent => "SYN-SENT",
            State::SynRecv => "SYN-RECV",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::TimeWait => "TIME-WAIT",
            State::Closed => "UNCONN",
            State::CloseWait => "CLOSE-WAIT",
            State::LastAck => "LAST-ACK",
            State::Listen => "LISTEN",
            State::Closing => "CLOSING",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStateError(String);

impl fmt::Display for ParseStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no TCP state \"{}\"", self.0)
    }
}

impl std::error::Error for ParseStateError {}

impl FromStr for State {
    type Err = ParseStateError;

    /// Takes the kernel's name, ss' name and RFC 9293's, in any case: `FIN_WAIT1`, `FIN-WAIT-1`, `fin-wait-1`;
    /// `SYN_RECV`, `SYN-RECEIVED`; `CLOSE`, `CLOSED`, `UNCONN`.
    fn from_str(text: &str) -> Result<State, ParseStateError> {
        let bare = |name: &str| name.replace(['-', '_', ' '], "").to_ascii_uppercase();
        let wanted = bare(text);
        let other_name = match wanted.as_str() {
            "CLOSED" => Some(State::Closed),
            "SYNRECEIVED" | "SYNRCVD" => Some(State::SynRecv),
            _ => None,
        };
        let named = |state: &State| bare(state.name()) == wanted || bare(state.ss_name()) == wanted;
        other_name
            .or_else(|| State::ALL.into_iter().find(named))
            .ok_or_else(|| ParseStateError(text.chars().take(40).collect()))
    }
}
