use super::*;
use crate::{Protocol, Seq, ipv4};
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn with_checksum(mut data: Vec<u8>) -> Vec<u8> {
    data[2..4].fill(0);
    let sum = checksum::sum(&data);
    data[2..4].copy_from_slice(&(!sum).to_be_bytes());
    data
}

fn quoted_header() -> ipv4::Header {
    ipv4::Header {
        source: Ipv4Addr::new(10, 0, 0, 2),
        destination: Ipv4Addr::new(10, 0, 0, 1),
        protocol: Protocol::TCP,
        ttl: 1,
        traffic_class: 0,
        ident: 7,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
    }
}

/// An error that quotes `octets` of a segment from port 80 to 4242, sequence number 0x01020304.
fn error_with_quote(problem: Problem, header: ipv4::Header, octets: usize) -> Vec<u8> {
    let mut data = error(problem).to_vec();
    data.extend(header.emit(1480));
    data.extend(&[0, 80, 0x10, 0x92, 1, 2, 3, 4, 5, 6][..octets]);
    with_checksum(data)
}

#[test]
fn a_captured_echo_request() {
    let data = [8, 0, 0xf7, 0xfc, 0, 1, 0, 2];
    assert_eq!(parse(&data), Ok(Message::EchoRequest(Echo { ident: 1, sequence: 2 })));
    assert_eq!(echo_request(Echo { ident: 1, sequence: 2 }), [8, 0, 0, 0, 0, 1, 0, 2]);
    let reply = with_checksum(echo_reply(Echo { ident: 1, sequence: 2 }).to_vec());
    assert_eq!(parse(&reply), Ok(Message::EchoReply(Echo { ident: 1, sequence: 2 })));
}

#[test]
fn errors_come_back_with_what_they_quote() {
    for problem in [
        Problem::Unreachable { code: code::PORT_UNREACHABLE },
        Problem::TooBig { mtu: 1400 },
        Problem::TimeExceeded { code: 0 },
        Problem::ParameterProblem { code: 0, pointer: 20 },
    ] {
        let data = error_with_quote(problem, quoted_header(), 8);
        let quoted = Quoted {
            source: Ipv4Addr::new(10, 0, 0, 2).into(),
            destination: Ipv4Addr::new(10, 0, 0, 1).into(),
            protocol: Protocol::TCP,
            ports: Some((80, 4242)),
            seq: Some(Seq(0x0102_0304)),
        };
        assert_eq!(parse(&data), Ok(Message::Error { problem, quoted }));
    }
}

#[test]
fn a_short_quote_gives_what_it_has() {
    let quote = |header, octets| match parse(&error_with_quote(Problem::TooBig { mtu: 576 }, header, octets))
    {
        Ok(Message::Error { quoted, .. }) => (quoted.ports, quoted.seq),
        other => panic!("{other:?}"),
    };
    assert_eq!(quote(quoted_header(), 7), (Some((80, 4242)), None));
    assert_eq!(quote(quoted_header(), 3), (None, None));
    let udp = ipv4::Header { protocol: Protocol::UDP, ..quoted_header() };
    assert_eq!(quote(udp, 8), (Some((80, 4242)), None));
    let later = ipv4::Header { fragment_offset: 8, ..quoted_header() };
    assert_eq!(quote(later, 8), (None, None), "a later fragment has no ports");
}

#[test]
fn what_is_refused_and_what_is_ignored() {
    assert_eq!(
        parse(&[8; 7]).expect_err("short").to_string(),
        "ICMP header cut short: 8 octets needed, 7 there"
    );
    assert_eq!(parse(&[8, 0, 0, 0, 0, 0, 0, 0]), Err(ParseError::Checksum(Layer::Icmpv4)));
    let timestamp = with_checksum(vec![13, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(&timestamp), Ok(Message::Other { kind: 13, code: 0 }));
    let no_quote = with_checksum(vec![3, 3, 0, 0, 0, 0, 0, 0, 0x45]);
    assert_eq!(parse(&no_quote), Ok(Message::Other { kind: 3, code: 3 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_octets_are_read_or_refused(kind in prop::sample::select(vec![0_u8, 3, 5, 8, 11, 12]), mut data in prop::collection::vec(any::<u8>(), 8..80)) {
        let _ = parse(&data);
        data[0] = kind;
        if let Some(octet) = data.get_mut(8) {
            *octet = 0x40 | (*octet & 0xf);
        }
        prop_assert!(parse(&with_checksum(data)).is_ok());
    }
}
