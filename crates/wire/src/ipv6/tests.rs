use super::*;
use proptest::prelude::*;

fn header(next_header: Protocol) -> Header {
    Header {
        source: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
        destination: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
        next_header,
        hop_limit: 64,
        traffic_class: 0xb8,
        flow_label: 0xabcde,
    }
}

/// A header of options: next header, options padded to a multiple of 8 octets.
fn options(next: Protocol, body: &[u8]) -> Vec<u8> {
    let len = (2 + body.len()).next_multiple_of(8);
    let mut octets = vec![next.0, (len / 8 - 1) as u8];
    octets.extend_from_slice(body);
    octets.resize(len, 0);
    octets
}

fn fragment(next: Protocol, offset: u16, more: bool) -> Vec<u8> {
    let place = offset | u16::from(more);
    let mut octets = vec![next.0, 0];
    octets.extend_from_slice(&place.to_be_bytes());
    octets.extend_from_slice(&0x0102_0304_u32.to_be_bytes());
    octets
}

#[test]
fn the_fixed_header() {
    let octets = header(Protocol::TCP).emit(20);
    assert_eq!(octets[..8], [0x6b, 0x8a, 0xbc, 0xde, 0, 20, 6, 64]);
    let mut packet = octets.to_vec();
    packet.resize(70, 0);
    assert_eq!(Header::parse(&packet), Ok((header(Protocol::TCP), 40..60)), "padding is left out");
    packet.truncate(59);
    assert_eq!(
        Header::parse(&packet).expect_err("short").to_string(),
        "IPv6 header cut short: 60 octets needed, 59 there"
    );
    packet[0] = 0x40;
    assert_eq!(Header::parse(&packet), Err(ParseError::Version(4)));
}

#[test]
fn a_chain_of_extension_headers_is_skipped() {
    let mut data = options(Protocol::DESTINATION_OPTIONS, &[5, 2, 0, 0]);
    data.extend(options(Protocol::ROUTING, &[1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    data.extend([Protocol::FRAGMENT.0, 0, 2, 0, 0, 0, 0, 0]);
    data.extend(fragment(Protocol::TCP, 0, false));
    data.extend([0; 20]);
    let upper = skip_extensions(Protocol::HOP_BY_HOP, &data).expect("all of them may be skipped");
    assert_eq!(upper, Upper { protocol: Protocol::TCP, offset: 8 + 16 + 8 + 8, fragment: None });
}

#[test]
fn a_fragment_ends_the_walk() {
    let mut data = fragment(Protocol::DESTINATION_OPTIONS, 1448, true);
    data.extend([0xff; 16]);
    let upper = skip_extensions(Protocol::FRAGMENT, &data).expect("a fragment");
    let piece = Fragment { ident: 0x0102_0304, offset: 1448, more: true };
    assert_eq!(upper, Upper { protocol: Protocol::DESTINATION_OPTIONS, offset: 8, fragment: Some(piece) });
}

#[test]
fn what_must_not_be_skipped() {
    let walk = |first, data: &[u8]| skip_extensions(first, data).expect_err("refused");
    let late = options(Protocol::HOP_BY_HOP, &[]);
    assert_eq!(walk(Protocol::DESTINATION_OPTIONS, &late), ParseError::MisplacedHopByHop);
    let jumbo = options(Protocol::TCP, &[0xc2, 4, 0, 1, 0, 0]);
    assert_eq!(walk(Protocol::HOP_BY_HOP, &jumbo), ParseError::ForbiddenOption(0xc2));
    let route = [Protocol::TCP.0, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(walk(Protocol::ROUTING, &route), ParseError::RoutingSegmentsLeft(1));
    let many = options(Protocol::TCP, &[5, 0].repeat(9));
    assert_eq!(walk(Protocol::HOP_BY_HOP, &many), ParseError::TooManyExtensions);
    let long: Vec<u8> = (0..9).flat_map(|_| options(Protocol::DESTINATION_OPTIONS, &[])).collect();
    assert_eq!(walk(Protocol::DESTINATION_OPTIONS, &long), ParseError::TooManyExtensions);
    let beyond = options(Protocol::TCP, &[5, 40]);
    assert!(matches!(walk(Protocol::HOP_BY_HOP, &beyond), ParseError::Length { claimed: 40, .. }));
    let cut = [Protocol::TCP.0, 1, 0, 0, 0, 0, 0, 0];
    assert!(matches!(walk(Protocol::HOP_BY_HOP, &cut), ParseError::Truncated { needed: 16, found: 8, .. }));
}

#[test]
fn as_many_extension_headers_as_allowed() {
    let mut data: Vec<u8> = (0..7).flat_map(|_| options(Protocol::DESTINATION_OPTIONS, &[])).collect();
    data.extend(options(Protocol::TCP, &[]));
    let upper = skip_extensions(Protocol::DESTINATION_OPTIONS, &data).expect("eight are allowed");
    assert_eq!((upper.protocol, upper.offset), (Protocol::TCP, 64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn emit_and_parse_are_inverse(source: u128, destination: u128, next: u8, hop_limit: u8, traffic_class: u8, flow: u32, len in 0_usize..100) {
        let header = Header {
            source: source.into(),
            destination: destination.into(),
            next_header: Protocol(next),
            hop_limit,
            traffic_class,
            flow_label: flow & 0xfffff,
        };
        let mut packet = header.emit(len).to_vec();
        packet.resize(40 + len, 0);
        prop_assert_eq!(Header::parse(&packet), Ok((header, 40..40 + len)));
    }

    #[test]
    fn any_octets_are_walked_or_refused(
        first in prop::sample::select(vec![0_u8, 43, 44, 60, 6]),
        mut data in prop::collection::vec(any::<u8>(), 0..200),
        kinds in prop::collection::vec(prop::sample::select(vec![0_u8, 43, 44, 60, 6]), 25),
    ) {
        // Plausible next headers and lengths, so that the walk goes deep.
        for (step, kind) in data.chunks_mut(8).zip(kinds) {
            step[0] = kind;
            if let Some(len) = step.get_mut(1) {
                *len %= 3;
            }
        }
        if let Ok(upper) = skip_extensions(Protocol(first), &data) {
            prop_assert!(upper.offset <= data.len());
        }
    }
}
