//! `struct sockaddr` both ways, with the checks of Linux's bind() and connect().

use crate::core::Errno;
use crate::memory::Span;
use lastack_stack::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// What a sockaddr says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// AF_INET or AF_INET6.
    Ip(SocketAddr),
    /// AF_UNSPEC: connect() dissolves an association with it.
    Unspecified(Option<SocketAddr>),
}

/// The shortest sockaddr_in6 that Linux takes: without the scope (SIN6_LEN_RFC2133).
const V6_LEN_MIN: usize = 24;
const V4_LEN: usize = 16;

/// Reads the caller's address for a socket of this family.
pub(crate) fn read(span: Span, family: Family) -> Result<Named, Errno> {
    if span.len() > 128 {
        return Err(libc::EINVAL);
    }
    let octets = span.read()?;
    let kind = match octets.get(..2) {
        Some(kind) => i32::from(u16::from_ne_bytes([kind[0], kind[1]])),
        None => return Err(libc::EINVAL),
    };
    match (kind, family) {
        (libc::AF_UNSPEC, _) => Ok(Named::Unspecified((octets.len() >= V4_LEN).then(|| v4(&octets)))),
        (libc::AF_INET, Family::V4) if octets.len() >= V4_LEN => Ok(Named::Ip(v4(&octets))),
        (_, Family::V4) if octets.len() < V4_LEN => Err(libc::EINVAL),
        (libc::AF_INET6, Family::V6) if octets.len() >= V6_LEN_MIN => Ok(Named::Ip(v6(&octets))),
        (_, Family::V6) if octets.len() < V6_LEN_MIN => Err(libc::EINVAL),
        _ => Err(libc::EAFNOSUPPORT),
    }
}

fn port(octets: &[u8]) -> u16 {
    u16::from_be_bytes([octets[2], octets[3]])
}

fn v4(octets: &[u8]) -> SocketAddr {
    let ip = Ipv4Addr::new(octets[4], octets[5], octets[6], octets[7]);
    SocketAddr::new(IpAddr::V4(ip), port(octets))
}

fn v6(octets: &[u8]) -> SocketAddr {
    let mut ip = [0; 16];
    ip.copy_from_slice(&octets[8..24]);
    SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(ip), port(octets), 0, 0))
}

/// An address as the socket's family shows it: IPv4 peers of IPv6 sockets are mapped.
pub(crate) fn write(address: SocketAddr, family: Family) -> Vec<u8> {
    let mut octets = Vec::with_capacity(28);
    match (family, address.ip()) {
        (Family::V4, IpAddr::V4(ip)) => {
            octets.extend_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            octets.extend_from_slice(&address.port().to_be_bytes());
            octets.extend_from_slice(&ip.octets());
            octets.extend_from_slice(&[0; 8]);
        }
        (_, ip) => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            octets.extend_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            octets.extend_from_slice(&address.port().to_be_bytes());
            octets.extend_from_slice(&[0; 4]);
            octets.extend_from_slice(&ip.octets());
            octets.extend_from_slice(&[0; 4]);
        }
    }
    octets
}
