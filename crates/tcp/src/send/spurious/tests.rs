use super::super::recovery::tests::Bench;
use super::*;

/// In fast recovery: the first segment of ten was sent again.
fn recovering(sack: bool) -> Bench {
    let mut bench = Bench::new(sack, 10, 0);
    if sack {
        bench.ack(0, &[(1, 4)]);
    } else {
        for _ in 0..3 {
            bench.ack(0, &[]);
        }
    }
    assert_eq!((bench.recovery.state(), bench.flush()), (RecoveryState::Recovery, vec![(0, 1)]));
    bench
}

#[test]
fn d_sacks_of_all_repetitions_give_the_window_back() {
    let mut bench = recovering(true);
    bench.wait(50).ack(10, &[]);
    assert_eq!(bench.congestion.cwnd(), 6);
    bench.wait(50).ack(10, &[(0, 1)]);
    assert_eq!((bench.congestion.cwnd(), bench.count(Counter::DsackUndo)), (10, 1), "nothing in flight");
    assert!(!bench.recovery.reduces());
}

#[test]
fn an_old_echo_at_the_end_undoes_the_recovery() {
    let mut bench = recovering(true);
    let first = bench.clock() - 100;
    bench.wait(50).echoing(first).ack(10, &[]);
    assert_eq!((bench.recovery.state(), bench.count(Counter::FullUndo)), (RecoveryState::Open, 1));
    assert!(bench.congestion.cwnd() >= 10);
}

#[test]
fn an_old_echo_in_the_middle_waits_for_the_repetitions_and_undoes_in_part() {
    let mut bench = recovering(true);
    let first = bench.clock() - 100;
    bench.wait(10).echoing(first).ack(4, &[(5, 6)]);
    assert_eq!((bench.recovery.state(), bench.count(Counter::PartialUndo)), (RecoveryState::Disorder, 1));
    assert_eq!(bench.count(Counter::TsReorder), 1);
    assert_eq!(bench.marks(), [1, 0, 0], "nothing is lost");
}

/// As in Linux: RACK has judged it, and does so again only when it left again.
#[test]
fn what_was_believed_lost_in_vain_is_not_judged_by_time_again() {
    let mut bench = Bench::new(true, 10, 0);
    bench.ack(0, &[(2, 5)]);
    let first = bench.clock() - 100;
    assert_eq!((bench.marks(), bench.flush()), ([3, 2, 0], vec![(0, 1)]));
    bench.wait(10).echoing(first).ack(1, &[(2, 5)]);
    assert_eq!((bench.marks(), bench.count(Counter::PartialUndo)), ([3, 0, 0], 1));
    bench.ack(1, &[(2, 5), (6, 10)]);
    bench.wait(200).reorder();
    assert_eq!(bench.marks(), [7, 1, 0], "the sixth, which was never judged, and not the second");
}

#[test]
fn the_last_recovery_alone_can_be_taken_back() {
    let mut bench = recovering(true);
    bench.wait(50).ack(10, &[]);
    bench.send(1);
    bench.wait(100).ack_octets(11_000, &[], true);
    assert_eq!(bench.recovery.state(), RecoveryState::Cwr);
    bench.ack(11, &[(0, 1)]);
    assert_eq!((bench.count(Counter::DsackUndo), bench.count(Counter::DsackIgnoredNoUndo)), (0, 0));
}

#[test]
fn without_sack_an_old_echo_is_enough_as_well() {
    let mut bench = recovering(false);
    let first = bench.clock() - 100;
    bench.send(1);
    bench.wait(50).echoing(first).ack(11, &[]);
    assert_eq!((bench.recovery.state(), bench.count(Counter::FullUndo)), (RecoveryState::Open, 1));
}
