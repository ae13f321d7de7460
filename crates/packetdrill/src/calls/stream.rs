//! Octets in and out: read(), recv(), recvmsg(), write(), send(), sendmsg() and their sisters.

use super::{count, linux, waiting};
use crate::core::{Answer, Core, Errno};
use crate::descriptors::Open;
use crate::memory::Scatter;
use crate::notices::{Control, Wrote};
use crate::world::World;
use bytes::Bytes;
use lastack_stack::observe::State;
use lastack_stack::{Socket, SocketError};
use libc::c_int;
use std::task::{Context, Poll, Waker};

/// The most that one call moves (Linux's MAX_RW_COUNT).
const MOVE_MAX: usize = 0x7fff_f000;

/// Reads into the caller's buffers.
pub(crate) fn receive(world: &World, fd: c_int, to: Scatter, flags: c_int) -> Answer {
    let mut done = 0;
    world.wait(
        |core| {
            let open = core.open(fd)?;
            let (nonblocking, limit) =
                (open.nonblocking || flags & libc::MSG_DONTWAIT != 0, open.receive_timeout);
            let urgent = flags & libc::MSG_OOB != 0;
            Ok(waiting(core, nonblocking || urgent, limit))
        },
        move |core| try_receive(core, fd, &to, flags, &mut done),
    )
}

fn try_receive(core: &mut Core, fd: c_int, to: &Scatter, flags: c_int, done: &mut usize) -> Option<Answer> {
    let late = core.late;
    let open = match core.open(fd) {
        Ok(open) => open,
        Err(error) => return Some(Err(error)),
    };
    if open.listening.is_some() {
        return Some(Err(libc::ENOTCONN));
    }
    open.arrivals.forget();
    if flags & libc::MSG_OOB != 0 {
        return Some(urgent(open, to, flags));
    }
    if let Some(answer) = open.early_read().filter(|_| *done == 0) {
        return Some(answer);
    }
    let room = to.len().min(MOVE_MAX);
    if flags & libc::MSG_PEEK != 0 {
        return peek(open, to, room, flags);
    }
    if room == 0 {
        // Linux waits for octets though it takes none, be it an urgent one.
        if open.socket.is_at_mark() {
            return Some(Ok(0));
        }
        return ready(open.socket.try_peek(0).map(|_| 0));
    }
    let waits = !late && !open.nonblocking && flags & libc::MSG_DONTWAIT == 0;
    let patient = waits && flags & libc::MSG_WAITALL != 0;
    if waits && *done == 0 && !patient && !is_readable(open) {
        return None;
    }
    take(open, to, room, flags, patient, done)
}

/// Takes what is there; `patient` waits until the caller's room is full.
fn take(
    open: &mut Open,
    to: &Scatter,
    room: usize,
    flags: c_int,
    patient: bool,
    done: &mut usize,
) -> Option<Answer> {
    while *done < room {
        // A read that has something tells neither of the error behind it nor of what lies beyond the urgent mark.
        if *done > 0 && (open.socket.is_at_mark() || open.socket.unread() == 0 && !patient) {
            return Some(count(*done));
        }
        let copies = flags & libc::MSG_TRUNC == 0;
        let fits = |chunk: &Bytes| !copies || to.is_real(*done, chunk.len());
        // A look takes an error that waits, so only where there are octets.
        if open.socket.unread() > 0 && open.socket.try_peek(room - *done).is_ok_and(|chunk| !fits(&chunk)) {
            return Some(if *done > 0 { count(*done) } else { Err(libc::EFAULT) });
        }
        let chunk = match open.socket.try_read(room - *done) {
            Ok(chunk) if chunk.is_empty() => return Some(count(*done)),
            Ok(chunk) => chunk,
            Err(SocketError::WouldBlock) if *done == 0 || patient => return None,
            Err(_) if *done > 0 => return Some(count(*done)),
            Err(error) => return Some(linux(Err(error))),
        };
        if copies && let Err(error) = to.write(*done, &chunk) {
            return Some(Err(error));
        }
        *done += chunk.len();
        open.taken += chunk.len() as u64;
        open.arrivals.read_to(open.taken);
    }
    Some(count(*done))
}

/// The answer, unless there is none yet.
fn ready(answer: Result<usize, SocketError>) -> Option<Answer> {
    match answer {
        Err(SocketError::WouldBlock) => None,
        answer => Some(linux(answer).and_then(count)),
    }
}

