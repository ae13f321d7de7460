use super::*;

const MS: u64 = 1_000_000;
const RTT: Duration = Duration::from_millis(10);

fn at(ms: u64) -> Instant {
    Instant(1_000_000 * MS + ms * MS)
}

#[test]
fn a_flight_is_divided_by_its_round_trip() {
    let mut rate = DeliveryRate::default();
    rate.sent(Seq(10_000), true, 0, false, at(0));
    rate.acked(Seq(5_000), 5_000, RTT, at(9));
    assert_eq!(rate.value, 0, "the timed stretch is not acknowledged");
    rate.acked(Seq(10_000), 10_000, RTT, at(10));
    assert_eq!((rate.value, rate.app_limited), (1_000_000, false));
}

#[test]
fn a_round_trip_shorter_than_any_other_is_no_sample() {
    let mut rate = DeliveryRate::default();
    rate.sent(Seq(10_000), true, 0, false, at(0));
    rate.acked(Seq(10_000), 10_000, RTT, at(9));
    assert_eq!(rate.value, 0);
}

#[test]
fn an_application_that_sends_little_does_not_lower_the_estimate() {
    let mut rate = DeliveryRate::default();
    rate.sent(Seq(10_000), true, 0, false, at(0));
    rate.acked(Seq(10_000), 10_000, RTT, at(10));
    rate.sent(Seq(10_100), true, 10_000, true, at(20));
    rate.acked(Seq(10_100), 10_100, RTT, at(30));
    assert_eq!((rate.value, rate.app_limited), (1_000_000, false));
    rate.sent(Seq(30_100), true, 10_100, true, at(40));
    rate.acked(Seq(30_100), 30_100, RTT, at(50));
    assert_eq!((rate.value, rate.app_limited), (2_000_000, true), "more is believed all the same");
}

#[test]
fn what_was_sent_again_is_not_timed() {
    let mut rate = DeliveryRate::default();
    rate.sent(Seq(10_000), true, 0, false, at(0));
    rate.spoil();
    rate.acked(Seq(10_000), 10_000, RTT, at(10));
    assert_eq!(rate.value, 0);
}
