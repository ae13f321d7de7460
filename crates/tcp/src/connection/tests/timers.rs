//! Retransmission, probes and keepalive against a silent peer: the schedules of TIMELINES, whose nominal times Linux's
//! ticks stretch by up to two percent.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::knobs::SocketOptions;
use lastack_observe::{Cause, Counter, EventKind, State};
use std::time::Duration;

/// Nominal milliseconds of a row of T03/T18: tail loss probe, then doublings.
const DOUBLINGS: [u64; 9] = [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200];

#[track_caller]
fn assert_near(times: &[u64], nominal: &[u64]) {
    assert_eq!(times.len(), nominal.len(), "{times:?} against {nominal:?}");
    for (&at, &wanted) in times.iter().zip(nominal) {
        assert!(at >= wanted && at <= wanted + wanted / 40 + 4, "{times:?} against {nominal:?}");
    }
}

#[test]
fn t03_an_orphan_repeats_its_fin_eight_times_and_ends_silently() {
    let mut lab = Lab::new().orphan();
    assert_eq!(lab.trace(), ["0 FIN|ACK seq=1 ack=1 len=0 win=64"]);
    let end = lab.run_to_end(200_000);
    assert_eq!(lab.trace[0].split_once(' ').unwrap().1, "FIN|ACK seq=1 ack=1 len=0 win=64");
    assert_near(&lab.times(), &DOUBLINGS);
    assert_near(&[end], &[102_400]);
    assert_eq!(lab.cause(), Some(Cause::TimedOut));
    assert_eq!(lab.count(Counter::Timeouts), 9);
    assert_eq!(lab.count(Counter::LossProbes), 1);
    assert_eq!(lab.count(Counter::LostRetransmit), 7);
    assert_eq!(lab.count(Counter::RetransSegs), 9);
    assert_eq!(lab.count(Counter::TimeoutRehash), 8);
    assert_eq!(lab.count(Counter::AbortOnTimeout), 1);
    assert_eq!(lab.count(Counter::OutRsts), 0);
}

#[test]
fn t03d_three_orphan_retries_end_after_the_fifth_timeout() {
    let knobs = Knobs { tcp_orphan_retries: 3, ..Knobs::default() };
    let mut lab = Lab::with(seed(), SocketOptions::default(), knobs).orphan();
    let end = lab.run_to_end(200_000);
    assert_near(&lab.times()[1..], &DOUBLINGS[..5]);
    assert_near(&[end], &[6400]);
}

#[test]
fn t03b_an_owned_fin_is_repeated_as_long_as_data() {
    let mut lab = Lab::new();
    lab.shutdown();
    let end = lab.run_to_end(2_000_000);
    let mut nominal = DOUBLINGS.to_vec();
    nominal.extend([102_400, 204_800, 324_800, 444_800, 564_800, 684_800, 804_800]);
    assert_near(&lab.times()[1..], &nominal);
    assert_near(&[end], &[924_800]);
    assert_eq!(lab.count(Counter::RetransSegs), 16);
}

#[test]
fn t18_data_into_a_black_hole() {
    let mut lab = Lab::new();
    lab.send(10);
    assert_eq!(lab.trace, ["0 PSH|ACK seq=1 ack=1 len=10 win=64"]);
    let end = lab.run_to_end(2_000_000);
    assert_near(&[end], &[924_800]);
    assert_eq!(lab.count(Counter::Timeouts), 16);
    assert_eq!(lab.count(Counter::RetransSegs), 16);
    assert_eq!(lab.count(Counter::LostRetransmit), 14);
    assert_eq!(lab.count(Counter::EstabResets), 1);
    assert!(lab.trace.iter().all(|line| line.ends_with("PSH|ACK seq=1 ack=1 len=10 win=64")));
}

