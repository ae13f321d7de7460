use super::*;
use std::collections::BTreeSet;

fn flow(port: u16) -> Flow {
    Flow { local: SocketAddr::from(([10, 9, 0, 1], port)), remote: SocketAddr::from(([10, 9, 0, 2], 80)) }
}

#[test]
fn one_flow_counts_64_nanosecond_ticks() {
    let secret = Secret::new([1, 2]);
    let first = initial_sequence(&secret, &flow(40_000), Instant(1000));
    let later =
        initial_sequence(&secret, &flow(40_000), Instant(1000) + std::time::Duration::from_micros(64));
    assert_eq!(first.distance_to(later), 1000);
}

#[test]
fn flows_ends_families_and_keys_are_unrelated() {
    let now = Instant::ZERO;
    let secret = Secret::new([1, 2]);
    let numbers: BTreeSet<u32> = (0..64).map(|n| initial_sequence(&secret, &flow(n), now).0 >> 16).collect();
    assert!(numbers.len() > 60, "high halves repeat: {}", numbers.len());
    let here = flow(40_000);
    let there = Flow { local: here.remote, remote: here.local };
    assert_ne!(initial_sequence(&secret, &here, now), initial_sequence(&secret, &there, now));
    let other = Secret::new([1, 3]);
    assert_ne!(initial_sequence(&secret, &here, now), initial_sequence(&other, &here, now));
    let v6 = Flow { local: "[::1]:40000".parse().unwrap(), remote: "[::2]:80".parse().unwrap() };
    assert_ne!(initial_sequence(&secret, &here, now), initial_sequence(&secret, &v6, now));
}

#[test]
fn timestamp_offsets_are_per_flow_or_absent() {
    let secret = Secret::new([5, 6]);
    let keyed = Knobs::default();
    let bare = Knobs { tcp_timestamps: 2, ..Knobs::default() };
    assert_ne!(timestamp_offset(&secret, &flow(1), &keyed), timestamp_offset(&secret, &flow(2), &keyed));
    assert_eq!(timestamp_offset(&secret, &flow(1), &bare), 0);
    let isn = initial_sequence(&secret, &flow(1), Instant::ZERO).0;
    assert_ne!(timestamp_offset(&secret, &flow(1), &keyed), isn, "the two uses share no number");
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", Secret::new([0x1234, 0x5678])), "Secret");
}
