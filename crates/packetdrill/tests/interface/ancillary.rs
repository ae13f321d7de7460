//! What is told beside octets: control messages of recvmsg(), the error queue, and what sendmsg()'s control messages ask for.

use crate::pair::{Pair, REMOTE, at};
use crate::tool::{Peer, Raw};
use libc::{IPPROTO_TCP, SOL_SOCKET, c_int};
use std::net::SocketAddr;

const SO_TIMESTAMPING: c_int = libc::SO_TIMESTAMPING;
/// SOF_TIMESTAMPING_TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, TX_ACK, OPT_TSONLY.
const TX: i32 = 2;
const RX: i32 = 8;
const TOLD: i32 = 16;
const ID: i32 = 128;
const SCHED: i32 = 256;
const ACK: i32 = 512;
const BARE: i32 = 2048;

/// One control message: level, type, data.
type Control = (c_int, c_int, Vec<u8>);

struct Message {
    header: libc::msghdr,
    _octets: Vec<u8>,
    control: Vec<u8>,
    _vector: Box<libc::iovec>,
}

impl Message {
    fn new(len: usize, control: Vec<u8>) -> Message {
        let (mut octets, mut control) = (vec![0_u8; len], control);
        let mut vector = Box::new(libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: len });
        // SAFETY: all zeros are a value of this struct of numbers and pointers.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        (header.msg_iov, header.msg_iovlen) = (&raw mut *vector, 1);
        (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), control.len());
        Message { header, _octets: octets, control, _vector: vector }
    }

    fn controls(&self) -> Vec<Control> {
        let word = |at: usize| c_int::from_ne_bytes(self.control[at..at + 4].try_into().expect("a word"));
        let (mut found, mut at) = (Vec::new(), 0);
        while at < self.header.msg_controllen {
            let len = usize::from_ne_bytes(self.control[at..at + 8].try_into().expect("a length"));
            found.push((word(at + 8), word(at + 12), self.control[at + 16..at + len].to_vec()));
            at += len.next_multiple_of(8);
        }
        found
    }
}

/// recvmsg(): its answer, msg_flags and the control messages.
fn receive(raw: Raw, fd: c_int, len: usize, flags: c_int) -> Result<(i64, c_int, Vec<Control>), c_int> {
    let mut message = Message::new(len, vec![0; 256]);
    let got = raw.recvmsg(fd, &raw mut message.header, flags)?;
    Ok((got, message.header.msg_flags, message.controls()))
}

/// One notice of the error queue: ee_errno, ee_origin, ee_type, ee_code, ee_info, ee_data.
fn notice(controls: &[Control]) -> (u32, [u8; 3], u32, u32) {
    let data = &controls.last().expect("an extended error").2;
    let word = |at: usize| u32::from_ne_bytes(data[at..at + 4].try_into().expect("a word"));
    (word(0), [data[4], data[5], data[6]], word(8), word(12))
}

/// Seconds and the rest of the first control message.
fn time(controls: &[Control]) -> [i64; 2] {
    [0, 8].map(|at| i64::from_ne_bytes(controls[0].2[at..at + 8].try_into().expect("a long")))
}

#[test]
fn octets_are_counted_beside_a_read() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, IPPROTO_TCP, 36, &[2]), Err(libc::EINVAL));
    assert_eq!(pair.raw.set(pair.fd, IPPROTO_TCP, 36, &[1]), Ok(0));
    pair.peer.send("FP. 1:11(10) ack 1 win 512");
    let left = |flags, len| {
        let (got, _, controls) = receive(pair.raw, pair.fd, len, flags).expect("octets");
        assert_eq!((controls[0].0, controls[0].1), (IPPROTO_TCP, 36));
        (got, i32::from_ne_bytes(controls[0].2[..4].try_into().expect("an int")))
    };
    // The FIN counts as one octet until it is read, and afterwards.
    assert_eq!(left(libc::MSG_PEEK, 4), (4, 11));
    assert_eq!(left(0, 4), (4, 7));
    assert_eq!(left(0, 6), (6, 1));
    assert_eq!(left(0, 6), (0, 1));
    pair.raw.free();
}

#[test]
fn octets_have_the_time_at_which_the_last_of_them_came() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, libc::SO_TIMESTAMPNS, &[1]), Ok(0));
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, SO_TIMESTAMPING, &[RX | TOLD]), Ok(0));
    let begun = pair.raw.clock();
    pair.data(1, 11);
    pair.raw.usleep(50_000).expect("usleep");
    pair.data(11, 21);
    pair.raw.usleep(50_000).expect("usleep");
    let first = receive(pair.raw, pair.fd, 5, 0).expect("octets").2;
    let second = receive(pair.raw, pair.fd, 10, 0).expect("octets").2;
    let kinds: Vec<c_int> = first.iter().map(|control| control.1).collect();
    assert_eq!(kinds, [libc::SO_TIMESTAMPNS, SO_TIMESTAMPING]);
    let usecs = |controls: &[Control]| time(controls)[0] * 1_000_000 + time(controls)[1] / 1000 - begun;
    assert!((0..1000).contains(&usecs(&first)), "{}", usecs(&first));
    assert!((50_000..51_000).contains(&usecs(&second)), "{}", usecs(&second));
    // Nothing came, so there is no time.
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, SO_TIMESTAMPING, &[0]), Ok(0));
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, libc::SO_TIMESTAMPNS, &[0]), Ok(0));
    assert_eq!(receive(pair.raw, pair.fd, 5, 0).expect("octets").2, []);
    pair.raw.free();
}

