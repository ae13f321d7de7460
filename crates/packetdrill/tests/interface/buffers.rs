//! Send buffers as Linux counts them, the events of room, and the error queue.

use crate::pair::{LOCAL, Pair, REMOTE, at, listen, told, watch};
use crate::tool::{Peer, Raw};
use libc::{EPOLLERR, EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, IPPROTO_TCP, SOL_SOCKET, c_int};
use std::ptr::null_mut;

const NONBLOCK: libc::c_long = libc::O_RDWR as libc::c_long | libc::O_NONBLOCK as libc::c_long;

/// A connection over a way of 10 ms, with segments of 1000 octets and a window of 32 KiB, so that packets have 16 segments.
fn pair(flags: &str, prepare: impl Fn(Raw, c_int)) -> Pair {
    let raw = Raw::open(flags);
    let listener = listen(raw, LOCAL);
    prepare(raw, listener);
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    peer.send("S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>");
    peer.expect("S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 10>");
    assert_eq!(raw.usleep(10_000), Ok(0));
    peer.send(". 1:1(0) ack 1 win 257");
    let fd = raw.accept(listener, null_mut(), null_mut()).expect("accept") as c_int;
    Pair { raw, listener, fd, peer }
}

fn acknowledge(pair: &mut Pair, to: u32) {
    pair.peer.send(&format!(". 1:1(0) ack {to} win 257"));
}

/// Whole packets, the last of which exceeds the limit; and room is an edge only for who waited for it.
#[test]
fn room_is_an_edge_for_a_writer_that_waited() {
    let mut pair = pair("net.ipv4.tcp_wmem=4096:50000:4194304", |_, _| {});
    assert_eq!(pair.raw.fcntl(pair.fd, libc::F_SETFL, NONBLOCK), Ok(0));
    let set = watch(&pair, EPOLLOUT | EPOLLIN | EPOLLET);
    assert_eq!([told(&pair, set), told(&pair, set)], [EPOLLOUT, 0]);
    // A packet of which ten segments left and which is filled again, and two more.
    assert_eq!(pair.raw.put(pair.fd, 59_000), Ok(58_000));
    assert_eq!(told(&pair, set), 0);
    // The window doubles, and the buffer with it.
    acknowledge(&mut pair, 10_001);
    assert_eq!([told(&pair, set), told(&pair, set)], [EPOLLOUT, 0]);
    acknowledge(&mut pair, 30_001);
    acknowledge(&mut pair, 58_001);
    assert_eq!(told(&pair, set), 0, "more room is no news");
    assert_eq!(pair.raw.put(pair.fd, 1000), Ok(1000));
    acknowledge(&mut pair, 59_001);
    assert_eq!(told(&pair, set), 0, "nobody had to wait");
    pair.raw.free();
}

#[test]
fn what_is_not_sent_is_bounded() {
    let mut pair = pair("", |_, _| {});
    assert_eq!(pair.raw.fcntl(pair.fd, libc::F_SETFL, NONBLOCK), Ok(0));
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, libc::SO_SNDBUF, &[100_000]), Ok(0));
    assert_eq!(pair.raw.set(pair.fd, IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, &[32_000]), Ok(0));
    assert_eq!(pair.raw.option(pair.fd, IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT), Ok(32_000));
    assert_eq!(pair.raw.put(pair.fd, 16_000), Ok(16_000));
    assert_eq!(pair.raw.put(pair.fd, 100_000), Ok(26_000), "ten segments left, 32,000 octets wait");
    assert_eq!(pair.raw.events(pair.fd, libc::POLLOUT), 0);
    acknowledge(&mut pair, 10_001);
    assert_eq!(pair.raw.events(pair.fd, libc::POLLOUT), libc::POLLOUT, "12,000 wait: less than half");
    assert_eq!(pair.raw.set(pair.fd, IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, &[-1]), Ok(0));
    assert_eq!(pair.raw.option(pair.fd, IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT), Ok(-1));
    pair.raw.free();
}

/// The numbers that Linux 6.18 gave: a small buffer holds three segments, for the third may begin.
#[test]
fn a_small_buffer_takes_whole_segments() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at("192.168.0.1:1"));
    peer.expect("S 0:0(0) <...>");
    peer.send("S. 0:0(0) ack 1 win 2000 <mss 988,sackOK,nop,nop,nop,wscale 7>");
    peer.expect(". 1:1(0) ack 1");
    assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_SNDBUF, &[1000]), Ok(0));
    assert_eq!(raw.put(fd, 10_000), Ok(2964));
    raw.free();
}

