//! The sender's parts against a receiver's parts over a link that loses, reorders and duplicates: everything arrives,
//! the counts are what the marks say, and the congestion window is obeyed.

use super::recovery::RecoveryState;
use super::*;
use crate::clock::tick;
use crate::congestion::{Congestion, CongestionControl};
use crate::receive::{Reassembly, Reports};
use crate::{Instant, Knobs, Output};
use bytes::Bytes;
use lastack_wire::Seq;
use lastack_wire::tcp::SackBlock;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const MSS: u32 = 100;
const ONE_WAY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Timer {
    Timeout,
    Probe,
    Reordering,
}

struct World {
    now: Instant,
    recovery: Recovery,
    congestion: Congestion,
    rtt: RttEstimator,
    knobs: Knobs,
    out: Output,
    una: Seq,
    nxt: Seq,
    end: Seq,
    sack: bool,
    timer: (Instant, Timer),
    timestamps: bool,
    timed_out: bool,
    ts_recent: u32,
    sent_again: u32,
    came_twice: u32,
    receive_nxt: Seq,
    reassembly: Reassembly,
    /// By arrival: data segments, and acknowledgments with their blocks.
    data: BTreeMap<(Instant, u64), (Seq, u32, u32)>,
    acks: BTreeMap<(Instant, u64), (Seq, Vec<SackBlock>, u32)>,
    serial: u64,
    /// What befalls each packet in turn, and once it is over again.
    fates: Vec<u8>,
}

impl World {
    fn new(start: Seq, octets: u32, [sack, timestamps]: [bool; 2], fates: Vec<u8>) -> World {
        let knobs = Knobs::default();
        let mut rtt = RttEstimator::new();
        rtt.sample(ONE_WAY * 2, start, start, &knobs);
        World {
            now: Instant::from_millis(1000),
            recovery: Recovery::new(start, 1),
            congestion: Congestion::new(CongestionControl::Cubic, false),
            rtt,
            knobs,
            out: Output::new(1, 0),
            una: start,
            nxt: start,
            end: start + octets,
            sack,
            timer: (Instant::NEVER, Timer::Timeout),
            timestamps,
            timed_out: false,
            ts_recent: 0,
            sent_again: 0,
            came_twice: 0,
            receive_nxt: start,
            reassembly: Reassembly::default(),
            data: BTreeMap::new(),
            acks: BTreeMap::new(),
            serial: 0,
            fates,
        }
    }

    /// Arrival times of the packet that is sent now: none when it is lost, two when it is doubled.
    fn fate(&mut self) -> Vec<(Instant, u64)> {
        self.serial += 2;
        let arrival = self.now + ONE_WAY;
        match self.fates[self.serial as usize / 2 % self.fates.len()] {
            0..3 => vec![],
            3 => vec![(arrival, self.serial), (arrival + ONE_WAY, self.serial + 1)],
            4..6 => vec![(arrival + ONE_WAY * 3, self.serial)],
            _ => vec![(arrival, self.serial)],
        }
    }

    fn transmit(&mut self, seq: Seq, len: u32) {
        assert!(len > 0 && len <= MSS, "{len} octets");
        let stamp = tick(self.now);
        for key in self.fate() {
            self.data.insert(key, (seq, len, stamp));
        }
    }

    fn rto(&self) -> Duration {
        let doubled = self.rtt.base_rto(&self.knobs).saturating_mul(1 << self.rtt.backoff().min(12));
        doubled.min(Duration::from_secs(120))
    }

    fn restart_timer(&mut self) {
        let probe = self.recovery.probe_delay(self.sack, &self.rtt, &self.knobs);
        self.timer = match probe {
            _ if self.una == self.nxt => (Instant::NEVER, Timer::Timeout),
            Some(delay) if delay < self.rto() => (self.now + delay, Timer::Probe),
            _ => (self.now + self.rto(), Timer::Timeout),
        };
    }

    fn means(&mut self) -> (&mut Recovery, Means<'_>) {
        let World { recovery, congestion, rtt, knobs, out, .. } = self;
        (recovery, Means { congestion, rtt, knobs, out })
    }

