//! sock_diag over netlink: the kernel's TCP sockets, one borrowed view per socket, no allocation per socket.
//!
//! Not a general netlink library. Messages are checked octet by octet: whatever the kernel sends, nothing panics.

mod bytecode;
mod info;
pub(crate) mod message;
mod request;
#[cfg(test)]
mod tests;
mod view;

pub use bytecode::PortFilter;
pub use info::parse as parse_tcp_info;
pub use message::parse_any;
pub(crate) use view::state as state_of;
pub use view::{Brief, SocketView};

use crate::Error;
use crate::tune::Target;
use lastack_observe::{Flow, State};
use message::{Message, Messages};
use request::{Kind, NOT_A_COOKIE};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// The kernel fills at most 32 KiB per receive; the rest is room for a later one that does more.
const BUFFER: usize = 64 << 10;

/// IPv4 or IPv6 sockets. A dual-stack socket is an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    const fn number(self) -> u8 {
        match self {
            Family::V4 => 2,
            Family::V6 => 10,
        }
    }
}

/// A set of states, as the bit mask that the kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u32);

impl StateSet {
    /// Every state.
    pub const ALL: StateSet = StateSet(0xffe);
    /// No state.
    pub const NONE: StateSet = StateSet(0);

    /// Exactly these states.
    pub fn of(states: &[State]) -> StateSet {
        states.iter().fold(StateSet::NONE, |set, &state| set.with(state))
    }

    /// This one too.
    #[must_use]
    pub const fn with(self, state: State) -> StateSet {
        StateSet(self.0 | (1 << state as u32))
    }

    /// Not this one.
    #[must_use]
    pub const fn without(self, state: State) -> StateSet {
        StateSet(self.0 & !(1 << state as u32))
    }

    /// Whether the state is in the set.
    pub const fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u32) != 0
    }

    /// The states of both sets.
    #[must_use]
    pub const fn and(self, other: StateSet) -> StateSet {
        StateSet(self.0 & other.0)
    }

    /// The states of either set.
    #[must_use]
    pub const fn or(self, other: StateSet) -> StateSet {
        StateSet(self.0 | other.0)
    }

    /// The states of this set that are not in the other.
    #[must_use]
    pub const fn minus(self, other: StateSet) -> StateSet {
        StateSet(self.0 & !other.0)
    }

    /// Whether no state is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What to send along with each socket; each costs the kernel time and octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Extensions {
    /// TCP_INFO.
    pub info: bool,
    /// Memory and drops.
    pub memory: bool,
    /// Name of the congestion control.
    pub congestion: bool,
    /// Which directions are shut.
    pub shutdown: bool,
}

impl Extensions {
    /// Everything.
    pub const ALL: Extensions = Extensions { info: true, memory: true, congestion: true, shutdown: true };
}

/// Which sockets to dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Address family.
    pub family: Family,
    /// States.
    pub states: StateSet,
    /// Ports, filtered in the kernel.
    pub ports: PortFilter,
    /// What to send along.
    pub extensions: Extensions,
}

impl Query {
    /// Every socket of a family in these states, nothing more of each.
    pub fn new(family: Family, states: StateSet) -> Query {
        Query { family, states, ports: PortFilter::default(), extensions: Extensions::default() }
    }
}

/// How a dump went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Dumped {
    /// Sockets seen.
    pub sockets: u64,
    /// Messages that could not be read as a socket.
    pub unreadable: u64,
    /// True when the kernel says that its tables changed in mid-dump so that it may be incomplete.
    pub interrupted: bool,
}

impl Dumped {
    /// Adds another dump's outcome.
    pub fn add(&mut self, other: Dumped) {
        self.sockets += other.sockets;
        self.unreadable += other.unreadable;
        self.interrupted |= other.interrupted;
    }
}

