//! The errno of every bad argument.

use crate::pair::{LOCAL, Pair, REMOTE, at, listen};
use crate::tool::Raw;
use libc::c_int;
use std::ptr::{null, null_mut};

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
    assert_eq!(raw.set(second, libc::IPPROTO_IP, libc::IP_FREEBIND, &[1]), Ok(0));
    assert_eq!(raw.bind_to(second, at("192.168.0.99:80")), Ok(0));
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

/// Null pointers with a length are EFAULT in every call that moves octets, and nothing is lost of what waits to be read.
#[test]
fn buffers_that_are_nowhere() {
    let mut pair = Pair::accepted();
    let (raw, fd) = (pair.raw, pair.fd);
    let nowhere = libc::iovec { iov_base: null_mut(), iov_len: 10 };
    assert_eq!(raw.write(fd, null(), 1000), Err(libc::EFAULT));
    assert_eq!(raw.send(fd, null(), 1000, 0), Err(libc::EFAULT));
    assert_eq!(raw.writev(fd, &nowhere, 1), Err(libc::EFAULT));
    assert_eq!(raw.write(fd, null(), 0), Ok(0));
    pair.data(1, 101);
    assert_eq!(raw.take(fd, 0, 0), Ok(Vec::new()));
    assert_eq!(raw.recv(fd, null_mut(), 1000, 0), Err(libc::EFAULT));
    assert_eq!(raw.recv(fd, null_mut(), 1000, libc::MSG_PEEK), Err(libc::EFAULT));
    assert_eq!(raw.readv(fd, &nowhere, 1), Err(libc::EFAULT));
    assert_eq!(raw.recvmsg(fd, null_mut(), 0), Err(libc::EFAULT));
    assert_eq!(raw.readv(fd, &nowhere, -1), Err(libc::EINVAL));
    assert_eq!(raw.readv(fd, &nowhere, 1025), Err(libc::EINVAL));
    assert_eq!(raw.setsockopt(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, null(), 4), Err(libc::EFAULT));
    assert_eq!(raw.ioctl(fd, libc::FIONREAD, null_mut()), Err(libc::EFAULT));
    assert_eq!(raw.take(fd, 1000, 0).map(|octets| octets.len()), Ok(100));
    raw.free();
}

/// Stretches without octets between others are passed over, and a message of nothing but them sends nothing.
#[test]
fn vectors_with_empty_stretches() {
    let mut pair = Pair::accepted();
    let octets = [5_u8; 60];
    let stretch = |len: usize| libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: len };
    assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &[1]), Ok(0));
    assert_eq!(pair.raw.writev(pair.fd, [0, 40, 0, 20].map(stretch).as_ptr(), 4), Ok(60));
    pair.peer.expect("P. 1:61(60) ack 1 <...>");
    assert_eq!(pair.raw.writev(pair.fd, [0, 0].map(stretch).as_ptr(), 2), Ok(0));
    assert_eq!(pair.raw.writev(pair.fd, [10, 0, 50].map(stretch).as_ptr(), 3), Ok(60));
    pair.peer.expect("P. 61:121(60) ack 1 <...>");
    pair.raw.free();
}

#[test]
fn a_descriptor_is_looked_at_before_all_else_and_a_socket_before_the_octets() {
    let mut pair = Pair::accepted();
    let raw = pair.raw;
    assert_eq!(raw.read(BAD, null_mut(), 10), Err(libc::EBADF));
    assert_eq!(raw.recvmsg(BAD, null_mut(), 0), Err(libc::EBADF));
    assert_eq!(raw.writev(BAD, null(), -1), Err(libc::EBADF));
    let fresh = stream(raw);
    assert_eq!(raw.write(fresh, null(), 10), Err(libc::EPIPE));
    assert_eq!(raw.recv(fresh, null_mut(), 10, 0), Err(libc::ENOTCONN));
    assert_eq!(raw.recv(fresh, null_mut(), 10, libc::MSG_OOB), Err(libc::EINVAL));
    assert_eq!(raw.write(pair.fd, null(), 10), Err(libc::EFAULT));
    assert_eq!(raw.read(pair.fd, null_mut(), 0), Ok(0), "read() of nothing does not ask");
    assert_eq!(raw.recv(pair.fd, null_mut(), 10, libc::MSG_DONTWAIT), Err(libc::EAGAIN), "nothing to copy");
    assert_eq!(
        raw.recv(pair.fd, null_mut(), 0, libc::MSG_DONTWAIT),
        Err(libc::EAGAIN),
        "recv() of nothing asks"
    );
    pair.data(1, 4);
    assert_eq!(raw.recv(pair.fd, null_mut(), 10, 0), Err(libc::EFAULT));
    // A length of no object, and one stretch too many.
    let long = libc::iovec { iov_base: null_mut(), iov_len: usize::MAX };
    assert_eq!(raw.readv(pair.fd, &raw const long, 1), Err(libc::EINVAL));
    assert_eq!(raw.readv(pair.fd, null(), 1025), Err(libc::EINVAL));
    raw.free();
}

