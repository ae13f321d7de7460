use super::*;
use crate::CongestionControl;

pub(crate) const MSS: u32 = 1000;

/// A sender with its congestion window, seen at the level of segments of 1000 octets.
pub(crate) struct Sender {
    pub(crate) recovery: Recovery,
    pub(crate) congestion: Congestion,
    pub(crate) rtt: RttEstimator,
    pub(crate) knobs: Knobs,
    pub(crate) out: Output,
    pub(crate) una: Seq,
    pub(crate) nxt: Seq,
    pub(crate) now: Instant,
    pub(crate) sack: bool,
}

impl Sender {
    pub(crate) fn new(sack: bool) -> Sender {
        let start = Seq(u32::MAX - 4500);
        let mut rtt = RttEstimator::new();
        let knobs = Knobs::default();
        rtt.sample(Duration::from_millis(10), start, start, &knobs);
        Sender {
            recovery: Recovery::new(start),
            congestion: Congestion::new(CongestionControl::Reno, false),
            rtt,
            knobs,
            out: Output::new(4, 0),
            una: start,
            nxt: start,
            now: Instant::from_millis(1000),
            sack,
        }
    }

    pub(crate) fn send(&mut self, segments: u32) {
        for _ in 0..segments {
            self.recovery.on_sent(self.una, self.nxt, MSS, MSS, self.now);
            self.nxt += MSS;
            let flight = self.recovery.pipe(self.una, self.nxt, MSS) / MSS;
            self.congestion.on_flight(self.una, self.nxt, flight, false, self.now);
        }
    }

    pub(crate) fn ack(&mut self, segments: u32, blocks: &[(u32, u32)]) -> AckDecision {
        self.ack_with(segments, blocks, None)
    }

    /// `segments` acknowledged; `blocks` in segments after the new SEND.UNA.
    pub(crate) fn ack_with(
        &mut self,
        segments: u32,
        blocks: &[(u32, u32)],
        timestamps: Option<(u32, u32)>,
    ) -> AckDecision {
        let ack = self.una + segments * MSS;
        let blocks: Vec<_> =
            blocks.iter().map(|&(l, r)| SackBlock { left: ack + l * MSS, right: ack + r * MSS }).collect();
        let facts = AckFacts {
            now: self.now,
            una: self.una,
            nxt: self.nxt,
            ack,
            mss: MSS,
            duplicate: segments == 0 && self.una != self.nxt,
            ece: false,
            sack: self.sack,
            blocks: &blocks,
            pacing_rate: u64::MAX,
            timestamps,
        };
        let decision =
            self.recovery.on_ack(&facts, &mut self.congestion, &mut self.rtt, &self.knobs, &mut self.out);
        self.una = ack;
        decision
    }

    pub(crate) fn timeout(&mut self) {
        self.recovery.on_timeout(
            self.una,
            self.nxt,
            MSS,
            self.sack,
            &mut self.congestion,
            self.now,
            &mut self.out,
        );
        self.rtt.back_off();
    }

    /// Sends again all that may go; the numbers, in segments after SEND.UNA.
    pub(crate) fn retransmit(&mut self, tsval: Option<u32>) -> Vec<u32> {
        let mut sent = Vec::new();
        while let Some((seq, len)) = self.recovery.next_retransmit(self.una, self.nxt, MSS, &self.congestion)
        {
            sent.push(self.una.distance_to(seq) / MSS);
            self.recovery.on_retransmitted(seq, len, tsval, &mut self.out);
        }
        sent
    }

    pub(crate) fn allowance(&self) -> u32 {
        self.recovery.allowance(self.una, self.nxt, MSS, &self.congestion)
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.out.counters.value(counter)
    }
}

#[test]
fn three_duplicates_start_newreno_and_partial_acks_carry_it() {
    let mut sender = Sender::new(false);
    sender.send(10);
    assert_eq!(sender.allowance(), 0);
    let _ = sender.ack(0, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Disorder);
    assert_eq!(sender.allowance(), MSS, "limited transmit (RFC 3042)");
    let _ = sender.ack(0, &[]);
    let third = sender.ack(0, &[]);
    assert_eq!((third.retransmit, third.restart_timer), (true, true));
    assert_eq!((sender.congestion.cwnd(), sender.congestion.ssthresh()), (5, 5));
    assert_eq!(sender.retransmit(None), [0], "one segment, though the pipe is fuller than the window");
    for _ in 0..6 {
        assert!(!sender.ack(0, &[]).retransmit);
    }
    assert_eq!(sender.allowance(), 4 * MSS, "only what was sent again is in the network: new data flows");
    assert!(sender.ack(4, &[]).retransmit, "a partial acknowledgment");
    assert_eq!(sender.retransmit(None), [0]);
    let _ = sender.ack(6, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Open, "nothing is in flight any more");
    assert_eq!(sender.congestion.cwnd(), 5);
    assert_eq!(sender.count(Counter::RenoRecovery), 1);
    assert_eq!(sender.count(Counter::FastRetrans), 2);
}

