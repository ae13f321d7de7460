//! What crosses from one shard to another, by bounded mailboxes that the driver carries.

use crate::listener::Listener;
use crate::socket::cell::{Accepted, Cell};
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
    Listen(Box<Listener>),
    /// That listener is gone.
    Unlisten { cell: Arc<Cell> },
    /// An established connection for a listener of the receiving shard.
    Accept { listener: Arc<Cell>, accepted: Accepted },
    /// A connect() that must run here, because its four-tuple hashes here.
    Connect { cell: Arc<Cell>, peer: SocketAddr },
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Frame(_) => "Frame",
            Kind::Listen(_) => "Listen",
            Kind::Unlisten { .. } => "Unlisten",
            Kind::Accept { .. } => "Accept",
            Kind::Connect { .. } => "Connect",
        })
    }
}
