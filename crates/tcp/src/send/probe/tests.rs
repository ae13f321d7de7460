use super::super::recovery::tests::{Bench, MSS};
use super::*;

fn delay(bench: &Bench) -> Option<u128> {
    let delay = bench.recovery.probe_delay(bench.sack, &bench.rtt, &bench.knobs);
    delay.map(|delay| delay.as_millis())
}

/// Sends the probe that is due; what it was.
fn send(bench: &mut Bench) -> Option<Probe> {
    let probe = bench.recovery.probe(bench.waiting > 0)?;
    if probe == Probe::NewData {
        bench.waiting -= 1;
        bench.send(1);
    }
    let (nxt, now) = (bench.nxt, bench.now);
    bench.recovery.on_probe_sent(probe, nxt, MSS as u16, now, &mut bench.out);
    Some(probe)
}

#[test]
fn a_probe_is_due_after_two_round_trips_when_nothing_is_wrong() {
    let mut bench = Bench::new(true, 4, 0);
    assert_eq!(delay(&bench), Some(202));
    bench.ack(3, &[]);
    assert_eq!(delay(&bench), Some(400), "a lone segment may be acknowledged late");
    bench.knobs.tcp_early_retrans = 0;
    assert_eq!(delay(&bench), None);
    bench.knobs.tcp_early_retrans = 4;
    assert!(delay(&bench).is_some());
    bench.sack = false;
    assert_eq!(delay(&bench), None);
    let mut bench = Bench::new(true, 4, 0);
    bench.ack(0, &[(2, 3)]);
    assert_eq!(delay(&bench), None, "in disorder another timer runs");
}

#[test]
fn it_sends_what_waits_or_the_last_segment_and_one_at_a_time() {
    let mut bench = Bench::new(true, 4, 0);
    let last = Resend { seq: Seq(3000), len: MSS, unit: MSS };
    assert_eq!(send(&mut bench), Some(Probe::Retransmit(last)));
    assert_eq!((bench.recovery.probe(false), bench.marks()), (None, [0; 3]), "and it is not counted as lost");
    let mut bench = Bench::new(true, 4, 1);
    assert_eq!(send(&mut bench), Some(Probe::NewData));
    bench.ack(5, &[]);
    assert!(bench.recovery.probe.is_idle());
    assert_eq!(bench.count(Counter::LossProbeRecovery), 0);
}

#[test]
fn a_repaired_tail_costs_what_a_loss_costs() {
    let mut bench = Bench::new(true, 4, 1);
    bench.wait(100);
    bench.waiting = 0;
    send(&mut bench);
    bench.waiting = 1;
    bench.send(1);
    bench.wait(100).ack(5, &[]);
    assert_eq!((bench.count(Counter::LossProbeRecovery), bench.congestion.cwnd()), (1, 5));
    assert_eq!(bench.recovery.state(), RecoveryState::Open);
}

#[test]
fn a_tail_that_came_twice_was_not_lost() {
    for d_sack in [true, false] {
        let mut bench = Bench::new(true, 4, 0);
        send(&mut bench);
        bench.ack(4, &[]);
        assert!(!bench.recovery.probe.is_idle(), "which copy?");
        if d_sack {
            bench.ack(4, &[(3, 4)]);
        } else {
            bench.ack(4, &[]);
        }
        assert!(bench.recovery.probe.is_idle());
        assert_eq!((bench.count(Counter::LossProbeRecovery), bench.congestion.cwnd()), (0, 10));
    }
}
