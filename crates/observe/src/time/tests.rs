use super::*;

#[test]
fn arithmetic_saturates_at_both_ends() {
    assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
    assert_eq!(Instant(u64::MAX - 1) + Duration::from_secs(1), Instant::NEVER);
    assert_eq!(Instant(5).since(Instant(7)), Duration::ZERO);
    assert_eq!(Instant(1) + Duration::MAX, Instant::NEVER);
}

#[test]
fn it_prints_as_seconds() {
    assert_eq!(Instant(61_000_002_999).to_string(), "61.000002");
    assert_eq!(Instant::from_millis(1500).as_millis(), 1500);
}
