//! System calls on descriptors, with Linux's checks in Linux's order: socket, close, shutdown, fcntl, ioctl.
//!
//! bind to connect are in `open`, octets in `stream`, pipes in `pipes`; poll and epoll in `crate::ready`.

pub(crate) mod fast_open;
pub(crate) mod open;
pub(crate) mod pipes;
pub(crate) mod stream;

use crate::core::{Answer, Core, Errno, errno};
use crate::descriptors::{Descriptor, Open, close_real, last_errno, placeholder};
use crate::memory::Place;
use crate::world::{Wait, World};
use lastack_stack::observe::State;
use lastack_stack::{Family, Linger, Shutdown};
use libc::{c_int, c_ulong};
use std::sync::Arc;
use std::time::Duration;

const IPPROTO_MPTCP: c_int = 262;
/// Linux's IPPROTO_MAX.
const PROTOCOLS: c_int = 263;
/// libc has no names for these (asm-generic/fcntl.h).
const F_SETSIG: c_int = 10;
const F_GETSIG: c_int = 11;
const SIOCOUTQNSD: c_ulong = 0x894b;
const SIOCATMARK: c_ulong = 0x8905;

/// socket().
pub(crate) fn socket(world: &Arc<World>, domain: c_int, kind: c_int, protocol: c_int) -> Answer {
    let flags = kind & !0xf;
    if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
        return Err(libc::EINVAL);
    }
    if !(0..PROTOCOLS).contains(&protocol) && matches!(domain, libc::AF_INET | libc::AF_INET6) {
        return Err(libc::EINVAL);
    }
    let family = match domain {
        libc::AF_INET => Family::V4,
        libc::AF_INET6 => Family::V6,
        _ => return Err(libc::EAFNOSUPPORT),
    };
    match (kind & 0xf, protocol) {
        (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => {}
        (libc::SOCK_STREAM, IPPROTO_MPTCP) => return Err(libc::EPROTONOSUPPORT),
        (libc::SOCK_STREAM | libc::SOCK_DGRAM | libc::SOCK_RAW, _) => return Err(libc::EPROTONOSUPPORT),
        (0..=10, _) => return Err(libc::ESOCKTNOSUPPORT),
        _ => return Err(libc::EINVAL),
    }
    let fd = placeholder()?;
    let answer = world.call(|core| {
        let mut open = Open::new(core.sockets.stream(family), family);
        open.nonblocking = flags & libc::SOCK_NONBLOCK != 0;
        open.close_on_exec = flags & libc::SOCK_CLOEXEC != 0;
        core.table.insert(fd, Descriptor::Socket(Box::new(open)));
        Ok(i64::from(fd))
    });
    crate::preload::remember(fd, world);
    answer
}

/// close(): of a socket, an epoll set or a pipe's end. With SO_LINGER it waits.
pub(crate) fn close(world: &World, fd: c_int) -> Answer {
    let answer = world.wait(
        |core| {
            core.adopt(fd);
            if let Some(Descriptor::Socket(open)) = core.table.get(&fd) {
                open.socket.close();
                core.turn();
                return Ok(Wait::Until(None, Ok(0)));
            }
            if core.table.contains_key(&fd) { Ok(Wait::Not(0)) } else { Err(libc::EBADF) }
        },
        move |core| {
            let Some(Descriptor::Socket(open)) = core.table.get(&fd) else { return Some(Ok(0)) };
            let lingers = matches!(open.socket.options().linger, Linger::Wait(_)) && open.listening.is_none();
            (!lingers || open.socket.is_closed()).then_some(Ok(0))
        },
    );
    answer?;
    let removed = world.call(|core| {
        for descriptor in core.table.values_mut() {
            if let Descriptor::Epoll(set) = descriptor {
                set.remove(&fd);
            }
        }
        core.table.remove(&fd).map(|_| 0).ok_or(libc::EBADF)
    });
    removed?;
    crate::preload::forget(fd);
    close_real(fd)
}

/// shutdown().
pub(crate) fn shutdown(core: &mut Core, fd: c_int, how: c_int) -> Answer {
    let open = core.open(fd)?;
    let how = match how {
        libc::SHUT_RD => Shutdown::Read,
        libc::SHUT_WR => Shutdown::Write,
        libc::SHUT_RDWR => Shutdown::Both,
        _ => return Err(libc::EINVAL),
    };
    open.shutdowns += 1;
    if open.listening.is_some() {
        // As Linux: a listener that will not receive is no listener any more.
        if how != Shutdown::Write {
            renew(core, fd)?;
        }
        return Ok(0);
    }
    open.spent |= open.has_failed();
    // As Linux: who shuts a connection down knows that there is one.
    open.connecting &= !open.socket.is_open();
    if open.connecting && open.socket.state() == State::SynSent && !open.socket.is_open() {
        let waits = !open.nonblocking;
        renew(core, fd)?;
        let open = core.open(fd)?;
        // Who waits in connect() hears of it.
        (open.connecting, open.error) = (waits, Some(libc::ECONNRESET));
        return Ok(0);
    }
    open.socket.shutdown(how).map(|()| 0).map_err(|error| {
        // As Linux: the direction ends all the same.
        open.shut[0] |= how != Shutdown::Write;
        open.shut[1] |= how != Shutdown::Read;
        errno(error)
    })
}

