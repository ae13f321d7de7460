//! What can go wrong when the kernel is asked: what was tried, and why it failed. The messages are whole: no error has a
//! source of which the message does not tell.

use rustix::io::Errno;
use std::io;
use std::path::PathBuf;

/// The kernel could not be asked, or its answer could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No netlink socket could be had.
    #[error("opening a sock_diag socket: {0} (is CONFIG_INET_DIAG in this kernel?)")]
    Open(Errno),
    /// The netlink socket failed.
    #[error("asking sock_diag: {0}")]
    Netlink(Errno),
    /// The kernel refused the question.
    #[error("sock_diag refused: {0}")]
    Refused(Errno),
    /// The kernel's answer breaks off or contradicts itself.
    #[error("sock_diag's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// The buffers of a tracepoint failed.
    #[error("reading the tracepoint: {0}")]
    Trace(Errno),
    /// A file of /proc or /sys.
    #[error("reading {}: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A namespace that cannot be entered.
    #[error("entering network namespace {name}: {why} (it needs CAP_SYS_ADMIN)")]
    Namespace {
        /// As the user named it.
        name: String,
        /// Why.
        why: io::Error,
    },
}
