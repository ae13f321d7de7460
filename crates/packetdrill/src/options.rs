//! setsockopt() and getsockopt(): Linux's names, checks and units over the stack's options.
//!
//! Options that Linux has and that nothing here obeys are in `kept`. SO_MAX_PACING_RATE is told by TCP_INFO; nothing paces.
//! TCP_INFO's layout is in `crate::info`.

mod kept;
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
pub(crate) const IP_LOCAL_PORT_RANGE: c_int = 51;
pub(crate) const SO_MEMINFO: c_int = 55;
