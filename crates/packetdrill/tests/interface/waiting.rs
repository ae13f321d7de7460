//! Calls that wait, on the second thread: they sleep in the kernel, and the clock stands still when they wake.

use crate::pair::{LOCAL, Pair, REMOTE, at, handshake, listen};
use crate::tool::{Peer, Raw, WAITS, in_thread};
use libc::c_int;
use std::ptr::null_mut;

/// The times of two events differ by no more than the tool's tolerance.
fn near(a: i64, b: i64) -> bool {
    (a - b).abs() < 1000
}

#[test]
fn accept_waits_for_the_third_segment() {
    let raw = Raw::open("");
    let fd = listen(raw, LOCAL);
    let waiting = in_thread(raw, move |raw| raw.accept(fd, null_mut(), null_mut()));
    let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
    assert!(waiting.still_waits(), "{WAITS}");
    assert_eq!(raw.usleep(300_000), Ok(0));
    let begun = raw.clock();
    handshake(&mut peer, 1460);
    let (answer, ended) = waiting.end();
    assert!(answer.is_ok() && near(begun, ended), "{answer:?} {begun} {ended}");
    raw.free();
}

#[test]
fn connect_waits_for_the_handshake() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let waiting = in_thread(raw, move |raw| raw.connect_to(fd, at("192.0.2.1:8080")));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at(LOCAL));
    peer.expect("S 0:0(0) <...>");
    peer.send("S. 0:0(0) ack 1 win 65535 <mss 1000>");
    assert_eq!(waiting.end().0, Ok(0));
    peer.expect(". 1:1(0) ack 1 <...>");
    raw.free();
}

#[test]
fn connect_gives_up_after_all_its_syns() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let begun = raw.clock();
    let waiting = in_thread(raw, move |raw| raw.connect_to(fd, at("192.0.2.1:8080")));
    let mut syns = 0;
    while raw.receive().is_some() {
        syns += 1;
    }
    let (answer, ended) = waiting.end();
    assert_eq!((answer, syns), (Err(libc::ETIMEDOUT), 11));
    let seconds = (ended - begun) / 1_000_000;
    assert!((120..150).contains(&seconds), "{seconds} s");
    raw.free();
}

#[test]
fn a_refused_connect_says_so() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    let waiting = in_thread(raw, move |raw| raw.connect_to(fd, at("192.0.2.1:8080")));
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at(LOCAL));
    peer.expect("S 0:0(0) <...>");
    peer.send("R. 0:0(0) ack 1 win 0");
    assert_eq!(waiting.end().0, Err(libc::ECONNREFUSED));
    raw.free();
}

#[test]
fn read_waits_and_time_stands_still_after_it() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    let waiting = in_thread(pair.raw, move |raw| {
        let got = raw.take(fd, 100, 0);
        // The thread is slow to look at the clock; nobody moves it meanwhile.
        std::thread::sleep(std::time::Duration::from_millis(50));
        got
    });
    assert_eq!(pair.raw.usleep(500_000), Ok(0));
    assert!(waiting.still_waits(), "{WAITS}");
    let begun = pair.raw.clock();
    pair.data(1, 4);
    assert_eq!(pair.raw.usleep(10_000_000), Ok(0));
    let (got, ended) = waiting.end();
    assert_eq!(got, Ok(vec![1, 2, 3]));
    assert!(near(begun, ended), "{begun} {ended}");
    assert!(pair.raw.clock() >= begun + 10_000_000);
    pair.raw.free();
}

#[test]
fn read_ends_with_the_fin_and_with_a_reset() {
    for (last, expected) in
        [("F. 1:1(0) ack 1 win 512", Ok(vec![])), ("R 1:1(0) win 0", Err(libc::ECONNRESET))]
    {
        let mut pair = Pair::accepted();
        let fd = pair.fd;
        let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 100, 0));
        pair.peer.send(last);
        assert_eq!(waiting.end().0, expected);
        pair.raw.free();
    }
}

#[test]
fn waitall_waits_for_all() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 6, libc::MSG_WAITALL));
    pair.data(1, 4);
    assert!(waiting.still_waits(), "{WAITS}");
    pair.data(4, 9);
    assert_eq!(waiting.end().0, Ok((1..7).collect()));
    pair.raw.free();
}

#[test]
fn a_low_water_mark_is_waited_for() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    assert_eq!(pair.raw.set(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, &[5]), Ok(0));
    let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 100, 0));
    pair.data(1, 4);
    assert!(waiting.still_waits(), "{WAITS}");
    pair.data(4, 9);
    assert_eq!(waiting.end().0, Ok((1..9).collect()));
    pair.raw.free();
}

#[test]
fn a_receive_timeout_ends_the_wait() {
    let pair = Pair::accepted();
    let fd = pair.fd;
    let time = [0_i64, 300_000];
    let set = pair.raw.setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, time.as_ptr().cast(), 16);
    assert_eq!(set, Ok(0));
    let begun = pair.raw.clock();
    let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 1, 0));
    assert_eq!(pair.raw.usleep(1_000_000), Ok(0));
    let (got, ended) = waiting.end();
    assert_eq!(got, Err(libc::EAGAIN));
    assert!(near(begun + 300_000, ended), "{begun} {ended}");
    pair.raw.free();
}