#[test]
fn writes_are_stamped_when_they_leave_and_when_they_are_acknowledged() {
    let mut pair = Pair::accepted();
    let all = TX | TOLD | ID | SCHED | ACK;
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, SO_TIMESTAMPING, &[all]), Ok(0));
    assert_eq!(pair.raw.put(pair.fd, 100), Ok(100));
    pair.peer.expect("P. 1:101(100) ack 1 <...>");
    let next = || receive(pair.raw, pair.fd, 0, libc::MSG_ERRQUEUE);
    let (got, flags, controls) = next().expect("a notice");
    assert_eq!((got, flags), (0, libc::MSG_ERRQUEUE | libc::MSG_TRUNC), "the packet is cut");
    assert_eq!(notice(&controls), (libc::ENOMSG as u32, [4, 0, 0], 1, 99), "scheduled");
    assert_eq!(notice(&next().expect("a notice").2), (libc::ENOMSG as u32, [4, 0, 0], 0, 99), "sent");
    assert_eq!(next().err(), Some(libc::EAGAIN));
    assert_eq!(pair.raw.events(pair.fd, 0), 0);
    pair.raw.usleep(30_000).expect("usleep");
    pair.peer.send(". 1:1(0) ack 101 win 512");
    assert_eq!(pair.raw.events(pair.fd, 0), libc::POLLERR);
    assert_eq!(notice(&next().expect("a notice").2), (libc::ENOMSG as u32, [4, 0, 0], 2, 99), "acknowledged");
    // Without the packet nothing is cut; without times the fact alone is told.
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, SO_TIMESTAMPING, &[ACK | BARE]), Ok(0));
    assert_eq!(pair.raw.put(pair.fd, 10), Ok(10));
    pair.peer.send(". 1:1(0) ack 111 win 512");
    let (_, flags, controls) = next().expect("a notice");
    assert_eq!((flags, controls.len()), (libc::MSG_ERRQUEUE, 1));
    pair.raw.free();
}

#[test]
fn one_write_asks_for_its_own_stamp() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, SO_TIMESTAMPING, &[TOLD | ID]), Ok(0));
    let asked = |kind: c_int, flags: i32, len: usize| {
        let mut control = len.to_ne_bytes().to_vec();
        control.extend_from_slice(&SOL_SOCKET.to_ne_bytes());
        control.extend_from_slice(&kind.to_ne_bytes());
        control.extend_from_slice(&flags.to_ne_bytes());
        control.resize(24, 0);
        let message = Message::new(5, control);
        pair.raw.sendmsg(pair.fd, &raw const message.header, 0)
    };
    assert_eq!(asked(SO_TIMESTAMPING, ACK, 20), Ok(5));
    assert_eq!(asked(SO_TIMESTAMPING, TOLD, 20), Err(libc::EINVAL), "no flag of one write");
    assert_eq!(asked(SO_TIMESTAMPING, ACK, 4000), Err(libc::EINVAL), "longer than the room");
    assert_eq!(asked(999, 0, 20), Err(libc::EINVAL));
    pair.peer.send(". 1:1(0) ack 6 win 512");
    assert_eq!(pair.raw.put(pair.fd, 5), Ok(5));
    pair.peer.send(". 1:1(0) ack 11 win 512");
    let told = receive(pair.raw, pair.fd, 0, libc::MSG_ERRQUEUE).expect("a notice").2;
    assert_eq!(notice(&told), (libc::ENOMSG as u32, [4, 0, 0], 2, 4));
    assert_eq!(receive(pair.raw, pair.fd, 0, libc::MSG_ERRQUEUE).err(), Some(libc::EAGAIN));
    pair.raw.free();
}

