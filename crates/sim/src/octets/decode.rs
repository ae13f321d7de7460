//! What the stack sent, read with suspicion: a wrong length or checksum is a failure of the script.

use super::{Ends, fold, pseudo_sum, sum};
use crate::script::ast::{Marks, Opt, Segment, Tos};
use lastack_wire::tcp::Flags;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A TCP segment that the stack sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// From and to.
    pub ends: Ends,
    /// The segment with the numbers of the wire.
    pub segment: Segment,
    /// Its octets.
    pub payload: Vec<u8>,
    /// What its IP header says: the octet with DSCP and ECN whole, TTL and flow label.
    pub marks: Marks,
}

impl Seen {
    /// As the tool does: a segment that goes on where this one ends becomes part of it, as long as both carry no more than
    /// `most` octets. False: it does not belong to it.
    pub fn join(&mut self, next: &Seen, most: u32) -> bool {
        let fits = next.ends == self.ends
            && self.segment.len > 0
            && next.segment.start == self.segment.start.wrapping_add(self.segment.len)
            && next.segment.ack == self.segment.ack
            && next.segment.len > 0
            && self.segment.len + next.segment.len <= most;
        if fits {
            self.segment.flags = self.segment.flags.with(next.segment.flags);
            self.segment.len += next.segment.len;
            self.payload.extend_from_slice(&next.payload);
        }
        fits
    }
}

/// Reads an IP packet with a TCP segment. `None` when it carries no TCP; `Err` says what is wrong with it.
pub fn decode(packet: &[u8]) -> Result<Option<Seen>, String> {
    let (from, to, protocol, payload) = ip(packet)?;
    if protocol != 6 {
        return Ok(None);
    }
    if payload.len() < 20 {
        return Err(format!("a TCP header needs 20 octets, here are {}", payload.len()));
    }
    if fold(pseudo_sum(from, to, 6, payload.len()) + sum(payload)) != 0xffff {
        return Err("the TCP checksum is wrong".to_owned());
    }
    let word = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    let long =
        |at: usize| u32::from_be_bytes([payload[at], payload[at + 1], payload[at + 2], payload[at + 3]]);
    let header = usize::from(payload[12] >> 4) * 4;
    if header < 20 || header > payload.len() {
        return Err(format!("the TCP data offset says {header} octets"));
    }
    let flags = Flags(payload[13]);
    let body = payload[header..].to_vec();
    let segment = Segment {
        flags,
        start: long(4),
        len: body.len() as u32,
        ack: flags.ack().then(|| long(8)),
        window: Some(word(14)),
        urgent: flags.urg().then(|| word(18)),
        options: Some(options(&payload[20..header])?),
        marks: Marks { ae: payload[12] & 1 != 0, ..Marks::default() },
    };
    let ends = Ends { from: SocketAddr::new(from, word(0)), to: SocketAddr::new(to, word(2)) };
    Ok(Some(Seen { ends, segment, payload: body, marks: marks(packet) }))
}

/// What the IP header, which was looked at before, says of a packet.
fn marks(packet: &[u8]) -> Marks {
    let v4 = packet[0] >> 4 == 4;
    let (tos, ttl) = if v4 { (packet[1], packet[8]) } else { (packet[0] << 4 | packet[1] >> 4, packet[7]) };
    let label = u32::from_be_bytes([0, packet[1] & 15, packet[2], packet[3]]);
    let flow_label = if v4 { 0 } else { label };
    Marks { tos: Tos::Whole(tos), ttl, flow_label, ..Marks::default() }
}

fn ip(packet: &[u8]) -> Result<(IpAddr, IpAddr, u8, &[u8]), String> {
    match packet.first().map(|first| first >> 4) {
        Some(4) if packet.len() >= 20 => {
            let header = usize::from(packet[0] & 15) * 4;
            let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            if header < 20 || total != packet.len() || header > total {
                return Err(format!("the IPv4 lengths ({header}, {total}) do not fit {}", packet.len()));
            }
            if fold(sum(&packet[..header])) != 0xffff {
                return Err("the IPv4 header checksum is wrong".to_owned());
            }
            let address = |at: usize| -> IpAddr {
                Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]).into()
            };
            Ok((address(12), address(16), packet[9], &packet[header..]))
        }
        Some(6) if packet.len() >= 40 => {
            let total = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            if total != packet.len() {
                return Err(format!("the IPv6 length {total} does not fit {}", packet.len()));
            }
            let address = |at: usize| -> IpAddr {
                let mut octets = [0u8; 16];
                octets.copy_from_slice(&packet[at..at + 16]);
                Ipv6Addr::from(octets).into()
            };
            Ok((address(8), address(24), packet[6], &packet[40..]))
        }
        _ => Err("this is no IP packet".to_owned()),
    }
}

fn options(mut octets: &[u8]) -> Result<Vec<Opt>, String> {
    let mut list = Vec::new();
    while let Some(&kind) = octets.first() {
        if kind < 2 {
            list.push(if kind == 0 { Opt::Eol } else { Opt::Nop });
            octets = &octets[1..];
            continue;
        }
        let len = octets.get(1).map_or(0, |len| usize::from(*len));
        if len < 2 || len > octets.len() {
            return Err(format!("TCP option {kind} says {len} octets of {}", octets.len()));
        }
        let (body, rest) = octets.split_at(len);
        list.push(one_option(kind, &body[2..]));
        octets = rest;
    }
    Ok(list)
}

fn one_option(kind: u8, body: &[u8]) -> Opt {
    let long = |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
    match (kind, body.len()) {
        (2, 2) => Opt::Mss(u16::from_be_bytes([body[0], body[1]])),
        (3, 1) => Opt::WindowScale(body[0]),
        (4, 0) => Opt::SackOk,
        (5, len) if len % 8 == 0 => {
            Opt::Sack((0..len / 8).map(|at| (long(at * 8), long(at * 8 + 4))).collect())
        }
        (8, 8) => Opt::Timestamps(long(0), long(4)),
        (19, _) => Opt::Md5(body.to_vec()),
        (172 | 174, len) if len % 3 == 0 => {
            let counter = |three: &[u8]| u32::from_be_bytes([0, three[0], three[1], three[2]]);
            Opt::AccEcn(kind == 174, body.chunks(3).map(counter).collect())
        }
        (34, _) => Opt::FastOpen(body.to_vec()),
        (254, 2..) if body[..2] == [0xf9, 0x89] => Opt::FastOpenExperiment(body[2..].to_vec()),
        _ => Opt::Unknown(kind),
    }
}
