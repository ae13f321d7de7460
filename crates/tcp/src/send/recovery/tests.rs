//! A sender's loss detector on the bench: segments of 1000 octets from number 0 on, a round trip of 100 ms.

use super::*;
use crate::congestion::CongestionControl;
use crate::send::loss::Timeout;
use std::collections::VecDeque;

pub(in crate::send) const MSS: u32 = 1000;

pub(in crate::send) struct Bench {
    pub(in crate::send) recovery: Recovery,
    pub(in crate::send) congestion: Congestion,
    pub(in crate::send) rtt: RttEstimator,
    pub(in crate::send) knobs: Knobs,
    pub(in crate::send) out: Output,
    pub(in crate::send) now: Instant,
    pub(in crate::send) una: Seq,
    pub(in crate::send) nxt: Seq,
    pub(in crate::send) sack: bool,
    pub(in crate::send) waiting: u32,
    sent_again: u32,
    came_twice: u32,
    timed_out: bool,
    echoes: VecDeque<u32>,
}

impl Bench {
    /// `flight` segments were just sent, and `waiting` more wait.
    pub(in crate::send) fn new(sack: bool, flight: u32, waiting: u32) -> Bench {
        let mut bench = Bench {
            recovery: Recovery::new(Seq(0), 1),
            congestion: Congestion::new(CongestionControl::Reno, false),
            rtt: RttEstimator::new(),
            knobs: Knobs::default(),
            out: Output::new(1, 0),
            now: Instant::from_millis(1000),
            una: Seq(0),
            nxt: Seq(0),
            sack,
            waiting,
            sent_again: 0,
            came_twice: 0,
            timed_out: false,
            echoes: VecDeque::new(),
        };
        bench.rtt.sample(Duration::from_millis(100), Seq(0), Seq(0), &bench.knobs);
        bench.send(flight);
        bench.now += Duration::from_millis(100);
        bench
    }

    pub(in crate::send) fn wait(&mut self, ms: u64) -> &mut Bench {
        self.now += Duration::from_millis(ms);
        self
    }

    pub(in crate::send) fn send(&mut self, segments: u32) {
        for _ in 0..segments {
            let sent = Sent {
                seq: self.nxt,
                end: self.nxt + MSS,
                mss: 1000,
                fin: false,
                closes: false,
                record: false,
            };
            self.nxt += MSS;
            self.recovery.on_sent(sent, self.now);
            let (flight, cwnd) = (self.recovery.in_flight(), self.congestion.cwnd());
            self.congestion.on_flight(self.una, self.nxt, flight, flight >= cwnd, self.now);
        }
    }

    pub(in crate::send) fn means(&mut self) -> (&mut Recovery, Means<'_>) {
        let Bench { recovery, congestion, rtt, knobs, out, .. } = self;
        (recovery, Means { congestion, rtt, knobs, out })
    }

    /// The next acknowledgment echoes this timestamp.
    pub(in crate::send) fn echoing(&mut self, stamp: u32) -> &mut Bench {
        self.echoes.push_back(stamp);
        self
    }

    /// An acknowledgment of `segments` in all, with blocks in segments.
    pub(in crate::send) fn ack(&mut self, segments: u32, blocks: &[(u32, u32)]) -> AckDecision {
        let octets = |&(left, right): &(u32, u32)| (left * MSS, right * MSS);
        self.ack_octets(segments * MSS, &blocks.iter().map(octets).collect::<Vec<_>>(), false)
    }

    pub(in crate::send) fn ack_octets(&mut self, ack: u32, blocks: &[(u32, u32)], ece: bool) -> AckDecision {
        let blocks: Vec<_> =
            blocks.iter().map(|&(left, right)| SackBlock { left: Seq(left), right: Seq(right) }).collect();
        let facts = AckFacts {
            now: self.now,
            una: self.una,
            nxt: self.nxt,
            ack: Seq(ack),
            mss: MSS,
            window_max: 60_000,
            brings_data: false,
            window_moved: Seq(ack).gt(self.una),
            ece,
            sack: self.sack,
            blocks: &blocks,
            pacing_rate: u64::MAX,
            burst: 64,
            clock: self.clock(),
            echo: self.echoes.pop_front(),
            may_send_new: self.waiting > 0,
            path_probe_at: None,
            came_twice: self.came_twice,
            sent_again: self.sent_again,
        };
        let (old, idle) = (Seq(ack).lt(self.una), self.una == self.nxt);
        let (recovery, mut means) = self.means();
        let decision = match (old, idle) {
            (true, _) => recovery.on_old_ack(&facts, &mut means),
            (_, true) => recovery.on_idle_ack(&facts, &mut means),
            _ => recovery.on_ack(&facts, &mut means),
        };
        self.una = self.una.max(Seq(ack));
        self.came_twice += decision.came_twice;
        self.timed_out &= !decision.answered;
        decision
    }

    pub(in crate::send) fn clock(&self) -> u32 {
        self.now.as_millis() as u32
    }

