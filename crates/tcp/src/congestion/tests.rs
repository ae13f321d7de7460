use super::*;

/// So many milliseconds after the beginning, nothing else known.
pub(super) fn moment(ms: u64) -> Moment {
    Moment { now: Instant::from_millis(ms), una: Seq(0), nxt: Seq(0), pacing_rate: u64::MAX }
}

fn reno(flight: u32, limited: bool) -> Congestion {
    let mut congestion = Congestion::new(CongestionControl::Reno, false);
    congestion.on_flight(Seq(0), Seq(flight), flight, limited, Instant::ZERO);
    congestion
}

#[test]
fn an_application_that_sends_little_does_not_grow_the_window() {
    let mut congestion = reno(2, false);
    congestion.on_ack(2, &moment(0));
    assert_eq!(congestion.cwnd(), 10);
    congestion = reno(6, false);
    congestion.on_ack(2, &moment(0));
    assert_eq!(congestion.cwnd(), 12, "in slow start more than half of the window was used");
    congestion.on_ack(2, &moment(0));
    assert_eq!(congestion.cwnd(), 12, "twice what was used");
    congestion = reno(2, true);
    congestion.on_ack(1, &moment(0));
    assert_eq!(congestion.cwnd(), 11);
}

#[test]
fn a_reduction_and_what_takes_it_back() {
    let mut congestion = reno(10, true);
    let (cwnd, ssthresh) = (congestion.cwnd(), congestion.threshold_now());
    congestion.reduce();
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (10, 5), "the window is recovery's affair");
    congestion.set_cwnd(0);
    assert_eq!(congestion.cwnd(), 1, "one segment always may leave");
    congestion.restore(cwnd, ssthresh);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (10, SSTHRESH_INFINITE));
}

#[test]
fn an_undo_does_not_take_growth_back() {
    let mut congestion = reno(10, true);
    congestion.reduce();
    congestion.set_cwnd(30);
    assert_eq!(congestion.threshold_now(), 22, "three quarters of the window");
    congestion.restore(10, 7);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (30, 7));
}

#[test]
fn idleness_halves_the_window_per_rto() {
    let rto = Duration::from_millis(200);
    let mut congestion = reno(10, true);
    congestion.set_cwnd(100);
    congestion.set_ssthresh(50);
    congestion.restart_after_idle(Duration::from_millis(150), rto, Instant::ZERO);
    assert_eq!(congestion.cwnd(), 100);
    congestion.restart_after_idle(Duration::from_millis(450), rto, Instant::ZERO);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (25, 75));
    congestion.restart_after_idle(Duration::from_secs(3600), rto, Instant::ZERO);
    assert_eq!(congestion.cwnd(), 10);
    congestion.set_cwnd(2);
    congestion.restart_after_idle(Duration::from_secs(3600), rto, Instant::ZERO);
    assert_eq!(congestion.cwnd(), 2, "idleness does not grow a small window");
}

/// tcp_cwnd_application_limited: half way to what was used, and not below ten segments.
#[test]
fn a_window_that_is_not_filled_shrinks() {
    let (rto, start) = (Duration::from_millis(200), Instant::ZERO);
    let mut congestion = reno(4, false);
    congestion.set_cwnd(100);
    congestion.set_ssthresh(100);
    congestion.validate(rto, true, start + Duration::from_millis(199));
    assert_eq!(congestion.cwnd(), 100, "not for a whole RTO yet");
    congestion.validate(rto, true, start + rto);
    assert_eq!((congestion.cwnd(), congestion.ssthresh()), (55, 100));
    congestion.validate(rto, true, start + rto * 2);
    assert_eq!(congestion.cwnd(), 32);
    congestion.validate(rto, false, start + rto * 3);
    assert_eq!(congestion.cwnd(), 32, "a writer waits for room, or a loss is in doubt");
}

#[test]
fn another_algorithm_takes_the_window_over() {
    let mut congestion = reno(10, true);
    congestion.on_ack(10, &moment(0));
    assert_eq!((congestion.cwnd(), congestion.control()), (20, CongestionControl::Reno));
    congestion.change(CongestionControl::Cubic);
    assert_eq!((congestion.cwnd(), congestion.control()), (20, CongestionControl::Cubic));
    congestion.reduce();
    assert_eq!(congestion.ssthresh(), 14, "CUBIC keeps seven tenths");
}

#[test]
fn names_are_linuxs() {
    assert_eq!(CongestionControl::named("cubic"), Some(CongestionControl::Cubic));
    assert_eq!(CongestionControl::named("bbr"), None);
    assert_eq!(CongestionControl::names(), "reno cubic");
}
