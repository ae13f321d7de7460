//! sendto() and sendmsg() with MSG_FASTOPEN (RFC 7413): connect, and let the SYN carry the first octets.
//!
//! As Linux: who does not wait is told how many octets went, or EINPROGRESS when no cookie was known; who waits gets its
//! answer after the handshake, when the rest was written, too.

use super::open::{begin_connect, connected};
use super::stream::{send, try_send, wrote};
use super::{count, linux, waiting};
use crate::address::{self, Named};
use crate::core::{Answer, Core};
use crate::memory::{Scatter, Span};
use crate::world::{Wait, World};
use bytes::Bytes;
use lastack_stack::SocketError;
use libc::c_int;

/// Sends with MSG_FASTOPEN to `name`.
pub(crate) fn send_with_syn(world: &World, fd: c_int, from: &Scatter, flags: c_int, name: Span) -> Answer {
    let mut deferred = false;
    world.call(|core| {
        let open = core.open(fd)?;
        // connect() was answered without a SYN: this is its first write.
        deferred = open.socket.defers_connect();
        let unspecified = !deferred
            && name.len() > 0
            && matches!(address::read(name, open.family), Ok(Named::Unspecified(_)));
        if unspecified { Err(libc::EOPNOTSUPP) } else { Ok(0) }
    })?;
    if deferred {
        return send(world, fd, from, flags & !libc::MSG_FASTOPEN);
    }
    let octets = Bytes::from(from.read()?);
    let (mut left, mut done) = (octets.clone(), None);
    let answer = world.wait(
        |core| {
            let open = core.open(fd)?;
            if open.connecting && !open.failed {
                return Err(if open.socket.is_open() { libc::EISCONN } else { libc::EALREADY });
            }
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

fn attempt(
    core: &mut Core,
    fd: c_int,
    left: &mut Bytes,
    flags: c_int,
    done: &mut Option<usize>,
) -> Option<Answer> {
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
    match connected(core, fd) {
        Err(libc::EAGAIN) => None,
        Err(_) if sent > 0 => Some(count(sent)),
        Err(error) => Some(Err(error)),
        Ok(_) if left.is_empty() => Some(count(sent)),
        Ok(_) => {
            let done = done.get_or_insert(sent);
            try_send(core, fd, left, flags & !libc::MSG_FASTOPEN, done)
        }
    }
}
