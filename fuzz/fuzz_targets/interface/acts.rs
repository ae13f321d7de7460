//! What may happen to an opened library, as the fuzzer makes it up.

use crate::bent::Bent;
use arbitrary::Arbitrary;
use libc::{c_int, c_ulong, socklen_t};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Levels and names of options that there are; the fuzzer makes up others as well.
const OPTIONS: &[(c_int, c_int)] = &[
    (1, 2),
    (1, 4),
    (1, 7),
    (1, 8),
    (1, 9),
    (1, 13),
    (1, 18),
    (1, 20),
    (1, 33),
    (1, 29),
    (1, 35),
    (1, 36),
    (1, 37),
    (1, 46),
    (1, 28),
    (1, 65),
    (1, 47),
    (1, 55),
    (1, 60),
    (6, 1),
    (6, 2),
    (6, 3),
    (6, 4),
    (6, 5),
    (6, 6),
    (6, 7),
    (6, 8),
    (6, 9),
    (6, 10),
    (6, 11),
    (6, 12),
    (6, 13),
    (6, 18),
    (6, 23),
    (6, 24),
    (6, 25),
    (6, 26),
    (6, 27),
    (6, 28),
    (6, 30),
    (6, 36),
    (0, 1),
    (0, 2),
    (0, 10),
    (0, 11),
    (41, 16),
    (41, 26),
    (41, 67),
];

/// One thing that happens.
#[derive(Arbitrary, Debug)]
pub enum Act {
    /// A segment that nearly fits the stack's last one.
    Segment(Bent),
    /// A packet of no plan.
    Octets(Vec<u8>),
    /// An ICMP error about the stack's last packet.
    Unreachable {
        code: u8,
        mtu: Option<u16>,
    },
    /// The tool waits for a packet.
    Receive,
    /// ... with little room for it.
    ReceiveShort(u8),
    Sleep {
        milliseconds: u16,
    },
    SleepLong {
        seconds: u8,
    },
    Clock,
    /// A call of the thread that drives the clock.
    Call(Call),
    /// A call of the other thread; it may wait.
    Beside(Call),
}

/// A call on one of the descriptors there are, or on one that is none.
#[derive(Arbitrary, Clone, Debug)]
pub struct Call {
    pub fd: u8,
    pub kind: Kind,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Kind {
    Socket { domain: u8, kind: u16, protocol: u8 },
    Bind(Name),
    Listen(i8),
    Accept { room: Option<u8> },
    Connect(Name),
    Read { len: u16, null: bool },
    Receive { len: u16, flags: u16, named: bool },
    ReceiveVector { lens: Vec<u16>, message: bool, flags: u16, control: u8 },
    Write { len: u16, null: bool },
    Send { len: u16, flags: i32, name: Option<Name> },
    SendVector { lens: Vec<u16>, message: bool, flags: i32, control: Vec<u8> },
    Fcntl { command: u8, argument: u16 },
    Ioctl { request: Request, null: bool },
    Close,
    Shutdown(i8),
    Get { option: Option2, room: u8 },
    Set { option: Option2, value: Vec<u8> },
    SetNumber { option: Option2, value: i32 },
    Poll { events: Vec<(u8, i16)>, timeout: i16 },
    EpollCreate(i8),
    EpollControl { command: u8, fd: u8, events: u32, null: bool },
    EpollWait { most: i8, timeout: i16 },
    Pipe,
    Splice { to: u8, len: u16, flags: u8, offset: bool },
    SendFile { from: u8, len: u16, offset: Option<i16> },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Request {
    Bytes,
    Queue,
    NotSent,
    AtMark,
    NonBlocking,
    Other(u16),
}

/// A level and a name.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Option2 {
    Known(u8),
    Other(u8, u8),
}

impl Option2 {
    pub fn pair(self) -> (c_int, c_int) {
        match self {
            Option2::Known(at) => OPTIONS[usize::from(at) % OPTIONS.len()],
            Option2::Other(level, name) => (c_int::from(level % 64), c_int::from(name)),
        }
    }
}

/// A sockaddr.
#[derive(Arbitrary, Clone, Debug)]
pub enum Name {
    Ours,
    Peer,
    Any { port: u8 },
    Octets(Vec<u8>),
    Null(u8),
}

impl Request {
    pub fn number(self) -> c_ulong {
        match self {
            Request::Bytes => libc::FIONREAD,
            Request::Queue => libc::TIOCOUTQ,
            Request::NotSent => 0x894b,
            Request::AtMark => 0x8905,
            Request::NonBlocking => libc::FIONBIO,
            Request::Other(number) => c_ulong::from(number),
        }
    }
}

impl Name {
    /// The octets (`None`: a null pointer) and the length that is told.
    pub fn octets(&self, stack: SocketAddr, peer: SocketAddr) -> (Option<Vec<u8>>, socklen_t) {
        let octets = match self {
            Name::Ours => named(stack),
            Name::Peer => named(peer),
            Name::Any { port } => named(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), u16::from(*port))),
            Name::Octets(octets) => octets.clone(),
            Name::Null(len) => return (None, socklen_t::from(*len)),
        };
        let len = octets.len() as socklen_t;
        (Some(octets), len)
    }
}

pub fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// A sockaddr of just its length.
pub fn named(address: SocketAddr) -> Vec<u8> {
    let mut name = Vec::new();
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u16;
    name.extend_from_slice(&family.to_ne_bytes());
    name.extend_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            name.extend_from_slice(&ip.octets());
            name.extend_from_slice(&[0; 8]);
        }
        IpAddr::V6(ip) => {
            name.extend_from_slice(&[0; 4]);
            name.extend_from_slice(&ip.octets());
            name.extend_from_slice(&[0; 4]);
        }
    }
    name
}
