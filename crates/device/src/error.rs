//! What can go wrong with a device: each message says what was tried, why it failed and what to do.

use std::io::{self, ErrorKind};

/// Why a device could not be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A step of making the device failed.
    #[error("{tried}: {}: {advice}", reason(source))]
    Setup {
        /// What was tried.
        tried: String,
        /// Why it failed.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The device ceased to exist.
    #[error("device {name} is gone ({why}): start again with a new device")]
    Gone {
        /// Its name.
        name: String,
        /// How that was noticed.
        why: String,
    },
    /// The link is down; the packet was dropped.
    #[error("sending on {name}: the link is down: `ip link set {name} up` brings it back")]
    Down {
        /// The device's name.
        name: String,
    },
    /// The device refused this packet; the packet was dropped.
    #[error("sending {octets} octets on {name}: {why}: the packet was dropped")]
    Rejected {
        /// The device's name.
        name: String,
        /// The packet's length.
        octets: usize,
        /// Why.
        why: String,
    },
}

impl Error {
    /// True when no later call on the device can succeed.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Error::Gone { .. })
    }
}

/// The reason without the number, where std knows a phrase for it.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::ResourceBusy
        | ErrorKind::AlreadyExists => error.kind().to_string(),
        _ => error.to_string(),
    }
}
