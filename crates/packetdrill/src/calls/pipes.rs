//! pipe() and splice(): a pipe is the kernel's own; octets go between its ends and sockets of ours.
//!
//! Also what sendfile() needs. Copies where the kernel moves pages: only what can be seen from outside counts here.

use super::count;
use crate::core::{Answer, Core};
use crate::descriptors::{Descriptor, is_fifo, last_errno};
use crate::memory::{Place, Scatter, Span};
use crate::world::World;
use libc::c_int;
use std::sync::Arc;

/// Octets that one splice() or sendfile() moves at most: what a pipe holds.
const MOVE_MAX: usize = 64 * 1024;
const SPLICE_F_NONBLOCK: u32 = 2;
const SPLICE_F_ALL: u32 = 15;

/// pipe().
pub(crate) fn pipe(world: &Arc<World>, ends: Place<c_int>) -> Answer {
    let mut fds = [0; 2];
    // SAFETY: the array has room for the two numbers that pipe() writes.
    if unsafe { libc::pipe(fds.as_mut_ptr()) } != 0 {
        return Err(last_errno());
    }
    world.call(|core| {
        for (index, fd) in fds.into_iter().enumerate() {
            ends.at(index).set(fd)?;
            core.table.insert(fd, Descriptor::Pipe);
        }
        Ok(0)
    })
}

/// read() of a descriptor that is no socket.
pub(crate) fn read_pipe(fd: c_int, buffer: &mut [u8]) -> Answer {
    // SAFETY: the buffer is ours and as long as we say.
    let answer = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(answer).map_err(|_| last_errno()).and_then(count)
}

/// write() to a descriptor that is no socket.
pub(crate) fn write_pipe(fd: c_int, octets: &[u8]) -> Answer {
    // SAFETY: the octets are ours and as many as we say.
    let answer = unsafe { libc::write(fd, octets.as_ptr().cast(), octets.len()) };
    usize::try_from(answer).map_err(|_| last_errno()).and_then(count)
}

/// True for a pipe's end or a file of the kernel.
fn is_kernels(core: &mut Core, fd: c_int) -> bool {
    core.adopt(fd);
    matches!(core.table.get(&fd), Some(Descriptor::Pipe | Descriptor::Foreign))
}

/// splice(): one end is a pipe, the other a socket of ours or anything of the kernel's.
pub(crate) fn splice(world: &World, from: c_int, to: c_int, len: usize, flags: u32) -> Answer {
    if len == 0 {
        return Ok(0);
    }
    if flags & !SPLICE_F_ALL != 0 {
        return Err(libc::EINVAL);
    }
    let mut pipes = [false; 2];
    world.call(|core| {
        pipes = [is_kernels(core, from), is_kernels(core, to)];
        let known = core.table.contains_key(&from) && core.table.contains_key(&to);
        if known { Ok(0) } else { Err(libc::EBADF) }
    })?;
    if pipes == [true, true] {
        let none = std::ptr::null_mut();
        // SAFETY: no offsets, and both descriptors are open.
        let moved = unsafe { libc::splice(from, none, to, none, len, flags) };
        return usize::try_from(moved).map_err(|_| last_errno()).and_then(count);
    }
    let pipe = if pipes[0] { from } else { to };
    if pipes == [false, false] || !is_fifo(pipe) {
        return Err(libc::EINVAL);
    }
    // SAFETY: F_GETFL takes no argument; the descriptor is open.
    let mode = unsafe { libc::fcntl(pipe, libc::F_GETFL) } & libc::O_ACCMODE;
    if mode == if pipes[0] { libc::O_WRONLY } else { libc::O_RDONLY } {
        return Err(libc::EBADF);
    }
    // As Linux: the flag is the pipe's. Whether the socket waits is a matter of its own O_NONBLOCK.
    if flags & SPLICE_F_NONBLOCK != 0 && !is_ready(pipe, if pipes[0] { libc::POLLIN } else { libc::POLLOUT })
    {
        return Err(libc::EAGAIN);
    }
    if pipes[0] { into_socket(world, from, to, len) } else { from_socket(world, from, to, len) }
}

