//! Any octets as a packet, and as what may stand inside one: nothing panics, and what could be read is read the same way
//! again after it was written.
#![no_main]

use lastack_wire::virtio::NetHeader;
use lastack_wire::{Head, Offload, Protocol, checksum, icmpv4, icmpv6, ipv4, ipv6, packet, tcp};
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;

fuzz_target!(|data: &[u8]| {
    assert_eq!(checksum::sum(data), checksum::sum_scalar(data), "the vectorised sum");
    virtio(data);
    ip(data);
    if let Ok(parsed) = packet::parse(data) {
        let payload = &data[parsed.payload.clone()];
        parsed.tcp_checksum_holds(data, &Offload::default());
        match (parsed.protocol, parsed.source, parsed.destination) {
            (Protocol::TCP, ..) => segment(payload),
            (Protocol::ICMPV4, ..) => {
                let _ = icmpv4::parse(payload);
            }
            (_, IpAddr::V6(source), IpAddr::V6(destination)) => {
                let _ = icmpv6::parse(source, destination, payload);
            }
            _ => {}
        }
    }
    // Without a checksum that fits, the fuzzer would rarely come past the IP header.
    segment(data);
    let _ = icmpv4::parse(data);
});

fn virtio(data: &[u8]) {
    let Ok(header) = NetHeader::parse(data) else { return };
    assert_eq!(NetHeader::parse(&header.emit()), Ok(header));
    if let Ok(offload) = header.offload(data.len()) {
        assert!(offload.gso.is_none_or(|gso| gso.size > 0), "a size of zero cuts forever");
    }
}

fn ip(data: &[u8]) {
    if let Ok((header, payload)) = ipv4::Header::parse(data) {
        let mut again = header.emit(payload.len()).to_vec();
        again.extend_from_slice(&data[payload.clone()]);
        let (read, place) = ipv4::Header::parse(&again).expect("what was written can be read");
        assert_eq!((read, &again[place]), (header, &data[payload]));
    }
    if let Ok((header, payload)) = ipv6::Header::parse(data) {
        let mut again = header.emit(payload.len()).to_vec();
        again.extend_from_slice(&data[payload.clone()]);
        let (read, place) = ipv6::Header::parse(&again).expect("what was written can be read");
        assert_eq!((read, &again[place]), (header, &data[payload]));
    }
}

fn segment(data: &[u8]) {
    let Ok((source, destination, header, offset)) = tcp::parse(data) else { return };
    assert!(offset <= data.len());
    let mut again = Head::new();
    let length = tcp::emit(source, destination, &header, &mut again);
    assert_eq!(length, again.len());
    assert_eq!(tcp::parse(&again), Ok((source, destination, header, length)));
}
