//! The table of functions in safe clothes: what a test calls where the public tool calls C.

use crate::player::raw::is_asleep;
pub(crate) use crate::player::raw::{Answer, Blocked, Raw, in_thread};
use lastack_sim::octets::{self, Ends};
use lastack_sim::runner::differences;
use lastack_sim::runner::numbers::Numbers;
use lastack_sim::script::ast::{Action, IcmpKind, Segment, Step};
use libc::c_int;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) const WAITS: &str = "the call waits";

impl Raw {
    pub(crate) fn bind_to(self, fd: c_int, address: SocketAddr) -> Answer {
        let name = Raw::name(address);
        self.bind(fd, name.as_ptr().cast(), name.len() as u32)
    }

    pub(crate) fn connect_to(self, fd: c_int, address: SocketAddr) -> Answer {
        let name = Raw::name(address);
        self.connect(fd, name.as_ptr().cast(), name.len() as u32)
    }

    pub(crate) fn set(self, fd: c_int, level: c_int, name: c_int, value: &[i32]) -> Answer {
        self.setsockopt(fd, level, name, value.as_ptr().cast(), size_of_val(value) as u32)
    }

    pub(crate) fn option(self, fd: c_int, level: c_int, name: c_int) -> Answer {
        let (mut value, mut len) = (0_i32, 4);
        self.getsockopt(fd, level, name, (&raw mut value).cast(), &mut len).map(|_| i64::from(value))
    }

    /// TCP_INFO in whole.
    pub(crate) fn info(self, fd: c_int) -> Vec<u8> {
        let mut value = vec![0xee; 400];
        let mut len = 400;
        let told = self.getsockopt(fd, libc::IPPROTO_TCP, 11, value.as_mut_ptr().cast(), &mut len);
        assert_eq!(told, Ok(0));
        value.truncate(len as usize);
        value
    }

    /// recv() into a buffer of this length, and what came.
    pub(crate) fn take(self, fd: c_int, len: usize, flags: c_int) -> Result<Vec<u8>, c_int> {
        let mut buffer = vec![0; len];
        let got = self.recv(fd, buffer.as_mut_ptr().cast(), len, flags)?;
        buffer.truncate(got as usize);
        Ok(buffer)
    }

    /// write() of so many octets.
    pub(crate) fn put(self, fd: c_int, len: usize) -> Answer {
        let octets: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        self.write(fd, octets.as_ptr().cast(), len)
    }

    /// The events that poll() tells of one descriptor at once.
    pub(crate) fn events(self, fd: c_int, wish: i16) -> i16 {
        let mut list = libc::pollfd { fd, events: wish, revents: 0 };
        self.poll(&mut list, 1, 0).expect("poll");
        list.revents
    }
}

impl<T> Blocked<T> {
    /// What the call returned, and when on the library's clock.
    pub(crate) fn end(self) -> (T, i64) {
        self.result.recv_timeout(Duration::from_secs(20)).expect("the call returns")
    }

    pub(crate) fn still_waits(&self) -> bool {
        // A thread that was preempted on its way to sleep is given time to arrive.
        let arrives = (0..2000).any(|_| {
            std::thread::sleep(Duration::from_micros(100));
            is_asleep(self.task)
        });
        arrives && self.result.try_recv().is_err()
    }
}

/// The peer's side of one flow: segments in the words of scripts.
pub(crate) struct Peer {
    pub(crate) raw: Raw,
    pub(crate) ends: Ends,
    pub(crate) numbers: Numbers,
}

pub(crate) fn segment(text: &str) -> Segment {
    let script = lastack_sim::script::parse("segment", &format!("+0 < {text}\n")).expect("a segment");
    match script.steps.into_iter().next() {
        Some(Step { action: Action::Send(segment), .. }) => segment,
        other => panic!("`{text}` is no segment: {other:?}"),
    }
}

impl Peer {
    pub(crate) fn new(raw: Raw, peer: SocketAddr, stack: SocketAddr) -> Peer {
        Peer { raw, ends: Ends { from: peer, to: stack }, numbers: Numbers::default() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let live = self.numbers.to_live(&segment(text));
        self.numbers.peer_sent(&live);
        let packet = octets::encode(self.ends, &live);
        assert_eq!(self.raw.netdev_send(packet.as_ptr().cast(), packet.len()), Ok(0));
    }

    /// A router says that the segment of `len` octets from `start` on was too big.
    pub(crate) fn fragmentation_needed(&mut self, start: u32, len: u32, mtu: u16) {
        let quoted = Ends { from: self.ends.to, to: self.ends.from };
        let kind = IcmpKind::TooBig(u32::from(mtu));
        let packet = octets::icmp_error(quoted, kind, self.numbers.stack_to_live(start), len);
        assert_eq!(self.raw.netdev_send(packet.as_ptr().cast(), packet.len()), Ok(0));
    }

    /// The next packet must be this one; returns when it left.
    pub(crate) fn expect(&mut self, text: &str) -> i64 {
        let wanted = lastack_sim::script::parse("segment", &format!("+0 > {text}\n")).expect("a segment");
        let Action::Expect(wanted) = &wanted.steps[0].action else { panic!("`{text}` is no segment") };
        let (at, packet) = self.raw.receive().unwrap_or_else(|| panic!("nothing came, not `{text}`"));
        let seen = octets::decode(&packet).expect("a good packet").expect("TCP");
        if seen.segment.flags.syn() {
            self.ends = Ends { from: seen.ends.to, to: seen.ends.from };
        }
        assert_eq!((seen.ends.from, seen.ends.to), (self.ends.to, self.ends.from));
        let seen = self.numbers.in_script(&seen.segment, wanted);
        let wrong = differences(wanted, &seen, 5);
        assert!(wrong.is_empty(), "{wrong:?}\n  expected > {wanted}\n  seen     > {seen}");
        at
    }
}
