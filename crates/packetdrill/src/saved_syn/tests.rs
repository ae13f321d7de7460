use super::*;

/// An IPv4 packet of 45 octets: 24 of TCP's header, and one of data.
fn packet(port: u16, flags: u8) -> Vec<u8> {
    let mut packet = vec![0; 45];
    (packet[0], packet[9]) = (0x45, 6);
    packet[12..16].copy_from_slice(&[192, 0, 2, 1]);
    packet[20..22].copy_from_slice(&port.to_be_bytes());
    packet[22..24].copy_from_slice(&8080_u16.to_be_bytes());
    (packet[32], packet[33]) = (0x60, flags);
    packet
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[test]
fn the_headers_of_a_syn_are_kept_once() {
    let mut saved = SavedSyns::default();
    saved.keep(&packet(1, 0x02), |port| port == 8080);
    saved.keep(&packet(2, 0x12), |_| true);
    saved.keep(&packet(3, 0x02), |port| port == 80);
    saved.keep(&packet(4, 0x02)[..30], |_| true);
    assert_eq!(saved.take(peer(1), 8080).map(|headers| headers.len()), Some(44));
    assert!([1, 2, 3, 4].iter().all(|port| saved.take(peer(*port), 8080).is_none()));
}

#[test]
fn the_oldest_is_forgotten() {
    let mut saved = SavedSyns::default();
    for port in 0..100 {
        saved.keep(&packet(port, 0x02), |_| true);
    }
    assert!(saved.take(peer(35), 8080).is_none() && saved.take(peer(36), 8080).is_some());
}
