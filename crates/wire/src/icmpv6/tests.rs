use super::*;
use crate::{Seq, ipv6};
use proptest::prelude::*;

const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const DESTINATION: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn with_checksum(mut data: Vec<u8>) -> Vec<u8> {
    data[2..4].fill(0);
    let mut sum = checksum::pseudo_header(SOURCE.into(), DESTINATION.into(), Protocol::ICMPV6, data.len());
    sum.add(&data);
    data[2..4].copy_from_slice(&sum.checksum().to_be_bytes());
    data
}

fn read(data: Vec<u8>) -> Result<Message, ParseError> {
    parse(SOURCE, DESTINATION, &with_checksum(data))
}

/// A quoted packet of ours: fixed header, whatever comes between, eight octets of TCP.
fn quote(next_header: Protocol, between: &[u8]) -> Vec<u8> {
    let header = ipv6::Header {
        source: DESTINATION,
        destination: SOURCE,
        next_header,
        hop_limit: 1,
        traffic_class: 0,
        flow_label: 0,
    };
    let mut octets = header.emit(1440).to_vec();
    octets.extend_from_slice(between);
    octets.extend([0, 80, 0x10, 0x92, 1, 2, 3, 4]);
    octets
}

#[test]
fn echo() {
    let echo = Echo { ident: 0x1234, sequence: 7 };
    assert_eq!(read(echo_request(echo).to_vec()), Ok(Message::EchoRequest(echo)));
    assert_eq!(read(echo_reply(echo).to_vec()), Ok(Message::EchoReply(echo)));
    assert_eq!(echo_request(echo)[0], 128);
}

#[test]
fn errors_come_back_with_what_they_quote() {
    let quoted = Quoted {
        source: DESTINATION.into(),
        destination: SOURCE.into(),
        protocol: Protocol::TCP,
        ports: Some((80, 4242)),
        seq: Some(Seq(0x0102_0304)),
    };
    let options: &[u8] = &[Protocol::TCP.0, 0, 1, 4, 0, 0, 0, 0];
    for problem in [
        Problem::Unreachable { code: code::ADDRESS_UNREACHABLE },
        Problem::TooBig { mtu: 1280 },
        Problem::TimeExceeded { code: 1 },
        Problem::ParameterProblem { code: code::UNKNOWN_NEXT_HEADER, pointer: 6 },
    ] {
        for (next, between) in [(Protocol::TCP, &[][..]), (Protocol::DESTINATION_OPTIONS, options)] {
            let mut data = error(problem).to_vec();
            data.extend(quote(next, between));
            assert_eq!(read(data), Ok(Message::Error { problem, quoted }));
        }
    }
}

#[test]
fn a_quoted_later_fragment_has_no_ports() {
    let mut data = error(Problem::TooBig { mtu: 1280 }).to_vec();
    data.extend(quote(Protocol::FRAGMENT, &[Protocol::TCP.0, 0, 0, 8, 0, 0, 0, 1]));
    match read(data) {
        Ok(Message::Error { quoted, .. }) => assert_eq!((quoted.ports, quoted.seq), (None, None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_pseudo_header_is_part_of_the_checksum() {
    let data = with_checksum(echo_request(Echo { ident: 1, sequence: 1 }).to_vec());
    assert_eq!(parse(SOURCE, SOURCE, &data), Err(ParseError::Checksum(Layer::Icmpv6)));
    assert_eq!(
        parse(SOURCE, DESTINATION, &data[..7]).expect_err("short").to_string(),
        "ICMPv6 header cut short: 8 octets needed, 7 there"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_octets_are_read_or_refused(kind in prop::sample::select(vec![1_u8, 2, 3, 4, 128, 129, 135]), mut data in prop::collection::vec(any::<u8>(), 8..120)) {
        let _ = parse(SOURCE, DESTINATION, &data);
        data[0] = kind;
        if let Some(octet) = data.get_mut(8) {
            *octet = 0x60;
        }
        prop_assert!(read(data).is_ok());
    }
}