/// What tcp_disconnect() leaves: a fresh socket behind the same descriptor, with the name that bind() gave it.
fn renew(core: &mut Core, fd: c_int) -> Result<(), Errno> {
    let family = core.open(fd)?.family;
    let fresh = core.sockets.stream(family);
    core.open(fd)?.renew(fresh);
    // The old one must be gone before its name is free.
    core.turn();
    let open = core.open(fd)?;
    if let Some(address) = open.bound {
        linux(open.socket.bind(address))?;
        core.turn();
    }
    Ok(())
}

/// fcntl(): the flags.
pub(crate) fn fcntl(core: &mut Core, fd: c_int, command: c_int, argument: libc::c_long) -> Answer {
    core.adopt(fd);
    match core.table.get(&fd) {
        Some(Descriptor::Socket(_)) => {}
        Some(_) => {
            // SAFETY: fcntl() of these commands takes numbers only, on a descriptor that is ours and open.
            let answer = unsafe { libc::fcntl(fd, command, argument) };
            return if answer < 0 { Err(last_errno()) } else { Ok(i64::from(answer)) };
        }
        None => return Err(libc::EBADF),
    }
    let open = core.open(fd)?;
    match command {
        libc::F_GETFL => {
            let waits = if open.nonblocking { libc::O_NONBLOCK } else { 0 };
            Ok(i64::from(libc::O_RDWR | waits | open.file_flags))
        }
        libc::F_SETFL => {
            open.nonblocking = argument & libc::c_long::from(libc::O_NONBLOCK) != 0;
            open.file_flags = argument as c_int & (libc::O_APPEND | libc::O_ASYNC);
            Ok(0)
        }
        libc::F_GETFD => Ok(i64::from(open.close_on_exec)),
        libc::F_SETFD => {
            open.close_on_exec = argument & 1 != 0;
            Ok(0)
        }
        // Whom to signal, and how: nobody is.
        libc::F_GETOWN | libc::F_SETOWN | F_GETSIG => Ok(0),
        F_SETSIG if (0..=64).contains(&argument) => Ok(0),
        _ => Err(libc::EINVAL),
    }
}

/// ioctl(): how much waits in both directions, the urgent mark, FIONBIO.
pub(crate) fn ioctl(core: &mut Core, fd: c_int, request: c_ulong, place: Place<c_int>) -> Answer {
    if let Some(Descriptor::Pipe | Descriptor::Foreign) = core.table.get(&fd) {
        return ioctl_of_kernels(fd, request, place);
    }
    let now = core.now;
    let unsent = {
        let Core { stack, table, .. } = core;
        match table.get(&fd) {
            Some(Descriptor::Socket(open)) => {
                stack.connection_info(&open.socket, now).map_or(0, |info| i64::from(info.notsent_bytes))
            }
            _ => 0,
        }
    };
    let open = core.open(fd)?;
    let queued = |octets: i64| place.set(c_int::try_from(octets).unwrap_or(c_int::MAX)).map(|()| 0);
    let listens = open.listening.is_some();
    match request {
        libc::FIONBIO => {
            open.nonblocking = place.get()? != 0;
            Ok(0)
        }
        libc::FIONREAD | libc::TIOCOUTQ | SIOCOUTQNSD if listens => Err(libc::EINVAL),
        // As Linux: not beyond an urgent octet that is kept apart.
        // As Linux: nothing before the third segment, whatever Fast Open's SYN brought.
        libc::FIONREAD if matches!(open.socket.state(), State::SynSent | State::SynRecv) => queued(0),
        libc::FIONREAD => queued(open.socket.ahead_of_mark().unwrap_or(open.socket.unread()) as i64),
        libc::TIOCOUTQ => queued(open.socket.unsent() as i64),
        SIOCOUTQNSD => queued(unsent),
        SIOCATMARK => queued(i64::from(open.socket.is_at_mark())),
        _ => Err(libc::ENOTTY),
    }
}

/// What waits in a pipe or is left of a file.
fn ioctl_of_kernels(fd: c_int, request: c_ulong, place: Place<c_int>) -> Answer {
    if request != libc::FIONREAD {
        return Err(libc::ENOTTY);
    }
    let mut octets: c_int = 0;
    // SAFETY: FIONREAD writes one int, to a local; the descriptor is open.
    if unsafe { libc::ioctl(fd, request, &raw mut octets) } < 0 {
        return Err(last_errno());
    }
    place.set(octets).map(|()| 0)
}

/// What a call on this socket does when there is no answer yet.
pub(crate) fn waiting(core: &Core, nonblocking: bool, limit: Option<Duration>) -> Wait {
    if nonblocking {
        return Wait::Not(libc::EAGAIN);
    }
    Wait::Until(limit.map(|limit| core.now + limit), Err(libc::EAGAIN))
}

/// A number of bytes as a call returns it.
pub(crate) fn count(octets: usize) -> Answer {
    i64::try_from(octets).map_err(|_| libc::EINVAL)
}

/// Makes an error of the stack one of Linux.
pub(crate) fn linux<T>(result: Result<T, lastack_stack::SocketError>) -> Result<T, Errno> {
    result.map_err(errno)
}
