//! A device's offloads in software: partial checksums are finished, super-segments are cut as a network card cuts them.

use super::{fold, pseudo_sum, sum};
use lastack_wire::tcp::Flags;
use lastack_wire::{Checksum, Frame};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const TCP: u8 = 6;

/// The packets that go on the wire for what a stack handed to its device.
pub fn cut(frame: &Frame) -> Vec<Vec<u8>> {
    let packet = frame.data.to_vec();
    let plain = frame.offload.gso.is_none() && !matches!(frame.offload.checksum, Checksum::Partial { .. });
    let v4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let ip_header = if v4 { 20 } else { 40 };
    let protocol = packet.get(if v4 { 9 } else { 6 });
    if plain || protocol != Some(&TCP) || packet.len() < ip_header + 20 {
        return vec![packet];
    }
    let headers = ip_header + usize::from(packet[ip_header + 12] >> 4) * 4;
    let payload = &packet[headers..];
    let size = frame.offload.gso.map_or(payload.len(), |gso| usize::from(gso.size)).max(1);
    let count = payload.len().div_ceil(size).max(1);
    (0..count)
        .map(|index| {
            let piece = &payload[index * size..payload.len().min((index + 1) * size)];
            let mut cut = packet[..headers].to_vec();
            cut.extend_from_slice(piece);
            finish(&mut cut, ip_header, index, index * size, index + 1 == count);
            cut
        })
        .collect()
}

/// Gives a piece its own length, number, flags and checksums.
fn finish(packet: &mut [u8], ip_header: usize, index: usize, offset: usize, last: bool) {
    let v4 = ip_header == 20;
    let len = packet.len();
    if v4 {
        packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        let id = u16::from_be_bytes([packet[4], packet[5]]).wrapping_add(index as u16);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[10..12].fill(0);
        let check = !fold(sum(&packet[..20]));
        packet[10..12].copy_from_slice(&check.to_be_bytes());
    } else {
        packet[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
    }
    let (from, to) = addresses(packet, v4);
    let tcp = &mut packet[ip_header..];
    let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(offset as u32);
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    if !last {
        tcp[13] &= !(Flags::FIN.0 | Flags::PSH.0);
    }
    tcp[16..18].fill(0);
    let check = !fold(pseudo_sum(from, to, TCP, tcp.len()) + sum(tcp));
    tcp[16..18].copy_from_slice(&check.to_be_bytes());
}

fn addresses(packet: &[u8], v4: bool) -> (IpAddr, IpAddr) {
    let four = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]).into();
    let six = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&packet[at..at + 16]);
        Ipv6Addr::from(octets).into()
    };
    if v4 { (four(12), four(16)) } else { (six(8), six(24)) }
}
