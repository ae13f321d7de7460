//! Many flows: demultiplexing, listeners with their two queues, TIME_WAIT, timers, limits, IP and ICMP in and out.
//!
//! Sans-IO: `now`, the random generator and frames are arguments; nothing here reads a clock or waits. A [`Stack`] is one
//! shard; it belongs to one thread and is never locked. Applications hold [`Socket`]s, which never call into it.

mod bind;
mod budget;
mod calls;
mod config;
mod egress;
mod fast_open;
mod flows;
mod fragments;
mod index;
mod info;
mod ingress;
mod lifecycle;
mod listener;
mod memory;
mod message;
mod paths;
mod ports;
mod recycle;
mod shards;
mod slab;
mod snapshot;
mod socket;
mod stack;
mod timeouts;
mod wheel;

pub use budget::Budget;
pub use config::{Capabilities, Config, Limits, Secrets, Shard, ShardId};
pub use message::Message;
pub use snapshot::Cursor;
pub use socket::{Family, IcmpError, Notify, Shutdown, Socket, SocketError, Sockets};
pub use stack::Stack;

pub use lastack_observe as observe;
pub use lastack_observe::Census;
pub use lastack_tcp::knobs::{BufferBounds, Linger, SocketOptions};
pub use lastack_tcp::{CongestionControl, FastOpenKey, FastOpenKeys, Instant, Knobs, knobs};
pub use lastack_wire as wire;
