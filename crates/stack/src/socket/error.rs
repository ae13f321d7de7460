//! Why a call on a socket failed, under Linux's errno.

use lastack_observe::Unreachable;
use std::io::{self, ErrorKind};

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $errno:literal, $name:literal, $kind:ident, $text:literal;)*) => {
        /// What a call on a socket answers when it fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum SocketError {
            $(#[doc = $text] #[error($text)] $variant,)*
        }

        impl SocketError {
            /// Every value.
            pub const ALL: &'static [SocketError] = &[$(SocketError::$variant,)*];

            /// Linux's number.
            pub const fn errno(self) -> i32 {
                match self { $(SocketError::$variant => $errno,)* }
            }

            /// Linux's name, as strace prints it.
            pub const fn name(self) -> &'static str {
                match self { $(SocketError::$variant => $name,)* }
            }

            /// The kind that std gives this errno.
            pub const fn kind(self) -> ErrorKind {
                match self { $(SocketError::$variant => ErrorKind::$kind,)* }
            }
        }
    };
}

errors! {
    WouldBlock = 11, "EAGAIN", WouldBlock, "not now: the call would have to wait";
    NoMemory = 12, "ENOMEM", OutOfMemory, "out of memory";
    Invalid = 22, "EINVAL", InvalidInput, "the call does not fit the socket's state or family";
    BrokenPipe = 32, "EPIPE", BrokenPipe, "the sending side is shut down";
    FamilyMismatch = 97, "EAFNOSUPPORT", Unsupported, "the address is not of the socket's family";
    AddressInUse = 98, "EADDRINUSE", AddrInUse, "the address is in use";
    AddressNotAvailable = 99, "EADDRNOTAVAIL", AddrNotAvailable, "the address is not ours, or no port is free";
    NetworkDown = 100, "ENETDOWN", NetworkDown, "the stack has ended: its device is gone, or it was shut down";
    NetworkUnreachable = 101, "ENETUNREACH", NetworkUnreachable, "the network cannot be reached";
    Aborted = 103, "ECONNABORTED", ConnectionAborted, "the connection was aborted";
    Reset = 104, "ECONNRESET", ConnectionReset, "the peer reset the connection";
    NoBuffers = 105, "ENOBUFS", Other, "no room for another socket";
    IsConnected = 106, "EISCONN", Other, "the socket is connected";
    NotConnected = 107, "ENOTCONN", NotConnected, "the socket is not connected";
    TimedOut = 110, "ETIMEDOUT", TimedOut, "the peer did not answer in time";
    Refused = 111, "ECONNREFUSED", ConnectionRefused, "the peer refused the connection";
    HostUnreachable = 113, "EHOSTUNREACH", HostUnreachable, "the host cannot be reached";
    Already = 114, "EALREADY", Other, "a connection attempt is under way";
    InProgress = 115, "EINPROGRESS", Other, "the connection attempt has begun";
    ProtocolUnreachable = 92, "ENOPROTOOPT", Other, "the peer does not speak the protocol";
    AccessDenied = 13, "EACCES", PermissionDenied, "a policy forbids the way to the peer";
    NotOnNetwork = 64, "ENONET", Other, "the peer is cut off from the network";
    Protocol = 71, "EPROTO", Other, "a router or the peer did not understand the packet";
    NotSupported = 95, "EOPNOTSUPP", Unsupported, "the way to the peer does not support it";
    HostDown = 112, "EHOSTDOWN", Other, "the host is not known";
}

/// Linux's table of ICMP codes (`icmp_err_convert`, `icmpv6_err_convert`).
impl From<Unreachable> for SocketError {
    fn from(reason: Unreachable) -> SocketError {
        match reason {
            Unreachable::Network => SocketError::NetworkUnreachable,
            Unreachable::Host | Unreachable::Filtered | Unreachable::HopLimit => SocketError::HostUnreachable,
            Unreachable::Protocol => SocketError::ProtocolUnreachable,
            Unreachable::Port => SocketError::Refused,
            Unreachable::SourceRoute => SocketError::NotSupported,
            Unreachable::HostUnknown => SocketError::HostDown,
            Unreachable::HostIsolated => SocketError::NotOnNetwork,
            Unreachable::Prohibited => SocketError::AccessDenied,
            Unreachable::BadHeader => SocketError::Protocol,
        }
    }
}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}
