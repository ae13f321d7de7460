//! The table's calls on sockets.

use super::message::{self, NAME_MAX};
use super::{U, int, on};
use crate::calls::{self, fast_open, open, pipes, stream};
use crate::core::{Answer, Errno};
use crate::descriptors::Descriptor;
use crate::memory::{Place, Scatter, Span};
use crate::options;
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

/// What read() and write() find behind a descriptor, before they look at the rest of what they were given.
#[derive(PartialEq)]
enum Behind {
    Socket,
    Pipe,
}

fn behind(world: &World, fd: c_int) -> Result<Behind, Errno> {
    let mut found = Behind::Socket;
    world.call(|core| {
        core.adopt(fd);
        match core.table.get(&fd) {
            Some(Descriptor::Socket(_)) => Ok(0),
            Some(Descriptor::Pipe | Descriptor::Foreign) => {
                found = Behind::Pipe;
                Ok(0)
            }
            Some(Descriptor::Epoll(_)) => Err(libc::EINVAL),
            None => Err(libc::EBADF),
        }
    })?;
    Ok(found)
}

/// ENOTSOCK or EBADF, which come before all that is wrong with other arguments.
fn must_be_socket(world: &World, fd: c_int) -> Result<(), Errno> {
    world.call(|core| core.open(fd).map(|_| 0)).map(|_| ())
}

/// read() of a pipe's end or of a socket. Linux does not ask the socket when there is no room.
fn read_any(world: &World, fd: c_int, to: impl FnOnce() -> Result<Scatter, Errno>) -> Answer {
    let behind = behind(world, fd)?;
    let to = to()?;
    if to.len() == 0 {
        return Ok(0);
    }
    if behind == Behind::Socket {
        return stream::receive(world, fd, to, 0);
    }
    let mut buffer = vec![0; to.len()];
    let got = pipes::read_pipe(fd, &mut buffer)?;
    to.write(0, &buffer[..usize::try_from(got).unwrap_or(0)])?;
    Ok(got)
}

pub(super) unsafe extern "C" fn read(u: U, fd: c_int, to: *mut c_void, len: size_t) -> ssize_t {
    on(u, |world| read_any(world, fd, || Ok(Span::new(to, len).into()))) as ssize_t
}

pub(super) unsafe extern "C" fn readv(u: U, fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    on(u, |world| read_any(world, fd, || Scatter::new(vector, count))) as ssize_t
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
        if !name.is_null() {
            let room = Place::new(name_len);
            if room.get()?.cast_signed() < 0 {
                return Err(libc::EINVAL);
            }
            room.set(0)?;
        }
        Ok(got)
    }) as ssize_t
}

pub(super) unsafe extern "C" fn recvmsg(u: U, fd: c_int, header: *mut msghdr, flags: c_int) -> ssize_t {
    on(u, |world| {
        must_be_socket(world, fd)?;
        message::receive(world, fd, Place::new(header), flags)
    }) as ssize_t
}

/// Octets, or with MSG_ERRQUEUE a notice whose control messages have no place.
fn receive_any(world: &World, fd: c_int, to: Scatter, flags: c_int) -> Answer {
    if flags & libc::MSG_ERRQUEUE == 0 {
        return stream::receive(world, fd, to, flags);
    }
    world.call(|core| {
        let (_, packet) = stream::error_queue(core, fd)?;
        message::give_packet(&to, packet)
    })
}

pub(super) unsafe extern "C" fn write(u: U, fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    on(u, |world| {
        if behind(world, fd)? == Behind::Pipe {
            return pipes::write_pipe(fd, &Span::new(from, len).read()?);
        }
        stream::send(world, fd, &Span::new(from, len).into(), 0)
    }) as ssize_t
}

pub(super) unsafe extern "C" fn writev(u: U, fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    on(u, |world| {
        let behind = behind(world, fd)?;
        let from = Scatter::new(vector, count)?;
        match behind {
            _ if from.len() == 0 => Ok(0),
            Behind::Pipe => pipes::write_pipe(fd, &from.read()?),
            Behind::Socket => stream::send(world, fd, &from, 0),
        }
    }) as ssize_t
}

pub(super) unsafe extern "C" fn send(
    u: U,
    fd: c_int,
    from: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    on(u, |world| send_to(world, fd, &Span::new(from, len).into(), flags, None, None)) as ssize_t
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
    on(u, |world| {
        must_be_socket(world, fd)?;
        let name = message::name(name.cast(), name_len, NAME_MAX)?;
        send_to(world, fd, &Span::new(from, len).into(), flags, name, None)
    }) as ssize_t
}

/// Of a stream Linux does not look at the name, but for MSG_FASTOPEN.
fn send_to(
    world: &World,
    fd: c_int,
    from: &Scatter,
    flags: c_int,
    name: Option<Span>,
    stamps: Option<u32>,
) -> Answer {
    if flags & libc::MSG_FASTOPEN == 0 {
        return stream::send_stamped(world, fd, from, flags, stamps);
    }
    fast_open::send_with_syn(world, fd, from, flags, name.unwrap_or(Span::new(std::ptr::null::<u8>(), 0)))
}

pub(super) unsafe extern "C" fn sendmsg(u: U, fd: c_int, header: *const msghdr, flags: c_int) -> ssize_t {
    on(u, |world| {
        must_be_socket(world, fd)?;
        let header = Place::new(header.cast_mut()).get()?;
        // As Linux: a name that is too long is cut.
        let name = message::name(header.msg_name.cast(), header.msg_namelen, i32::MAX.cast_unsigned())?;
        let from = message::scatter(&header)?;
        let stamps = message::controls_to_send(&header)?;
        send_to(world, fd, &from, flags, name, stamps)
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
