//! The table's packets, time, readiness and pipes.

use super::{U, int, on};
use crate::calls::pipes;
use crate::memory::{Place, Span};
use crate::ready;
use libc::{
    c_int, c_uint, c_void, epoll_event, loff_t, nfds_t, pollfd, size_t, timeval, timezone, useconds_t,
};

// Pointers are as C has them (see `packetdrill_interface_init`); they are only handed to `memory`.

pub(super) unsafe extern "C" fn free(u: U) {
    if let Some(world) = super::live::leave(u) {
        world.close();
    }
}

pub(super) unsafe extern "C" fn poll(u: U, list: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    int(on(u, |world| ready::poll(world, Place::new(list), count as usize, timeout)))
}

pub(super) unsafe extern "C" fn netdev_send(u: U, packet: *const c_void, len: size_t) -> c_int {
    int(on(u, |world| {
        let packet = Span::new(packet, len).read()?;
        world.call(|core| {
            core.deliver(packet);
            Ok(0)
        })
    }))
}

pub(super) unsafe extern "C" fn netdev_receive(
    u: U,
    packet: *mut c_void,
    len: *mut size_t,
    usecs: *mut i64,
) -> c_int {
    int(on(u, |world| {
        let len = Place::new(len);
        let room = len.get()?;
        // Nothing will come: a length of zero says so. An error would be tried again for ever.
        let Some((at, octets)) = world.receive() else {
            len.set(0)?;
            return Ok(0);
        };
        Span::new(packet, room).write(0, &octets)?;
        len.set(octets.len().min(room))?;
        Place::new(usecs).set(at as i64)?;
        Ok(0)
    }))
}

pub(super) unsafe extern "C" fn usleep(u: U, usecs: useconds_t) -> c_int {
    int(on(u, |world| {
        world.sleep_usecs(u64::from(usecs));
        Ok(0)
    }))
}

pub(super) unsafe extern "C" fn gettimeofday(u: U, time: *mut timeval, _zone: *mut timezone) -> c_int {
    int(on(u, |world| {
        let usecs = world.clock() as i64;
        Place::new(time).set(timeval { tv_sec: usecs / 1_000_000, tv_usec: usecs % 1_000_000 })?;
        Ok(0)
    }))
}

pub(super) unsafe extern "C" fn epoll_create(u: U, size: c_int) -> c_int {
    int(on(u, |world| ready::create(world, size)))
}

pub(super) unsafe extern "C" fn epoll_ctl(
    u: U,
    set: c_int,
    command: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    int(on(u, |world| world.call(|core| ready::control(core, set, command, fd, Place::new(event)))))
}

pub(super) unsafe extern "C" fn epoll_wait(
    u: U,
    set: c_int,
    list: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    int(on(u, |world| ready::wait(world, set, Place::new(list), most, timeout)))
}

pub(super) unsafe extern "C" fn pipe(u: U, ends: *mut c_int) -> c_int {
    int(on(u, |world| pipes::pipe(world, Place::new(ends))))
}

pub(super) unsafe extern "C" fn splice(
    u: U,
    from: c_int,
    from_offset: *mut loff_t,
    to: c_int,
    to_offset: *mut loff_t,
    len: size_t,
    flags: c_uint,
) -> c_int {
    int(on(u, |world| {
        // Neither sockets nor pipes have a position. The tool hands over where the script's pointers stand: zero is none.
        for offset in [from_offset, to_offset] {
            if !offset.is_null() && Place::new(offset).get()? != 0 {
                return Err(libc::ESPIPE);
            }
        }
        pipes::splice(world, from, to, len, flags)
    }))
}
