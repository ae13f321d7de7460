use super::*;

#[test]
fn the_timestamp_clock_ticks_in_milliseconds_and_wraps() {
    assert_eq!(tsval(Instant(1_999_999), 0), 1);
    assert_eq!(tsval(Instant::from_millis(2), u32::MAX), 1);
    assert_eq!(tsval(Instant::from_millis(1 << 32), 7), 7);
}

#[test]
fn an_echo_tells_the_round_trip_unless_it_cannot() {
    let sent = tsval(Instant::from_millis(1000), 99);
    let now = Instant::from_millis(1188);
    assert_eq!(echoed_rtt(now, 99, sent), Some(Duration::from_millis(188)));
    assert_eq!(echoed_rtt(now, 99, 0), None);
    assert_eq!(echoed_rtt(now, 99, sent + 189), None, "an echo from the future");
}

#[test]
fn answers_are_half_a_second_apart() {
    let knobs = Knobs::default();
    let mut limit = AnswerLimit::default();
    let allowed: Vec<u64> =
        (0..10).map(|n| n * 200).filter(|&ms| limit.allows(&knobs, Instant::from_millis(ms))).collect();
    assert_eq!(allowed, [0, 600, 1200, 1800]);
}

#[test]
fn a_limit_of_zero_is_none() {
    let knobs = Knobs { tcp_invalid_ratelimit: 0, ..Knobs::default() };
    let mut limit = AnswerLimit::default();
    assert!((0..3).all(|_| limit.allows(&knobs, Instant::from_millis(5))));
}
