use super::*;

const NAT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

#[test]
fn an_older_clock_behind_the_same_address_is_rejected_for_a_minute() {
    let mut stamps = Stamps::default();
    stamps.remember(NAT, 1_000_000, at(10));
    assert!(!stamps.rejects(NAT, 1_000_000, at(11)));
    assert!(!stamps.rejects(NAT, 999_999, at(11)), "one tick is tolerated");
    assert!(stamps.rejects(NAT, 999_998, at(11)));
    assert!(stamps.rejects(NAT, 5_000, at(69)));
    assert!(!stamps.rejects(NAT, 5_000, at(70)));
    assert!(!stamps.rejects(IpAddr::from([203, 0, 113, 2]), 5_000, at(11)));
}

#[test]
fn the_later_timestamp_stays_and_wraps() {
    let mut stamps = Stamps::default();
    stamps.remember(NAT, u32::MAX, at(10));
    stamps.remember(NAT, 5, at(11));
    assert!(stamps.rejects(NAT, u32::MAX, at(12)));
    stamps.remember(NAT, u32::MAX, at(12));
    assert!(!stamps.rejects(NAT, 5, at(13)));
    // What is forgotten is replaced, whatever it was.
    stamps.remember(NAT, 4_000_000_000, at(80));
    assert!(stamps.rejects(NAT, 3_000_000_000, at(81)));
}

#[test]
fn the_table_is_bounded() {
    let mut stamps = Stamps::default();
    for address in 0..=ADDRESSES_MAX as u32 {
        stamps.remember(IpAddr::V4(address.into()), 1_000, at(0));
    }
    assert_eq!(stamps.0.len(), ADDRESSES_MAX);
    assert!(stamps.rejects(IpAddr::V4(7.into()), 1, at(1)), "those who are there stay");
}
