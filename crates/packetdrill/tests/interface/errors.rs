//! The errno of every bad argument.

use crate::pair::{LOCAL, Pair, REMOTE, at, listen};
use crate::tool::Raw;
use libc::c_int;
use std::ptr::null_mut;

const BAD: c_int = 900;

fn stream(raw: Raw) -> c_int {
    raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int
}

#[test]
fn sockets_that_are_not_tcp() {
    let raw = Raw::open("");
    assert_eq!(raw.socket(99, libc::SOCK_STREAM, 0), Err(libc::EAFNOSUPPORT));
    assert_eq!(raw.socket(libc::AF_INET, libc::SOCK_STREAM, 17), Err(libc::EPROTONOSUPPORT));
    assert_eq!(raw.socket(libc::AF_INET, libc::SOCK_STREAM | 0x40, 0), Err(libc::EINVAL));
    assert_eq!(raw.socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0), Err(libc::ESOCKTNOSUPPORT));
    raw.free();
}

#[test]
fn descriptors_that_are_none() {
    let raw = Raw::open("");
    let mut number = 0;
    assert_eq!(raw.listen(BAD, 1), Err(libc::EBADF));
    assert_eq!(raw.bind_to(BAD, at(LOCAL)), Err(libc::EBADF));
    assert_eq!(raw.connect_to(BAD, at(REMOTE)), Err(libc::EBADF));
    assert_eq!(raw.accept(BAD, null_mut(), null_mut()), Err(libc::EBADF));
    assert_eq!(raw.take(BAD, 1, 0), Err(libc::EBADF));
    assert_eq!(raw.put(BAD, 1), Err(libc::EBADF));
    assert_eq!(raw.close(BAD), Err(libc::EBADF));
    assert_eq!(raw.shutdown(BAD, 0), Err(libc::EBADF));
    assert_eq!(raw.fcntl(BAD, libc::F_GETFL, 0), Err(libc::EBADF));
    assert_eq!(raw.ioctl(BAD, libc::FIONREAD, (&raw mut number).cast()), Err(libc::EBADF));
    assert_eq!(raw.option(BAD, libc::SOL_SOCKET, libc::SO_ERROR), Err(libc::EBADF));
    assert_eq!(raw.events(BAD, libc::POLLIN), libc::POLLNVAL);
    raw.free();
}

#[test]
fn addresses() {
    let raw = Raw::open("");
    let fd = stream(raw);
    let name = Raw::name(at(LOCAL));
    assert_eq!(raw.bind(fd, name.as_ptr().cast(), 8), Err(libc::EINVAL));
    assert_eq!(raw.bind(fd, std::ptr::null(), 16), Err(libc::EFAULT));
    assert_eq!(raw.bind_to(fd, at("[::1]:80")), Err(libc::EAFNOSUPPORT));
    assert_eq!(raw.bind_to(fd, at(LOCAL)), Ok(0));
    assert_eq!(raw.bind_to(fd, at(LOCAL)), Err(libc::EINVAL));
    let second = stream(raw);
    assert_eq!(raw.bind_to(second, at(LOCAL)), Err(libc::EADDRINUSE));
    assert_eq!(raw.bind_to(second, at("192.168.0.99:80")), Err(libc::EADDRNOTAVAIL));
    let six = raw.socket(libc::AF_INET6, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    assert_eq!(raw.bind_to(six, at(LOCAL)), Err(libc::EINVAL), "too short for an IPv6 address");
    raw.free();
}

#[test]
fn calls_in_the_wrong_state() {
    let raw = Raw::open("");
    let fd = stream(raw);
    assert_eq!(raw.take(fd, 1, 0), Err(libc::ENOTCONN));
    assert_eq!(raw.put(fd, 1), Err(libc::EPIPE));
    assert_eq!(raw.shutdown(fd, libc::SHUT_RDWR), Err(libc::ENOTCONN));
    assert_eq!(raw.accept(fd, null_mut(), null_mut()), Err(libc::EINVAL));
    let listener = listen(raw, LOCAL);
    assert_eq!(raw.take(listener, 1, 0), Err(libc::ENOTCONN));
    assert_eq!(raw.connect_to(listener, at(REMOTE)), Err(libc::EISCONN));
    assert_eq!(raw.fcntl(listener, libc::F_SETFL, libc::c_long::from(libc::O_NONBLOCK)), Ok(0));
    assert_eq!(raw.accept(listener, null_mut(), null_mut()), Err(libc::EAGAIN));
    raw.free();
}

#[test]
fn flags_of_descriptors() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.fcntl(fd, libc::F_GETFL, 0), Ok(i64::from(libc::O_RDWR | libc::O_NONBLOCK)));
    assert_eq!(raw.fcntl(fd, libc::F_SETFL, 0), Ok(0));
    assert_eq!(raw.fcntl(fd, libc::F_GETFL, 0), Ok(2));
    assert_eq!(raw.fcntl(fd, 9999, 0), Err(libc::EINVAL));
    let mut on = 1;
    assert_eq!(raw.ioctl(fd, libc::FIONBIO, (&raw mut on).cast()), Ok(0));
    assert_eq!(raw.fcntl(fd, libc::F_GETFL, 0), Ok(i64::from(libc::O_RDWR | libc::O_NONBLOCK)));
    raw.free();
}

#[test]
fn descriptors_are_the_kernels() {
    let pair = Pair::accepted();
    for fd in [pair.listener, pair.fd] {
        let file = std::fs::read_link(format!("/proc/self/fd/{fd}")).expect("an open descriptor");
        assert_eq!(file.to_str(), Some("/dev/null"));
    }
    assert_eq!(pair.raw.close(pair.fd), Ok(0));
    pair.raw.free();
}

#[test]
fn epoll_arguments() {
    let pair = Pair::accepted();
    let mut event = libc::epoll_event { events: 1, u64: 7 };
    assert_eq!(pair.raw.epoll_create(0), Err(libc::EINVAL));
    let set = pair.raw.epoll_create(1).expect("epoll") as c_int;
    let mut control = |command, fd| pair.raw.epoll_ctl(set, command, fd, &mut event);
    assert_eq!(control(libc::EPOLL_CTL_MOD, pair.fd), Err(libc::ENOENT));
    assert_eq!(control(libc::EPOLL_CTL_ADD, pair.fd), Ok(0));
    assert_eq!(control(libc::EPOLL_CTL_ADD, pair.fd), Err(libc::EEXIST));
    assert_eq!(control(libc::EPOLL_CTL_ADD, set), Err(libc::EINVAL));
    assert_eq!(control(libc::EPOLL_CTL_ADD, BAD), Err(libc::EBADF));
    assert_eq!(control(77, pair.fd), Err(libc::EINVAL));
    assert_eq!(control(libc::EPOLL_CTL_DEL, pair.fd), Ok(0));
    assert_eq!(control(libc::EPOLL_CTL_DEL, pair.fd), Err(libc::ENOENT));
    assert_eq!(pair.raw.epoll_wait(set, &mut event, 0, 0), Err(libc::EINVAL));
    assert_eq!(pair.raw.epoll_wait(pair.fd, &mut event, 1, 0), Err(libc::EINVAL));
    pair.raw.free();
}
