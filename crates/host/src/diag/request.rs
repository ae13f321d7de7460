//! The questions: `nlmsghdr`, `inet_diag_req_v2`, and the filter as an attribute (linux/inet_diag.h, linux/netlink.h).

use super::{Extensions, Family, Query, StateSet};
use lastack_observe::Flow;
use std::net::{IpAddr, SocketAddr};

const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const DUMP: u16 = 0x300;
const TCP: u8 = 6;
const ATTRIBUTE_BYTECODE: u16 = 1;
/// "Any socket of that flow."
pub(super) const NOT_A_COOKIE: u64 = u64::MAX;

/// What is asked about one flow.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Lookup,
    Destroy,
}

pub(super) fn dump(query: &Query) -> Vec<u8> {
    let mut octets = header(SOCK_DIAG_BY_FAMILY, REQUEST | DUMP);
    octets.extend([query.family.number(), TCP, extensions(query.extensions), 0]);
    octets.extend(query.states.0.to_ne_bytes());
    octets.extend([0; 48]);
    let program = query.ports.program();
    if !program.is_empty() {
        octets.extend((program.len() as u16 + 4).to_ne_bytes());
        octets.extend(ATTRIBUTE_BYTECODE.to_ne_bytes());
        octets.extend(program);
    }
    finish(octets)
}

/// The older question (`inet_diag_req`), which means both families: one walk of the kernel instead of two.
pub(super) fn dump_both(states: StateSet) -> Vec<u8> {
    let mut octets = header(TCPDIAG_GETSOCK, REQUEST | DUMP);
    octets.extend([0; 4 + 48]);
    octets.extend(states.0.to_ne_bytes());
    octets.extend([0; 4]);
    finish(octets)
}

/// `interface`: the one that the socket is bound to; zero is any.
pub(super) fn exact(kind: Kind, flow: &Flow, interface: u32, with: Extensions, cookie: u64) -> Vec<u8> {
    let (message, flags) = match kind {
        Kind::Lookup => (SOCK_DIAG_BY_FAMILY, REQUEST),
        Kind::Destroy => (SOCK_DESTROY, REQUEST | ACK),
    };
    let family = if flow.local.is_ipv4() { Family::V4 } else { Family::V6 };
    let mut octets = header(message, flags);
    octets.extend([family.number(), TCP, extensions(with), 0]);
    octets.extend(u32::MAX.to_ne_bytes());
    octets.extend(flow.local.port().to_be_bytes());
    octets.extend(flow.remote.port().to_be_bytes());
    octets.extend(address(flow.local));
    octets.extend(address(flow.remote));
    octets.extend(interface.max(scope(flow)).to_ne_bytes());
    octets.extend(cookie.to_ne_bytes());
    finish(octets)
}

/// Link-local addresses mean nothing without their interface.
fn scope(flow: &Flow) -> u32 {
    match (flow.local, flow.remote) {
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => local.scope_id().max(remote.scope_id()),
        _ => 0,
    }
}

fn address(end: SocketAddr) -> [u8; 16] {
    let mut octets = [0; 16];
    match end.ip() {
        IpAddr::V4(v4) => octets[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => octets = v6.octets(),
    }
    octets
}

/// Bit n asks for attribute n + 1.
fn extensions(with: Extensions) -> u8 {
    // 2 asks for what the congestion control tells of itself.
    u8::from(with.info) << 1
        | u8::from(with.info) << 2
        | u8::from(with.congestion) << 3
        | u8::from(with.memory) << 6
        | u8::from(with.shutdown) << 7
}

fn header(message: u16, flags: u16) -> Vec<u8> {
    let mut octets = vec![0; 4];
    octets.extend(message.to_ne_bytes());
    octets.extend(flags.to_ne_bytes());
    octets.extend([0; 8]);
    octets
}

fn finish(mut octets: Vec<u8>) -> Vec<u8> {
    let length = octets.len() as u32;
    octets[..4].copy_from_slice(&length.to_ne_bytes());
    octets
}

/// Writes the number by which the answer is known.
pub(super) fn number(octets: &mut [u8], sequence: u32) {
    octets[8..12].copy_from_slice(&sequence.to_ne_bytes());
}
