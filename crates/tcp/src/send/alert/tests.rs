use super::super::recovery::tests::Bench;
use super::*;

#[test]
fn fewer_than_three_wait_for_the_reordering_timer() {
    let mut bench = Bench::new(true, 10, 0);
    let decision = bench.ack(0, &[(7, 8)]);
    assert_eq!(decision.timer, TimerChange::Reordering(Duration::from_millis(27)), "a quarter and two");
    bench.wait(27).reorder();
    assert_eq!((bench.recovery.state(), bench.marks()), (RecoveryState::Recovery, [1, 7, 0]));
    assert_eq!(bench.flush(), [(0, 1)], "the first does not wait for the window");
    bench.wait(2).ack(0, &[(3, 4), (7, 8)]);
    assert_eq!((bench.marks(), bench.flush()), ([2, 6, 1], vec![(1, 1)]));
}

#[test]
fn a_reordering_timer_that_finds_nothing_changes_nothing() {
    let mut bench = Bench::new(true, 10, 0);
    bench.ack(0, &[(7, 8)]);
    bench.wait(1).reorder();
    assert_eq!((bench.recovery.state(), bench.marks()), (RecoveryState::Disorder, [1, 0, 0]));
}

#[test]
fn a_mark_lowers_the_window_once() {
    let mut bench = Bench::new(true, 10, 20);
    let decision = bench.ack_octets(1000, &[], true);
    assert!(decision.slowed_down);
    assert_eq!((bench.recovery.state(), bench.congestion.ssthresh()), (RecoveryState::Cwr, 5));
    for segments in 2..=10 {
        assert!(!bench.ack_octets(segments * 1000, &[], true).slowed_down, "{segments}");
        bench.flush();
    }
    assert_eq!((bench.recovery.state(), bench.congestion.cwnd()), (RecoveryState::Cwr, 5));
    bench.ack(11, &[]);
    assert_eq!(bench.recovery.state(), RecoveryState::Open, "the peer has seen what came after");
}

#[test]
fn a_lost_repetition_is_found_by_what_was_sent_later() {
    let mut bench = Bench::new(true, 10, 4);
    bench.ack(0, &[(1, 5)]);
    assert_eq!(bench.flush(), [(0, 1)]);
    bench.wait(10).ack(0, &[(1, 8)]);
    assert_eq!(bench.flush()[0], (10, 1), "what arrives lets new ones out");
    bench.wait(130).ack(0, &[(1, 8), (10, 11)]);
    assert_eq!((bench.count(Counter::LostRetransmit), bench.flush()[0]), (1, (0, 1)));
}

#[test]
fn too_many_duplicates_are_reordering() {
    let mut bench = Bench::new(false, 4, 0);
    for _ in 0..5 {
        bench.ack(0, &[]);
    }
    assert_eq!((bench.marks()[0], bench.recovery.reordering(3)), (3, (4, 2)));
    assert_eq!(bench.count(Counter::RenoReorder), 2);
}

#[test]
fn an_overtaken_acknowledgment_is_news_all_the_same() {
    let mut bench = Bench::new(true, 10, 0);
    bench.ack(4, &[]);
    bench.ack(3, &[(5, 8)]);
    assert_eq!((bench.marks(), bench.flush()), ([3, 1, 0], vec![(4, 1)]));
}
