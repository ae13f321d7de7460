//! Connections, octets and ends, without waiting.

use crate::pair::{LOCAL, Pair, REMOTE, at, handshake, listen};
use crate::tool::{Peer, Raw};
use libc::c_int;
use std::ptr::null_mut;

#[test]
fn a_whole_life() {
    let mut pair = Pair::accepted();
    pair.data(1, 11);
    assert_eq!(pair.raw.take(pair.fd, 100, 0), Ok((1..11).collect()));
    pair.peer.expect(". 1:1(0) ack 11 <...>");
    assert_eq!(pair.raw.put(pair.fd, 5), Ok(5));
    pair.peer.expect("P. 1:6(5) ack 11 <...>");
    pair.peer.send(". 11:11(0) ack 6 win 512");
    pair.peer.send("F. 11:11(0) ack 6 win 512");
    pair.peer.expect(". 6:6(0) ack 12 <...>");
    assert_eq!(pair.raw.take(pair.fd, 100, 0), Ok(vec![]));
    assert_eq!(pair.raw.close(pair.fd), Ok(0));
    pair.peer.expect("F. 6:6(0) ack 12 <...>");
    assert_eq!(pair.raw.close(pair.fd), Err(libc::EBADF));
    pair.raw.free();
}

#[test]
fn accept_tells_the_peer_and_cuts_to_the_room() {
    let raw = Raw::open("");
    let fd = listen(raw, LOCAL);
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    handshake(&mut peer, 1460);
    let (mut name, mut len) = ([0xee_u8; 32], 8_u32);
    assert!(raw.accept(fd, name.as_mut_ptr().cast(), &mut len).is_ok());
    assert_eq!(len, 16, "the whole length is told");
    assert_eq!(name[..8], Raw::name(at(REMOTE))[..8]);
    assert_eq!(name[8], 0xee, "nothing beyond the room is written");
    raw.free();
}

#[test]
fn ipv6() {
    let raw = Raw::open("");
    let (local, remote) = ("[fd3d:a0b:17d6::1]:8080", "[fd3d:fa7b:d17d::1]:41000");
    let fd = listen(raw, local);
    let mut peer = Peer::new(raw, at(remote), at(local));
    handshake(&mut peer, 1440);
    let (mut name, mut len) = ([0_u8; 32], 32_u32);
    assert!(raw.accept(fd, name.as_mut_ptr().cast(), &mut len).is_ok());
    assert_eq!(name[..len as usize], Raw::name(at(remote)));
    raw.free();
}

#[test]
fn ipv4_mapped_ipv6() {
    let raw = Raw::open("");
    let fd = listen(raw, "[::ffff:192.168.0.1]:8080");
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    handshake(&mut peer, 1460);
    let (mut name, mut len) = ([0_u8; 32], 32_u32);
    assert!(raw.accept(fd, name.as_mut_ptr().cast(), &mut len).is_ok());
    assert_eq!(name[..len as usize], Raw::name(at("[::ffff:192.0.2.1]:41000")));
    raw.free();
}

#[test]
fn a_wildcard_learns_its_address_from_packets() {
    for wildcard in ["0.0.0.0:8080", "[::]:8080"] {
        let raw = Raw::open("");
        listen(raw, wildcard);
        handshake(&mut Peer::new(raw, at(REMOTE), at("10.1.2.3:8080")), 1460);
        raw.free();
    }
}

#[test]
fn addresses_from_the_flags() {
    let raw = Raw::open("local=10.9.8.7/8");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    assert_eq!(raw.bind_to(fd, at("10.9.8.8:1")), Err(libc::EADDRNOTAVAIL));
    assert_eq!(raw.bind_to(fd, at("10.9.8.7:1")), Ok(0));
    raw.free();
}

#[test]
fn connect_without_waiting() {
    for (domain, to, seen) in [
        (libc::AF_INET, "192.0.2.1:8080", "192.0.2.1:8080"),
        (libc::AF_INET6, "[::ffff:192.0.2.1]:8080", "192.0.2.1:8080"),
        (libc::AF_INET6, "[fd3d:fa7b:d17d::1]:8080", "[fd3d:fa7b:d17d::1]:8080"),
    ] {
        let raw = Raw::open("");
        let fd = raw.socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
        assert_eq!(raw.connect_to(fd, at(to)), Err(libc::EINPROGRESS), "{to}");
        let mut peer = Peer::new(raw, at(seen), at(seen));
        peer.expect("S 0:0(0) <...>");
        assert_eq!(raw.connect_to(fd, at(to)), Err(libc::EALREADY));
        assert_eq!(peer.ends.from, at(seen));
        peer.send("S. 0:0(0) ack 1 win 65535 <mss 1000>");
        peer.expect(". 1:1(0) ack 1 <...>");
        assert_eq!(raw.connect_to(fd, at(to)), Ok(0), "once it tells that the attempt succeeded");
        assert_eq!(raw.connect_to(fd, at(to)), Err(libc::EISCONN));
        raw.free();
    }
}

