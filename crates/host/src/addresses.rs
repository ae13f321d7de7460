//! The addresses of the thread's network namespace, by rtnetlink.

use crate::diag::message::{Messages, attributes};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

const GET_ADDRESS: u16 = 22;
const NEW_ADDRESS: u16 = 20;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const REQUEST_DUMP: u16 = 0x301;
const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_LOCAL: u16 = 2;
/// `ifaddrmsg`.
const FIXED: usize = 8;
/// They are asked for again when one is missing, no more often than this.
const PAUSE: Duration = Duration::from_secs(1);
/// More than that is no namespace that anybody looks at.
const MAX: usize = 1 << 16;

/// Those that were there at the last look.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    known: HashSet<IpAddr>,
    read: Option<Instant>,
}

impl Addresses {
    /// Whether an address is one of this namespace.
    pub(crate) fn contains(&mut self, address: IpAddr) -> bool {
        if self.known.contains(&address) {
            return true;
        }
        if self.read.is_some_and(|read| read.elapsed() < PAUSE) {
            return false;
        }
        self.known = read().unwrap_or_default();
        self.read = Some(Instant::now());
        self.known.contains(&address)
    }
}

fn read() -> rustix::io::Result<HashSet<IpAddr>> {
    // Protocol zero is NETLINK_ROUTE.
    let (family, flags) = (AddressFamily::NETLINK, SocketFlags::CLOEXEC);
    let socket: OwnedFd = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    let mut question = 24_u32.to_ne_bytes().to_vec();
    question.extend(GET_ADDRESS.to_ne_bytes());
    question.extend(REQUEST_DUMP.to_ne_bytes());
    question.extend(1_u32.to_ne_bytes());
    question.extend([0; 4 + FIXED]);
    rustix::net::send(&socket, &question, SendFlags::empty())?;
    let mut found = HashSet::new();
    let mut buffer = vec![0; 32 << 10];
    loop {
        let (length, _) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        if length == 0 || !add(&buffer[..length], &mut found) {
            return Ok(found);
        }
    }
}

/// False at the end.
pub(crate) fn add(octets: &[u8], found: &mut HashSet<IpAddr>) -> bool {
    for message in Messages::new(octets) {
        let Some(message) = message else { return false };
        match message.number {
            NEW_ADDRESS if found.len() < MAX => {
                let value = |wanted| {
                    let rest = message.body.get(FIXED..).unwrap_or_default();
                    attributes(rest).find(|(number, _)| *number == wanted).map(|(_, value)| value)
                };
                // Of a point-to-point link the other one is the peer's.
                let octets = value(ATTRIBUTE_LOCAL).or_else(|| value(ATTRIBUTE_ADDRESS)).unwrap_or_default();
                found.extend(address(octets));
            }
            DONE | ERROR => return false,
            _ => {}
        }
    }
    true
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => Some(Ipv4Addr::from(*octets.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*octets.first_chunk::<16>()?).into()),
        _ => None,
    }
}