/// A sock_diag socket of the network namespace that the thread was in when it was opened.
#[derive(Debug)]
pub struct Diag {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Diag {
    /// Opens one.
    pub fn open() -> Result<Diag, Error> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(SOCK_DIAG),
        )
        .map_err(Error::Open)?;
        Ok(Diag { socket, buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// Calls `each` for every socket that the query matches.
    pub fn dump(&mut self, query: &Query, each: &mut dyn FnMut(&SocketView<'_>)) -> Result<Dumped, Error> {
        self.bodies(&request::dump(query), &mut |body| SocketView::parse(body).map(|view| each(&view)))
    }

    /// The same for those who only count: no attribute is looked at.
    pub fn dump_briefly(&mut self, query: &Query, each: &mut dyn FnMut(&Brief)) -> Result<Dumped, Error> {
        self.bodies(&request::dump(query), &mut |body| Brief::parse(body).map(|brief| each(&brief)))
    }

    /// The same for both families in one walk of the kernel.
    pub fn dump_both_briefly(
        &mut self,
        states: StateSet,
        each: &mut dyn FnMut(&Brief),
    ) -> Result<Dumped, Error> {
        let asked = request::dump_both(states);
        self.bodies(&asked, &mut |body| Brief::parse(body).map(|brief| each(&brief)))
    }

    /// `each` says None of what it cannot read.
    fn bodies(&mut self, request: &[u8], each: &mut dyn FnMut(&[u8]) -> Option<()>) -> Result<Dumped, Error> {
        let sequence = self.send(request)?;
        let mut dumped = Dumped::default();
        loop {
            let octets = self.receive()?;
            for message in Messages::new(octets) {
                let Some(message) = message else {
                    dumped.unreadable += 1;
                    break;
                };
                if message.sequence != sequence {
                    continue;
                }
                dumped.interrupted |= message.interrupted;
                match message.kind()? {
                    Message::Done => return Ok(dumped),
                    Message::Socket(body) => match each(body) {
                        Some(()) => dumped.sockets += 1,
                        None => dumped.unreadable += 1,
                    },
                    Message::Other => {}
                }
            }
        }
    }

    /// The socket of exactly this flow, if there is one, in whatever state. (Asked for a flow that does not exist the kernel
    /// answers with the listener: that is no answer to this question.)
    pub fn lookup<R>(
        &mut self,
        flow: &Flow,
        extensions: Extensions,
        see: impl FnOnce(&SocketView<'_>) -> R,
    ) -> Result<Option<R>, Error> {
        let asked = request::exact(Kind::Lookup, flow, 0, extensions, NOT_A_COOKIE);
        let sequence = self.send(&asked)?;
        let octets = self.receive()?;
        for message in Messages::new(octets) {
            let message = message.ok_or(Error::Nonsense("a message that breaks off"))?;
            if message.sequence != sequence {
                continue;
            }
            return match message.kind() {
                Ok(Message::Socket(body)) => {
                    let view = SocketView::parse(body).ok_or(Error::Nonsense("a socket that breaks off"))?;
                    Ok((view.flow() == *flow).then(|| see(&view)))
                }
                Err(Error::Refused(Errno::NOENT)) => Ok(None),
                Err(error) => Err(error),
                Ok(_) => Err(Error::Nonsense("no socket in the answer to a lookup")),
            };
        }
        Err(Error::Nonsense("an answer to another question"))
    }

    /// Asks the kernel to destroy a socket; None when there is none like that.
    pub(crate) fn destroy(&mut self, target: &Target) -> Result<Option<()>, Error> {
        let Target { flow, interface, cookie } = target;
        let asked = request::exact(Kind::Destroy, flow, *interface, Extensions::default(), *cookie);
        let sequence = self.send(&asked)?;
        let octets = self.receive()?;
        for message in Messages::new(octets) {
            let message = message.ok_or(Error::Nonsense("a message that breaks off"))?;
            if message.sequence != sequence {
                continue;
            }
            return match message.kind() {
                Ok(_) => Ok(Some(())),
                // ESTALE: another socket has the flow by now.
                Err(Error::Refused(Errno::NOENT | Errno::STALE)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        Err(Error::Nonsense("an answer to another question"))
    }

    fn send(&mut self, request: &[u8]) -> Result<u32, Error> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let mut octets = request.to_vec();
        request::number(&mut octets, self.sequence);
        loop {
            match rustix::net::send(&self.socket, &octets, SendFlags::empty()) {
                Ok(_) => return Ok(self.sequence),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::Netlink(errno)),
            }
        }
    }

    fn receive(&mut self) -> Result<&[u8], Error> {
        let length = loop {
            match rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((_, length)) => break length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::Netlink(errno)),
            }
        };
        match self.buffer.get(..length) {
            Some([]) => Err(Error::Nonsense("the socket was closed")),
            Some(octets) => Ok(octets),
            None => Err(Error::Nonsense("a message larger than the buffer")),
        }
    }
}
