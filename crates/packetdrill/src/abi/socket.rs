//! The table's calls on sockets.

use super::{U, int, on};
use crate::calls::{self, fast_open, open, pipes, stream};
use crate::core::{Answer, Errno};
use crate::memory::{Place, Scatter, Span};
use crate::notices::Control;
use crate::options::{self, TCP_INQ};
use crate::world::World;
use libc::{c_int, c_long, c_ulong, c_void, iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};

// Pointers are as C has them (see `packetdrill_interface_init`); they are only handed to `memory`.

pub(super) unsafe extern "C" fn socket(u: U, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    int(on(u, |world| calls::socket(world, domain, kind, protocol)))
}

pub(super) unsafe extern "C" fn bind(u: U, fd: c_int, name: *const sockaddr, len: socklen_t) -> c_int {
    int(on(u, |world| world.call(|core| open::bind(core, fd, Span::new(name, len as usize)))))
}

pub(super) unsafe extern "C" fn listen(u: U, fd: c_int, backlog: c_int) -> c_int {
    int(on(u, |world| world.call(|core| open::listen(core, fd, backlog))))
}

pub(super) unsafe extern "C" fn accept(u: U, fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    int(on(u, |world| open::accept(world, fd, name.cast(), Place::new(len))))
}

pub(super) unsafe extern "C" fn connect(u: U, fd: c_int, name: *const sockaddr, len: socklen_t) -> c_int {
    int(on(u, |world| open::connect(world, fd, Span::new(name, len as usize))))
}

/// read() of a pipe's end or of a socket.
fn read_any(world: &World, fd: c_int, to: Scatter, flags: c_int) -> Answer {
    let mut pipe = false;
    world.call(|core| {
        pipe = pipes::is_pipe(core, fd);
        Ok(0)
    })?;
    if !pipe {
        return stream::receive(world, fd, to, flags);
    }
    let mut buffer = vec![0; to.len()];
    let got = pipes::read_pipe(fd, &mut buffer)?;
    to.write(0, &buffer[..usize::try_from(got).unwrap_or(0)])?;
    Ok(got)
}

/// write() to a pipe's end or to a socket.
fn write_any(world: &World, fd: c_int, from: &Scatter) -> Answer {
    let mut pipe = false;
    world.call(|core| {
        pipe = pipes::is_pipe(core, fd);
        Ok(0)
    })?;
    if pipe { pipes::write_pipe(fd, &from.read()?) } else { stream::send(world, fd, from, 0) }
}

pub(super) unsafe extern "C" fn read(u: U, fd: c_int, to: *mut c_void, len: size_t) -> ssize_t {
    on(u, |world| read_any(world, fd, Span::new(to, len).into(), 0)) as ssize_t
}

pub(super) unsafe extern "C" fn readv(u: U, fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    on(u, |world| read_any(world, fd, Scatter::new(vector, count)?, 0)) as ssize_t
}

pub(super) unsafe extern "C" fn recv(u: U, fd: c_int, to: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    on(u, |world| receive_any(world, fd, Span::new(to, len).into(), flags)) as ssize_t
}

pub(super) unsafe extern "C" fn recvfrom(
    u: U,
    fd: c_int,
    to: *mut c_void,
    len: size_t,
    flags: c_int,
    name: *mut sockaddr,
    name_len: *mut socklen_t,
) -> ssize_t {
    on(u, |world| {
        let got = receive_any(world, fd, Span::new(to, len).into(), flags)?;
        // A stream does not name the peer: Linux says so with a length of zero.
        if !name.is_null() && !name_len.is_null() {
            Place::new(name_len).set(0)?;
        }
        Ok(got)
    }) as ssize_t
}

pub(super) unsafe extern "C" fn recvmsg(u: U, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    on(u, |world| {
        let place = Place::new(message);
        let mut header = place.get()?;
        let to = Scatter::new(header.msg_iov, header.msg_iovlen as c_int)?;
        header.msg_namelen = 0;
        if flags & libc::MSG_ERRQUEUE != 0 {
            return read_error_queue(world, fd, place, header);
        }
        let got = stream::receive(world, fd, to, flags)?;
        header.msg_flags = if flags & libc::MSG_OOB != 0 { libc::MSG_OOB } else { 0 };
        let mut left = None;
        world.call(|core| {
            left = stream::left_to_read(core, fd)?;
            Ok(0)
        })?;
        let left = left.map(|left| (libc::SOL_TCP, TCP_INQ, left.to_ne_bytes().to_vec()));
        put_controls(&mut header, left.as_slice())?;
        place.set(header)?;
        Ok(got)
    }) as ssize_t
}

