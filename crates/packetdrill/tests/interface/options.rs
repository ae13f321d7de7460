//! Socket options, TCP_INFO and knobs.

use crate::pair::at;
use crate::tool::{Peer, Raw};
use libc::{IPPROTO_TCP, SOL_SOCKET, c_int};

#[test]
fn options_are_kept_as_linux_keeps_them() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let both = |level, name, value| {
        assert_eq!(raw.set(fd, level, name, &[value]), Ok(0), "{level} {name}");
        raw.option(fd, level, name)
    };
    assert_eq!(both(SOL_SOCKET, libc::SO_RCVBUF, 10_000), Ok(20_000));
    assert_eq!(both(SOL_SOCKET, libc::SO_SNDBUF, 1), Ok(4608));
    assert_eq!(both(SOL_SOCKET, libc::SO_KEEPALIVE, 7), Ok(1));
    assert_eq!(both(SOL_SOCKET, libc::SO_PRIORITY, 3), Ok(3));
    assert_eq!(both(IPPROTO_TCP, libc::TCP_NODELAY, 1), Ok(1));
    assert_eq!(both(IPPROTO_TCP, libc::TCP_KEEPIDLE, 9), Ok(9));
    assert_eq!(both(IPPROTO_TCP, 18, 1500), Ok(1500));
    assert_eq!(both(IPPROTO_TCP, 8, 30), Ok(30));
    assert_eq!(both(IPPROTO_TCP, 8, 500), Ok(120));
    assert_eq!(both(IPPROTO_TCP, 8, -7), Ok(-1));
    assert_eq!(both(libc::IPPROTO_IP, libc::IP_TTL, 9), Ok(9));
    assert_eq!(both(libc::IPPROTO_IP, libc::IP_TOS, 0x13), Ok(0x10));
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_TYPE), Ok(1));
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_ACCEPTCONN), Ok(0));
    raw.free();
}

#[test]
fn bad_options() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    assert_eq!(raw.set(fd, IPPROTO_TCP, libc::TCP_KEEPIDLE, &[0]), Err(libc::EINVAL));
    assert_eq!(raw.set(fd, IPPROTO_TCP, libc::TCP_MAXSEG, &[10]), Err(libc::EINVAL));
    assert_eq!(raw.set(fd, IPPROTO_TCP, 999, &[1]), Err(libc::ENOPROTOOPT));
    assert_eq!(raw.set(fd, 999, 1, &[1]), Err(libc::ENOPROTOOPT));
    assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_ERROR, &[1]), Err(libc::ENOPROTOOPT));
    assert_eq!(
        raw.setsockopt(fd, SOL_SOCKET, libc::SO_KEEPALIVE, [1_u8; 2].as_ptr().cast(), 2),
        Err(libc::EINVAL)
    );
    assert_eq!(raw.option(fd, IPPROTO_TCP, 999), Err(libc::ENOPROTOOPT));
    assert_eq!(raw.setsockopt(fd, IPPROTO_TCP, 13, b"nonesuch".as_ptr().cast(), 8), Err(libc::ENOENT));
    assert_eq!(raw.setsockopt(fd, IPPROTO_TCP, 13, b"reno".as_ptr().cast(), 4), Ok(0));
    raw.free();
}

#[test]
fn knobs_from_the_flags() {
    let raw = Raw::open("net.ipv4.tcp_syn_retries=1,net.ipv4.tcp_syn_linear_timeouts=0");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at("192.168.0.1:1"));
    let first = peer.expect("S 0:0(0) <...>");
    assert_eq!((peer.expect("S 0:0(0) <...>") - first) / 10_000, 100);
    assert!(raw.receive().is_none(), "one retry and no more");
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_ERROR), Ok(i64::from(libc::ETIMEDOUT)));
    raw.free();
}

#[test]
fn what_nothing_obeys_is_still_checked() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET6, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let both =
        |level, name, value| raw.set(fd, level, name, &[value]).and_then(|_| raw.option(fd, level, name));
    assert_eq!(both(SOL_SOCKET, libc::SO_DONTROUTE, -3), Ok(1));
    assert_eq!(both(SOL_SOCKET, libc::SO_BUSY_POLL, -1), Err(libc::EINVAL));
    assert_eq!(both(SOL_SOCKET, libc::SO_BUSY_POLL, 50), Ok(50));
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_INCOMING_CPU), Ok(-1));
    assert_eq!(both(SOL_SOCKET, libc::SO_PASSCRED, 1), Err(libc::EOPNOTSUPP));
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_PEERNAME), Err(libc::ENOTCONN));
    assert_eq!(both(IPPROTO_TCP, libc::TCP_REPAIR, 1), Err(libc::EPERM));
    assert_eq!(both(IPPROTO_TCP, 9, 5), Ok(7), "whole retransmissions");
    assert_eq!(both(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, 6), Err(libc::EINVAL));
    assert_eq!(both(libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 7), Ok(1));
    // The type of service chooses the priority, until it is set.
    assert_eq!(both(libc::IPPROTO_IP, libc::IP_TOS, 0x10), Ok(0x10));
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_PRIORITY), Ok(6));
    assert_eq!(both(SOL_SOCKET, libc::SO_PRIORITY, 2), Ok(2));
    // One octet is enough for IP, both ways.
    assert_eq!(raw.setsockopt(fd, libc::IPPROTO_IP, libc::IP_TTL, [9_u8].as_ptr().cast(), 1), Ok(0));
    let (mut octet, mut len) = ([0_u8; 3], 3);
    let to = octet.as_mut_ptr().cast();
    assert_eq!(raw.getsockopt(fd, libc::IPPROTO_IP, libc::IP_TTL, to, &raw mut len), Ok(0));
    assert_eq!((octet, len), ([9, 0, 0], 1));
    raw.free();
}

#[test]
fn peers_that_are_too_far_are_not_heard() {
    let mut pair = crate::pair::Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_IP, libc::IP_MINTTL, &[255]), Ok(0));
    pair.data(1, 9);
    assert_eq!(pair.raw.take(pair.fd, 9, libc::MSG_DONTWAIT), Err(libc::EAGAIN));
    assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_IP, libc::IP_MINTTL, &[0]), Ok(0));
    pair.data(1, 9);
    assert_eq!(pair.raw.take(pair.fd, 9, libc::MSG_DONTWAIT).map(|got| got.len()), Ok(8));
    pair.raw.free();
}
