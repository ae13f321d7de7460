//! The only place where the kernel is changed: sockets are destroyed (SOCK_DESTROY), never anything else.

use crate::{Diag, Error};
use lastack_observe::Flow;
use rustix::io::Errno;
use std::fmt;

/// What became of a socket that was to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroyed {
    /// It is gone. A connection was reset, its application sees ECONNABORTED.
    Yes,
    /// There was none like it any more.
    Gone,
    /// The kernel does not do it.
    Refused(Refusal),
}

/// Why the kernel does not destroy a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// CAP_NET_ADMIN is missing (EPERM).
    NotPermitted,
    /// This kernel cannot (EOPNOTSUPP).
    NotSupported,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NotPermitted => {
                "not permitted: it needs CAP_NET_ADMIN in the sockets' network namespace; run as root"
            }
            Refusal::NotSupported => {
                "not supported: it needs a kernel that was built with CONFIG_INET_DIAG_DESTROY"
            }
        })
    }
}

/// Which socket: exactly the one that was seen, so that a successor on the same ports lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its ends.
    pub flow: Flow,
    /// Interface it is bound to; zero is any. The kernel finds a bound socket only through it.
    pub interface: u32,
    /// The kernel's id of it.
    pub cookie: u64,
}

/// Destroys the socket. It needs CAP_NET_ADMIN in the namespace, and CONFIG_INET_DIAG_DESTROY in the kernel.
///
/// # Errors
/// When the kernel cannot be asked, or refuses for a reason that is none of [`Refusal`].
pub fn destroy(diag: &mut Diag, target: &Target) -> Result<Destroyed, Error> {
    match diag.destroy(target) {
        Ok(Some(())) => Ok(Destroyed::Yes),
        Ok(None) => Ok(Destroyed::Gone),
        Err(Error::Refused(Errno::PERM | Errno::ACCESS)) => Ok(Destroyed::Refused(Refusal::NotPermitted)),
        Err(Error::Refused(Errno::OPNOTSUPP)) => Ok(Destroyed::Refused(Refusal::NotSupported)),
        Err(error) => Err(error),
    }
}