    pub(in crate::send) fn time_out(&mut self) {
        let timeout = Timeout {
            now: self.now,
            pacing_rate: u64::MAX,
            una: self.una,
            nxt: self.nxt,
            sack: self.sack,
            repeated: self.timed_out,
        };
        let (recovery, mut means) = self.means();
        recovery.on_timeout(timeout, &mut means);
        self.timed_out = true;
    }

    /// What leaves now, as pairs of first segment and number of segments: lost ones, then new ones.
    pub(in crate::send) fn flush(&mut self) -> Vec<(u32, u32)> {
        let mut left = Vec::new();
        loop {
            let new = self.waiting > 0 && self.recovery.prefers_new(self.nxt) && !self.recovery.head_is_due();
            let resend = self.recovery.next_retransmit(self.nxt, MSS, 64, &self.congestion);
            if let Some(resend) = resend.filter(|_| !new) {
                let clock = self.clock();
                self.recovery.on_retransmitted(resend, MSS as u16, self.now, clock, &mut self.out);
                self.sent_again += resend.len / MSS;
                left.push((resend.seq.0 / MSS, resend.len / MSS));
            } else if self.waiting > 0 && self.recovery.room(&self.congestion) > 0 {
                left.push((self.nxt.0 / MSS, 1));
                self.waiting -= 1;
                self.send(1);
            } else {
                return left;
            }
        }
    }

    pub(in crate::send) fn reorder(&mut self) {
        let (una, nxt, now) = (self.una, self.nxt, self.now);
        let (recovery, mut means) = self.means();
        recovery.on_reordering_timeout(una, nxt, now, &mut means);
    }

    /// SACKed, lost, sent again.
    pub(in crate::send) fn marks(&self) -> [u32; 3] {
        let flight = self.recovery.flight();
        [flight.sacked, flight.lost, flight.again]
    }

    pub(in crate::send) fn count(&self, counter: Counter) -> u64 {
        self.out.counters.value(counter)
    }
}

#[test]
fn three_sacked_segments_begin_a_recovery_that_ends_at_the_threshold() {
    let mut bench = Bench::new(true, 10, 7);
    for sacked in 2..=3 {
        bench.ack(0, &[(1, sacked)]);
        assert_eq!(bench.recovery.state(), RecoveryState::Disorder);
        assert_eq!(bench.flush().len(), 1, "limited transmit: {sacked}");
    }
    let decision = bench.ack(0, &[(1, 4)]);
    assert_eq!((bench.recovery.state(), bench.marks()), (RecoveryState::Recovery, [3, 1, 0]));
    assert!(decision.slowed_down);
    assert_eq!(bench.flush(), [(0, 1)], "the hole, at once");
    assert_eq!((bench.congestion.ssthresh(), bench.count(Counter::SackRecovery)), (5, 1));
    bench.wait(100).ack(12, &[]);
    assert_eq!(bench.recovery.state(), RecoveryState::Open);
    assert_eq!(bench.congestion.cwnd(), 6, "the threshold, and growth by what this acknowledged");
    assert_eq!(bench.marks(), [0; 3]);
    assert_eq!((bench.count(Counter::FastRetrans), bench.count(Counter::FullUndo)), (1, 0));
}

#[test]
fn duplicates_do_the_same_where_there_is_no_sack() {
    let mut bench = Bench::new(false, 10, 0);
    for _ in 0..2 {
        bench.ack(0, &[]);
        assert!(bench.flush().is_empty());
    }
    bench.ack(0, &[]);
    assert_eq!((bench.recovery.state(), bench.flush()), (RecoveryState::Recovery, vec![(0, 1)]));
    bench.wait(100).ack(6, &[]);
    assert_eq!(bench.flush(), [(6, 1)], "a partial acknowledgment shows the next hole");
    bench.wait(100).ack(10, &[]);
    assert_eq!(bench.recovery.state(), RecoveryState::Recovery, "held until something above is acknowledged");
    bench.send(1);
    bench.wait(100).ack(11, &[]);
    assert_eq!((bench.recovery.state(), bench.count(Counter::RenoRecovery)), (RecoveryState::Open, 1));
}

#[test]
fn small_segments_that_are_sent_again_fill_one_up() {
    for collapses in [true, false] {
        let mut bench = Bench::new(true, 0, 0);
        bench.knobs.tcp_retrans_collapse = collapses;
        for _ in 0..4 {
            let sent = Sent {
                seq: bench.nxt,
                end: bench.nxt + 300,
                mss: 1000,
                fin: false,
                closes: true,
                record: false,
            };
            bench.nxt += 300;
            bench.recovery.on_sent(sent, bench.now);
        }
        bench.wait(400).time_out();
        let resend = bench.recovery.next_retransmit(bench.nxt, MSS, 64, &bench.congestion).unwrap();
        assert_eq!(resend.len, if collapses { 900 } else { 300 });
        let now = bench.now;
        bench.recovery.on_retransmitted(resend, 1000, now, 0, &mut bench.out);
        assert_eq!(bench.recovery.flight().segments, if collapses { 2 } else { 4 });
        assert_eq!(bench.count(Counter::RetransCollapse), if collapses { 2 } else { 0 });
    }
}