/// Octets, or with MSG_ERRQUEUE a notice whose control messages have no place.
fn receive_any(world: &World, fd: c_int, to: Scatter, flags: c_int) -> Answer {
    if flags & libc::MSG_ERRQUEUE == 0 {
        return stream::receive(world, fd, to, flags);
    }
    world.call(|core| stream::error_queue(core, fd).map(|_| 0))
}

fn read_error_queue(world: &World, fd: c_int, place: Place<msghdr>, mut header: msghdr) -> Answer {
    let mut told = Ok((Vec::new(), 0));
    world.call(|core| {
        told = stream::error_queue(core, fd);
        Ok(0)
    })?;
    let (controls, flags) = told?;
    header.msg_flags = flags;
    put_controls(&mut header, &controls)?;
    place.set(header)?;
    Ok(0)
}

/// Control messages into the caller's room; MSG_CTRUNC when they do not fit (cmsg(3)).
fn put_controls(header: &mut msghdr, controls: &[Control]) -> Result<(), Errno> {
    /// `struct cmsghdr`, and what messages are aligned to.
    const HEAD: usize = 16;
    const WORD: usize = 8;
    let room = Span::new(header.msg_control, header.msg_controllen);
    let mut used = 0;
    for (level, kind, data) in controls {
        let left = room.len().saturating_sub(used);
        if room.is_null() || left < HEAD {
            header.msg_flags |= libc::MSG_CTRUNC;
            break;
        }
        let len = (HEAD + data.len()).min(left);
        if len < HEAD + data.len() {
            header.msg_flags |= libc::MSG_CTRUNC;
        }
        let mut octets = len.to_ne_bytes().to_vec();
        octets.extend_from_slice(&level.to_ne_bytes());
        octets.extend_from_slice(&kind.to_ne_bytes());
        octets.extend_from_slice(data);
        room.write(used, &octets[..len])?;
        used += len.next_multiple_of(WORD).min(left);
    }
    header.msg_controllen = used;
    Ok(())
}

pub(super) unsafe extern "C" fn write(u: U, fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    on(u, |world| write_any(world, fd, &Span::new(from, len).into())) as ssize_t
}

pub(super) unsafe extern "C" fn writev(u: U, fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    on(u, |world| write_any(world, fd, &Scatter::new(vector, count)?)) as ssize_t
}

pub(super) unsafe extern "C" fn send(
    u: U,
    fd: c_int,
    from: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    on(u, |world| stream::send(world, fd, &Span::new(from, len).into(), flags)) as ssize_t
}

pub(super) unsafe extern "C" fn sendto(
    u: U,
    fd: c_int,
    from: *const c_void,
    len: size_t,
    flags: c_int,
    name: *const sockaddr,
    name_len: socklen_t,
) -> ssize_t {
    let name = Span::new(name, name_len as usize);
    on(u, |world| send_to(world, fd, &Span::new(from, len).into(), flags, name)) as ssize_t
}

/// Of a stream Linux does not look at the name, but for MSG_FASTOPEN.
fn send_to(world: &World, fd: c_int, from: &Scatter, flags: c_int, name: Span) -> Answer {
    if flags & libc::MSG_FASTOPEN == 0 {
        return stream::send(world, fd, from, flags);
    }
    fast_open::send_with_syn(world, fd, from, flags, name)
}

pub(super) unsafe extern "C" fn sendmsg(u: U, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    on(u, |world| {
        let header = Place::new(message.cast_mut()).get()?;
        let name = Span::new(header.msg_name, header.msg_namelen as usize);
        send_to(world, fd, &Scatter::new(header.msg_iov, header.msg_iovlen as c_int)?, flags, name)
    }) as ssize_t
}

pub(super) unsafe extern "C" fn fcntl(u: U, fd: c_int, command: c_int, argument: c_long) -> c_int {
    int(on(u, |world| world.call(|core| calls::fcntl(core, fd, command, argument))))
}

pub(super) unsafe extern "C" fn ioctl(u: U, fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    int(on(u, |world| world.call(|core| calls::ioctl(core, fd, request, Place::new(argument.cast())))))
}

pub(super) unsafe extern "C" fn close(u: U, fd: c_int) -> c_int {
    int(on(u, |world| calls::close(world, fd)))
}

pub(super) unsafe extern "C" fn shutdown(u: U, fd: c_int, how: c_int) -> c_int {
    int(on(u, |world| world.call(|core| calls::shutdown(core, fd, how))))
}

pub(super) unsafe extern "C" fn getsockopt(
    u: U,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    let (to, len) = (Span::new(value, 0), Place::new(len));
    int(on(u, |world| world.call(|core| options::get(core, fd, level, name, to, len))))
}

pub(super) unsafe extern "C" fn setsockopt(
    u: U,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    let room = Span::new(value, len as usize);
    int(on(u, |world| {
        if i32::try_from(len).is_err() {
            return Err(libc::EINVAL);
        }
        world.call(|core| options::set(core, fd, level, name, room))
    }))
}