#[test]
fn t18b_the_user_timeout_counts_from_the_first_timeout() {
    let options = SocketOptions { user_timeout: Some(Duration::from_secs(5)), ..SocketOptions::default() };
    let mut lab = Lab::with(seed(), options, Knobs::default());
    lab.send(10);
    let end = lab.run_to_end(100_000);
    assert_near(&lab.times()[1..], &DOUBLINGS[..5]);
    assert_near(&[end], &[5400]);
}

#[test]
fn t18c_five_retries() {
    let mut lab = Lab::with(seed(), SocketOptions::default(), Knobs { tcp_retries2: 5, ..Knobs::default() });
    lab.send(10);
    let end = lab.run_to_end(100_000);
    assert_near(&lab.times()[1..], &DOUBLINGS[..6]);
    assert_near(&[end], &[12_800]);
}

#[test]
fn t12b_a_timeout_merges_data_and_fin() {
    let mut lab = Lab::new();
    lab.send(5);
    lab.shutdown();
    lab.run_to(700);
    let lines: Vec<_> = lab.trace.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "PSH|ACK seq=1 ack=1 len=5 win=64",
            "FIN|ACK seq=6 ack=1 len=0 win=64",
            "FIN|ACK seq=6 ack=1 len=0 win=64",
            "FIN|PSH|ACK seq=1 ack=1 len=5 win=64",
            "FIN|PSH|ACK seq=1 ack=1 len=5 win=64",
        ]
    );
    let times = lab.times();
    assert!(times[2] <= 8 && (200..=220).contains(&times[3]) && (600..=640).contains(&times[4]), "{times:?}");
    lab.ack(1, 7);
    assert_eq!(lab.state(), State::FinWait2);
    assert!(lab.connection.is_flushed());
}

#[test]
fn t17_window_probes_are_endless_while_they_are_answered() {
    let mut lab = Lab::new();
    lab.window(1, 1, 0);
    lab.send(100);
    assert_eq!(lab.trace(), Vec::<String>::new());
    let mut times = Vec::new();
    while times.len() < 14 {
        let at = lab.connection.deadline().unwrap();
        lab.run_to(at.since(super::lab::START).as_millis() as u64 + 1);
        let (sent, line) = (lab.sent.last().unwrap().0, lab.trace.last().unwrap().clone());
        assert!(line.ends_with("ACK seq=0 ack=1 len=0 win=64"), "{line}");
        times.push(sent);
        lab.window(1, 1, 0);
    }
    assert_near(&times[..5], &[200, 600, 1400, 3000, 6200]);
    assert!((119_000..=121_000).contains(&(times[13] - times[12])), "{times:?}");
    lab.trace();
    lab.window(1, 1, 100);
    assert_eq!(lab.trace[0].split_once(' ').unwrap().1, "PSH|ACK seq=1 ack=1 len=100 win=64");
}

#[test]
fn t17b_unanswered_window_probes_end_like_data() {
    let mut lab = Lab::new();
    lab.window(1, 1, 0);
    lab.send(100);
    let end = lab.run_to_end(2_000_000);
    assert_near(&[end], &[924_600]);
    assert_eq!(lab.count(Counter::WinProbe), 15);
    assert_eq!(lab.cause(), Some(Cause::TimedOut));
}

#[test]
fn t17c_an_orphans_unanswered_window_probes() {
    let mut lab = Lab::new();
    lab.window(1, 1, 0);
    lab.send(100);
    lab.close();
    let end = lab.run_to_end(2_000_000);
    assert_near(&[end], &[102_200]);
    assert_eq!(lab.count(Counter::WinProbe), 8);
    assert_eq!(lab.count(Counter::OutRsts), 0);
}

#[test]
fn t17d_an_orphans_answered_window_probes_end_too() {
    let mut lab = Lab::new();
    lab.window(1, 1, 0);
    lab.send(100);
    lab.close();
    while lab.ended.is_none() {
        let at = lab.connection.deadline().unwrap();
        lab.run_to(at.since(super::lab::START).as_millis() as u64 + 1);
        if lab.ended.is_none() {
            lab.window(1, 1, 0);
        }
    }
    assert_eq!(lab.count(Counter::WinProbe), 10);
    let end = lab.now.since(super::lab::START).as_millis() as u64;
    assert_near(&[end], &[324_600]);
}

