//! Socket options, TCP_INFO and knobs.

use crate::pair::{Pair, at};
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

fn word(info: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]])
}

#[test]
fn tcp_info_of_a_connection() {
    let mut pair = Pair::accepted();
    let info = pair.raw.info(pair.fd);
    assert_eq!(info.len(), 280);
    assert_eq!((info[0], info[1], info[5], info[6]), (1, 0, 2 | 4, 0xa7), "state, ca_state, options, scales");
    assert_eq!((word(&info, 16), word(&info, 80), word(&info, 76)), (1460, 10, 0x7fff_ffff));
    assert_eq!(pair.raw.put(pair.fd, 3000), Ok(3000));
    assert_eq!(word(&pair.raw.info(pair.fd), 24), 3, "unacked");
    pair.peer.send(". 1:1(0) ack 3001 win 512");
    let info = pair.raw.info(pair.fd);
    assert_eq!((word(&info, 24), word(&info, 192)), (0, 4), "unacked; delivered, the SYN too");
    assert!(word(&info, 148) <= word(&info, 68), "the least round trip is no longer than the mean");
    assert_eq!(pair.raw.put(pair.fd, 1000), Ok(1000));
    assert_eq!(pair.raw.usleep(1_500_000), Ok(0));
    let info = pair.raw.info(pair.fd);
    assert_eq!((info[1], word(&info, 32), word(&info, 80)), (4, 1, 1), "loss: ca_state, lost, cwnd");
    assert!(info[2] >= 1 && info[4] >= 1, "retransmits and backoff");
    pair.raw.free();
}

#[test]
fn tcp_info_is_cut_to_the_callers_room() {
    let pair = Pair::accepted();
    let (mut value, mut len) = ([0xee_u8; 16], 8_u32);
    let told = pair.raw.getsockopt(pair.fd, IPPROTO_TCP, 11, value.as_mut_ptr().cast(), &mut len);
    assert_eq!((told, len, value[0], value[8]), (Ok(0), 8, 1, 0xee));
    pair.raw.free();
}

#[test]
fn tcp_info_of_other_sockets() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.info(fd)[0], 7, "CLOSE");
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    assert_eq!(raw.info(fd)[0], 2, "SYN_SENT");
    raw.free();
    let pair = Pair::accepted();
    assert_eq!(pair.raw.info(pair.listener)[0], 10, "LISTEN");
    pair.raw.free();
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