fn is_readable(open: &Open) -> bool {
    open.socket.poll_readable(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn peek(open: &mut Open, to: &Scatter, room: usize, flags: c_int) -> Option<Answer> {
    let dont_wait = open.nonblocking || flags & libc::MSG_DONTWAIT != 0;
    let whole = flags & libc::MSG_WAITALL != 0 && !dont_wait;
    if whole && open.socket.unread() < room && !open.socket.is_read_closed() {
        return None;
    }
    let answer = match open.socket.poll_peek(&mut Context::from_waker(Waker::noop()), room) {
        // Less than the low-water mark: who does not wait takes it all the same.
        Poll::Pending if dont_wait && open.socket.unread() > 0 => {
            open.socket.try_peek(room).map(|chunk| vec![chunk])
        }
        Poll::Pending => return None,
        Poll::Ready(answer) => answer,
    };
    Some(linux(answer).and_then(|chunks| {
        let mut at = 0;
        for chunk in chunks {
            if flags & libc::MSG_TRUNC == 0 {
                if !to.is_real(at, chunk.len()) {
                    return if at > 0 { count(at) } else { Err(libc::EFAULT) };
                }
                to.write(at, &chunk)?;
            }
            at += chunk.len();
        }
        open.arrivals.peeked_to(open.taken + at as u64);
        count(at)
    }))
}

/// recv(MSG_OOB): never waits.
fn urgent(open: &mut Open, to: &Scatter, flags: c_int) -> Answer {
    if open.socket.peer_addr().is_none() {
        return Err(libc::EINVAL);
    }
    let octet = if flags & libc::MSG_PEEK != 0 {
        open.socket.try_peek_urgent()
    } else {
        open.socket.try_read_urgent()
    };
    match octet {
        // A connection that was reset took it along.
        Ok(Some(_)) if open.socket.state() == State::Closed && !open.socket.is_peer_finished() => {
            Err(libc::ENOTCONN)
        }
        Ok(Some(octet)) => {
            if flags & libc::MSG_TRUNC == 0 {
                if !to.is_real(0, 1) {
                    return Err(libc::EFAULT);
                }
                to.write(0, &[octet])?;
            }
            count(to.len().min(1))
        }
        Ok(None) => Ok(0),
        // Linux looks for an urgent octet before it looks for a connection.
        Err(SocketError::NotConnected) => Err(libc::EINVAL),
        Err(error) => linux(Err(error)),
    }
}

/// Writes the caller's octets.
pub(crate) fn send(world: &World, fd: c_int, from: &Scatter, flags: c_int) -> Answer {
    send_stamped(world, fd, from, flags, None)
}

/// [`send`], with what a control message says of its timestamps.
pub(crate) fn send_stamped(
    world: &World,
    fd: c_int,
    from: &Scatter,
    flags: c_int,
    stamps: Option<u32>,
) -> Answer {
    let mut pins = false;
    world.call(|core| {
        pins = flags & libc::MSG_ZEROCOPY != 0 && core.open(fd)?.notices.zero_copy;
        Ok(0)
    })?;
    let answer = if pins { send_pinned(world, fd, from, flags) } else { write_out(world, fd, from, flags) };
    wrote(world, fd, flags, stamps, answer)
}

/// Stretches that Linux does not copy are a page's part each, of which a packet has no more than MAX_SKB_FRAGS: a packet
/// that is full is pushed, and nothing is added to it.
fn send_pinned(world: &World, fd: c_int, from: &Scatter, flags: c_int) -> Answer {
    const FRAGMENTS_MAX: usize = 17;
    let pieces = from.pieces(FRAGMENTS_MAX);
    let Some((last, full)) = pieces.split_last() else { return write_out(world, fd, from, flags) };
    let mut done = 0;
    for piece in full {
        let answer = write_out(world, fd, piece, flags | libc::MSG_EOR);
        match answer {
            Err(error) if done == 0 => return Err(error),
            Err(_) => return Ok(done),
            Ok(taken) => done += taken,
        }
        if answer != count(piece.len()) {
            return Ok(done);
        }
        world.call(|core| {
            core.open(fd)?.socket.push();
            Ok(0)
        })?;
    }
    match write_out(world, fd, last, flags) {
        Err(_) if done > 0 => Ok(done),
        answer => answer.map(|taken| done + taken),
    }
}

/// Hands the octets to the socket.
fn write_out(world: &World, fd: c_int, from: &Scatter, flags: c_int) -> Answer {
    let mut left: Option<Bytes> = None;
    let mut done = 0;
    let octets = from.clone();
    let mut refused = 0;
    world.wait(
        |core| {
            let open = core.open(fd)?;
            set_more(open, flags);
            let (nonblocking, limit) =
                (open.nonblocking || flags & libc::MSG_DONTWAIT != 0, open.send_timeout);
            Ok(waiting(core, nonblocking, limit))
        },
        move |core| {
            if left.is_none() {
                left = Some(match readable(core, fd, &octets) {
                    Ok(octets) => octets,
                    Err(error) => return Some(Err(error)),
                });
            }
            if refused > 1 && sleeps_on(core, fd) {
                return None;
            }
            let answer = try_send(core, fd, left.as_mut()?, flags, &mut done);
            refused += u32::from(answer.is_none());
            answer
        },
    )
}

/// A writer that went to sleep is woken when there is much room again, not for the first octet of it (Linux
/// sk_stream_write_space).
fn sleeps_on(core: &mut Core, fd: c_int) -> bool {
    let late = core.late;
    let Ok(open) = core.open(fd) else { return false };
    let open_to_write = matches!(open.socket.state(), State::Established | State::CloseWait);
    !late && open_to_write && !open.socket.is_write_closed() && !open.socket.is_roomy()
}

/// The caller's octets. Linux looks at the socket before it looks for them.
fn readable(core: &mut Core, fd: c_int, octets: &Scatter) -> Result<Bytes, Errno> {
    octets.read().map(Bytes::from).map_err(|fault| {
        // A write of nothing tells what is wrong with the socket.
        match try_send(core, fd, &mut Bytes::new(), 0, &mut 0) {
            Some(Err(error)) => error,
            _ => fault,
        }
    })
}

/// What a call wrote may be noticed when it was sent, or acknowledged.
pub(super) fn wrote(world: &World, fd: c_int, flags: c_int, stamps: Option<u32>, answer: Answer) -> Answer {
    let answer = answer?;
    world.call(|core| {
        if let Ok(open) = core.open(fd)
            && answer > 0
        {
            let (zero_copy, sealed) = (flags & libc::MSG_ZEROCOPY != 0, flags & libc::MSG_EOR != 0);
            open.notices.wrote(answer.cast_unsigned(), Wrote { zero_copy, sealed, stamps });
        }
        Ok(answer)
    })
}

/// Octets of a TCP header that an ICMP error quotes.
const QUOTED: usize = 20;

/// recv() with MSG_ERRQUEUE: the oldest notice as control messages, and the octets of its packet. Never waits.
pub(crate) fn error_queue(core: &mut Core, fd: c_int) -> Result<(Vec<Control>, usize), Errno> {
    let open = core.open(fd)?;
    let v6 = open.family == lastack_stack::Family::V6;
    // Of both kinds there is only one at a time: a connection that never was has no octets to notice.
    match open.socket.take_icmp_error() {
        Some(error) => Ok((vec![crate::notices::of_icmp(error, v6)], QUOTED)),
        None => open.notices.take(v6).ok_or(libc::EAGAIN),
    }
}

pub(super) fn try_send(
    core: &mut Core,
    fd: c_int,
    left: &mut Bytes,
    flags: c_int,
    done: &mut usize,
) -> Option<Answer> {
    let late = core.late;
    loop {
        let open = match core.open(fd) {
            Ok(open) => open,
            Err(error) => return Some(Err(error)),
        };
        if let Some(answer) = open.early_write() {
            return Some(if *done > 0 { count(*done) } else { answer });
        }
        let waits = !late && !open.nonblocking && flags & libc::MSG_DONTWAIT == 0;
        let with_syn = open.socket.defers_connect();
        let opening = !with_syn && matches!(open.socket.state(), State::SynSent | State::SynRecv);
        if left.is_empty() && *done == 0 && opening && !open.socket.is_open() {
            // Nothing to write waits for the handshake, too.
            return None;
        }
        let answer = match () {
            () if flags & libc::MSG_OOB != 0 => open.socket.try_write_urgent(left.clone()),
            () if waits => waiting_write(&open.socket, left.clone()),
            () => open.socket.try_write(left.clone()),
        };
        match answer {
            Ok(taken) => {
                open.notices.count(taken);
                *done += taken;
                drop(left.split_to(taken));
                if left.is_empty() {
                    // A first write that went with the SYN waits for the handshake.
                    let early = open.socket.state() == State::SynSent;
                    return match (waits, with_syn && *done == 0) {
                        (true, _) => (!early).then(|| count(*done)),
                        (false, true) => Some(Err(libc::EINPROGRESS)),
                        (false, false) => Some(count(*done)),
                    };
                }
                // As Linux: what may be sent is sent while the caller's octets are taken.
                core.turn();
            }
            Err(SocketError::WouldBlock) if *done == 0 || waits => return None,
            // What went with a SYN that was refused counts for nothing (Linux).
            Err(_) if *done > 0 && (late || open.socket.peer_addr().is_some()) => {
                return Some(count(*done));
            }
            Err(error) => return Some(linux(Err(error))),
        }
    }
}

/// MSG_MORE holds small segments back as TCP_CORK does, until a call without it; MSG_EOR ends a record.
fn set_more(open: &mut Open, flags: c_int) {
    let (more, record) = (flags & libc::MSG_MORE != 0, flags & libc::MSG_EOR != 0);
    if (more, record) == (open.more, open.record) {
        return;
    }
    (open.more, open.record) = (more, record);
    open.socket.set_options(|options| (options.more, options.record) = (more, record));
}

/// What TCP_INQ tells beside a recvmsg(): octets that are left, an urgent one among them, and one for the
/// peer's FIN; None when it is not asked for.
pub(crate) fn left_to_read(open: &Open) -> Option<c_int> {
    let apart = usize::from(open.socket.ahead_of_mark().is_some());
    let left = open.socket.unread() + apart + usize::from(open.socket.is_peer_finished());
    open.inq.then(|| c_int::try_from(left).unwrap_or(c_int::MAX))
}

/// A write that waits says so to its socket: what the peer is told meanwhile depends on it.
fn waiting_write(socket: &Socket, octets: Bytes) -> Result<usize, SocketError> {
    match socket.poll_write(&mut Context::from_waker(Waker::noop()), octets) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(SocketError::WouldBlock),
    }
}
