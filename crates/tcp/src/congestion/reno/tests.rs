use super::*;
use crate::congestion::tests::moment;

#[test]
fn slow_start_doubles_each_window() {
    let mut window = Window { cwnd: 10, ssthresh: 1000, credit: 0 };
    for _ in 0..5 {
        Reno.on_ack(&mut window, 2, &moment(0));
    }
    assert_eq!(window.cwnd, 20);
}

#[test]
fn avoidance_grows_one_segment_each_window() {
    let mut window = Window { cwnd: 10, ssthresh: 10, credit: 0 };
    for _ in 0..9 {
        Reno.on_ack(&mut window, 1, &moment(0));
    }
    assert_eq!(window.cwnd, 10);
    Reno.on_ack(&mut window, 1, &moment(0));
    assert_eq!(window.cwnd, 11);
    for _ in 0..11 {
        Reno.on_ack(&mut window, 1, &moment(0));
    }
    assert_eq!(window.cwnd, 12);
}

#[test]
fn slow_start_ends_at_the_threshold() {
    let mut window = Window { cwnd: 10, ssthresh: 12, credit: 0 };
    Reno.on_ack(&mut window, 10, &moment(0));
    assert_eq!(window.cwnd, 12);
    assert_eq!(window.credit, 8, "the rest counts for the next one");
}

#[test]
fn credit_of_a_larger_window_buys_one_segment() {
    let mut window = Window { cwnd: 5, ssthresh: 5, credit: 40 };
    Reno.on_ack(&mut window, 1, &moment(0));
    assert_eq!((window.cwnd, window.credit), (6, 1));
}

#[test]
fn a_loss_halves_but_leaves_two() {
    assert_eq!(Reno.ssthresh_after_loss(&Window { cwnd: 20, ssthresh: 0, credit: 0 }), 10);
    assert_eq!(Reno.ssthresh_after_loss(&Window { cwnd: 1, ssthresh: 0, credit: 0 }), 2);
}
