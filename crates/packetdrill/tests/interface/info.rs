//! TCP_INFO: the layout, held against the running kernel's, and the numbers that a script may look at.

use crate::pair::{LOCAL, Pair, at, listen};
use crate::tool::{Peer, Raw};
use libc::{IPPROTO_TCP, c_int};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

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

fn long(info: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight octets"))
}

/// What the kernel tells of one of its own sockets.
fn of_kernel(socket: &impl AsRawFd) -> Vec<u8> {
    let (mut value, mut len) = (vec![0_u8; 400], 400);
    // SAFETY: the length is that of the buffer.
    let told =
        unsafe { libc::getsockopt(socket.as_raw_fd(), IPPROTO_TCP, 11, value.as_mut_ptr().cast(), &mut len) };
    assert_eq!(told, 0);
    value.truncate(len as usize);
    value
}

fn cut_segments(socket: &impl AsRawFd) {
    let segment: c_int = 1000;
    // SAFETY: an int and its length.
    let told =
        unsafe { libc::setsockopt(socket.as_raw_fd(), IPPROTO_TCP, 2, (&raw const segment).cast(), 4) };
    assert_eq!(told, 0);
}

/// The client sends 3000 octets and gets ten, over the kernel's loopback.
fn exchange_in_kernel() -> [Vec<u8>; 2] {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener of the kernel");
    cut_segments(&listener);
    let mut client = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("connect");
    let mut server = listener.accept().expect("accept").0;
    client.write_all(&[7; 3000]).expect("write");
    server.read_exact(&mut [0; 3000]).expect("read");
    server.write_all(&[8; 10]).expect("write");
    client.read_exact(&mut [0; 10]).expect("read");
    // The acknowledgment of the ten may be delayed.
    std::thread::sleep(Duration::from_millis(300));
    [of_kernel(&client), of_kernel(&server)]
}

/// The same between two sockets of the library.
fn exchange_in_library() -> [Vec<u8>; 2] {
    let raw = Raw::open("");
    let listener = listen(raw, LOCAL);
    assert_eq!(raw.set(listener, IPPROTO_TCP, libc::TCP_MAXSEG, &[1000]), Ok(0));
    let client = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(client, at(LOCAL)), Ok(0));
    let server = raw.accept(listener, std::ptr::null_mut(), std::ptr::null_mut()).expect("accept") as c_int;
    assert_eq!(raw.put(client, 3000), Ok(3000));
    assert_eq!(raw.take(server, 3000, libc::MSG_WAITALL).map(|octets| octets.len()), Ok(3000));
    assert_eq!(raw.put(server, 10), Ok(10));
    assert_eq!(raw.take(client, 10, 0).map(|octets| octets.len()), Ok(10));
    assert_eq!(raw.usleep(300_000), Ok(0));
    let told = [raw.info(client), raw.info(server)];
    raw.free();
    told
}

#[test]
fn numbers_stand_where_the_kernel_has_them() {
    let (kernel, ours) = (exchange_in_kernel(), exchange_in_library());
    for (side, kernel, ours) in [("client", &kernel[0], &ours[0]), ("server", &kernel[1], &ours[1])] {
        assert_eq!((kernel[0], kernel[1], kernel[5]), (ours[0], ours[1], ours[5]), "{side}");
        let words =
            [16, 24, 28, 32, 36, 40, 76, 88, 100, 144, 152, 156, 192, 196, 216, 220, 224, 236, 240, 244];
        for at in words.into_iter().filter(|at| at + 4 <= kernel.len()) {
            assert_eq!(word(kernel, at), word(ours, at), "{side} at {at}");
        }
        for at in [112, 120, 128, 176, 184, 200, 208].into_iter().filter(|at| at + 8 <= kernel.len()) {
            assert_eq!(long(kernel, at), long(ours, at), "{side} at {at}");
        }
        // Whatever the network and the congestion control. Times are not among them: the library's clock stood still.
        for at in [8, 12, 20, 80, 96, 136, 140, 228, 232] {
            assert!(word(kernel, at) > 0 && word(ours, at) > 0, "{side} at {at}");
        }
    }
}

#[test]
fn a_fresh_socket_and_a_listener_tell_what_the_kernels_do() {
    // SAFETY: the system call takes numbers; the descriptor is the guard's from here on.
    let kernel = unsafe {
        use std::os::fd::FromRawFd;
        std::os::fd::OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0))
    };
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let same = |kernel: &[u8], ours: &[u8], but: &[usize]| {
        for at in (8..104).step_by(4).filter(|at| !but.contains(at)) {
            assert_eq!(word(kernel, at), word(ours, at), "at {at}");
        }
        for at in [104, 112, 120, 128, 160, 168, 176, 184, 200, 208] {
            assert_eq!(long(kernel, at), long(ours, at), "at {at}");
        }
        assert_eq!((kernel[..8] == ours[..8], word(kernel, 148)), (true, word(ours, 148)));
    };
    // The times of what never was count from the start of the machine.
    same(&of_kernel(&kernel), &raw.info(fd), &[44, 52, 56]);
    let kernel = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener of the kernel");
    let fd = listen(raw, LOCAL);
    same(&of_kernel(&kernel), &raw.info(fd), &[28]);
    raw.free();
}

