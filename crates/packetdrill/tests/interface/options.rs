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
