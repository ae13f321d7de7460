//! sendto() and sendmsg() with MSG_FASTOPEN (RFC 7413): connect, and let the SYN carry the first octets.
//!
//! As Linux: who does not wait is told how many octets went, or EINPROGRESS when no cookie was known; who waits gets its
//! answer after the handshake, when the rest was written, too. On a socket that knows of its connection it is EISCONN; one
//! whose connect() nobody was told of yet is told by it, and the octets follow.

use super::open::{begin_connect, connected};
use super::stream::{send, try_send, wrote};
use super::{count, linux, waiting};
use crate::address::{self, Named};
use crate::core::{Answer, Core, Errno};
use crate::memory::{Scatter, Span};
use crate::world::{Wait, World};
use bytes::Bytes;
use lastack_stack::SocketError;
use libc::c_int;

/// What such a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// connect() with octets.
    Connect,
    /// A write: there is a connection, or connect() was answered without a SYN and this sends it.
    Write,
    /// A write once the attempt that is under way has come to its end.
    WriteLater,
}

/// Sends with MSG_FASTOPEN to `name`.
pub(crate) fn send_with_syn(world: &World, fd: c_int, from: &Scatter, flags: c_int, name: Span) -> Answer {
    let mut kind = Kind::Connect;
    world.call(|core| {
        kind = kind_of(core, fd, flags, name)?;
        Ok(0)
    })?;
    let flags = flags & !libc::MSG_FASTOPEN;
    if kind == Kind::WriteLater {
        wait_for_connection(world, fd)?;
    }
    if kind != Kind::Connect {
        return send(world, fd, from, flags);
    }
    let octets = Bytes::from(from.read()?);
    let (mut left, mut done) = (octets.clone(), None);
    let answer = world.wait(
        |core| {
            begin_connect(core, fd, name, Some(octets))?;
            let open = core.open(fd)?;
            let (nonblocking, limit) =
                (open.nonblocking || flags & libc::MSG_DONTWAIT != 0, open.send_timeout);
            Ok(match waiting(core, nonblocking, limit) {
                Wait::Not(_) => Wait::Not(libc::EINPROGRESS),
                wait => wait,
            })
        },
        move |core| attempt(core, fd, &mut left, flags, &mut done),
    );
    wrote(world, fd, flags, None, answer)
}

/// Linux's checks in Linux's order (tcp_sendmsg_fastopen, __inet_stream_connect).
fn kind_of(core: &mut Core, fd: c_int, flags: c_int, name: Span) -> Result<Kind, Errno> {
    let open = core.open(fd)?;
    let named = !name.is_null() && name.len() > 0;
    if !open.socket.may_fast_open()
        || (named && matches!(address::read(name, open.family), Ok(Named::Unspecified(_))))
    {
        return Err(libc::EOPNOTSUPP);
    }
    if open.socket.defers_connect() {
        return Ok(Kind::Write);
    }
    if !open.connecting {
        let fresh = open.listening.is_none() && !open.socket.is_open();
        return match named {
            _ if !fresh => Err(libc::EISCONN),
            true => Ok(Kind::Connect),
            false => Err(libc::EINVAL),
        };
    }
    let waits = !open.nonblocking && flags & libc::MSG_DONTWAIT == 0;
    match connected(core, fd) {
        Ok(_) if core.open(fd)?.socket.is_open() => Ok(Kind::Write),
        Ok(_) | Err(libc::EAGAIN) if waits => Ok(Kind::WriteLater),
        Ok(_) | Err(libc::EAGAIN) => Err(libc::EALREADY),
        Err(error) => Err(error),
    }
}

/// Waits for the end of an attempt to connect.
fn wait_for_connection(world: &World, fd: c_int) -> Answer {
    world.wait(
        |core| {
            let limit = core.open(fd)?.send_timeout;
            Ok(Wait::Until(limit.map(|limit| core.now + limit), Err(libc::EALREADY)))
        },
        move |core| match connected(core, fd) {
            Ok(_) if !core.open(fd).is_ok_and(|open| open.connecting) => Some(Ok(0)),
            Ok(_) | Err(libc::EAGAIN) => None,
            Err(error) => Some(Err(error)),
        },
    )
}

fn attempt(
    core: &mut Core,
    fd: c_int,
    left: &mut Bytes,
    flags: c_int,
    done: &mut Option<usize>,
) -> Option<Answer> {
    let late = core.late;
    let open = match core.open(fd) {
        Ok(open) => open,
        Err(error) => return Some(Err(error)),
    };
    let sent = match (*done, open.socket.try_sent_with_syn()) {
        (Some(sent), _) => sent,
        (None, Ok(sent)) => {
            drop(left.split_to(sent));
            open.notices.count(sent);
            *done.insert(sent)
        }
        (None, Err(SocketError::WouldBlock)) => return None,
        (None, Err(error)) => {
            open.connecting = false;
            return Some(linux(Err(error)));
        }
    };
    if open.nonblocking || flags & libc::MSG_DONTWAIT != 0 {
        return Some(if sent == 0 { Err(libc::EINPROGRESS) } else { count(sent) });
    }
    if sent == 0 || !left.is_empty() {
        open.socket.await_handshake();
    }
    match connected(core, fd) {
        Err(libc::EAGAIN) if late && sent > 0 => Some(count(sent)),
        Err(libc::EAGAIN) => None,
        Err(error) => Some(Err(error)),
        Ok(_) if left.is_empty() => Some(count(sent)),
        Ok(_) => {
            let done = done.get_or_insert(sent);
            try_send(core, fd, left, flags, done)
        }
    }
}
