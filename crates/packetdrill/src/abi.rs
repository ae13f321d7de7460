//! The C interface: the table of functions in the tool's order, and how answers cross it.
//!
//! The functions behind the table are in `socket` (calls on descriptors) and `network` (packets, time, readiness). Each takes
//! the library's instance first and returns -1 with errno on error.

pub(crate) mod live;
mod message;
mod network;
mod socket;

use crate::core::Answer;
use crate::flags::Flags;
use crate::memory::Place;
use crate::world::World;
use libc::{
    c_char, c_int, c_long, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd,
    size_t, sockaddr, socklen_t, ssize_t, timeval, timezone, useconds_t,
};
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type U = *mut c_void;

/// `struct packetdrill_interface`: what [`packetdrill_interface_init`] fills, in the tool's order. The two variadic entries
/// are fixed functions of four arguments, which is the same on x86-64 and aarch64 Linux.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Interface {
    pub userdata: U,
    pub free: unsafe extern "C" fn(U),
    pub socket: unsafe extern "C" fn(U, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(U, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: unsafe extern "C" fn(U, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(U, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: unsafe extern "C" fn(U, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: unsafe extern "C" fn(U, c_int, *mut c_void, size_t) -> ssize_t,
    pub readv: unsafe extern "C" fn(U, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: unsafe extern "C" fn(U, c_int, *mut c_void, size_t, c_int) -> ssize_t,
    pub recvfrom:
        unsafe extern "C" fn(U, c_int, *mut c_void, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t,
    pub recvmsg: unsafe extern "C" fn(U, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: unsafe extern "C" fn(U, c_int, *const c_void, size_t) -> ssize_t,
    pub writev: unsafe extern "C" fn(U, c_int, *const iovec, c_int) -> ssize_t,
    pub send: unsafe extern "C" fn(U, c_int, *const c_void, size_t, c_int) -> ssize_t,
    pub sendto:
        unsafe extern "C" fn(U, c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t,
    pub sendmsg: unsafe extern "C" fn(U, c_int, *const msghdr, c_int) -> ssize_t,
    pub fcntl: unsafe extern "C" fn(U, c_int, c_int, c_long) -> c_int,
    pub ioctl: unsafe extern "C" fn(U, c_int, c_ulong, *mut c_void) -> c_int,
    pub close: unsafe extern "C" fn(U, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(U, c_int, c_int) -> c_int,
    pub getsockopt: unsafe extern "C" fn(U, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: unsafe extern "C" fn(U, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: unsafe extern "C" fn(U, *mut pollfd, nfds_t, c_int) -> c_int,
    pub netdev_send: unsafe extern "C" fn(U, *const c_void, size_t) -> c_int,
    pub netdev_receive: unsafe extern "C" fn(U, *mut c_void, *mut size_t, *mut i64) -> c_int,
    pub usleep: unsafe extern "C" fn(U, useconds_t) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(U, *mut timeval, *mut timezone) -> c_int,
    pub epoll_create: unsafe extern "C" fn(U, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(U, c_int, c_int, c_int, *mut epoll_event) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(U, c_int, *mut epoll_event, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(U, *mut c_int) -> c_int,
    pub splice: unsafe extern "C" fn(U, c_int, *mut loff_t, c_int, *mut loff_t, size_t, c_uint) -> c_int,
}

/// Opens the library: a stack of its own behind the table that `out` points to. The calling thread drives the clock.
///
/// # Safety
/// `so_flags` is null or a C string, `out` points to room for the table. What the table's functions are given is as C has
/// it: buffers as long as said, `userdata` as filled here and not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(so_flags: *const c_char, out: *mut Interface) {
    // Without flags: as a script expects it of the kernel, whose knobs it sets.
    let text = if so_flags.is_null() {
        "sysctl=proc".to_owned()
    } else {
        // SAFETY: not null, so a C string by the caller's promise.
        unsafe { CStr::from_ptr(so_flags) }.to_string_lossy().into_owned()
    };
    let (flags, unknown) = Flags::of_the_process(&text);
    for word in unknown {
        eprintln!("lastack-packetdrill: so_flags: {word}");
    }
    let _ = Place::new(out).set(table(live::enter(World::new(&flags))));
}

fn table(userdata: U) -> Interface {
    Interface {
        userdata,
        free: network::free,
        socket: socket::socket,
        bind: socket::bind,
        listen: socket::listen,
        accept: socket::accept,
        connect: socket::connect,
        read: socket::read,
        readv: socket::readv,
        recv: socket::recv,
        recvfrom: socket::recvfrom,
        recvmsg: socket::recvmsg,
        write: socket::write,
        writev: socket::writev,
        send: socket::send,
        sendto: socket::sendto,
        sendmsg: socket::sendmsg,
        fcntl: socket::fcntl,
        ioctl: socket::ioctl,
        close: socket::close,
        shutdown: socket::shutdown,
        getsockopt: socket::getsockopt,
        setsockopt: socket::setsockopt,
        poll: network::poll,
        netdev_send: network::netdev_send,
        netdev_receive: network::netdev_receive,
        usleep: network::usleep,
        gettimeofday: network::gettimeofday,
        epoll_create: network::epoll_create,
        epoll_ctl: network::epoll_ctl,
        epoll_wait: network::epoll_wait,
        pipe: network::pipe,
        splice: network::splice,
    }
}

/// A call on the library behind `userdata`.
fn on(userdata: U, call: impl FnOnce(&Arc<World>) -> Answer) -> i64 {
    hand_over(|| call(&live::world(userdata)?))
}

/// Makes an answer C's: -1 and errno. A panic, which would be a bug of ours, must not unwind into C.
pub(crate) fn hand_over(call: impl FnOnce() -> Answer) -> i64 {
    match catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(libc::EIO)) {
        Ok(number) => number,
        Err(errno) => {
            // SAFETY: errno is the calling thread's own variable.
            unsafe { *libc::__errno_location() = errno };
            -1
        }
    }
}

/// An answer as an int; also of a call that did not go through [`hand_over`].
pub(crate) fn int(answer: impl Into<Handed>) -> c_int {
    match answer.into() {
        Handed::Number(number) => number as c_int,
        Handed::Answer(answer) => hand_over(|| answer) as c_int,
    }
}

/// What [`int`] takes.
pub(crate) enum Handed {
    Number(i64),
    Answer(Answer),
}

impl From<i64> for Handed {
    fn from(number: i64) -> Handed {
        Handed::Number(number)
    }
}

impl From<Answer> for Handed {
    fn from(answer: Answer) -> Handed {
        Handed::Answer(answer)
    }
}
