//! poll() and epoll at Linux's edges.

use crate::pair::{LOCAL, Pair, REMOTE, at, handshake, listen, told, watch};
use crate::tool::{Peer, Raw};
use libc::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, c_int};

const ALL: i16 = POLLIN | POLLOUT | POLLRDHUP;

#[test]
fn a_fresh_socket_hangs_up() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket") as c_int;
    assert_eq!(raw.events(fd, ALL), POLLOUT | POLLHUP);
    raw.free();
}

#[test]
fn a_listener_is_readable_when_a_connection_waits() {
    let raw = Raw::open("");
    let fd = listen(raw, LOCAL);
    assert_eq!(raw.events(fd, ALL), 0);
    handshake(&mut Peer::new(raw, at(REMOTE), at(LOCAL)), 1460);
    assert_eq!(raw.events(fd, ALL), POLLIN);
    raw.free();
}

#[test]
fn a_connection_from_data_to_hang_up() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.events(pair.fd, ALL), POLLOUT);
    pair.data(1, 4);
    assert_eq!(pair.raw.events(pair.fd, ALL), POLLIN | POLLOUT);
    pair.peer.send("F. 4:4(0) ack 1 win 512");
    assert_eq!(pair.raw.events(pair.fd, ALL), POLLIN | POLLOUT | POLLRDHUP);
    assert_eq!(pair.raw.shutdown(pair.fd, libc::SHUT_WR), Ok(0));
    assert_eq!(pair.raw.events(pair.fd, ALL), ALL | POLLHUP);
    assert_eq!(pair.raw.events(pair.fd, 0), POLLHUP, "told without being asked for");
    pair.raw.free();
}

#[test]
fn a_reset_is_an_error_until_it_is_told() {
    let mut pair = Pair::accepted();
    pair.peer.send("R 1:1(0) win 0");
    assert_eq!(pair.raw.events(pair.fd, ALL), ALL | POLLHUP | POLLERR);
    let error = pair.raw.option(pair.fd, libc::SOL_SOCKET, libc::SO_ERROR);
    assert_eq!(error, Ok(i64::from(libc::ECONNRESET)));
    assert_eq!(pair.raw.events(pair.fd, ALL), ALL | POLLHUP);
    pair.raw.free();
}

#[test]
fn connecting_is_silent_and_refusal_is_everything() {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    assert_eq!(raw.connect_to(fd, at("192.0.2.1:8080")), Err(libc::EINPROGRESS));
    assert_eq!(raw.events(fd, ALL), 0);
    let mut peer = Peer::new(raw, at("192.0.2.1:8080"), at(LOCAL));
    peer.expect("S 0:0(0) <...>");
    peer.send("R. 0:0(0) ack 1 win 0");
    assert_eq!(raw.events(fd, ALL), ALL | POLLHUP | POLLERR);
    raw.free();
}

#[test]
fn a_full_send_buffer_is_not_writable() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &[4000]), Ok(0));
    assert_eq!(pair.raw.fcntl(pair.fd, libc::F_SETFL, libc::c_long::from(libc::O_NONBLOCK)), Ok(0));
    let taken = pair.raw.put(pair.fd, 500_000).expect("a part fits");
    assert!(taken < 500_000);
    assert_eq!(pair.raw.put(pair.fd, 1), Err(libc::EAGAIN));
    assert_eq!(pair.raw.events(pair.fd, ALL), 0);
    pair.take_all(1 + taken as u32);
    assert_eq!(pair.raw.events(pair.fd, ALL), POLLOUT);
    pair.raw.free();
}

#[test]
fn levels_edges_and_one_shots() {
    let mut pair = Pair::accepted();
    let level = watch(&pair, libc::EPOLLIN);
    let edge = watch(&pair, libc::EPOLLIN | libc::EPOLLET);
    let once = watch(&pair, libc::EPOLLIN | libc::EPOLLONESHOT);
    assert_eq!([level, edge, once].map(|set| told(&pair, set)), [0; 3]);
    pair.data(1, 4);
    assert_eq!([level, edge, once].map(|set| told(&pair, set)), [libc::EPOLLIN; 3]);
    assert_eq!([level, edge, once].map(|set| told(&pair, set)), [libc::EPOLLIN, 0, 0]);
    pair.data(4, 9);
    assert_eq!([level, edge, once].map(|set| told(&pair, set)), [libc::EPOLLIN, libc::EPOLLIN, 0]);
    let mut event =
        libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLONESHOT).cast_unsigned(), u64: 5 };
    assert_eq!(pair.raw.epoll_ctl(once, libc::EPOLL_CTL_MOD, pair.fd, &mut event), Ok(0));
    assert_eq!(told(&pair, once), libc::EPOLLIN);
    pair.raw.free();
}