fn keepalive() -> SocketOptions {
    SocketOptions {
        keepalive: true,
        keepidle: Some(Duration::from_secs(5)),
        keepintvl: Some(Duration::from_secs(2)),
        keepcnt: Some(3),
        ..SocketOptions::default()
    }
}

#[test]
fn t16_keepalive_to_a_silent_peer() {
    let mut lab = Lab::with(seed(), keepalive(), Knobs::default());
    let end = lab.run_to_end(60_000);
    assert_eq!(
        lab.trace,
        [
            "5000 ACK seq=0 ack=1 len=0 win=64",
            "7000 ACK seq=0 ack=1 len=0 win=64",
            "9000 ACK seq=0 ack=1 len=0 win=64",
            "11000 RST|ACK seq=1 ack=1 len=0 win=64",
        ]
    );
    assert_eq!((end, lab.cause()), (11_000, Some(Cause::KeepaliveTimedOut)));
    assert_eq!(lab.count(Counter::KeepAlive), 3);
    assert_eq!(lab.count(Counter::EstabResets), 1);
}

#[test]
fn t16b_answered_probes_repeat_every_idle_time() {
    let mut lab = Lab::with(seed(), keepalive(), Knobs::default());
    for round in 1..=3 {
        lab.run_to(5000 * round);
        assert_eq!(lab.times(), [5000 * round]);
        lab.ack(1, 1);
    }
    assert_eq!(lab.count(Counter::KeepAlive), 3);
}

#[test]
fn t16c_keepalive_ends_a_close_wait_whose_peer_is_gone() {
    let mut lab = Lab::with(seed(), keepalive(), Knobs::default());
    lab.fin(1, 1);
    let end = lab.run_to_end(60_000);
    assert_eq!(end, 11_000);
    assert!(lab.trace.last().unwrap().ends_with("RST|ACK seq=1 ack=2 len=0 win=64"));
}

#[test]
fn t13_close_wait_and_an_owned_fin_wait_2_have_no_timer() {
    let mut lab = Lab::new();
    lab.fin(1, 1);
    lab.run_to(1000);
    assert_eq!(lab.connection.deadline(), None);
    let mut lab = Lab::new();
    lab.shutdown();
    lab.ack(1, 2);
    assert_eq!((lab.state(), lab.connection.deadline()), (State::FinWait2, None));
}

#[test]
fn t39_without_a_sample_the_timeout_is_three_seconds() {
    let mut unsampled = seed();
    unsampled.rtt = None;
    let lab = Lab::with(unsampled, SocketOptions::default(), Knobs::default());
    let rto = lab.connection.current_rto(&lab.knobs);
    assert!((3000..=3004).contains(&rto.as_millis()));
    let rto = Lab::new().connection.current_rto(&Knobs::default());
    assert_eq!(rto, Duration::from_micros(200_300));
}

/// RFC 1122 section 4.2.3.5, R1: who watches hears of it once in a row of timeouts.
#[test]
fn the_way_is_doubted_after_tcp_retries1_timeouts() {
    for tcp_retries1 in [1, 3] {
        let knobs = Knobs { tcp_retries1, tcp_retries2: 5, ..Knobs::default() };
        let mut lab = Lab::with(seed(), SocketOptions::default(), knobs);
        lab.send(10);
        lab.run_to(100_000);
        let told = std::iter::from_fn(|| lab.out.poll_event());
        let doubts: Vec<_> =
            told.filter(|event| matches!(event.kind, EventKind::PathDoubted { .. })).collect();
        assert_eq!(doubts.len(), 1);
        assert_eq!(doubts[0].kind, EventKind::PathDoubted { timeouts: tcp_retries1 });
    }
}