#[test]
fn a_refused_connect_is_told_once_by_so_error() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at(LOCAL));
    peer.expect("S 0:0(0) <...>");
    peer.send("R. 0:0(0) ack 1 win 0");
    assert_eq!(raw.option(fd, libc::SOL_SOCKET, libc::SO_ERROR), Ok(i64::from(libc::ECONNREFUSED)));
    assert_eq!(raw.option(fd, libc::SOL_SOCKET, libc::SO_ERROR), Ok(0));
    raw.free();
}

#[test]
fn peek_trunc_and_dontwait() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.take(pair.fd, 9, libc::MSG_DONTWAIT), Err(libc::EAGAIN));
    assert_eq!(pair.raw.take(pair.fd, 9, libc::MSG_DONTWAIT | libc::MSG_PEEK), Err(libc::EAGAIN));
    pair.data(1, 4);
    pair.data(4, 9);
    assert_eq!(pair.raw.take(pair.fd, 6, libc::MSG_PEEK), Ok((1..7).collect()));
    assert_eq!(pair.raw.take(pair.fd, 2, 0), Ok(vec![1, 2]));
    assert_eq!(pair.raw.take(pair.fd, 3, libc::MSG_TRUNC), Ok(vec![0; 3]), "thrown away, not copied");
    assert_eq!(pair.raw.recv(pair.fd, null_mut(), 2, libc::MSG_PEEK), Err(libc::EFAULT));
    assert_eq!(pair.raw.recv(pair.fd, null_mut(), 2, libc::MSG_TRUNC), Ok(2), "no place is needed");
    assert_eq!(pair.raw.take(pair.fd, 9, 0), Ok(vec![8]));
    pair.raw.free();
}

#[test]
fn vectors_and_messages() {
    let mut pair = Pair::accepted();
    pair.data(1, 8);
    let (mut a, mut b) = ([0_u8; 3], [0_u8; 10]);
    let vector = [
        libc::iovec { iov_base: a.as_mut_ptr().cast(), iov_len: 3 },
        libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: 10 },
    ];
    assert_eq!(pair.raw.readv(pair.fd, vector.as_ptr(), 2), Ok(7));
    assert_eq!((a, &b[..4]), ([1, 2, 3], &[4, 5, 6, 7][..]));
    assert_eq!(pair.raw.readv(pair.fd, vector.as_ptr(), -1), Err(libc::EINVAL));
    pair.peer.expect(". 1:1(0) ack 8 <...>");
    assert_eq!(pair.raw.writev(pair.fd, vector.as_ptr(), 2), Ok(13));
    pair.peer.expect("P. 1:14(13) ack 8 <...>");
    pair.raw.free();
}

#[test]
fn recvmsg_tells_what_is_left() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_TCP, 36, &[1]), Ok(0));
    pair.data(1, 8);
    let (mut octets, mut control) = ([0_u8; 3], [0_u8; 64]);
    let mut vector = libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: 3 };
    // SAFETY: a msghdr of zeros is one without anything.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&mut vector, 1);
    (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), control.len());
    assert_eq!(pair.raw.recvmsg(pair.fd, &mut message, 0), Ok(3));
    assert_eq!(message.msg_controllen, 24);
    assert_eq!(control[8..20], [6, 0, 0, 0, 36, 0, 0, 0, 4, 0, 0, 0], "TCP_CM_INQ: four are left");
    message.msg_controllen = 4;
    assert_eq!(pair.raw.recvmsg(pair.fd, &mut message, 0), Ok(3));
    assert_eq!(message.msg_flags & libc::MSG_CTRUNC, libc::MSG_CTRUNC);
    pair.raw.free();
}