#[test]
fn a_packet_of_octets_that_are_not_copied_holds_seventeen_stretches() {
    let mut pair = Pair::accepted();
    assert_eq!(pair.raw.set(pair.fd, SOL_SOCKET, libc::SO_ZEROCOPY, &[1]), Ok(0));
    let mut octet = 7_u8;
    let stretch = libc::iovec { iov_base: (&raw mut octet).cast(), iov_len: 1 };
    let mut vector = [stretch; 40];
    let mut message = Message::new(0, Vec::new());
    (message.header.msg_iov, message.header.msg_iovlen) = (vector.as_mut_ptr(), vector.len());
    let sent = pair.raw.sendmsg(pair.fd, &raw const message.header, libc::MSG_ZEROCOPY);
    assert_eq!(sent, Ok(40));
    pair.peer.expect("P. 1:18(17) ack 1 <...>");
    pair.peer.expect("P. 18:35(17) ack 1 <...>");
    pair.peer.send(". 1:1(0) ack 35 win 512");
    pair.peer.expect("P. 35:41(6) ack 1 <...>");
    pair.peer.send(". 1:1(0) ack 41 win 512");
    let (_, _, controls) = receive(pair.raw, pair.fd, 0, libc::MSG_ERRQUEUE).expect("a notice");
    assert_eq!(notice(&controls), (0, [5, 0, 1], 0, 0), "one call, one notice");
    pair.raw.free();
}

/// A connect() that an ICMP error ends, and what its error queue tells of it.
fn refused_by(code: u8) -> (Raw, c_int) {
    let raw = Raw::open("");
    let fd = raw.socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0).expect("socket") as c_int;
    let peer: SocketAddr = at(REMOTE);
    assert_eq!(raw.connect_to(fd, peer), Err(libc::EINPROGRESS));
    let (_, syn) = raw.receive().expect("a SYN");
    let mut icmp = vec![3, code, 0, 0, 0, 0, 0, 0];
    icmp.extend_from_slice(&syn[..28]);
    let mut packet = vec![0x45, 0, 0, (20 + icmp.len()) as u8, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 9];
    packet.extend_from_slice(&syn[12..16]);
    for (from, at) in [(0, 10), (20, 22)] {
        if from == 20 {
            packet.extend_from_slice(&icmp);
        }
        let sum: u32 =
            packet[from..].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    raw.netdev_send(packet.as_ptr().cast(), packet.len()).expect("netdev_send");
    (raw, fd)
}

#[test]
fn the_error_queue_tells_what_ended_connect_and_then_it_is_told() {
    let (raw, fd) = refused_by(3);
    assert_eq!(raw.events(fd, 0), libc::POLLERR | libc::POLLHUP);
    let (got, flags, controls) = receive(raw, fd, 0, libc::MSG_ERRQUEUE).expect("an ICMP error");
    assert_eq!((got, flags), (0, libc::MSG_ERRQUEUE | libc::MSG_TRUNC));
    assert_eq!(notice(&controls), (libc::ECONNREFUSED as u32, [2, 3, 3], 0, 0));
    assert_eq!(controls[0].2[16..24], [2, 0, 0, 0, 192, 0, 2, 9], "who says so");
    assert_eq!(raw.option(fd, SOL_SOCKET, libc::SO_ERROR), Ok(0));
    assert_eq!(raw.take(fd, 1, 0), Ok(Vec::new()), "shut down until connect() is asked");
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Err(libc::ECONNABORTED));
    assert_eq!(raw.connect_to(fd, at(REMOTE)), Err(libc::EINPROGRESS));
    raw.free();
    let (raw, fd) = refused_by(1);
    assert_eq!(raw.take(fd, 1, 0), Err(libc::EHOSTUNREACH), "the error alone leaves the queue as it is");
    let told = receive(raw, fd, 0, libc::MSG_ERRQUEUE).expect("an ICMP error").2;
    assert_eq!(notice(&told), (libc::EHOSTUNREACH as u32, [2, 3, 1], 0, 0));
    raw.free();
}

#[test]
fn a_saved_syn_is_told_once() {
    let raw = Raw::open("");
    let listener = crate::pair::listen(raw, crate::pair::LOCAL);
    assert_eq!(raw.set(listener, IPPROTO_TCP, libc::TCP_SAVE_SYN, &[3]), Err(libc::EINVAL));
    assert_eq!(raw.set(listener, IPPROTO_TCP, libc::TCP_SAVE_SYN, &[1]), Ok(0));
    let mut peer = Peer::new(raw, at(REMOTE), at(crate::pair::LOCAL));
    crate::pair::handshake(&mut peer, 1460);
    let fd = raw.accept(listener, std::ptr::null_mut(), std::ptr::null_mut()).expect("accept") as c_int;
    let saved = |room: usize| {
        let (mut value, mut len) = (vec![0_u8; room], room as libc::socklen_t);
        let answer = raw.getsockopt(fd, IPPROTO_TCP, 28, value.as_mut_ptr().cast(), &raw mut len);
        (answer, len, value.first().copied().unwrap_or(0))
    };
    assert_eq!(saved(10), (Err(libc::EINVAL), 52, 0), "it takes so much");
    assert_eq!(saved(100), (Ok(0), 52, 0x45), "IP's header and TCP's");
    assert_eq!(saved(100).1, 0);
    raw.free();
}
