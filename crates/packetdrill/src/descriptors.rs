//! What stands behind the descriptors that the tool holds: sockets, epoll sets, pipes.
//!
//! Each is a real descriptor of the kernel (of /dev/null, or a pipe's end), so that the tool may close what is left with
//! libc. Not here: what calls do with them.

use crate::arrivals::Arrivals;
use crate::core::{Answer, Errno};
use crate::notices::Notices;
use lastack_stack::observe::State;
use lastack_stack::{Family, Socket};
use libc::c_int;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::task::{Context, Waker};
use std::time::Duration;

/// One socket and what Linux keeps at its file or struct sock and the stack does not.
pub(crate) struct Open {
    pub(crate) socket: Socket,
    pub(crate) family: Family,
    pub(crate) nonblocking: bool,
    pub(crate) close_on_exec: bool,
    /// Other flags that F_SETFL keeps: O_APPEND and O_ASYNC.
    pub(crate) file_flags: c_int,
    /// shutdown() was called so often: each wakes who watches.
    pub(crate) shutdowns: u64,
    /// connect() was called, and nobody was told how it ended.
    pub(crate) connecting: bool,
    /// connect() failed: until the next one the socket looks shut down.
    pub(crate) failed: bool,
    /// shutdown() was called on what connect() had left: nothing can be done with the socket any more.
    pub(crate) spent: bool,
    /// listen() succeeded.
    pub(crate) listening: Option<u32>,
    /// What bind() was given, if that had a port.
    pub(crate) bound: Option<SocketAddr>,
    /// An error that waits to be told and that the stack knows nothing of, for it was left at once.
    pub(crate) error: Option<Errno>,
    /// Directions that shutdown() ended without a connection: reading, writing.
    pub(crate) shut: [bool; 2],
    /// Octets that reads have taken.
    pub(crate) taken: u64,
    /// TCP_INQ: recvmsg() tells what is left.
    pub(crate) inq: bool,
    /// The last send had MSG_MORE.
    pub(crate) more: bool,
    /// The last one with MSG_EOR.
    pub(crate) record: bool,
    /// SO_RCVTIMEO and SO_SNDTIMEO.
    pub(crate) receive_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    /// TCP_SAVED_SYN: the headers of the SYN that became this connection.
    pub(crate) saved_syn: Option<Vec<u8>>,
    /// The error queue.
    pub(crate) notices: Notices,
    /// When octets came.
    pub(crate) arrivals: Arrivals,
    /// Options that are kept and told and that nothing obeys.
    pub(crate) kept: BTreeMap<(c_int, c_int), Vec<u8>>,
}

impl Open {
    pub(crate) fn new(socket: Socket, family: Family) -> Open {
        Open {
            socket,
            family,
            nonblocking: false,
            close_on_exec: false,
            file_flags: 0,
            shutdowns: 0,
            connecting: false,
            failed: false,
            spent: false,
            listening: None,
            bound: None,
            error: None,
            shut: [false; 2],
            taken: 0,
            inq: false,
            more: false,
            record: false,
            receive_timeout: None,
            send_timeout: None,
            saved_syn: None,
            notices: Notices::default(),
            arrivals: Arrivals::default(),
            kept: BTreeMap::new(),
        }
    }

    /// What accept() returns: it has what was set on the listener, but for the flags of the descriptor.
    pub(crate) fn accepted(&self, socket: Socket) -> Open {
        Open {
            inq: self.inq,
            receive_timeout: self.receive_timeout,
            send_timeout: self.send_timeout,
            notices: self.notices.inherited(),
            arrivals: self.arrivals.inherited(),
            kept: self.kept.clone(),
            ..Open::new(socket, self.family)
        }
    }

