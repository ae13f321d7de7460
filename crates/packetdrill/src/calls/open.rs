//! bind(), listen(), accept(), connect(): the requests and their answers.

use super::linux;
use crate::address::{self, Named};
use crate::core::{Answer, Core, Errno, errno};
use crate::descriptors::{Descriptor, Open, placeholder};
use crate::memory::{Place, Span, give};
use crate::world::{Wait, World};
use bytes::Bytes;
use lastack_stack::{Family, SocketError};
use libc::{c_int, socklen_t};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// bind(). The first address of a family that a program binds becomes ours.
pub(crate) fn bind(core: &mut Core, fd: c_int, name: Span) -> Answer {
    let family = core.open(fd)?.family;
    let address = match address::read(name, family)? {
        Named::Ip(address) => address,
        // Linux takes AF_UNSPEC for AF_INET when the address is the wildcard.
        Named::Unspecified(Some(address)) if family == Family::V4 && address.ip().is_unspecified() => address,
        Named::Unspecified(_) => return Err(libc::EAFNOSUPPORT),
    };
    let ip = address.ip().to_canonical();
    let free = core.open(fd)?.binds_freely();
    if free || !core.knows(ip.is_ipv6()) {
        core.learn(ip);
    }
    linux(core.open(fd)?.socket.bind(address))?;
    core.turn();
    let open = core.open(fd)?;
    linux(open.socket.try_bound())?;
    open.bound = (address.port() != 0).then_some(address);
    Ok(0)
}

/// listen(). A negative backlog is a very large one, as in Linux.
pub(crate) fn listen(core: &mut Core, fd: c_int, backlog: c_int) -> Answer {
    let backlog = backlog.cast_unsigned();
    linux(core.open(fd)?.socket.listen(backlog))?;
    core.turn();
    let open = core.open(fd)?;
    linux(open.socket.try_listening())?;
    open.listening = Some(backlog);
    Ok(0)
}

/// accept(). The new socket does not inherit O_NONBLOCK.
pub(crate) fn accept(world: &Arc<World>, fd: c_int, name: *mut u8, len: Place<socklen_t>) -> Answer {
    let spare = placeholder()?;
    let span = Span::new(name, usize::from(!name.is_null()));
    let answer = world.wait(
        |core| {
            let open = core.open(fd)?;
            if open.listening.is_none() {
                return Err(libc::EINVAL);
            }
            let (nonblocking, limit) = (open.nonblocking, open.receive_timeout);
            Ok(super::waiting(core, nonblocking, limit))
        },
        move |core| match try_accept(core, fd, spare, span, len) {
            Err(libc::EAGAIN) => None,
            answer => Some(answer),
        },
    );
    match answer {
        Ok(_) => crate::preload::remember(spare, world),
        Err(_) => drop(crate::descriptors::close_real(spare)),
    }
    answer
}

fn try_accept(core: &mut Core, fd: c_int, spare: c_int, name: Span, len: Place<socklen_t>) -> Answer {
    let open = core.open(fd)?;
    let family = open.family;
    let (socket, peer) = linux(open.socket.try_accept())?;
    let mut accepted = Box::new(open.accepted(socket));
    open.taken += 1;
    if open.saves_syns() {
        let port = accepted.socket.local_addr().map_or(0, |ours| ours.port());
        accepted.saved_syn = core.syns.take(peer, port);
    }
    core.table.insert(spare, Descriptor::Socket(accepted));
    if !name.is_null() {
        let filled = name.with_room(len).and_then(|to| give(&address::write(peer, family), to, len, true));
        if let Err(error) = filled {
            core.table.remove(&spare);
            return Err(error);
        }
    }
    Ok(i64::from(spare))
}

