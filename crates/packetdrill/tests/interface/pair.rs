//! A connection to begin with: accepted from the peer, or made to it, in each of the tool's three modes.

use crate::tool::{Peer, Raw};
use libc::c_int;
use std::net::SocketAddr;

pub(crate) const LOCAL: &str = "192.168.0.1:8080";
pub(crate) const REMOTE: &str = "192.0.2.1:41000";

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A listener, the peer, and the connection that accept() returned.
pub(crate) struct Pair {
    pub(crate) raw: Raw,
    pub(crate) listener: c_int,
    pub(crate) fd: c_int,
    pub(crate) peer: Peer,
}

impl Pair {
    pub(crate) fn accepted() -> Pair {
        Pair::accepted_with("")
    }

    pub(crate) fn accepted_with(flags: &str) -> Pair {
        let raw = Raw::open(flags);
        let listener = listen(raw, LOCAL);
        let mut peer = Peer::new(raw, at(REMOTE), at(LOCAL));
        handshake(&mut peer, 1460);
        let fd = raw.accept(listener, std::ptr::null_mut(), std::ptr::null_mut()).expect("accept") as c_int;
        Pair { raw, listener, fd, peer }
    }

    /// The peer acknowledges each segment that comes, until all before `end` came.
    pub(crate) fn take_all(&mut self, end: u32) {
        let mut acked = 1;
        while acked < end {
            let (_, packet) = self.raw.receive().expect("data");
            let seen = lastack_sim::octets::decode(&packet).expect("good").expect("TCP").segment;
            let isn = self.peer.numbers.stack_isn.expect("there was a SYN");
            acked = acked.max(seen.start.wrapping_sub(isn) + seen.len);
            self.peer.send(&format!(". 1:1(0) ack {acked} win 512"));
        }
    }

    /// The peer sends `from..to` of its stream.
    pub(crate) fn data(&mut self, from: u32, to: u32) {
        self.peer.send(&format!("P. {from}:{to}({}) ack 1 win 65535", to - from));
    }
}

pub(crate) fn listen(raw: Raw, address: &str) -> c_int {
    let address = at(address);
    let domain = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let fd = raw.socket(domain, libc::SOCK_STREAM, libc::IPPROTO_TCP).expect("socket") as c_int;
    assert_eq!(raw.set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &[1]), Ok(0));
    assert_eq!(raw.bind_to(fd, address), Ok(0));
    assert_eq!(raw.listen(fd, 5), Ok(0));
    fd
}

pub(crate) fn handshake(peer: &mut Peer, mss: u16) {
    peer.send("S 0:0(0) win 65535 <mss 1460,sackOK,nop,nop,nop,wscale 7>");
    peer.expect(&format!("S. 0:0(0) ack 1 <mss {mss},nop,nop,sackOK,nop,wscale 10>"));
    peer.send(". 1:1(0) ack 1 win 512");
}

/// A set that watches the connection for `events`.
pub(crate) fn watch(pair: &Pair, events: c_int) -> c_int {
    let set = pair.raw.epoll_create(1).expect("epoll") as c_int;
    let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: 5 };
    assert_eq!(pair.raw.epoll_ctl(set, libc::EPOLL_CTL_ADD, pair.fd, &mut event), Ok(0));
    set
}

/// What one epoll_wait() tells of it; 0: nothing.
pub(crate) fn told(pair: &Pair, set: c_int) -> c_int {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    match pair.raw.epoll_wait(set, &mut event, 1, 0) {
        Ok(1) => {
            assert_eq!({ event.u64 }, 5);
            { event.events }.cast_signed()
        }
        other => {
            assert_eq!(other, Ok(0));
            0
        }
    }
}
