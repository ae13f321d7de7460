//! The peer's side: a segment or an ICMP error as the octets of an IP packet.

use super::{Ends, fold, pseudo_sum, sum};
use crate::script::ast::{IcmpKind, Marks, Opt, Segment};
use std::net::IpAddr;

const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;

/// A TCP segment in an IP packet. Its numbers are used as they stand; the payload is `len` octets that tell their place.
pub fn encode(ends: Ends, segment: &Segment) -> Vec<u8> {
    let mut tcp = tcp_header(ends, segment);
    // Every octet follows from its sequence number, so a reader can tell where it belongs.
    let first = segment.start.wrapping_add(u32::from(segment.flags.syn()));
    tcp.extend((0..segment.len).map(|at| first.wrapping_add(at) as u8));
    let total = pseudo_sum(ends.from.ip(), ends.to.ip(), TCP, tcp.len()) + sum(&tcp);
    let check = !fold(total);
    tcp[16..18].copy_from_slice(&check.to_be_bytes());
    let mut packet = ip(ends.from.ip(), ends.to.ip(), TCP, &tcp);
    mark(&mut packet, segment.marks);
    packet
}

/// Writes what the script says of the IP header.
fn mark(packet: &mut [u8], marks: Marks) {
    let tos = marks.tos.octet();
    let ttl = if marks.ttl == 0 { 64 } else { marks.ttl };
    if packet[0] >> 4 == 4 {
        (packet[1], packet[8]) = (tos, ttl);
        packet[10..12].fill(0);
        let check = !fold(sum(&packet[..20]));
        packet[10..12].copy_from_slice(&check.to_be_bytes());
    } else {
        let first = 6 << 28 | u32::from(tos) << 20 | (marks.flow_label & 0xf_ffff);
        packet[..4].copy_from_slice(&first.to_be_bytes());
        packet[7] = ttl;
    }
}

fn tcp_header(ends: Ends, segment: &Segment) -> Vec<u8> {
    let options = options(segment.options.as_deref().unwrap_or(&[]));
    let mut tcp = Vec::with_capacity(20 + options.len() + segment.len as usize);
    tcp.extend_from_slice(&ends.from.port().to_be_bytes());
    tcp.extend_from_slice(&ends.to.port().to_be_bytes());
    tcp.extend_from_slice(&segment.start.to_be_bytes());
    tcp.extend_from_slice(&segment.ack.unwrap_or(0).to_be_bytes());
    tcp.push((((20 + options.len()) / 4) << 4) as u8 | u8::from(segment.marks.ae));
    tcp.push(segment.flags.0);
    tcp.extend_from_slice(&segment.window.unwrap_or(0).to_be_bytes());
    tcp.extend_from_slice(&[0, 0]);
    tcp.extend_from_slice(&segment.urgent.unwrap_or(0).to_be_bytes());
    tcp.extend_from_slice(&options);
    tcp
}

fn options(list: &[Opt]) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in list {
        match option {
            Opt::Eol => octets.push(0),
            Opt::Nop => octets.push(1),
            Opt::Mss(mss) => {
                octets.extend_from_slice(&[2, 4]);
                octets.extend_from_slice(&mss.to_be_bytes());
            }
            Opt::WindowScale(scale) => octets.extend_from_slice(&[3, 3, *scale]),
            Opt::SackOk => octets.extend_from_slice(&[4, 2]),
            Opt::Sack(blocks) => {
                octets.extend_from_slice(&[5, (2 + 8 * blocks.len()) as u8]);
                for (left, right) in blocks {
                    octets.extend_from_slice(&left.to_be_bytes());
                    octets.extend_from_slice(&right.to_be_bytes());
                }
            }
            Opt::Timestamps(value, echo) => {
                octets.extend_from_slice(&[8, 10]);
                octets.extend_from_slice(&value.to_be_bytes());
                octets.extend_from_slice(&echo.to_be_bytes());
            }
            Opt::AccEcn(order, counters) => {
                octets.extend_from_slice(&[if *order { 174 } else { 172 }, (2 + 3 * counters.len()) as u8]);
                counters.iter().for_each(|counter| octets.extend_from_slice(&counter.to_be_bytes()[1..]));
            }
            Opt::Md5(digest) => {
                octets.extend_from_slice(&[19, (2 + digest.len()) as u8]);
                octets.extend_from_slice(digest);
            }
            Opt::FastOpen(cookie) => {
                octets.extend_from_slice(&[34, (2 + cookie.len()) as u8]);
                octets.extend_from_slice(cookie);
            }
            Opt::FastOpenExperiment(cookie) => {
                octets.extend_from_slice(&[254, (4 + cookie.len()) as u8, 0xf9, 0x89]);
                octets.extend_from_slice(cookie);
            }
            Opt::Unknown(kind) => octets.extend_from_slice(&[*kind, 2]),
        }
    }
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// An ICMP error that quotes the first octets of a segment the stack sent: `quoted` runs from the stack to the peer.
pub fn icmp_error(quoted: Ends, kind: IcmpKind, start: u32, len: u32) -> Vec<u8> {
    let (peer, stack) = (quoted.to.ip(), quoted.from.ip());
    let segment = Segment {
        flags: lastack_wire::tcp::Flags::ACK,
        start,
        len,
        ack: None,
        window: None,
        urgent: None,
        options: Some(Vec::new()),
        marks: Marks::default(),
    };
    let mut original = encode(quoted, &segment);
    original.truncate(if stack.is_ipv4() { 28 } else { 60 });
    let v4 = stack.is_ipv4();
    let (mut icmp, protocol) = match (kind, v4) {
        (IcmpKind::TooBig(mtu), true) => (vec![3, 4, 0, 0, 0, 0, (mtu >> 8) as u8, mtu as u8], ICMP),
        (IcmpKind::Unreachable(code), true) => (vec![3, code, 0, 0, 0, 0, 0, 0], ICMP),
        (IcmpKind::Other(kind, code), true) => (vec![kind, code, 0, 0, 0, 0, 0, 0], ICMP),
        (IcmpKind::Other(kind, code), false) => {
            let kind = match kind {
                0 => 129,
                8 => 128,
                11 => 3,
                12 => 4,
                other => other,
            };
            (vec![kind, code, 0, 0, 0, 0, 0, 0], ICMP6)
        }
        (IcmpKind::TooBig(mtu), false) => {
            let [a, b, c, d] = mtu.to_be_bytes();
            (vec![2, 0, 0, 0, a, b, c, d], ICMP6)
        }
        // ICMPv6 has no code for each of ICMPv4's: port is 4, prohibited 1, the rest address unreachable.
        (IcmpKind::Unreachable(code), false) => {
            let code = match code {
                0 => 0,
                3 => 4,
                9 | 10 | 13 => 1,
                _ => 3,
            };
            (vec![1, code, 0, 0, 0, 0, 0, 0], ICMP6)
        }
    };
    icmp.extend_from_slice(&original);
    let pseudo = if v4 { 0 } else { pseudo_sum(peer, stack, ICMP6, icmp.len()) };
    let check = !fold(pseudo + sum(&icmp));
    icmp[2..4].copy_from_slice(&check.to_be_bytes());
    ip(peer, stack, protocol, &icmp)
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + payload.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
            packet.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
            let check = !fold(sum(&packet));
            packet[10..12].copy_from_slice(&check.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
        }
        _ => unreachable!("the two ends of a packet are of one family"),
    }
    packet.extend_from_slice(payload);
    packet
}
