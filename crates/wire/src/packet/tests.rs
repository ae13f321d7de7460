use super::*;
use crate::frame::{Gso, Packet, Payload};
use crate::icmp::{Echo, Message, Problem, Quoted};
use crate::tcp::{Flags, Header};
use crate::{Seq, icmpv4, icmpv6};
use bytes::Bytes;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
];

fn segment(ends: [IpAddr; 2], chunks: &[&[u8]], options: BuildOptions) -> Packet {
    let header = Header { seq: Seq(7), ack: Seq(9), flags: Flags::ACK, window: 64, ..Header::default() };
    let mut payload = Payload::empty();
    chunks.iter().for_each(|chunk| payload.push(Bytes::copy_from_slice(chunk)));
    tcp(SocketAddr::new(ends[0], 4242), SocketAddr::new(ends[1], 80), &header, payload, options)
}

fn message(packet: &Packet) -> Message {
    let data = packet.to_frame().data;
    let parsed = parse(&data).expect("what we build can be read");
    let payload = &data[parsed.payload.clone()];
    match (parsed.source, parsed.destination) {
        (IpAddr::V4(_), _) => icmpv4::parse(payload),
        (IpAddr::V6(source), IpAddr::V6(destination)) => icmpv6::parse(source, destination, payload),
        mixed => panic!("{mixed:?}"),
    }
    .expect("what we build can be read")
}

#[test]
fn a_segment_of_either_family() {
    for (ends, ip_len) in [(V4, 20), (V6, 40)] {
        let options = BuildOptions { ttl: 33, ident: 5, traffic_class: 2, ..BuildOptions::default() };
        let packet = segment(ends, &[b"hel", b"lo, ", b"world"], options);
        let frame = packet.to_frame();
        let parsed = parse(&frame.data).expect("good");
        let expected = Parsed {
            source: ends[0],
            destination: ends[1],
            protocol: Protocol::TCP,
            hop_limit: 33,
            traffic_class: 2,
            fragment: None,
            payload: ip_len..ip_len + 32,
        };
        assert_eq!(parsed, expected);
        assert!(parsed.tcp_checksum_holds(&frame.data, &frame.offload));
        assert_eq!(&frame.data[ip_len + 20..], b"hello, world");
        let mut bad = frame.data.to_vec();
        bad[ip_len + 25] ^= 1;
        assert!(!parsed.tcp_checksum_holds(&bad, &frame.offload));
    }
}

#[test]
fn a_partial_checksum_is_the_pseudo_header_and_can_be_finished() {
    for ends in [V4, V6] {
        let partial = BuildOptions { checksum: ChecksumMode::Partial, ..BuildOptions::default() };
        let mut packet = segment(ends, &[b"abc", b"defg"], partial);
        let start = packet.head.len() - 20;
        let offload = Offload { checksum: Checksum::Partial { start: start as u16, offset: 16 }, gso: None };
        assert_eq!(packet.offload, offload);
        let field = u16::from_be_bytes([packet.head[start + 16], packet.head[start + 17]]);
        assert_eq!(field, checksum::pseudo_header(ends[0], ends[1], Protocol::TCP, 27).fold());
        packet.finish_checksum();
        let full = segment(ends, &[b"abcdefg"], BuildOptions::default());
        assert_eq!((packet.head, packet.offload), (full.head, full.offload));
    }
}

#[test]
fn a_super_segment_is_always_partial() {
    let gso = Some(Gso { size: 1448 });
    let mut packet =
        segment(V4, &[&[1; 30_000], &[2; 30_000]], BuildOptions { gso, ..BuildOptions::default() });
    assert_eq!(packet.offload, Offload { checksum: Checksum::Partial { start: 20, offset: 16 }, gso });
    let before = packet.head.clone();
    packet.finish_checksum();
    assert_eq!(packet.head, before, "each piece gets its own");
    assert_eq!(parse(&packet.to_frame().data).expect("good").payload, 20..60_040);
}

#[test]
fn mapped_addresses_travel_as_ipv4() {
    let mapped = V4.map(|address| match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        six => six,
    });
    let plain = segment(V4, &[b"x"], BuildOptions::default());
    assert_eq!(segment(mapped, &[b"x"], BuildOptions::default()).head, plain.head);
    let mixed = segment([V4[0], V6[1]], &[b"x"], BuildOptions::default());
    assert_eq!(parse(&mixed.to_frame().data).expect("good").source, mapped[0]);
}