#[test]
fn queues_are_told() {
    let mut pair = Pair::accepted();
    let ask = |fd: c_int, request: libc::c_ulong| {
        let mut number: c_int = -1;
        pair.raw.ioctl(fd, request, (&raw mut number).cast()).map(|_| number)
    };
    assert_eq!(ask(pair.listener, libc::FIONREAD), Err(libc::EINVAL));
    assert_eq!(ask(pair.fd, libc::FIONREAD), Ok(0));
    assert_eq!(ask(pair.fd, 0x1234), Err(libc::ENOTTY));
    pair.peer.send("P. 1:8(7) ack 1 win 512");
    assert_eq!(ask(pair.fd, libc::FIONREAD), Ok(7));
    assert_eq!(pair.raw.put(pair.fd, 100), Ok(100));
    assert_eq!((ask(pair.fd, libc::TIOCOUTQ), ask(pair.fd, 0x894b)), (Ok(100), Ok(0)));
    pair.peer.send(". 8:8(0) ack 101 win 512");
    assert_eq!(ask(pair.fd, libc::TIOCOUTQ), Ok(0));
    pair.raw.free();
}

#[test]
fn urgent_octets() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.take(pair.fd, 1, libc::MSG_OOB), Err(libc::EINVAL));
    assert_eq!(pair.raw.send(pair.fd, b"abc".as_ptr().cast(), 3, libc::MSG_OOB), Ok(3));
    pair.peer.expect("PU. 1:4(3) ack 1 urg 3 <...>");
    pair.raw.free();
}

#[test]
fn more_holds_a_small_segment_back() {
    let mut pair = Pair::accepted();
    let octets = [0_u8; 100];
    assert_eq!(pair.raw.send(pair.fd, octets.as_ptr().cast(), 100, libc::MSG_MORE), Ok(100));
    assert_eq!(pair.raw.send(pair.fd, octets.as_ptr().cast(), 50, 0), Ok(50));
    pair.peer.expect("P. 1:151(150) ack 1 <...>");
    pair.raw.free();
}

#[test]
fn shutdown_and_what_follows() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.shutdown(pair.fd, 7), Err(libc::EINVAL));
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_WR), Ok(0));
    pair.peer.expect("F. 1:1(0) ack 1 <...>");
    assert_eq!(pair.raw.put(pair.fd, 1), Err(libc::EPIPE));
    pair.data(1, 3);
    assert_eq!(pair.raw.take(pair.fd, 9, 0), Ok(vec![1, 2]));
    pair.raw.free();
}

#[test]
fn a_reset_is_told_once() {
    let mut pair = Pair::accepted();
    pair.peer.send("R 1:1(0) win 0");
    assert_eq!(pair.raw.take(pair.fd, 9, 0), Err(libc::ECONNRESET));
    assert_eq!(pair.raw.take(pair.fd, 9, 0), Ok(vec![]));
    assert_eq!(pair.raw.put(pair.fd, 1), Err(libc::EPIPE));
    pair.raw.free();
}

#[test]
fn splice_goes_through_a_pipe() {
    let mut pair = Pair::accepted();
    let mut ends = [0; 2];
    assert_eq!(pair.raw.pipe(ends.as_mut_ptr()), Ok(0));
    pair.data(1, 6);
    assert_eq!(pair.raw.splice(pair.fd, null_mut(), ends[1], null_mut(), 100, 0), Ok(5));
    pair.peer.expect(". 1:1(0) ack 6 <...>");
    assert_eq!(pair.raw.splice(ends[0], null_mut(), pair.fd, null_mut(), 100, 0), Ok(5));
    pair.peer.expect("P. 1:6(5) ack 6 <...>");
    assert_eq!(pair.raw.splice(ends[0], null_mut(), ends[1], null_mut(), 1, 0), Err(libc::EINVAL));
    assert_eq!((pair.raw.close(ends[0]), pair.raw.close(ends[1])), (Ok(0), Ok(0)));
    pair.raw.free();
}

/// Thirty segments at a round trip of 20 ms: two to a burst, and the second of each is pushed (as Linux 6.18 sent them).
#[test]
fn bursts_end_with_a_push() {
    let raw = Raw::open("");
    let listener = listen(raw, LOCAL);
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    peer.send("S 0:0(0) win 65535 <mss 1000,sackOK,nop,nop,nop,wscale 7>");
    peer.expect("S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 10>");
    assert_eq!(raw.usleep(20_000), Ok(0));
    peer.send(". 1:1(0) ack 1 win 512");
    let fd = raw.accept(listener, null_mut(), null_mut()).expect("accept") as c_int;
    assert_eq!(raw.put(fd, 30_000), Ok(30_000));
    for burst in 0..5 {
        let at = 1 + 2000 * burst;
        peer.expect(&format!(". {at}:{}(1000) ack 1 <...>", at + 1000));
        peer.expect(&format!("P. {}:{}(1000) ack 1 <...>", at + 1000, at + 2000));
    }
    raw.free();
}