/// connect().
pub(crate) fn connect(world: &World, fd: c_int, name: Span) -> Answer {
    let again = Arc::new(AtomicBool::new(false));
    let repeated = again.clone();
    world.wait(
        |core| {
            let before = begin_connect(core, fd, name, None)?;
            repeated.store(before, Ordering::Relaxed);
            let over = if before { libc::EALREADY } else { libc::EINPROGRESS };
            let open = core.open(fd)?;
            let (nonblocking, limit) = (open.nonblocking, open.send_timeout);
            Ok(match (nonblocking, limit) {
                (true, _) => Wait::Not(libc::EINPROGRESS),
                (false, limit) => Wait::Until(limit.map(|limit| core.now + limit), Err(over)),
            })
        },
        move |core| match connected(core, fd) {
            Err(libc::EAGAIN) => None,
            // TCP_FASTOPEN_CONNECT answers the first call; who asks again waits for the handshake.
            Ok(_) if again.load(Ordering::Relaxed) && still_connecting(core, fd) => None,
            answer => Some(answer),
        },
    )
}

fn still_connecting(core: &mut Core, fd: c_int) -> bool {
    core.open(fd).is_ok_and(|open| open.connecting)
}

/// Asks for the connection; the SYN may carry octets. True: it had been asked for already.
pub(super) fn begin_connect(
    core: &mut Core,
    fd: c_int,
    name: Span,
    with_syn: Option<Bytes>,
) -> Result<bool, Errno> {
    let family = core.open(fd)?.family;
    let address = match address::read(name, family)? {
        Named::Ip(address) => address,
        Named::Unspecified(_) => {
            dissolve(core, fd)?;
            return Ok(false);
        }
    };
    let open = core.open(fd)?;
    if open.spent {
        return Err(libc::EINVAL);
    }
    if open.connecting {
        return resume(open).map(|()| true);
    }
    // The wildcard as the peer is the loopback address, and needs none of ours.
    let ip = address.ip().to_canonical();
    if !ip.is_unspecified() && !ip.is_loopback() {
        core.need_address(ip.is_ipv6());
    }
    let open = core.open(fd)?;
    linux(match with_syn {
        Some(octets) => open.socket.connect_with(address, octets),
        None => open.socket.connect(address),
    })?;
    (open.connecting, open.failed) = (true, false);
    core.turn();
    Ok(false)
}

/// connect() to AF_UNSPEC: the connection is reset, and whoever uses the socket next is told so.
fn dissolve(core: &mut Core, fd: c_int) -> Result<(), Errno> {
    use lastack_stack::observe::State as S;
    let open = core.open(fd)?;
    let told = matches!(
        open.socket.state(),
        S::SynSent | S::SynRecv | S::Established | S::FinWait1 | S::FinWait2 | S::CloseWait
    );
    open.socket.abort();
    super::renew(core, fd)?;
    let open = core.open(fd)?;
    open.error = told.then_some(libc::ECONNRESET);
    Ok(())
}

/// An attempt is under way, or ended and nobody was told.
fn resume(open: &mut Open) -> Result<(), Errno> {
    let pending = open.socket.peer_addr().is_some() && !is_connected(open);
    if pending && open.nonblocking {
        return Err(if open.socket.defers_connect() { libc::EISCONN } else { libc::EALREADY });
    }
    Ok(())
}

fn is_connected(open: &Open) -> bool {
    use lastack_stack::observe::State;
    !matches!(open.socket.state(), State::SynSent | State::SynRecv)
}

pub(super) fn connected(core: &mut Core, fd: c_int) -> Answer {
    let open = core.open(fd)?;
    if !open.connecting {
        // connect(AF_UNSPEC) has nothing to wait for.
        return Ok(0);
    }
    // What ended an attempt; of the connection before this one only SO_ERROR tells.
    if open.socket.peer_addr().is_none()
        && let Some(error) = open.error.take()
    {
        open.connecting = false;
        return Err(error);
    }
    match open.socket.try_connected() {
        Ok(()) => {
            // With TCP_FASTOPEN_CONNECT the handshake is still to come (Linux's SS_CONNECTING).
            open.connecting = open.socket.peer_addr().is_some() && !is_connected(open);
            Ok(0)
        }
        Err(SocketError::WouldBlock) => Err(libc::EAGAIN),
        // SO_ERROR has told it already.
        Err(SocketError::NotConnected) => {
            (open.connecting, open.failed) = (false, false);
            Err(libc::ECONNABORTED)
        }
        Err(error) => {
            (open.connecting, open.failed) = (false, false);
            Err(errno(error))
        }
    }
}
