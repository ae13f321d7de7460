//! TCP Fast Open (RFC 7413): the keys and cookies of a server, and when a client leaves it alone for a while.
//!
//! A cookie is SipHash-2-4 of both addresses, as Linux makes it, so that machines with the same `tcp_fastopen_key` take
//! each other's. It never expires; who wants that changes the key, and keeps the old one as backup for a time.
//! Not here: what comes of a good cookie (`half_open`, `connection`), a client's SYN (`active_open`), the table of
//! cookies that a client was given (the stack's).

mod black_hole;
mod key;
#[cfg(test)]
mod tests;

pub use black_hole::BlackHole;
pub use key::{FastOpenKey, FastOpenKeys};

use lastack_wire::tcp::FastOpenCookie;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::IpAddr;

/// `tcp_fastopen`: connect() and sendto() may use it.
pub const CLIENT: u32 = 0x1;
/// `tcp_fastopen`: listeners may use it.
pub const SERVER: u32 = 0x2;
/// `tcp_fastopen`: SYNs carry data though no cookie is known.
pub const CLIENT_NO_COOKIE: u32 = 0x4;
/// `tcp_fastopen`: data is taken from SYNs without a cookie.
pub const SERVER_NO_COOKIE: u32 = 0x200;
/// `tcp_fastopen`: listeners use it without TCP_FASTOPEN, with their backlog as limit.
pub const ALL_LISTENERS: u32 = 0x400;

/// Whose key made a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeWith {
    /// The first key.
    Primary,
    /// The second one: the client is to be given a new cookie.
    Backup,
}

impl FastOpenKeys {
    /// The cookie of a client at `remote` that connects to `local`.
    pub fn mint(&self, local: IpAddr, remote: IpAddr) -> FastOpenCookie {
        cookie(&self.primary, local, remote)
    }

    /// Which key made this cookie for this client; `None`: neither.
    pub fn check(&self, local: IpAddr, remote: IpAddr, brought: &FastOpenCookie) -> Option<MadeWith> {
        if cookie(&self.primary, local, remote) == *brought {
            return Some(MadeWith::Primary);
        }
        let backup = self.backup.as_ref()?;
        (cookie(backup, local, remote) == *brought).then_some(MadeWith::Backup)
    }
}

fn cookie(key: &FastOpenKey, local: IpAddr, remote: IpAddr) -> FastOpenCookie {
    let [low, high] = key.words();
    let mut hasher = SipHasher24::new_with_keys(low, high);
    for ip in [remote, local] {
        match ip {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
    }
    FastOpenCookie::new(&hasher.finish().to_le_bytes()).unwrap_or_default()
}