#[test]
fn echo_goes_there_and_back() {
    for ends in [V4, V6] {
        let echo = Echo { ident: 3, sequence: 4 };
        let data = Bytes::from_static(b"odd");
        let request = echo_request(ends[0], ends[1], echo, data.clone(), BuildOptions::default());
        assert_eq!(message(&request), Message::EchoRequest(echo));
        let reply = echo_reply(ends[1], ends[0], echo, data.clone(), BuildOptions::default());
        assert_eq!(message(&reply), Message::EchoReply(echo));
        assert_eq!(reply.payload.to_bytes(), data);
    }
}

#[test]
fn errors_quote_as_much_as_the_rfcs_allow() {
    for (ends, total_max) in [(V4, 576), (V6, 1280)] {
        let offending = segment(ends, &[&[0; 1200]], BuildOptions::default()).to_frame().data;
        let quoted = Quoted {
            source: ends[0],
            destination: ends[1],
            protocol: Protocol::TCP,
            ports: Some((4242, 80)),
            seq: Some(Seq(7)),
        };
        let packet = too_big(ends[1], ends[0], 1400, &offending, BuildOptions::default());
        assert_eq!(message(&packet), Message::Error { problem: Problem::TooBig { mtu: 1400 }, quoted });
        assert_eq!(packet.len(), total_max.min(offending.len() + packet.head.len()));
        let short = offending.slice(..offending.len().min(60));
        let packet = unreachable(ends[1], ends[0], 1, &short, BuildOptions::default());
        assert!(packet.len() < 120);
        assert!(matches!(message(&packet), Message::Error { problem: Problem::Unreachable { code: 1 }, .. }));
    }
}

#[test]
fn neither_version() {
    assert_eq!(
        parse(&[]).expect_err("empty").to_string(),
        "IPv4 header cut short: 20 octets needed, 0 there"
    );
    assert_eq!(parse(&[0x50; 40]).expect_err("version 5").to_string(), "IP version 5 is neither 4 nor 6");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_octets_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..120), version in prop::sample::select(vec![0x45_u8, 0x46, 0x60])) {
        let mut data = data;
        if let Some(octet) = data.first_mut() {
            *octet = version;
        }
        if let Ok(parsed) = parse(&data) {
            prop_assert!(parsed.payload.end <= data.len());
            let payload = &data[parsed.payload.clone()];
            let _ = (crate::tcp::parse(payload), icmpv4::parse(payload), parsed.tcp_checksum_holds(&data, &Offload::default()));
        }
    }

    #[test]
    fn chunks_do_not_change_the_checksum(data in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400, v6: bool) {
        let ends = if v6 { V6 } else { V4 };
        let cut = cut.min(data.len());
        let whole = segment(ends, &[&data], BuildOptions::default());
        let pieces = segment(ends, &[&data[..cut], &data[cut..]], BuildOptions::default());
        prop_assert_eq!(&whole.head, &pieces.head);
        let frame = pieces.to_frame();
        prop_assert!(parse(&frame.data).expect("good").tcp_checksum_holds(&frame.data, &frame.offload));
    }
}

proptest! {
    #[test]
    fn fragments_fit_and_make_the_packet_again(
        len in 0_usize..5000,
        mtu in 68_u16..1600,
        ipv6 in any::<bool>(),
        ident in any::<u32>(),
    ) {
        let ends = if ipv6 { V6 } else { V4 };
        let data: Bytes = (0..len).map(|n| n as u8).collect();
        let echo = Echo { ident: 3, sequence: 4 };
        let whole = echo_reply(ends[0], ends[1], echo, data, BuildOptions::default());
        let pieces = fragments(&whole, mtu, ident).expect("there is room");
        let mut again = Vec::new();
        for (place, piece) in pieces.iter().enumerate() {
            prop_assert!(piece.len() <= usize::from(mtu));
            let octets = piece.to_frame().data;
            let parsed = parse(&octets).expect("a packet");
            prop_assert_eq!((parsed.source, parsed.destination), (ends[0], ends[1]));
            let last = place + 1 == pieces.len();
            if let Some(fragment) = parsed.fragment {
                prop_assert_eq!(usize::from(fragment.offset), again.len());
                prop_assert_eq!(fragment.more, !last);
                prop_assert_eq!(fragment.ident, if ipv6 { ident } else { ident & 0xffff });
            } else {
                prop_assert_eq!(pieces.len(), 1);
            }
            again.extend_from_slice(&octets[parsed.payload]);
        }
        let octets = whole.to_frame().data;
        let body = parse(&octets).expect("a packet").payload;
        prop_assert_eq!(&again[..], &octets[body]);
    }
}

#[test]
fn an_mtu_without_room_cuts_nothing() {
    let whole =
        echo_reply(V6[0], V6[1], Echo { ident: 1, sequence: 1 }, Bytes::new(), BuildOptions::default());
    assert!(fragments(&whole, 55, 1).is_none());
    assert!(fragments(&whole, 20, 1).is_none());
}
