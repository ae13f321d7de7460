//! Acknowledgments of segments out of order that wait for each other. The scripts in tests/pkt/window hold the times and knobs
//! to Linux; here is what they cannot see.

use super::lab::{Lab, START, seed};
use crate::Knobs;
use crate::connection::Established;
use crate::knobs::SocketOptions;
use lastack_observe::Counter;
use std::time::Duration;

/// Segments of 100 octets behind a gap of 100, one after the other.
fn arrive(lab: &mut Lab, numbers: std::ops::Range<i32>) {
    for number in numbers {
        lab.data(101 + 100 * number, 1, &[b'x'; 100]);
    }
}

#[test]
fn the_first_three_leave_at_once_and_the_rest_as_one() {
    let mut lab = Lab::new();
    arrive(&mut lab, 0..3);
    assert_eq!(lab.trace().len(), 3);
    arrive(&mut lab, 3..9);
    assert_eq!(lab.trace(), Vec::<String>::new());
    let due = START + Duration::from_nanos(lab.knobs.tcp_comp_sack_slack_ns);
    assert_eq!(lab.connection.deadline(), Some(due), "the first one's time, not the last one's");
    lab.run_to(1);
    assert_eq!(lab.trace(), ["0 ACK seq=1 ack=1 len=0 win=64 sack 101-1001"]);
    assert_eq!((lab.count(Counter::AckCompressed), lab.count(Counter::DelayedAcks)), (5, 0));
    assert_eq!(lab.connection.deadline(), None);
}

#[test]
fn no_more_become_one_than_the_knob_says() {
    let mut lab = Lab::new();
    lab.knobs.tcp_comp_sack_nr = 4;
    arrive(&mut lab, 0..13);
    // Three, and then each fifth with the four before it.
    assert_eq!(lab.trace().len(), 5);
    assert_eq!(lab.count(Counter::AckCompressed), 8);
    assert_eq!(lab.connection.deadline(), None);
}

#[test]
fn each_leaves_at_once_without_sack_or_with_nr_0() {
    let off = Knobs { tcp_comp_sack_nr: 0, ..Knobs::default() };
    let without = Established { sack: false, ..seed() };
    for (seed, knobs) in [(seed(), off), (without, Knobs::default())] {
        let mut lab = Lab::with(seed, SocketOptions::default(), knobs);
        arrive(&mut lab, 0..8);
        assert_eq!(lab.trace().len(), 8);
        assert_eq!((lab.count(Counter::AckCompressed), lab.connection.deadline()), (0, None));
    }
}

#[test]
fn a_number_that_moves_is_told_three_times_again() {
    let mut lab = Lab::new();
    arrive(&mut lab, 0..4);
    lab.trace();
    // Half of the gap is filled: the answer has what waited, and is the first of three with this number.
    lab.data(1, 1, &[b'x'; 50]);
    assert_eq!(lab.trace().len(), 1);
    assert_eq!(lab.count(Counter::AckCompressed), 1);
    // The first octets in order begin quick mode, which compresses nothing.
    arrive(&mut lab, 4..5);
    assert_eq!(lab.trace().len(), 1);
}

#[test]
fn one_that_waits_leaves_with_data_and_when_the_gap_closes() {
    let mut lab = Lab::new();
    arrive(&mut lab, 0..5);
    lab.trace();
    lab.send(10);
    assert_eq!(lab.trace(), ["0 PSH|ACK seq=1 ack=1 len=10 win=64 sack 101-601"]);
    assert_eq!(lab.count(Counter::AckCompressed), 2);
    lab.ack(601, 11);
    arrive(&mut lab, 5..7);
    assert_eq!(lab.trace(), Vec::<String>::new());
    lab.data(1, 11, &[b'x'; 100]);
    assert_eq!(lab.trace(), ["0 ACK seq=11 ack=801 len=0 win=64"]);
    assert_eq!((lab.count(Counter::AckCompressed), lab.connection.deadline()), (4, None));
}