#[test]
fn without_sack_the_recovery_ends_above_its_mark() {
    let mut sender = Sender::new(false);
    sender.send(10);
    for _ in 0..3 {
        let _ = sender.ack(0, &[]);
    }
    sender.retransmit(None);
    sender.send(2);
    let _ = sender.ack(10, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Recovery);
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
}

#[test]
fn sack_sends_each_hole_once() {
    let mut sender = Sender::new(true);
    sender.send(10);
    let _ = sender.ack(0, &[(1, 2)]);
    assert_eq!(sender.recovery.state, RecoveryState::Disorder);
    let _ = sender.ack(0, &[(1, 2), (3, 4)]);
    assert!(sender.ack(0, &[(5, 10), (3, 4), (1, 2)]).retransmit);
    assert_eq!(sender.count(Counter::SackRecovery), 1);
    assert_eq!(sender.retransmit(None), [0, 2, 4]);
    assert!(!sender.ack(2, &[(1, 2), (3, 8)]).retransmit, "both other holes are on their way");
    let _ = sender.ack(8, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
    assert_eq!(sender.congestion.cwnd(), 5);
}

#[test]
fn a_timeout_sends_all_again_in_slow_start() {
    let mut sender = Sender::new(false);
    sender.send(6);
    sender.timeout();
    assert_eq!(sender.recovery.state, RecoveryState::Loss);
    assert_eq!(sender.retransmit(None), [0]);
    sender.timeout();
    assert_eq!((sender.congestion.cwnd(), sender.congestion.ssthresh()), (1, 5), "halved once");
    assert_eq!(sender.count(Counter::LostRetransmit), 1);
    assert_eq!(sender.retransmit(None), [0]);
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.retransmit(None), [0, 1]);
    let _ = sender.ack(5, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
    assert_eq!(sender.count(Counter::SlowStartRetrans), 2);
    assert_eq!(sender.rtt.backoff(), 2, "Karn: no clean sample, the backoff stays");
}

#[test]
fn sacked_octets_are_not_sent_again_after_a_timeout() {
    let mut sender = Sender::new(true);
    sender.send(4);
    let _ = sender.ack(0, &[(1, 2)]);
    sender.timeout();
    let mut sent = sender.retransmit(None);
    let _ = sender.ack(2, &[]);
    sent.extend(sender.retransmit(None).iter().map(|n| n + 2));
    assert_eq!(sent, [0, 2, 3]);
}

#[test]
fn a_late_acknowledgment_of_the_first_transmission_undoes_the_timeout() {
    let mut sender = Sender::new(true);
    sender.send(10);
    sender.timeout();
    assert_eq!(sender.retransmit(Some(500)), [0]);
    let decision = sender.ack_with(1, &[], Some((510, 290)));
    assert!(!decision.retransmit);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
    assert!(sender.congestion.cwnd() >= 10);
    assert_eq!(sender.count(Counter::LossUndo), 1);
    assert_eq!(sender.rtt.backoff(), 0, "the echo is a clean sample (RTTM)");
}

#[test]
fn an_acknowledgment_of_the_second_transmission_undoes_nothing() {
    let mut sender = Sender::new(true);
    sender.send(10);
    sender.timeout();
    sender.retransmit(Some(500));
    assert!(sender.ack_with(1, &[], Some((510, 500))).retransmit);
    assert_eq!(sender.recovery.state, RecoveryState::Loss);
    assert_eq!(sender.count(Counter::LossUndo), 0);
}

#[test]
fn the_timed_segment_gives_the_round_trip() {
    let mut sender = Sender::new(false);
    sender.rtt = RttEstimator::new();
    sender.send(2);
    sender.now += Duration::from_micros(1500);
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.rtt.srtt(), Some(Duration::from_micros(1500)));
    let before = sender.rtt;
    let _ = sender.ack(1, &[]);
    assert_eq!(sender.rtt, before, "the second segment was not timed");
}

#[test]
fn a_retransmission_that_is_lost_again_is_found_by_what_was_sent_after_it() {
    let mut sender = Sender::new(true);
    sender.send(10);
    for right in 2..11 {
        let _ = sender.ack(0, &[(1, right)]);
    }
    assert_eq!(sender.retransmit(None), [0]);
    sender.send(3);
    assert!(!sender.ack(0, &[(1, 12)]).retransmit);
    assert!(sender.ack(0, &[(1, 13)]).retransmit, "three segments overtook it");
    assert_eq!(sender.retransmit(None), [0]);
    assert_eq!(sender.count(Counter::LostRetransmit), 1);
    assert!(!sender.ack(0, &[(1, 13)]).retransmit);
    let _ = sender.ack(13, &[]);
    assert_eq!(sender.recovery.state, RecoveryState::Open);
}

#[test]
fn the_work_in_flight_is_small() {
    assert!(size_of::<Recovery>() <= 160, "{}", size_of::<Recovery>());
}
