use super::*;
use proptest::prelude::*;

/// A SYN as tcpdump shows it: 20 octets of header, 40 octets of TCP.
const CAPTURED: [u8; 20] = [
    0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac,
    0x10, 0x0a, 0x0c,
];

fn captured() -> Vec<u8> {
    let mut packet = CAPTURED.to_vec();
    packet.resize(60, 0);
    packet
}

fn with_checksum(mut packet: Vec<u8>, header_len: usize) -> Vec<u8> {
    packet[10..12].fill(0);
    let sum = checksum::sum_scalar(&packet[..header_len]);
    packet[10..12].copy_from_slice(&(!sum).to_be_bytes());
    packet
}

#[test]
fn a_captured_header() {
    let (header, payload) = Header::parse(&captured()).expect("a good header");
    let expected = Header {
        source: Ipv4Addr::new(172, 16, 10, 99),
        destination: Ipv4Addr::new(172, 16, 10, 12),
        protocol: Protocol::TCP,
        ttl: 64,
        traffic_class: 0,
        ident: 0x1c46,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
    };
    assert_eq!(header, expected);
    assert_eq!(payload, 20..60);
    assert_eq!(header.fragment(), None);
    assert_eq!(header.emit(40), CAPTURED);
}

#[test]
fn options_are_skipped_and_padding_is_left_out() {
    let mut packet = captured();
    packet[0] = 0x46;
    packet[2..4].copy_from_slice(&30_u16.to_be_bytes());
    let packet = with_checksum(packet, 24);
    assert_eq!(Header::parse(&packet).expect("good").1, 24..30);
}

#[test]
fn each_error_says_what_is_wrong() {
    let parse = |packet: Vec<u8>| Header::parse(&packet).expect_err("bad").to_string();
    let edit = |at: usize, octet: u8| {
        let mut packet = captured();
        packet[at] = octet;
        packet
    };
    assert_eq!(parse(vec![0x45; 19]), "IPv4 header cut short: 20 octets needed, 19 there");
    assert_eq!(parse(edit(0, 0x55)), "IP version 5 is neither 4 nor 6");
    assert_eq!(parse(edit(0, 0x44)), "IPv4 length field says 16 octets, but 20 is the least");
    assert_eq!(
        parse(CAPTURED.iter().copied().map(|o| if o == 0x45 { 0x46 } else { o }).collect()),
        "IPv4 header cut short: 24 octets needed, 20 there"
    );
    assert_eq!(parse(edit(8, 63)), "IPv4 checksum is wrong");
    assert_eq!(
        parse(with_checksum(edit(3, 19), 20)),
        "IPv4 length field says 19 octets, but the header alone is longer"
    );
    assert_eq!(parse(with_checksum(edit(3, 61), 20)), "IPv4 header cut short: 61 octets needed, 60 there");
}

#[test]
fn fragments() {
    let (header, _) = Header::parse(&captured()).expect("good");
    let first = Header { dont_fragment: false, more_fragments: true, ..header };
    assert_eq!(first.fragment(), Some(Fragment { ident: 0x1c46, offset: 0, more: true }));
    let last = Header { more_fragments: false, fragment_offset: 65_528, ..first };
    assert_eq!(last.fragment(), Some(Fragment { ident: 0x1c46, offset: 65_528, more: false }));
    assert_eq!(Header::parse(&last.emit(0)).expect("good").0, last);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn emit_and_parse_are_inverse(
        (source, destination, protocol, ttl) in any::<(u32, u32, u8, u8)>(),
        (traffic_class, ident, dont_fragment, more_fragments, offset) in any::<(u8, u16, bool, bool, u16)>(),
        payload_len in 0_usize..200,
    ) {
        let header = Header {
            source: source.into(),
            destination: destination.into(),
            protocol: Protocol(protocol),
            ttl,
            traffic_class,
            ident,
            dont_fragment,
            more_fragments,
            fragment_offset: offset & !7,
        };
        let mut packet = header.emit(payload_len).to_vec();
        packet.resize(20 + payload_len, 1);
        prop_assert_eq!(Header::parse(&packet), Ok((header, 20..20 + payload_len)));
    }

    #[test]
    fn any_octets_are_read_or_refused(mut data in prop::collection::vec(any::<u8>(), 0..100), first in 0x40_u8..0x50) {
        let _ = Header::parse(&data);
        if let Some(octet) = data.first_mut() {
            *octet = first;
            let header_len = (usize::from(first & 15) * 4).max(20);
            if data.len() >= header_len {
                data = with_checksum(data, header_len);
            }
        }
        if let Ok((header, payload)) = Header::parse(&data) {
            prop_assert!(payload.end <= data.len());
            prop_assert_eq!(Header::parse_quoted(&data).map(|(quoted, _)| quoted), Ok(header));
        }
    }
}