/// True when a pipe's end would not wait.
fn is_ready(fd: c_int, events: i16) -> bool {
    let mut wish = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one local, and no time to wait.
    unsafe { libc::poll(&mut wish, 1, 0) != 0 }
}

/// Octets of a socket into a pipe; never beyond an urgent octet, which stays where it is.
fn from_socket(world: &World, from: c_int, to: c_int, len: usize) -> Answer {
    let mut stopped = None;
    world.call(|core| {
        let open = core.open(from)?;
        if open.socket.ahead_of_mark() == Some(0) {
            stopped = Some(if open.nonblocking { Err(libc::EAGAIN) } else { Ok(0) });
        }
        Ok(0)
    })?;
    if let Some(answer) = stopped {
        return answer;
    }
    let mut buffer = vec![0; len.min(MOVE_MAX)];
    let span = Span::new(buffer.as_mut_ptr(), buffer.len());
    let got = crate::calls::stream::receive(world, from, Scatter::from(span), 0)?;
    write_pipe(to, &buffer[..usize::try_from(got).unwrap_or(0)])
}

/// Octets of a pipe into a socket: as many as it takes, for what it does not take stays in the pipe.
fn into_socket(world: &World, from: c_int, to: c_int, len: usize) -> Answer {
    let nothing = Scatter::from(Span::new(std::ptr::null::<u8>(), 0));
    crate::calls::stream::send(world, to, &nothing, 0)?;
    let mut room = len.min(MOVE_MAX);
    world.call(|core| {
        let open = core.open(to)?;
        if open.nonblocking {
            room = room.min(open.socket.send_room());
        }
        if room == 0 { Err(libc::EAGAIN) } else { Ok(0) }
    })?;
    let mut buffer = vec![0; room];
    let got = read_pipe(from, &mut buffer)?;
    let span = Span::new(buffer.as_ptr(), usize::try_from(got).unwrap_or(0));
    crate::calls::stream::send(world, to, &Scatter::from(span), 0)
}

/// sendfile() to a socket of ours: `offset` null reads at the file's own position, which moves by what was sent.
pub(crate) fn send_file(
    world: &World,
    to: c_int,
    from: c_int,
    offset: Place<libc::off_t>,
    len: usize,
) -> Answer {
    // SAFETY: lseek() takes numbers only. A pipe has no position, and is read as it stands.
    let own = unsafe { libc::lseek(from, 0, libc::SEEK_CUR) };
    let mut at = if offset.is_null() { own } else { offset.get()? };
    let mut buffer = vec![0; len.min(MOVE_MAX)];
    let (mut sent, mut failed) = (0, None);
    while sent < len {
        let wanted = buffer.len().min(len - sent);
        let got = read_at(from, &mut buffer[..wanted], (own >= 0).then_some(at))?;
        if got == 0 {
            break;
        }
        let span = Span::new(buffer.as_ptr(), usize::try_from(got).unwrap_or(0));
        match crate::calls::stream::send(world, to, &Scatter::from(span), 0) {
            Ok(taken) => {
                at += taken;
                sent += usize::try_from(taken).unwrap_or(0);
                if taken < got {
                    break;
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if !offset.is_null() {
        offset.set(at)?;
    } else if own >= 0 {
        // SAFETY: as above.
        unsafe { libc::lseek(from, at, libc::SEEK_SET) };
    }
    failed.filter(|_| sent == 0).map_or_else(|| count(sent), Err)
}

/// Octets of a file, from a place on or where it stands. What cannot be read so cannot be sent (Linux).
fn read_at(from: c_int, buffer: &mut [u8], at: Option<libc::off_t>) -> Answer {
    let Some(at) = at else { return read_pipe(from, buffer) };
    // SAFETY: the buffer is ours and as long as we say.
    let answer = unsafe { libc::pread(from, buffer.as_mut_ptr().cast(), buffer.len(), at) };
    usize::try_from(answer).map_err(|_| last_errno()).and_then(count).map_err(|error| match error {
        libc::EISDIR => libc::EINVAL,
        error => error,
    })
}
