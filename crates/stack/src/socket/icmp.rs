//! What the network said of a connection attempt, for who wants to know more than the error: Linux's error queue (IP_RECVERR).
//!
//! An error that ended connect() waits here until it is taken; taking it is being told. Errors of open connections are
//! numbers only, as in Linux: SO_ERROR tells them.

use super::Socket;
use lastack_wire::icmp::Problem;
use std::net::{IpAddr, SocketAddr};

use super::SocketError;

/// One ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What the application is told.
    pub error: SocketError,
    /// What the message says.
    pub problem: Problem,
    /// Who sent it.
    pub offender: IpAddr,
    /// Where the quoted packet went.
    pub peer: SocketAddr,
}

impl IcmpError {
    /// The message's type and code, of the peer's family.
    pub fn type_and_code(&self) -> (u8, u8) {
        let v4 = self.peer.is_ipv4();
        let pick = |of_v4, of_v6| if v4 { of_v4 } else { of_v6 };
        match self.problem {
            Problem::Unreachable { code } => (pick(3, 1), code),
            Problem::TooBig { .. } => (pick(3, 2), pick(4, 0)),
            Problem::TimeExceeded { code } => (pick(11, 3), code),
            Problem::ParameterProblem { code, .. } => (pick(12, 4), code),
        }
    }
}

impl Socket {
    /// Takes the ICMP error that ended connect(); the error itself counts as told then.
    pub fn take_icmp_error(&self) -> Option<IcmpError> {
        let mut inner = self.cell().lock();
        let error = inner.icmp_error.take()?;
        if inner.error == Some(error.error) {
            inner.take_error();
        }
        Some(error)
    }

    /// True when [`Socket::take_icmp_error`] would have one.
    pub fn has_icmp_error(&self) -> bool {
        self.cell().lock().icmp_error.is_some()
    }
}
