use super::*;

#[test]
fn usage_is_measured_per_window_of_data() {
    let mut usage = Usage::default();
    usage.on_flight(Seq(0), Seq(9000), 9, true, Instant::ZERO);
    usage.on_flight(Seq(3000), Seq(9500), 12, false, Instant::ZERO);
    assert!(usage.limited && usage.flight_max == 9, "the same window goes on");
    usage.on_flight(Seq(9000), Seq(9700), 1, false, Instant::ZERO);
    assert_eq!((usage.flight_max, usage.limited, usage.end), (1, false, Some(Seq(9700))));
}
