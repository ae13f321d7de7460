use super::super::recovery::tests::Bench;

#[test]
fn the_first_of_what_was_acknowledged_gives_the_round_trip_and_the_last_the_least() {
    let mut bench = Bench::new(true, 1, 0);
    bench.send(1);
    bench.wait(60).ack(2, &[]);
    assert_eq!(bench.rtt.srtt().unwrap().as_millis(), 107, "160 ms, an eighth of the way");
    assert_eq!(bench.rtt.least().unwrap().as_millis(), 60);
}

#[test]
fn what_was_sent_again_is_timed_by_its_echo_alone() {
    let mut bench = Bench::new(true, 1, 0);
    bench.wait(300).time_out();
    bench.flush();
    bench.wait(100).ack(1, &[]);
    assert_eq!(bench.rtt.srtt().unwrap().as_millis(), 100, "which of the two copies it was nobody knows");
    let mut bench = Bench::new(true, 1, 0);
    bench.wait(300).time_out();
    bench.flush();
    let again = bench.clock();
    bench.wait(180).echoing(again).ack(1, &[]);
    assert_eq!(bench.rtt.srtt().unwrap().as_millis(), 110);
}

#[test]
fn a_part_of_a_segment_is_no_segment() {
    let mut bench = Bench::new(true, 4, 0);
    let decision = bench.ack_octets(1500, &[], false);
    assert_eq!((decision.delivered, bench.recovery.flight().segments), (1, 3));
    assert_eq!(bench.ack_octets(2000, &[], false).delivered, 1);
}

#[test]
fn a_hole_that_fills_itself_is_reordering() {
    let mut bench = Bench::new(true, 5, 0);
    bench.ack(0, &[(1, 3)]);
    bench.ack(5, &[]);
    assert_eq!(bench.recovery.reordering(3), (5, 1));
}