    /// IP_FREEBIND, IP_TRANSPARENT or their sisters of IPv6: an address need not be ours to be bound.
    pub(crate) fn binds_freely(&self) -> bool {
        let options = [
            (libc::IPPROTO_IP, libc::IP_FREEBIND),
            (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
            (libc::IPPROTO_IPV6, libc::IPV6_FREEBIND),
            (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT),
        ];
        options
            .iter()
            .any(|option| self.kept.get(option).is_some_and(|value| value.iter().any(|octet| *octet != 0)))
    }

    /// TCP_SAVE_SYN.
    pub(crate) fn saves_syns(&self) -> bool {
        let option = self.kept.get(&(libc::IPPROTO_TCP, libc::TCP_SAVE_SYN));
        option.is_some_and(|value| value.iter().any(|octet| *octet != 0))
    }

    /// SO_MAX_PACING_RATE, octets per second, when it was set.
    pub(crate) fn pacing_max(&self) -> Option<u64> {
        let octets = self.kept.get(&(libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE))?;
        match (octets.first_chunk::<8>(), octets.first_chunk::<4>()) {
            (Some(long), _) => Some(u64::from_ne_bytes(*long)),
            (None, Some(&[255, 255, 255, 255])) => Some(u64::MAX),
            (None, word) => word.map(|word| u64::from(u32::from_ne_bytes(*word))),
        }
    }

    /// The same file with a fresh socket: what tcp_disconnect() leaves. Options stay.
    pub(crate) fn renew(&mut self, socket: Socket) {
        let options = self.socket.options();
        socket.set_options(|fresh| *fresh = options);
        self.socket = socket;
        (self.connecting, self.failed, self.listening) = (false, false, None);
        (self.taken, self.shut) = (0, [false; 2]);
    }

    /// connect() failed and nobody asked connect() how: until then the socket looks shut down both ways.
    pub(crate) fn has_failed(&self) -> bool {
        self.connecting && self.socket.state() == State::Closed && self.socket.peer_addr().is_none()
    }

    /// What a read answers before it looks at the stack.
    pub(crate) fn early_read(&mut self) -> Option<Answer> {
        if self.socket.unread() > 0 {
            return None;
        }
        let ended = (self.shut[0] || self.has_failed()) && self.is_quiet();
        self.error.take().map(Err).or(ended.then_some(Ok(0)))
    }

    /// No error of the stack's waits to be told, which would come first.
    fn is_quiet(&self) -> bool {
        self.socket.poll_error(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// What a write answers before it looks at the stack.
    pub(crate) fn early_write(&mut self) -> Option<Answer> {
        let ended = self.shut[1] && self.is_quiet();
        self.error.take().or(ended.then_some(libc::EPIPE)).map(Err)
    }
}

/// What an epoll set wants of one descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interest {
    pub(crate) events: u32,
    pub(crate) data: u64,
    /// EPOLLONESHOT has fired.
    pub(crate) disabled: bool,
    /// What was told last: edges are seen against it.
    pub(crate) told: Option<crate::ready::Moment>,
}

/// What a descriptor is.
pub(crate) enum Descriptor {
    Socket(Box<Open>),
    Epoll(BTreeMap<c_int, Interest>),
    /// An end of a pipe of the kernel.
    Pipe,
    /// A file or pipe that the tool opened past the interface, and closes itself when it ends.
    Foreign,
}

/// True for a regular file or a pipe of the kernel, but for those that every program begins with.
pub(crate) fn is_file(fd: c_int) -> bool {
    fd > libc::STDERR_FILENO && matches!(kind(fd), libc::S_IFREG | libc::S_IFIFO)
}

/// True for an end of a pipe.
pub(crate) fn is_fifo(fd: c_int) -> bool {
    kind(fd) == libc::S_IFIFO
}

/// The kind of file behind a descriptor of the kernel, as `st_mode` has it; zero: none.
fn kind(fd: c_int) -> libc::mode_t {
    let mut status = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the place has room for what fstat() writes, and all zeros are a value of it.
    let status = unsafe {
        libc::fstat(fd, status.as_mut_ptr());
        status.assume_init()
    };
    status.st_mode & libc::S_IFMT
}

impl Descriptor {
    pub(crate) fn socket(&self) -> Option<&Open> {
        match self {
            Descriptor::Socket(open) => Some(open),
            _ => None,
        }
    }
}

/// A fresh descriptor of /dev/null.
pub(crate) fn placeholder() -> Result<c_int, Errno> {
    // SAFETY: the path is a C string that lives for ever; the descriptor is the caller's from now on.
    let fd = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    if fd < 0 { Err(last_errno()) } else { Ok(fd) }
}

/// Gives a descriptor back to the kernel, past the `close` of ours that may be preloaded.
pub(crate) fn close_real(fd: c_int) -> Result<i64, Errno> {
    if crate::preload::close_next(fd) < 0 { Err(last_errno()) } else { Ok(0) }
}

/// errno as the last call of libc left it.
pub(crate) fn last_errno() -> Errno {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
