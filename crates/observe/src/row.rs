//! One line of `ss`: everything that can be told about one socket.

use crate::{Flow, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

mod facts;
#[cfg(test)]
mod tests;

pub use facts::{Bbr, Holder, HostFacts, SocketMemory, TcpInfo};

/// Which timer runs (the kernel's numbers in sock_diag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Negotiated {
    /// Timestamps on both sides.
    pub timestamps: bool,
    /// SACK on both sides.
    pub sack: bool,
    /// ECN on both sides.
    #[serde(default)]
    pub ecn: bool,
    /// Window scale, when both sides sent it: the peer's shift, then ours.
    pub window_scale: Option<(u8, u8)>,
    /// Largest payload we send, in octets.
    pub mss: u16,
}

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Time until it fires; milliseconds in JSON.
    #[serde(rename = "timer_left_ms", with = "millis")]
    pub timer_left: Option<Duration>,
    /// Timeouts in a row without an answer.
    pub retransmits: u8,
    /// The retransmission timeout as it is now, doublings included, when it is known; milliseconds in JSON.
    #[serde(default, rename = "rto_ms", with = "millis")]
    pub rto: Option<Duration>,
    /// Time in this state, when it is known; milliseconds in JSON.
    #[serde(rename = "age_ms", with = "millis")]
    pub age: Option<Duration>,
    /// True when no application holds the socket.
    pub orphan: bool,
    /// True for an established connection that accept() has not returned yet.
    pub unaccepted: bool,
    /// What the handshake agreed on, once it has.
    pub negotiated: Option<Negotiated>,
    /// TCP_INFO of a stack's socket, when asked for; the kernel's is in `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<TcpInfo>>,
    /// The congestion control of a stack's socket, when `info` was asked for; the kernel's is in `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<Cow<'static, str>>,
    /// What only the kernel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Box<HostFacts>>,
}

impl SocketRow {
    /// A row of which nothing is known but its state and its ends.
    pub const fn new(state: State, flow: Flow) -> SocketRow {
        SocketRow {
            state,
            recv_queue: 0,
            send_queue: 0,
            flow,
            timer: TimerKind::Off,
            timer_left: None,
            retransmits: 0,
            rto: None,
            age: None,
            orphan: false,
            unaccepted: false,
            negotiated: None,
            info: None,
            congestion: None,
            host: None,
        }
    }

    /// The line above rows, as `ss -tano` prints it.
    pub fn header() -> String {
        columns("State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process")
    }

    fn remarks(&self) -> String {
        let mut remarks = Vec::new();
        if self.timer != TimerKind::Off {
            let left = Millis(self.timer_left.unwrap_or(Duration::ZERO));
            remarks.push(format!("timer:({},{left},{})", self.timer, self.retransmits));
        }
        if self.orphan {
            remarks.push("orphan".to_owned());
        }
        if self.unaccepted {
            remarks.push("unaccepted".to_owned());
        }
        remarks.join(" ")
    }
}

impl fmt::Display for SocketRow {
    /// One line as `ss -tano` prints it, with two words that ss does not have: `orphan` and `unaccepted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (recv, send) = (self.recv_queue.to_string(), self.send_queue.to_string());
        let (local, remote) = (end(self.flow.local), end(self.flow.remote));
        f.write_str(&columns(self.state.ss_name(), &recv, &send, &local, &remote, &self.remarks()))
    }
}

fn columns(state: &str, recv: &str, send: &str, local: &str, remote: &str, remarks: &str) -> String {
    let line = format!("{state:<10} {recv:<6} {send:<6} {local:>22} {remote:>22} {remarks}");
    line.trim_end().to_owned()
}

/// Address and port; port zero is any port.
fn end(end: SocketAddr) -> String {
    match (end.port(), end) {
        (0, SocketAddr::V4(v4)) => format!("{}:*", v4.ip()),
        (0, SocketAddr::V6(v6)) => format!("[{}]:*", v6.ip()),
        _ => end.to_string(),
    }
}

/// A duration as ss prints timers: `204ms`, `1.204ms` (seconds, then milliseconds), `59sec`, `1min20sec`, `119min`.
pub struct Millis(pub Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.0.as_secs() / 60, self.0.as_secs() % 60);
        let millis = self.0.subsec_millis();
        match (minutes, seconds) {
            (0, 0) => write!(f, "{millis:03}ms"),
            (0, 1..10) if millis != 0 => write!(f, "{seconds}.{millis:03}ms"),
            (0, _) => write!(f, "{seconds}sec"),
            (1..10, 1..) => write!(f, "{minutes}min{seconds}sec"),
            _ => write!(f, "{minutes}min"),
        }
    }
}

/// Durations as whole milliseconds.
mod millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}
