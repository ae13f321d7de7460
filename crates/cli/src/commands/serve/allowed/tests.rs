use super::*;

fn packet(version: u8, from: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; 60];
    octets[0] = version << 4;
    let at = if version == 4 { 12 } else { 8 };
    octets[at..at + from.len()].copy_from_slice(from);
    octets
}

fn passes(octets: Vec<u8>) -> bool {
    let networks = vec!["198.18.0.0/24".parse().unwrap(), "2001:2::/64".parse().unwrap()];
    Allowed::new(networks).arrives(&Frame::plain(octets)) == Verdict::Pass
}

#[test]
fn only_listed_networks_reach_the_stack() {
    assert!(passes(packet(4, &[198, 18, 0, 1])));
    assert!(!passes(packet(4, &[198, 18, 1, 1])));
    assert!(!passes(packet(4, &[10, 0, 0, 1])));
    assert!(passes(packet(6, &[0x20, 0x01, 0, 2, 0, 0, 0, 0])));
    assert!(!passes(packet(6, &[0xfe, 0x80])));
}

#[test]
fn what_is_no_ip_packet_is_left_to_the_stack() {
    assert!(passes(vec![]));
    assert!(passes(vec![0x45, 0]));
    assert!(passes(vec![0xff; 60]));
}