struct Notice {
    flags: c_int,
    /// Level, type and data.
    controls: Vec<(c_int, c_int, Vec<u8>)>,
}

/// recvmsg() of the error queue, with room for an octet.
fn notice(raw: Raw, fd: c_int, room: usize) -> Result<Notice, c_int> {
    let (mut octet, mut control) = ([0_u8; 1], vec![0_u64; room.div_ceil(8)]);
    let mut vector = libc::iovec { iov_base: octet.as_mut_ptr().cast(), iov_len: 0 };
    // SAFETY: all of its fields may be zero.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&mut vector, 1);
    (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), room);
    assert_eq!(raw.recvmsg(fd, &mut message, libc::MSG_ERRQUEUE)?, 0);
    let mut controls = Vec::new();
    // SAFETY: the macros walk the control messages within the length that recvmsg() left.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&message);
        while !at.is_null() {
            let len = (*at).cmsg_len - 16;
            let data = std::slice::from_raw_parts(libc::CMSG_DATA(at), len).to_vec();
            controls.push(((*at).cmsg_level, (*at).cmsg_type, data));
            at = libc::CMSG_NXTHDR(&message, at);
        }
    }
    Ok(Notice { flags: message.msg_flags, controls })
}

fn word(octets: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(octets[at..at + 4].try_into().expect("four octets"))
}

fn give_away(pair: &Pair, len: usize) {
    let octets = vec![0_u8; len];
    let sent = pair.raw.send(pair.fd, octets.as_ptr().cast(), len, libc::MSG_ZEROCOPY);
    assert_eq!(sent, Ok(len as i64));
}

/// SO_ZEROCOPY of the listener holds for what it accepts.
#[test]
fn octets_that_were_given_away_come_back() {
    let mut pair = pair("", |raw, fd| {
        assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_ZEROCOPY, &[2]), Err(libc::EINVAL));
        assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_ZEROCOPY, &[1]), Ok(0));
    });
    assert_eq!(pair.raw.option(pair.fd, SOL_SOCKET, libc::SO_ZEROCOPY), Ok(1));
    assert_eq!(notice(pair.raw, pair.fd, 128).err(), Some(libc::EAGAIN));
    for call in 0..2 {
        give_away(&pair, 4000);
        assert_eq!(notice(pair.raw, pair.fd, 128).err(), Some(libc::EAGAIN), "not acknowledged");
        acknowledge(&mut pair, 1 + 4000 * (call + 1));
        let told = notice(pair.raw, pair.fd, 128).expect("a notice");
        let (level, kind, data) = &told.controls[0];
        assert_eq!((told.flags, *level, *kind), (libc::MSG_ERRQUEUE, libc::SOL_IP, libc::IP_RECVERR));
        assert_eq!((word(data, 0), data[4], data[5], data[6]), (0, 5, 0, 1), "errno, origin, type, code");
        assert_eq!((word(data, 8), word(data, 12)), (call, call));
    }
    assert_eq!(pair.raw.set(pair.fd, IPPROTO_TCP, libc::TCP_NODELAY, &[1]), Ok(0));
    give_away(&pair, 100);
    give_away(&pair, 100);
    acknowledge(&mut pair, 8201);
    let told = notice(pair.raw, pair.fd, 20).expect("a notice that does not fit");
    assert_eq!((told.flags, told.controls.len()), (libc::MSG_ERRQUEUE | libc::MSG_CTRUNC, 1));
    assert_eq!(notice(pair.raw, pair.fd, 128).err(), Some(libc::EAGAIN), "both in one");
    pair.raw.free();
}