#[test]
fn a_send_timeout_tells_what_was_taken() {
    let pair = Pair::accepted();
    let fd = pair.fd;
    assert_eq!(pair.raw.set(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &[5000]), Ok(0));
    let time = [0_i64, 100_000];
    let set = pair.raw.setsockopt(fd, libc::SOL_SOCKET, libc::SO_SNDTIMEO, time.as_ptr().cast(), 16);
    assert_eq!(set, Ok(0));
    let waiting = in_thread(pair.raw, move |raw| raw.put(fd, 200_000));
    assert_eq!(pair.raw.usleep(1_000_000), Ok(0));
    let (taken, _) = waiting.end();
    assert!(taken.is_ok_and(|taken| (1..200_000).contains(&taken)), "{taken:?}");
    pair.raw.free();
}

#[test]
fn write_waits_for_room() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    assert_eq!(pair.raw.set(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &[5000]), Ok(0));
    let waiting = in_thread(pair.raw, move |raw| raw.put(fd, 200_000));
    assert!(waiting.still_waits(), "{WAITS}");
    pair.take_all(200_001);
    assert_eq!(waiting.end().0, Ok(200_000));
    pair.raw.free();
}

#[test]
fn poll_and_epoll_wait() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    let waiting = in_thread(pair.raw, move |raw| {
        let mut list = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        (raw.poll(&mut list, 1, -1), list.revents)
    });
    pair.data(1, 4);
    assert_eq!(waiting.end().0, (Ok(1), libc::POLLIN));
    assert_eq!(pair.raw.take(fd, 9, 0), Ok(vec![1, 2, 3]));
    let set = pair.raw.epoll_create(1).expect("epoll") as c_int;
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 42 };
    assert_eq!(pair.raw.epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, &mut event), Ok(0));
    let begun = pair.raw.clock();
    let waiting = in_thread(pair.raw, move |raw| {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        (raw.epoll_wait(set, &mut event, 1, 250), { event.u64 })
    });
    assert_eq!(pair.raw.usleep(1_000_000), Ok(0));
    let (told, ended) = waiting.end();
    assert_eq!(told, (Ok(0), 0));
    assert!(near(begun + 250_000, ended), "{begun} {ended}");
    pair.raw.free();
}

#[test]
fn close_lingers() {
    let mut pair = Pair::accepted();
    let fd = pair.fd;
    assert_eq!(pair.raw.set(fd, libc::SOL_SOCKET, libc::SO_LINGER, &[1, 5]), Ok(0));
    assert_eq!(pair.raw.put(fd, 10), Ok(10));
    pair.peer.expect("P. 1:11(10) ack 1 <...>");
    let waiting = in_thread(pair.raw, move |raw| raw.close(fd));
    pair.peer.expect("F. 11:11(0) ack 1 <...>");
    assert!(waiting.still_waits(), "{WAITS}");
    pair.peer.send(". 1:1(0) ack 12 win 512");
    assert_eq!(waiting.end().0, Ok(0));
    pair.raw.free();
}

#[test]
fn free_ends_what_waits() {
    let pair = Pair::accepted();
    let (fd, raw) = (pair.fd, pair.raw);
    let (done, result) = std::sync::mpsc::channel();
    let reader = crate::tool::Raw(raw.0);
    std::thread::spawn(move || done.send({ reader }.take(fd, 1, 0)));
    let early = result.recv_timeout(std::time::Duration::from_millis(100));
    assert!(early.is_err(), "{WAITS}: {early:?}");
    pair.raw.free();
    let answer = result.recv_timeout(std::time::Duration::from_secs(20)).expect("the call returns");
    assert_eq!(answer, Err(libc::EINTR));
}

#[test]
fn the_real_clock() {
    let mut pair = Pair::accepted_with("clock=real");
    let begun = std::time::Instant::now();
    let before = pair.raw.clock();
    let fd = pair.fd;
    let waiting = in_thread(pair.raw, move |raw| raw.take(fd, 9, 0));
    assert_eq!(pair.raw.usleep(30_000), Ok(0));
    assert!(begun.elapsed() >= std::time::Duration::from_millis(30));
    assert!(pair.raw.clock() - before >= 30_000);
    pair.data(1, 4);
    assert_eq!(waiting.end().0, Ok(vec![1, 2, 3]));
    pair.raw.free();
}

/// The thread that drives the clock waits for what cannot come: it is interrupted, and its buffer stays as it is afterwards.
#[test]
fn a_call_that_was_interrupted_writes_no_more() {
    let mut pair = Pair::accepted();
    let mut buffer = [0_u8; 8];
    assert_eq!(pair.raw.recv(pair.fd, buffer.as_mut_ptr().cast(), 8, 0), Err(libc::EINTR));
    let mut list = libc::pollfd { fd: pair.fd, events: libc::POLLIN, revents: 0 };
    assert_eq!(pair.raw.poll(&mut list, 1, -1), Err(libc::EINTR));
    pair.data(1, 5);
    assert_eq!((buffer, list.revents), ([0; 8], 0));
    assert_eq!(pair.raw.take(pair.fd, 8, 0).map(|octets| octets.len()), Ok(4));
    pair.raw.free();
}
