//! An opened library, its peer and its descriptors, and what happens to them.

use crate::acts::{Act, Call, Kind, mapped, named};
use crate::calls::make;
use crate::library::{Library, ignore_broken_pipes};
use crate::peer::Peer;
use lastack_stack::wire::Frame;
use libc::{c_int, socklen_t};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread::JoinHandle;

const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd3d, 0x0a0b, 0x17d6, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1)),
];
const PORT: u16 = 8080;
/// Descriptors that one input opens at most.
const OPEN_MAX: usize = 40;

/// An opened library, its peer and its descriptors.
pub struct Play {
    library: Library,
    stack: SocketAddr,
    peer_at: SocketAddr,
    peer: Peer,
    open: Vec<c_int>,
    beside: Option<JoinHandle<()>>,
}

impl Play {
    /// A listener that does not block is there to begin with.
    pub fn begin(mode: u8) -> Play {
        ignore_broken_pipes();
        let [stack, peer] = if mode & 1 == 0 { V4 } else { V6 };
        let flags = ["", "mtu=1400", "net.ipv4.tcp_syncookies=2", "net.ipv4.tcp_timestamps=0,seed=9"];
        let library = Library::open(flags[usize::from(mode >> 1) % flags.len()]);
        let stack = SocketAddr::new(stack, PORT);
        let mut play = Play {
            peer_at: SocketAddr::new(peer, PORT),
            peer: Peer::new(peer, stack),
            library,
            stack,
            open: Vec::new(),
            beside: None,
        };
        // Half of the inputs have an IPv6 socket over IPv4.
        let v6 = stack.is_ipv6() || mode & 0x80 != 0;
        let domain = if v6 { libc::AF_INET6 } else { libc::AF_INET };
        let fd = play.library.socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) as c_int;
        assert!(fd >= 0);
        play.open.push(fd);
        let name = named(if v6 && stack.is_ipv4() { mapped(stack) } else { stack });
        assert_eq!(play.library.bind(fd, name.as_ptr().cast(), name.len() as socklen_t), 0);
        assert_eq!(play.library.listen(fd, 4), 0);
        play
    }

    pub fn act(&mut self, act: Act) {
        match act {
            Act::Segment(bent) => self.deliver(&self.peer.say(&bent).data),
            Act::Octets(octets) => self.deliver(&octets),
            Act::Unreachable { code, mtu } => {
                if let Some(frame) = self.peer.complain(code, mtu) {
                    self.deliver(&frame.data);
                }
            }
            Act::Receive => {
                let packet = self.library.receive(65_536);
                if !packet.is_empty() && packet[0] >> 4 == if self.stack.is_ipv4() { 4 } else { 6 } {
                    self.peer.hear(&Frame::plain(packet));
                }
            }
            Act::ReceiveShort(room) => drop(self.library.receive(usize::from(room))),
            Act::Sleep { milliseconds } => drop(self.library.usleep(u32::from(milliseconds) * 1000)),
            Act::SleepLong { seconds } => drop(self.library.usleep(u32::from(seconds) * 1_000_000)),
            Act::Clock => self.library.clock(),
            Act::Call(call) => {
                let opened = make(&self.library, &call, &self.open, self.stack, self.peer_at);
                self.opened(opened);
            }
            Act::Beside(call) => self.call_beside(call),
        }
    }

    /// free() while a call may wait, and its thread ends.
    pub fn end(mut self) {
        self.library.free();
        if let Some(thread) = self.beside.take() {
            thread.join().expect("the other thread ends without a panic");
        }
    }

    fn deliver(&self, packet: &[u8]) {
        let packet = packet.to_vec();
        self.library.netdev_send(packet.as_ptr().cast(), packet.len());
    }

    /// As the tool has it: one such call at a time, and the time is read after it.
    fn call_beside(&mut self, call: Call) {
        let opens = matches!(
            call.kind,
            Kind::Socket { .. } | Kind::Accept { .. } | Kind::EpollCreate(_) | Kind::Pipe | Kind::Close
        );
        if self.beside.as_ref().is_some_and(|thread| !thread.is_finished()) || opens {
            return;
        }
        if let Some(thread) = self.beside.take() {
            thread.join().expect("the other thread ends without a panic");
        }
        let (library, open, stack, peer) =
            (self.library.clone(), self.open.clone(), self.stack, self.peer_at);
        self.beside = Some(std::thread::spawn(move || {
            make(&library, &call, &open, stack, peer);
            library.clock();
        }));
    }

    fn opened(&mut self, fds: Vec<c_int>) {
        for fd in fds {
            if fd >= 0 {
                self.open.push(fd);
            }
        }
        if self.open.len() > OPEN_MAX {
            let fd = self.open.remove(1);
            self.library.close(fd);
        }
    }
}
