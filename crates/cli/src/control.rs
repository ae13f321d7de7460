//! What a running stack and the commands that look at it say to each other: one JSON object per line, over a Unix socket.
//!
//! A connection carries any number of requests, answered in order. A request that makes no sense gets an `error` and the
//! connection ends. `connect` turns the connection into that of a TCP socket (see `lend`).

pub(crate) mod client;
pub(crate) mod folder;
pub(crate) mod lend;
pub(crate) mod server;

use lastack::observe::{Census, Counters, Event, SocketRow};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The version of this protocol. Both sides must have the same.
pub(crate) const VERSION: u32 = 1;

/// Octets of the longest request, its line end included.
pub(crate) const REQUEST_MAX: u64 = 4096;
/// Octets of the longest reply, its line end included.
pub(crate) const REPLY_MAX: u64 = 1 << 20;

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// What it wants.
    pub(crate) ask: Ask,
}

/// What a client may want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Who is there.
    About,
    /// Every socket, in several replies, closed by `end`.
    Sockets,
    /// The same with TCP_INFO.
    SocketsWithInfo,
    /// How many flows are in each state.
    Census,
    /// Every counter.
    Counters,
    /// Every knob with its value.
    Knobs,
    /// To turn a knob.
    TurnKnob {
        /// Its name, as sysctl has it.
        name: String,
        /// The value, as sysctl takes it.
        value: String,
    },
    /// Every event from now on, until the client leaves.
    Events,
    /// A socket of this stack, connected to there.
    Connect {
        /// An address.
        host: IpAddr,
        /// A port.
        port: u16,
    },
}

/// One line from a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// Who is there.
    About(About),
    /// Some of the sockets.
    Sockets(Vec<SocketRow>),
    /// The answer has ended.
    End,
    /// How many flows are in each state.
    Census(Census),
    /// Every counter.
    Counters(Box<Counters>),
    /// Every knob with its value, sorted by name.
    Knobs(Vec<(String, String)>),
    /// The knob was turned: its name and the value it has now.
    KnobTurned(String, String),
    /// The knob was not turned, and why.
    KnobRefused(String),
    /// Something happened.
    Event(Event),
    /// The socket is connected; from here on the connection is its.
    Connected,
    /// Why there is no answer.
    Error(String),
}

/// Who a stack is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// Its name.
    pub(crate) name: String,
    /// Its device.
    pub(crate) device: String,
    /// Its addresses.
    pub(crate) addresses: Vec<IpAddr>,
}
