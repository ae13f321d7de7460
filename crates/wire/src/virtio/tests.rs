use super::*;
use crate::frame::{Head, Payload};
use crate::packet::{self, BuildOptions, ChecksumMode};
use crate::tcp::{Flags, Header};
use proptest::prelude::*;
use std::net::SocketAddr;

fn segment(v6: bool, flags: Flags, options: BuildOptions) -> Packet {
    let ends: [SocketAddr; 2] = if v6 {
        [([0_u16; 8], 1).into(), ([1_u16; 8], 2).into()]
    } else {
        [([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into()]
    };
    let payload = Payload::from(bytes::Bytes::from(vec![7; 4000]));
    packet::tcp(ends[0], ends[1], &Header { flags, ..Header::default() }, payload, options)
}

#[test]
fn a_super_segment() {
    let options = BuildOptions { gso: Some(Gso { size: 1448 }), ..BuildOptions::default() };
    let header = NetHeader::for_packet(&segment(false, Flags::ACK, options));
    let expected = NetHeader {
        flags: NEEDS_CSUM,
        gso_type: GSO_TCPV4,
        hdr_len: 40,
        gso_size: 1448,
        csum_start: 20,
        csum_offset: 16,
    };
    assert_eq!(header, expected);
    let six = NetHeader::for_packet(&segment(true, Flags::ACK.with(Flags::CWR), options));
    assert_eq!((six.gso_type, six.hdr_len, six.csum_start), (GSO_TCPV6 | GSO_ECN, 60, 40));
}

#[test]
fn plain_packets_and_partial_checksums() {
    let full = segment(false, Flags::ACK, BuildOptions::default());
    assert_eq!(NetHeader::for_packet(&full), NetHeader::default());
    let partial = BuildOptions { checksum: ChecksumMode::Partial, ..BuildOptions::default() };
    let header = NetHeader::for_packet(&segment(true, Flags::ACK, partial));
    assert_eq!(
        header,
        NetHeader { flags: NEEDS_CSUM, csum_start: 40, csum_offset: 16, ..NetHeader::default() }
    );
    let valid = Packet {
        head: Head::new(),
        payload: Payload::empty(),
        offload: Offload { checksum: Checksum::Valid, gso: None },
    };
    assert_eq!(NetHeader::for_packet(&valid).flags, DATA_VALID);
}

#[test]
fn what_a_device_must_not_say() {
    let outside = NetHeader { flags: NEEDS_CSUM, csum_start: 20, csum_offset: 16, ..NetHeader::default() };
    assert_eq!(
        outside.offload(37).expect_err("outside").to_string(),
        "virtio-net checksum field at 36 lies outside the packet of 37 octets"
    );
    assert!(outside.offload(38).is_ok());
    let udp = NetHeader { gso_type: 3, gso_size: 1000, ..NetHeader::default() };
    assert_eq!(udp.offload(2000).expect_err("udp").to_string(), "virtio-net gso type 3 is not supported");
    let empty = NetHeader { gso_type: GSO_TCPV4, ..NetHeader::default() };
    assert_eq!(empty.offload(2000), Err(ParseError::GsoType(GSO_TCPV4)));
    assert!(NetHeader::parse(&[0; 9]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn octets_and_fields_are_inverse(octets: [u8; 10], len in 0_usize..70_000) {
        let header = NetHeader::parse(&octets).expect("ten octets");
        prop_assert_eq!(header.emit(), octets);
        prop_assert_eq!(&header.emit_merged()[..10], &octets);
        let _ = header.offload(len);
    }

    #[test]
    fn offload_facts_survive_the_header(v6: bool, partial: bool, gso in prop::option::of(1_u16..)) {
        let checksum = if partial { ChecksumMode::Partial } else { ChecksumMode::Full };
        let options = BuildOptions { checksum, gso: gso.map(|size| Gso { size }), ..BuildOptions::default() };
        let packet = segment(v6, Flags::ACK, options);
        prop_assert_eq!(NetHeader::for_packet(&packet).offload(packet.len()), Ok(packet.offload));
    }
}
