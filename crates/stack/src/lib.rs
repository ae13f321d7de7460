//! Many flows: demultiplexing, listeners with their two queues, TIME_WAIT, timers, limits, IP and ICMP in and out.
//!
//! Sans-IO: `now`, the random generator and frames are arguments; nothing here reads a clock or waits. A [`Stack`] is one
//! shard; it belongs to one thread and is never locked. Applications hold [`Socket`]s, which never call into it.

mod bind;
mod config;
mod flows;
mod fragments;
mod index;
mod message;
mod ports;
mod slab;
mod socket;
mod stack;
mod wheel;

pub use config::{Capabilities, Config, Deadline, Limits, Secrets, Shard, ShardId};
pub use message::Message;
pub use socket::{Family, Notify, Shutdown, Socket, SocketError, Sockets};
pub use stack::{Cursor, Stack};

pub use lastack_observe as observe;
pub use lastack_observe::Census;
pub use lastack_tcp::knobs::{Linger, SocketOptions};
pub use lastack_tcp::{Instant, Knobs};
pub use lastack_wire as wire;
