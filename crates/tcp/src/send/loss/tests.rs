use super::super::recovery::tests::Bench;
use super::*;

#[test]
fn a_timeout_loses_all_and_sends_the_first_alone() {
    let mut bench = Bench::new(true, 10, 0);
    bench.wait(300).time_out();
    assert_eq!(bench.recovery.state(), RecoveryState::Loss);
    assert_eq!((bench.marks(), bench.congestion.cwnd(), bench.congestion.ssthresh()), ([0, 10, 0], 1, 5));
    assert_eq!(bench.flush(), [(0, 1)]);
    bench.wait(100).ack(1, &[]);
    assert_eq!(bench.flush(), [(1, 2)], "slow start");
    assert_eq!(bench.count(Counter::SlowStartRetrans), 2, "the first is the timeout's");
}

#[test]
fn what_was_just_sent_is_not_lost_yet() {
    let mut bench = Bench::new(true, 4, 0);
    bench.ack(0, &[(2, 3)]);
    bench.wait(250).send(2);
    bench.wait(20).time_out();
    assert_eq!(bench.marks(), [1, 3, 0], "the two of 20 ms ago may still come");
    assert_eq!(bench.congestion.cwnd(), 3, "those two, and the first");
}

#[test]
fn new_octets_tell_that_a_timeout_was_spurious() {
    let mut bench = Bench::new(true, 3, 4);
    bench.wait(300).time_out();
    assert_eq!(bench.flush(), [(0, 1)]);
    bench.wait(10).ack(1, &[]);
    assert_eq!(bench.flush(), [(3, 1), (4, 1)], "new ones, and none of the lost");
    bench.wait(10).ack(2, &[]);
    assert_eq!((bench.recovery.state(), bench.marks()), (RecoveryState::Open, [0; 3]));
    assert_eq!((bench.count(Counter::LossUndo), bench.count(Counter::SpuriousRtos)), (1, 1));
    assert!(bench.congestion.cwnd() >= 10, "as before");
}

#[test]
fn without_f_rto_or_without_new_octets_the_lost_ones_go() {
    let mut bench = Bench::new(true, 3, 4);
    bench.knobs.tcp_frto = 0;
    bench.wait(300).time_out();
    bench.flush();
    bench.wait(10).ack(1, &[]);
    assert_eq!(bench.flush(), [(1, 2)], "tcp_frto 0");
    let mut bench = Bench::new(true, 3, 0);
    bench.wait(300).time_out();
    bench.flush();
    bench.wait(10).ack(1, &[]);
    assert_eq!(bench.flush(), [(1, 2)], "nothing waits");
}

#[test]
fn an_answer_to_the_new_octets_alone_confirms_the_loss() {
    let mut bench = Bench::new(true, 3, 2);
    bench.wait(300).time_out();
    bench.flush();
    bench.wait(100).ack(1, &[]);
    assert_eq!(bench.flush(), [(3, 1), (4, 1)]);
    bench.wait(100).ack(1, &[(3, 4)]);
    assert_eq!(bench.recovery.state(), RecoveryState::Loss);
    assert_eq!(bench.flush(), [(1, 1)], "as slow start lets them");
}

#[test]
fn an_older_echo_undoes_a_timeout() {
    let mut bench = Bench::new(true, 3, 0);
    let first = bench.clock() - 100;
    bench.wait(300).time_out();
    bench.flush();
    bench.wait(10).echoing(first).ack(1, &[]);
    assert_eq!((bench.recovery.state(), bench.count(Counter::LossUndo)), (RecoveryState::Open, 1));
    assert_eq!((bench.congestion.cwnd(), bench.marks()), (10, [0; 3]));
}

#[test]
fn a_peer_that_forgot_what_it_sacked_is_sent_all_again() {
    let mut bench = Bench::new(true, 4, 0);
    bench.ack(0, &[(1, 3)]);
    let decision = bench.ack(1, &[]);
    assert_eq!(decision.timer, super::super::TimerChange::Retransmit(Duration::from_millis(50)));
    bench.wait(50).time_out();
    assert_eq!((bench.count(Counter::SackReneging), bench.marks()), (1, [0, 3, 0]));
}

#[test]
fn a_smaller_path_loses_what_is_too_large_and_keeps_the_window() {
    let mut bench = Bench::new(true, 4, 0);
    let (recovery, means) = bench.means();
    recovery.on_path_shrunk(Seq(4000), 1000, means.congestion, means.out);
    assert_eq!(bench.recovery.state(), RecoveryState::Open, "they fit");
    let (recovery, means) = bench.means();
    recovery.on_path_shrunk(Seq(4000), 500, means.congestion, means.out);
    assert_eq!((bench.recovery.state(), bench.marks()), (RecoveryState::Loss, [0, 4, 0]));
    assert_eq!(bench.congestion.cwnd(), 10);
    let resend = bench.recovery.next_retransmit(bench.nxt, 500, 64, &bench.congestion).unwrap();
    let now = bench.now;
    bench.recovery.on_retransmitted(resend, 500, now, 0, &mut bench.out);
    assert_eq!((resend.len, bench.marks()), (4000, [0, 8, 8]), "twice as many, all of them again");
}
