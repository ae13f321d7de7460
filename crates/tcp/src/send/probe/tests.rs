use super::*;
use crate::send::recovery::tests::{MSS, Sender};
use lastack_wire::tcp::SackBlock;

fn probe_delay(sender: &Sender) -> Option<u128> {
    let delay = sender.recovery.probe_delay(sender.una, sender.nxt, sender.sack, &sender.rtt, &sender.knobs);
    delay.map(|delay| delay.as_millis())
}

#[test]
fn probes_are_due_as_measured() {
    let mut sender = Sender::new(true);
    assert_eq!(probe_delay(&sender), None, "nothing is in flight");
    sender.send(1);
    assert_eq!(probe_delay(&sender), Some(210), "T03, T18: one segment; RTO caps 220");
    sender.send(1);
    assert_eq!(probe_delay(&sender), Some(22), "T12b: two round trips and two ticks");
    sender.knobs.tcp_early_retrans = 0;
    assert_eq!(probe_delay(&sender), None);
    sender.knobs.tcp_early_retrans = 3;
    sender.sack = false;
    assert_eq!(probe_delay(&sender), None);
}

#[test]
fn a_probe_is_sent_once_and_is_no_recovery() {
    let mut sender = Sender::new(true);
    sender.send(2);
    let probe = sender.recovery.probe(sender.una, sender.nxt, false);
    assert_eq!(probe, Probe::Retransmit { seq: sender.una + MSS, len: MSS });
    sender.recovery.on_probe_sent(probe, sender.nxt, &mut sender.out);
    assert_eq!(probe_delay(&sender), None);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
    sender.timeout();
    assert_eq!(
        sender.count(Counter::LostRetransmit),
        0,
        "T03: a probe is not a retransmission that was lost"
    );
    assert_eq!(sender.recovery.probe(sender.una, sender.nxt, true), Probe::NewData);
}

#[test]
fn a_probe_that_repaired_a_loss_costs_half_of_the_window() {
    let mut sender = Sender::new(true);
    sender.send(1);
    let probe = sender.recovery.probe(sender.una, sender.nxt, false);
    sender.recovery.on_probe_sent(probe, sender.nxt, &mut sender.out);
    let _ = sender.ack(1, &[]);
    sender.send(1);
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.congestion.cwnd(), 5);
    assert_eq!(sender.count(Counter::LossProbeRecovery), 1);
}

#[test]
fn a_probe_that_arrived_twice_costs_nothing() {
    let mut sender = Sender::new(true);
    sender.send(1);
    let (una, end) = (sender.una, sender.nxt);
    let probe = sender.recovery.probe(una, end, false);
    sender.recovery.on_probe_sent(probe, end, &mut sender.out);
    let _ = sender.ack(1, &[]);
    sender.send(1);
    // A D-SACK of the probe, as the peer sends it for a duplicate.
    let facts = AckFacts {
        now: sender.now,
        una: end,
        nxt: sender.nxt,
        ack: end,
        mss: MSS,
        duplicate: true,
        ece: false,
        sack: true,
        blocks: &[SackBlock { left: una, right: end }],
        pacing_rate: u64::MAX,
        timestamps: None,
    };
    let _ = sender.recovery.on_ack(
        &facts,
        &mut sender.congestion,
        &mut sender.rtt,
        &sender.knobs,
        &mut sender.out,
    );
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.congestion.cwnd(), 10);
}
