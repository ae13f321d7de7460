//! setsockopt() and getsockopt(): Linux's names, checks and units over the stack's options.
//!
//! Options that Linux has and that nothing here obeys are kept and told, and nothing more (`KEPT`): marks and priorities of
//! packets, timestamps of what comes, thin streams, delays, IP_RECVERR, IP_MINTTL. SO_MAX_PACING_RATE is told by TCP_INFO; nothing
//! paces. TCP_INFO's layout is in `info`.

mod read;
mod write;

pub(crate) use read::get;
pub(crate) use write::set;

use libc::c_int;

pub(crate) const TCP_SYNCNT: c_int = 7;
pub(crate) const TCP_LINGER2: c_int = 8;
pub(crate) const TCP_DEFER_ACCEPT: c_int = 9;
pub(crate) const TCP_WINDOW_CLAMP: c_int = 10;
pub(crate) const TCP_INFO: c_int = 11;
pub(crate) const TCP_QUICKACK: c_int = 12;
pub(crate) const TCP_CONGESTION: c_int = 13;
pub(crate) const TCP_USER_TIMEOUT: c_int = 18;
pub(crate) const TCP_TIMESTAMP: c_int = 24;
pub(crate) const TCP_CC_INFO: c_int = 26;
pub(crate) const TCP_INQ: c_int = 36;
const TCP_TX_DELAY: c_int = 37;
pub(crate) const SO_MEMINFO: c_int = 55;

/// Options that are kept and told: level, name, Linux's default.
pub(crate) const KEPT: &[(c_int, c_int, i32)] = &[
    (libc::SOL_SOCKET, libc::SO_DEBUG, 0),
    (libc::SOL_SOCKET, libc::SO_DONTROUTE, 0),
    (libc::SOL_SOCKET, libc::SO_BROADCAST, 0),
    (libc::SOL_SOCKET, libc::SO_PRIORITY, 0),
    (libc::SOL_SOCKET, libc::SO_MARK, 0),
    (libc::SOL_SOCKET, libc::SO_BUSY_POLL, 0),
    (libc::SOL_SOCKET, libc::SO_INCOMING_CPU, 0),
    (libc::IPPROTO_TCP, libc::TCP_THIN_LINEAR_TIMEOUTS, 0),
    (libc::IPPROTO_TCP, libc::TCP_SAVE_SYN, 0),
    (libc::IPPROTO_TCP, TCP_TX_DELAY, 0),
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_WANT),
    (libc::IPPROTO_IP, libc::IP_RECVERR, 0),
    (libc::IPPROTO_IP, libc::IP_RECVTOS, 0),
    (libc::IPPROTO_IP, libc::IP_FREEBIND, 0),
    (libc::IPPROTO_IP, libc::IP_TRANSPARENT, 0),
    (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 0),
    (libc::IPPROTO_IP, libc::IP_MINTTL, 0),
    (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_WANT),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 0),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 0),
    (libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 0),
    (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 0),
];
