//! The only place where the kernel is changed: sockets are destroyed (SOCK_DESTROY), never anything else.

use crate::{Diag, Error};
use lastack_observe::Flow;

/// What became of a socket that was to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroyed {
    /// It is gone. A connection was reset, its application sees ECONNABORTED.
    Yes,
    /// There was none like it any more.
    Gone,
}

/// Destroys exactly the socket that was seen: same flow and same cookie, so that a successor on the same ports lives. It needs
/// CAP_NET_ADMIN in the namespace, and CONFIG_INET_DIAG_DESTROY in the kernel.
pub fn destroy(diag: &mut Diag, flow: &Flow, cookie: u64) -> Result<Destroyed, Error> {
    Ok(match diag.destroy(flow, cookie)? {
        Some(()) => Destroyed::Yes,
        None => Destroyed::Gone,
    })
}
