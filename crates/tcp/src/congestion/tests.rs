use super::*;

const MSS: u32 = 1000;

fn used(octets: u32, limited: bool) -> Usage {
    let mut usage = Usage::new(Seq(0));
    usage.on_flight(Seq(0), Seq(octets), octets, limited);
    usage
}

#[test]
fn an_application_that_sends_little_does_not_grow_the_window() {
    let mut congestion = Congestion::reno();
    congestion.on_ack(2000, MSS, &used(2000, false));
    assert_eq!(congestion.cwnd(), 10);
    congestion.on_ack(6000, MSS, &used(6000, false));
    assert_eq!(congestion.cwnd(), 16, "in slow start more than half of the window was used");
    congestion.on_ack(1000, MSS, &used(2000, true));
    assert_eq!(congestion.cwnd(), 17);
}

#[test]
fn usage_is_measured_per_window_of_data() {
    let mut usage = used(9000, true);
    usage.on_flight(Seq(3000), Seq(9500), 6500, false);
    assert!(usage.limited && usage.flight_max == 9000, "the same window goes on");
    usage.on_flight(Seq(9000), Seq(9700), 700, false);
    assert_eq!(usage, Usage { flight_max: 700, limited: false, end: Seq(9700) });
}

#[test]
fn timeout_recovery_and_undo() {
    let mut congestion = Congestion::reno();
    let before = congestion.enter_loss();
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (1, 5));
    congestion.on_ack_in_loss(1000, MSS);
    assert_eq!(congestion.cwnd(), 2);
    congestion.undo(before);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (10, SSTHRESH_INFINITE));
    congestion.enter_recovery();
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (5, 5));
}

#[test]
fn an_undo_does_not_take_growth_back() {
    let mut congestion = Congestion::reno();
    let before = congestion.enter_recovery();
    congestion.window.cwnd = 30;
    congestion.undo(before);
    assert_eq!(congestion.cwnd(), 30);
}

#[test]
fn idleness_halves_the_window_per_rto() {
    let rto = Duration::from_millis(200);
    let mut congestion = Congestion::reno();
    congestion.window = Window { cwnd: 100, ssthresh: 50, credit: 3 };
    congestion.restart_after_idle(Duration::from_millis(150), rto);
    assert_eq!(congestion.cwnd(), 100);
    congestion.restart_after_idle(Duration::from_millis(450), rto);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (25, 75));
    congestion.restart_after_idle(Duration::from_secs(3600), rto);
    assert_eq!(congestion.cwnd(), 10);
    congestion.window.cwnd = 2;
    congestion.restart_after_idle(Duration::from_secs(3600), rto);
    assert_eq!(congestion.cwnd(), 2, "idleness does not grow a small window");
}
