//! What crosses from one shard to another, by bounded mailboxes that the driver carries.

use crate::socket::cell::Cell;
use lastack_wire::Frame;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// One message between shards. The driver moves it from `poll_message` of one to `handle_message` of the other.
pub struct Message(pub(crate) Kind);

pub(crate) enum Kind {
    /// A frame whose flow (or whose ICMP error's flow) lives on the other shard.
    Frame(Frame),
    /// A listener of another shard: connections that hash here are accepted on its behalf.
    Listen { address: SocketAddr, backlog: u32, cell: Arc<Cell> },
    /// That listener is gone.
    Unlisten { cell: Arc<Cell> },
    /// An established connection for a listener of the receiving shard.
    Accept { listener: Arc<Cell>, cell: Arc<Cell>, peer: SocketAddr },
    /// A connect() that must run here, because its address pair hashes here.
    Connect { cell: Arc<Cell> },
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Frame(_) => "Frame",
            Kind::Listen { .. } => "Listen",
            Kind::Unlisten { .. } => "Unlisten",
            Kind::Accept { .. } => "Accept",
            Kind::Connect { .. } => "Connect",
        })
    }
}