    fn check(&self) {
        let flight = self.recovery.flight();
        let [segments, sacked, lost, again] = self.recovery.board.recounted();
        assert_eq!([flight.segments, flight.lost, flight.again], [segments, lost, again]);
        if self.sack {
            assert_eq!(flight.sacked, sacked);
        }
        assert!(flight.sacked + flight.lost <= flight.segments, "{flight:?}");
        assert_eq!(segments == 0, self.una == self.nxt);
        assert!(self.congestion.cwnd() >= 1);
    }

    fn send_all_that_may_go(&mut self) {
        self.check();
        loop {
            let prefers_new = self.recovery.prefers_new(self.nxt) && self.nxt != self.end;
            let resend = self.recovery.next_retransmit(self.nxt, MSS, 1, &self.congestion);
            if let Some(resend) = resend.filter(|_| !prefers_new || self.recovery.head_is_due()) {
                self.recovery.on_retransmitted(resend, MSS as u16, self.now, tick(self.now), &mut self.out);
                self.sent_again += 1;
                self.transmit(resend.seq, resend.len);
                self.check();
            } else if self.nxt == self.end || self.recovery.room(&self.congestion) == 0 {
                break;
            } else {
                self.send_new();
            }
        }
        if self.timer.0 == Instant::NEVER {
            self.restart_timer();
        }
    }

    fn send_new(&mut self) {
        let (seq, len) = (self.nxt, self.nxt.distance_to(self.end).min(MSS));
        self.nxt += len;
        let closes = self.serial.is_multiple_of(6);
        let sent = Sent { seq, end: self.nxt, mss: MSS as u16, fin: false, closes, record: false };
        self.recovery.on_sent(sent, self.now);
        let (flight, cwnd) = (self.recovery.in_flight(), self.congestion.cwnd());
        self.congestion.on_flight(self.una, self.nxt, flight, flight >= cwnd, self.now);
        self.transmit(seq, len);
    }

    fn on_timer(&mut self) {
        let (_, timer) = std::mem::replace(&mut self.timer, (Instant::NEVER, Timer::Timeout));
        let (now, una, nxt, sack) = (self.now, self.una, self.nxt, self.sack);
        match timer {
            Timer::Timeout => {
                let timeout =
                    Timeout { now, pacing_rate: u64::MAX, una, nxt, sack, repeated: self.timed_out };
                let (recovery, mut means) = self.means();
                recovery.on_timeout(timeout, &mut means);
                self.timed_out = true;
                self.rtt.back_off();
                self.timer = (self.now + self.rto(), Timer::Timeout);
            }
            Timer::Reordering => {
                let (recovery, mut means) = self.means();
                recovery.on_reordering_timeout(una, nxt, now, &mut means);
                self.timer = (self.now + self.rto(), Timer::Timeout);
            }
            Timer::Probe => {
                self.timer = (self.now + self.rto(), Timer::Timeout);
                let Some(probe) = self.recovery.probe(self.nxt != self.end) else { return };
                match probe {
                    Probe::NewData => self.send_new(),
                    Probe::Retransmit(resend) => {
                        self.sent_again += 1;
                        self.transmit(resend.seq, resend.len);
                    }
                }
                self.recovery.on_probe_sent(probe, self.nxt, MSS as u16, now, &mut self.out);
            }
        }
    }

    fn on_data(&mut self, seq: Seq, len: u32, stamp: u32) {
        let end = seq + len;
        if seq.le(self.receive_nxt) {
            self.ts_recent = self.ts_recent.max(stamp);
        }
        if end.le(self.receive_nxt) {
            self.reassembly.report_duplicate(SackBlock { left: seq, right: end }, &mut self.out);
        } else {
            let from = seq.max(self.receive_nxt);
            let octets = Bytes::from(vec![0; from.distance_to(end) as usize]);
            let pinned = octets.len();
            self.reassembly.insert(from, octets, pinned, 1 << 20, Reports(true), &mut self.out);
            while let Some((queue, _)) =
                self.reassembly.take_in_order(self.receive_nxt, Reports(true), &mut self.out)
            {
                self.receive_nxt += queue.len();
            }
        }
        let blocks = self.reassembly.sack_blocks(3).to_vec();
        for key in self.fate() {
            self.acks.insert(key, (self.receive_nxt, blocks.clone(), self.ts_recent));
        }
    }

