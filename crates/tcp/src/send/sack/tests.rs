use super::super::recovery::tests::Bench;
use super::*;

#[test]
fn a_block_counts_whole_segments_alone() {
    let mut bench = Bench::new(true, 4, 0);
    bench.ack_octets(0, &[(3999, 4000)], false);
    assert_eq!(bench.marks(), [0; 3], "the last octet of the last");
    bench.ack_octets(0, &[(1500, 3500)], false);
    assert_eq!(bench.marks(), [1, 0, 0], "the third, wholly");
    bench.ack_octets(0, &[(1000, 4000)], false);
    assert_eq!(bench.marks()[0], 3);
    assert_eq!(bench.recovery.board.run_count(), 2, "what is SACKed grows together");
}

#[test]
fn blocks_that_cannot_be_are_counted_and_passed_over() {
    let mut bench = Bench::new(true, 4, 0);
    bench.ack(1, &[]);
    bench.ack_octets(1000, &[(2000, 9000)], false);
    bench.ack_octets(1000, &[(3000, 3000)], false);
    bench.ack_octets(1000, &[(1000, 2000)], false);
    assert_eq!((bench.marks(), bench.count(Counter::SackDiscard)), ([0; 3], 3));
}

#[test]
fn reordering_is_learnt_from_late_arrivals() {
    let mut bench = Bench::new(true, 10, 0);
    bench.ack(0, &[(9, 10)]);
    bench.ack(0, &[(3, 4), (9, 10)]);
    assert_eq!(bench.recovery.reordering(3), (7, 1), "from the fourth to the tenth");
    bench.ack(10, &[]);
    assert_eq!(bench.recovery.reordering(3), (10, 2), "from the first");
    assert_eq!(bench.count(Counter::SackReorder), 2);
}

#[test]
fn what_was_sent_again_and_sacked_is_no_reordering() {
    let mut bench = Bench::new(true, 6, 0);
    bench.ack(0, &[(2, 6)]);
    assert_eq!(bench.flush(), [(0, 2)]);
    bench.wait(100).ack(0, &[(1, 6)]);
    // The first left with the second, and is lost once more.
    assert_eq!((bench.recovery.reordering(3), bench.marks()), ((3, 0), [5, 1, 0]));
}

#[test]
fn more_duplicates_than_repetitions_are_dubious() {
    let mut bench = Bench::new(true, 4, 0);
    let decision = bench.ack(1, &[(0, 1)]);
    assert_eq!(decision.came_twice, 1);
    assert_eq!((bench.count(Counter::DsackRecv), bench.count(Counter::DsackIgnoredDubious)), (1, 1));
    bench.ack(1, &[(1, 2), (1, 3)]);
    assert_eq!(bench.count(Counter::DsackOfoRecv), 1);
    bench.ack_octets(1000, &[(4_000_000_000, 0)], false);
    assert_eq!(bench.count(Counter::DsackIgnoredDubious), 3, "larger than any window");
}

#[test]
fn a_d_sack_without_a_reduction_takes_nothing_back() {
    let mut bench = Bench::new(true, 4, 0);
    bench.wait(300).time_out();
    bench.flush();
    bench.recovery.undo.marker = None;
    bench.wait(100).ack(1, &[(0, 1)]);
    assert_eq!(bench.count(Counter::DsackIgnoredNoUndo), 1);
    assert_eq!(bench.count(Counter::DsackRecvSegs), 1);
}