#[test]
fn names_beside_octets() {
    let mut pair = Pair::accepted();
    let raw = pair.raw;
    pair.data(1, 9);
    let (mut octet, mut name, mut len) = (0_u8, [9_u8; 16], 16);
    let to = (&raw mut octet).cast();
    assert_eq!(raw.recvfrom(pair.fd, to, 1, 0, name.as_mut_ptr().cast(), &raw mut len), Ok(1));
    assert_eq!((len, name[0]), (0, 9), "a stream names nobody");
    assert_eq!(raw.recvfrom(pair.fd, to, 1, 0, name.as_mut_ptr().cast(), null_mut()), Err(libc::EFAULT));
    len = u32::MAX;
    let negative = raw.recvfrom(pair.fd, to, 1, 0, name.as_mut_ptr().cast(), &raw mut len);
    assert_eq!((negative, len), (Err(libc::EINVAL), u32::MAX));
    assert_eq!(raw.sendto(pair.fd, to.cast(), 1, 0, name.as_ptr().cast(), 129), Err(libc::EINVAL));
    assert_eq!(raw.sendto(pair.fd, to.cast(), 1, 0, name.as_ptr().cast(), 1), Ok(1));
    raw.free();
}

#[test]
fn shutdown_without_a_connection_is_remembered() {
    let raw = Raw::open("");
    let fd = stream(raw);
    assert_eq!(raw.shutdown(fd, 3), Err(libc::EINVAL));
    assert_eq!(raw.events(fd, libc::POLLIN | libc::POLLRDHUP), libc::POLLHUP);
    assert_eq!(raw.shutdown(fd, libc::SHUT_RDWR), Err(libc::ENOTCONN));
    assert_eq!(
        raw.events(fd, libc::POLLIN | libc::POLLRDHUP),
        libc::POLLHUP | libc::POLLIN | libc::POLLRDHUP
    );
    assert_eq!(raw.take(fd, 1, 0), Ok(Vec::new()));
    // A listener that will not receive is none; its name stays.
    let listener = listen(raw, LOCAL);
    assert_eq!(raw.shutdown(listener, libc::SHUT_WR), Ok(0));
    assert_eq!(raw.shutdown(listener, libc::SHUT_RD), Ok(0));
    assert_eq!(raw.accept(listener, null_mut(), null_mut()), Err(libc::EINVAL));
    assert_eq!(raw.listen(listener, 1), Ok(0));
    let mut peer = crate::tool::Peer::new(raw, at(REMOTE), at(LOCAL));
    crate::pair::handshake(&mut peer, 1460);
    raw.free();
}

#[test]
fn a_dissolved_connection_was_reset() {
    let pair = Pair::accepted();
    let raw = pair.raw;
    let nobody = [0_u8; 16];
    assert_eq!(raw.connect(pair.fd, nobody.as_ptr().cast(), 16), Ok(0));
    assert_eq!(raw.put(pair.fd, 1), Err(libc::ECONNRESET));
    assert_eq!(raw.put(pair.fd, 1), Err(libc::EPIPE));
    assert_eq!(raw.take(pair.fd, 1, 0), Err(libc::ENOTCONN));
    raw.free();
}

#[test]
fn shutdown_hides_no_error() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_RDWR), Ok(0));
    pair.peer.expect("F. 1:1(0) ack 1 <...>");
    pair.peer.send(". 1:11(10) ack 2 win 512");
    pair.peer.expect("R 2:2(0) <...>");
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_RDWR), Err(libc::ENOTCONN));
    assert_eq!(pair.raw.take(pair.fd, 1, 0), Err(libc::ECONNRESET));
    assert_eq!(pair.raw.take(pair.fd, 1, 0), Ok(Vec::new()));
    pair.raw.free();
}