    fn on_ack(&mut self, ack: Seq, blocks: &[SackBlock], echo: u32) {
        let facts = AckFacts {
            now: self.now,
            una: self.una,
            nxt: self.nxt,
            ack,
            mss: MSS,
            window_max: 1 << 20,
            brings_data: false,
            window_moved: false,
            ece: false,
            sack: self.sack,
            blocks: if self.sack { blocks } else { &[] },
            pacing_rate: u64::MAX,
            burst: 8,
            clock: tick(self.now),
            echo: self.timestamps.then_some(echo),
            may_send_new: self.nxt != self.end,
            path_probe_at: None,
            came_twice: self.came_twice,
            sent_again: self.sent_again,
        };
        let (old, idle) = (ack.lt(self.una), self.una == self.nxt);
        let (recovery, mut means) = self.means();
        let decision = match (old, idle) {
            (true, _) => recovery.on_old_ack(&facts, &mut means),
            (_, true) => recovery.on_idle_ack(&facts, &mut means),
            _ => recovery.on_ack(&facts, &mut means),
        };
        self.una = self.una.max(ack);
        self.came_twice += decision.came_twice;
        self.timed_out &= !decision.answered;
        match decision.timer {
            TimerChange::Keep => {}
            TimerChange::Restart => self.restart_timer(),
            TimerChange::Reordering(delay) => self.timer = (self.now + delay, Timer::Reordering),
            TimerChange::Retransmit(delay) => self.timer = (self.now + delay, Timer::Timeout),
        }
        if self.una == self.nxt {
            self.timer.0 = Instant::NEVER;
        }
    }

    /// Runs to the end; how many events it took.
    fn run(&mut self) -> u32 {
        for steps in 0..200_000 {
            self.send_all_that_may_go();
            if self.una == self.end {
                return steps;
            }
            let data = self.data.first_key_value().map_or(Instant::NEVER, |(&(at, _), _)| at);
            let ack = self.acks.first_key_value().map_or(Instant::NEVER, |(&(at, _), _)| at);
            let next = data.min(ack).min(self.timer.0);
            assert_ne!(next, Instant::NEVER, "nothing will ever happen again");
            self.now = next;
            if next == data {
                let (_, (seq, len, stamp)) = self.data.pop_first().unwrap();
                self.on_data(seq, len, stamp);
            } else if next == ack {
                let (_, (ack, blocks, echo)) = self.acks.pop_first().unwrap();
                self.on_ack(ack, &blocks, echo);
            } else {
                self.on_timer();
            }
        }
        panic!("it does not end");
    }
}

#[test]
fn a_clean_link_needs_no_retransmission() {
    let mut world = World::new(Seq(u32::MAX - 10_000), 100_000, [true, true], vec![9]);
    world.run();
    assert_eq!(world.serial / 2, 2000, "1000 segments and 1000 acknowledgments");
    assert_eq!(world.recovery.state, RecoveryState::Open);
    // A round trip is 20 ms: 10, 20, 40 ... 640 segments are seven of them.
    assert_eq!(world.now.since(Instant::from_millis(1000)), ONE_WAY * 2 * 7);
}

#[test]
fn sack_repairs_single_losses_without_a_timeout() {
    let mut fates = vec![9; 301];
    fates[100] = 0;
    let mut world = World::new(Seq(7), 100_000, [true, true], fates);
    world.run();
    assert!(world.out.counters.value(lastack_observe::Counter::SackRecovery) > 0);
    assert!(world.now.since(Instant::from_millis(1000)) < Duration::from_secs(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn everything_arrives_over_a_bad_link(
        start in prop_oneof![Just(1u32), Just(u32::MAX - 3000)],
        octets in 1u32..20_000,
        options in any::<[bool; 2]>(),
        fates in prop::collection::vec(0u8..40, 50..150),
    ) {
        prop_assume!(fates.iter().filter(|&&fate| fate >= 6).count() > fates.len() / 2);
        let mut world = World::new(Seq(start), octets, options, fates);
        world.run();
        prop_assert_eq!(world.receive_nxt, world.end);
        prop_assert!(world.congestion.cwnd() >= 1);
        prop_assert!(world.reassembly.is_empty());
    }
}