/// Nothing is limited until there is something to send, and time is counted only while there is.
#[test]
fn time_behind_a_closed_window() {
    let mut pair = Pair::accepted();
    let told = |pair: &Pair| {
        let info = pair.raw.info(pair.fd);
        [168, 176, 184].map(|at| long(&info, at) / 1000)
    };
    pair.peer.send(". 1:1(0) ack 1 win 0");
    assert_eq!(pair.raw.usleep(50_000), Ok(0));
    assert_eq!(told(&pair), [0, 0, 0]);
    assert_eq!(pair.raw.put(pair.fd, 700), Ok(700));
    assert_eq!(pair.raw.usleep(100_000), Ok(0));
    assert_eq!(told(&pair), [100, 100, 0]);
    pair.peer.send(". 1:1(0) ack 1 win 512");
    pair.peer.expect("P. 1:701(700) ack 1 <...>");
    assert_eq!(pair.raw.usleep(20_000), Ok(0));
    pair.peer.send(". 1:1(0) ack 701 win 512");
    assert_eq!(pair.raw.usleep(70_000), Ok(0));
    assert_eq!(told(&pair), [120, 100, 0]);
    pair.raw.free();
}

/// All that fits the buffer is in flight and the writer wants more: the buffer is what limits, until a third is free.
#[test]
fn time_with_a_full_send_buffer() {
    let mut pair = Pair::accepted();
    let told = |pair: &Pair| long(&pair.raw.info(pair.fd), 184) / 1000;
    assert_eq!(pair.raw.set(pair.fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &[4000]), Ok(0));
    assert_eq!(pair.raw.fcntl(pair.fd, libc::F_SETFL, libc::c_long::from(libc::O_NONBLOCK)), Ok(0));
    // With this the congestion window is larger than the buffer.
    let mut sent = 0;
    for _ in 0..3 {
        sent += pair.raw.put(pair.fd, 500_000).expect("a part fits") as u32;
        pair.take_all(1 + sent);
    }
    assert_eq!(told(&pair), 0);
    sent += pair.raw.put(pair.fd, 500_000).expect("a part fits") as u32;
    assert_eq!(pair.raw.usleep(30_000), Ok(0));
    assert_eq!(told(&pair), 30);
    pair.take_all(1 + sent);
    assert_eq!(pair.raw.usleep(30_000), Ok(0));
    assert_eq!(told(&pair), 30);
    pair.raw.free();
}

/// Before any data came the time counts from the handshake.
#[test]
fn time_since_data_came() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.usleep(1_000_000), Ok(0));
    let since = |pair: &Pair| word(&pair.raw.info(pair.fd), 52);
    assert!((995..1005).contains(&since(&pair)), "{}", since(&pair));
    pair.data(1, 1001);
    assert!(since(&pair) < 5);
    pair.raw.free();
}

#[test]
fn a_syn_that_nobody_answers() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at("192.168.0.1:1"));
    peer.expect("S 0:0(0) <...>");
    peer.expect("S 0:0(0) <...>");
    let info = raw.info(fd);
    assert_eq!(
        (info[0], info[2], word(&info, 24), word(&info, 100)),
        (2, 1, 1, 1),
        "state, retransmits, unacked, total"
    );
    assert_eq!((word(&info, 136), word(&info, 140)), (2, 0), "segments out and in");
    peer.send("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    peer.expect(". 1:1(0) ack 1");
    let info = raw.info(fd);
    assert_eq!((info[0], word(&info, 136), word(&info, 140), long(&info, 120)), (1, 3, 1, 1));
    raw.free();
}

#[test]
fn a_shrunk_path_is_told() {
    let mut pair = Pair::accepted();
    assert_eq!(word(&pair.raw.info(pair.fd), 60), 1500);
    assert_eq!(pair.raw.put(pair.fd, 1460), Ok(1460));
    pair.peer.expect("P. 1:1461(1460) ack 1 <...>");
    pair.peer.fragmentation_needed(1, 1460, 1200);
    let info = pair.raw.info(pair.fd);
    assert_eq!((word(&info, 60), word(&info, 16)), (1200, 1160));
    pair.raw.free();
}
