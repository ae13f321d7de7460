use super::*;

const MSS: u32 = 1448;

#[test]
fn slow_start_doubles_each_window() {
    let mut window = Window { cwnd: 10, ssthresh: 1000, credit: 0 };
    for _ in 0..5 {
        Reno.on_ack(&mut window, 2 * MSS, MSS);
    }
    assert_eq!(window.cwnd, 20);
}

#[test]
fn avoidance_grows_one_segment_each_window() {
    let mut window = Window { cwnd: 10, ssthresh: 10, credit: 0 };
    for _ in 0..9 {
        Reno.on_ack(&mut window, MSS, MSS);
    }
    assert_eq!(window.cwnd, 10);
    Reno.on_ack(&mut window, MSS, MSS);
    assert_eq!(window.cwnd, 11);
    for _ in 0..11 {
        Reno.on_ack(&mut window, MSS, MSS);
    }
    assert_eq!(window.cwnd, 12);
}

#[test]
fn slow_start_ends_at_the_threshold() {
    let mut window = Window { cwnd: 10, ssthresh: 12, credit: 0 };
    Reno.on_ack(&mut window, 10 * MSS, MSS);
    assert_eq!(window.cwnd, 12);
}

#[test]
fn split_acks_gain_nothing() {
    let mut window = Window { cwnd: 10, ssthresh: 1000, credit: 0 };
    for _ in 0..MSS {
        Reno.on_ack(&mut window, 1, MSS);
    }
    assert_eq!(window.cwnd, 11);
}

#[test]
fn a_loss_halves_but_leaves_two() {
    assert_eq!(Reno.ssthresh_after_loss(&Window { cwnd: 20, ssthresh: 0, credit: 0 }), 10);
    assert_eq!(Reno.ssthresh_after_loss(&Window { cwnd: 1, ssthresh: 0, credit: 0 }), 2);
}