/// TCP_NODELAY lets out what MSG_MORE or the cork hold, without a push of its own.
#[test]
fn nodelay_lets_out_what_is_held() {
    let mut pair = Pair::accepted();
    for (from, flags) in [(1, libc::MSG_MORE), (9, 0)] {
        let cork = c_int::from(flags == 0);
        assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_TCP, libc::TCP_CORK, &[cork]), Ok(0));
        assert_eq!(pair.raw.send(pair.fd, [7_u8; 4].as_ptr().cast(), 4, flags), Ok(4));
        assert_eq!(pair.raw.send(pair.fd, [7_u8; 4].as_ptr().cast(), 4, flags), Ok(4));
        assert_eq!(pair.raw.usleep(50_000), Ok(0));
        assert_eq!(pair.raw.set(pair.fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &[1]), Ok(0));
        let flags = if flags == 0 { "P." } else { "." };
        let left = pair.peer.expect(&format!("{flags} {from}:{}(8) ack 1 <...>", from + 8));
        assert!(pair.raw.clock() - left < 1000);
        pair.peer.send(&format!(". 1:1(0) ack {} win 512", from + 8));
    }
    pair.raw.free();
}

#[test]
fn an_urgent_octet_that_is_followed_by_another_is_one_like_others() {
    let mut pair = Pair::accepted();
    let urgent = |pair: &mut Pair, from: u32, to: u32, end: u32| {
        pair.peer.send(&format!("PU. {from}:{to}({}) ack 1 win 512 urg {end}", to - from));
    };
    let counted = |pair: &Pair| {
        let mut octets = 0;
        pair.raw.ioctl(pair.fd, libc::FIONREAD, (&raw mut octets).cast()).map(|_| octets)
    };
    urgent(&mut pair, 1, 6, 3);
    assert_eq!(counted(&pair), Ok(2), "up to the mark");
    urgent(&mut pair, 6, 9, 3);
    assert_eq!(counted(&pair), Ok(7), "the first one is back");
    let peeked = libc::MSG_OOB | libc::MSG_PEEK;
    assert_eq!((pair.raw.take(pair.fd, 1, peeked)), Ok(vec![8]));
    assert_eq!(pair.raw.events(pair.fd, libc::POLLPRI), libc::POLLPRI);
    assert_eq!(pair.raw.take(pair.fd, 20, 0), Ok((1..8).collect()));
    assert_eq!(pair.raw.recv(pair.fd, null_mut(), 0, libc::MSG_DONTWAIT), Ok(0), "it is there, apart");
    // Who reads on at the mark passes it, and the octet is lost.
    assert_eq!(pair.raw.take(pair.fd, 1, libc::MSG_DONTWAIT), Err(libc::EAGAIN));
    assert_eq!(pair.raw.take(pair.fd, 1, libc::MSG_OOB), Err(libc::EINVAL));
    pair.raw.free();
}

#[test]
fn splice_stops_at_an_urgent_octet_and_leaves_it() {
    let mut pair = Pair::accepted();
    let mut ends = [0; 2];
    assert_eq!(pair.raw.pipe(ends.as_mut_ptr()), Ok(0));
    pair.peer.send("U. 1:11(10) ack 1 win 512 urg 10");
    let splice = |len| pair.raw.splice(pair.fd, null_mut(), ends[1], null_mut(), len, 0);
    assert_eq!((splice(0), splice(9), splice(5)), (Ok(0), Ok(9), Ok(0)));
    let wrong_end = pair.raw.splice(pair.fd, null_mut(), ends[0], null_mut(), 1, 0);
    assert_eq!(wrong_end, Err(libc::EBADF));
    let unknown = pair.raw.splice(pair.fd, null_mut(), ends[1], null_mut(), 1, 99);
    assert_eq!(unknown, Err(libc::EINVAL));
    assert_eq!(pair.raw.take(pair.fd, 1, libc::MSG_OOB), Ok(vec![10]));
    // What a socket does not take stays in the pipe.
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_WR), Ok(0));
    assert_eq!(pair.raw.splice(ends[0], null_mut(), pair.fd, null_mut(), 9, 0), Err(libc::EPIPE));
    let mut waiting = 0;
    assert_eq!(pair.raw.ioctl(ends[0], libc::FIONREAD, (&raw mut waiting).cast()), Ok(0));
    assert_eq!(waiting, 9);
    pair.raw.free();
}