#[test]
fn a_call_that_failed_has_no_number() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET6, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_ZEROCOPY, &[1]), Ok(0));
    assert_eq!(raw.send(fd, [0_u8; 9].as_ptr().cast(), 9, libc::MSG_ZEROCOPY), Err(libc::EPIPE));
    let peer_at = at("[fd3d:fa7b:d17d::1]:8080");
    assert_eq!(raw.connect_to(fd, peer_at), Err(libc::EINPROGRESS));
    let mut peer = Peer::new(raw, peer_at, at("[fd3d:a0b:17d6::1]:1"));
    peer.expect("S 0:0(0) <...>");
    peer.send("S. 0:0(0) ack 1 win 65535 <mss 1000>");
    peer.expect(". 1:1(0) ack 1");
    assert_eq!(raw.send(fd, [0_u8; 9].as_ptr().cast(), 9, libc::MSG_ZEROCOPY), Ok(9));
    peer.expect("P. 1:10(9) ack 1");
    peer.send(". 1:1(0) ack 10 win 65535");
    let told = notice(raw, fd, 128).expect("a notice");
    let (level, kind, data) = &told.controls[0];
    assert_eq!((*level, *kind, data.len()), (libc::SOL_IPV6, libc::IPV6_RECVERR, 44));
    assert_eq!((word(data, 8), word(data, 12)), (0, 0));
    raw.free();
}

/// EPOLLERR: an edge with each notice, level while there is one, once with EPOLLONESHOT.
#[test]
fn notices_are_errors_to_who_watches() {
    let mut pair = pair("", |raw, fd| assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_ZEROCOPY, &[1]), Ok(0)));
    let edge = watch(&pair, EPOLLOUT | EPOLLET);
    let once = watch(&pair, EPOLLOUT | EPOLLONESHOT);
    let level = watch(&pair, EPOLLIN);
    assert_eq!([told(&pair, edge), told(&pair, edge)], [EPOLLOUT, 0]);
    give_away(&pair, 1000);
    acknowledge(&mut pair, 1001);
    assert_eq!([told(&pair, edge), told(&pair, edge)], [EPOLLERR | EPOLLOUT, 0]);
    assert_eq!([told(&pair, once), told(&pair, once)], [EPOLLERR | EPOLLOUT, 0]);
    give_away(&pair, 1000);
    acknowledge(&mut pair, 2001);
    assert_eq!([told(&pair, edge), told(&pair, edge)], [EPOLLERR | EPOLLOUT, 0]);
    assert_eq!([told(&pair, once), told(&pair, level), told(&pair, level)], [0, EPOLLERR, EPOLLERR]);
    assert_eq!(pair.raw.events(pair.fd, 0), libc::POLLERR);
    assert!(notice(pair.raw, pair.fd, 128).is_ok());
    assert_eq!(told(&pair, level), 0);
    pair.raw.free();
}

/// Of the last octet of each call: when it left, and when it was acknowledged, on the clock of gettimeofday().
#[test]
fn timestamps_of_what_is_sent() {
    let mut pair = pair("", |raw, fd| {
        let with_numbers = 1 << 7 | 1 << 4;
        assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_TIMESTAMPING, &[with_numbers]), Err(libc::EINVAL));
        assert_eq!(raw.set(fd, SOL_SOCKET, libc::SO_TIMESTAMPING, &[1 << 30]), Err(libc::EINVAL));
    });
    let flags = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9;
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, libc::SO_TIMESTAMPING, &[flags]), Ok(0));
    assert_eq!(pair.raw.option(pair.fd, SOL_SOCKET, libc::SO_TIMESTAMPING), Ok(i64::from(flags)));
    let begun = pair.raw.clock();
    assert_eq!(pair.raw.put(pair.fd, 11_000), Ok(11_000));
    assert_eq!(pair.raw.usleep(10_000), Ok(0));
    acknowledge(&mut pair, 10_001);
    assert_eq!(pair.raw.usleep(10_000), Ok(0));
    acknowledge(&mut pair, 11_001);
    for (kind, after_ms) in [(1, 10), (0, 10), (2, 20)] {
        let told = notice(pair.raw, pair.fd, 256).expect("a timestamp");
        assert_eq!(told.flags, libc::MSG_ERRQUEUE | libc::MSG_TRUNC, "the packet itself has no room");
        let (level, name, times) = &told.controls[0];
        assert_eq!((*level, *name, times.len()), (SOL_SOCKET, libc::SO_TIMESTAMPING, 48));
        let part = |at: usize| i64::from_ne_bytes(times[at..at + 8].try_into().expect("eight octets"));
        let at = part(0) * 1_000_000 + part(8) / 1000;
        assert_eq!((at - begun + 500) / 1000, after_ms, "{kind}");
        let (_, _, data) = &told.controls[1];
        assert_eq!((word(data, 0), data[4], word(data, 8), word(data, 12)), (42, 4, kind, 10_999));
    }
    assert_eq!(notice(pair.raw, pair.fd, 256).err(), Some(libc::EAGAIN));
    pair.raw.free();
}
