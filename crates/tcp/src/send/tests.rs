//! The sender's parts against a receiver's parts over a link that loses, reorders and duplicates: everything arrives,
//! nothing that was SACKed is sent again outside of a probe, and the congestion window is obeyed.

use super::recovery::RecoveryState;
use super::*;
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
    timer: Instant,
    receive_nxt: Seq,
    reassembly: Reassembly,
    /// By arrival: data segments, and acknowledgments with their blocks.
    data: BTreeMap<(Instant, u64), (Seq, u32)>,
    acks: BTreeMap<(Instant, u64), (Seq, Vec<SackBlock>)>,
    serial: u64,
    /// What befalls each packet in turn, and once it is over again.
    fates: Vec<u8>,
}

impl World {
    fn new(start: Seq, octets: u32, sack: bool, fates: Vec<u8>) -> World {
        let knobs = Knobs::default();
        let mut rtt = RttEstimator::new();
        rtt.sample(ONE_WAY * 2, start, start, &knobs);
        World {
            now: Instant::from_millis(1000),
            recovery: Recovery::new(start),
            congestion: Congestion::new(CongestionControl::Cubic, false),
            rtt,
            knobs,
            out: Output::new(1, 0),
            una: start,
            nxt: start,
            end: start + octets,
            sack,
            timer: Instant::NEVER,
            receive_nxt: start,
            reassembly: Reassembly::new(),
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
        for key in self.fate() {
            self.data.insert(key, (seq, len));
        }
    }

    fn restart_timer(&mut self) {
        let probe = self.recovery.probe_delay(self.una, self.nxt, self.sack, &self.rtt, &self.knobs);
        self.timer = if self.una == self.nxt {
            Instant::NEVER
        } else {
            self.now + probe.unwrap_or_else(|| self.rtt.rto(&self.knobs))
        };
    }

    fn send_all_that_may_go(&mut self) {
        while let Some((seq, len)) = self.recovery.next_retransmit(self.una, self.nxt, MSS, &self.congestion)
        {
            self.recovery.on_retransmitted(seq, len, None, &mut self.out);
            self.transmit(seq, len);
        }
        while self.nxt != self.end {
            if self.recovery.allowance(self.una, self.nxt, MSS, &self.congestion) == 0 {
                break;
            }
            self.send_new();
        }
        if self.timer == Instant::NEVER {
            self.restart_timer();
        }
    }

    fn send_new(&mut self) {
        let (seq, len) = (self.nxt, self.nxt.distance_to(self.end).min(MSS));
        self.recovery.on_sent(self.una, seq, len, MSS, self.now);
        self.nxt += len;
        let flight = self.recovery.pipe(self.una, self.nxt, MSS).div_ceil(MSS);
        let limited = flight >= self.congestion.cwnd();
        self.congestion.on_flight(self.una, self.nxt, flight, limited, self.now);
        self.transmit(seq, len);
    }

    fn on_timer(&mut self) {
        self.timer = Instant::NEVER;
        let probe_due = self
            .recovery
            .probe_delay(self.una, self.nxt, self.sack, &self.rtt, &self.knobs)
            .is_some_and(|delay| delay < self.rtt.rto(&self.knobs));
        if !probe_due {
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
            return;
        }
        let probe = self.recovery.probe(self.una, self.nxt, self.nxt != self.end);
        match probe {
            Probe::NewData => self.send_new(),
            Probe::Retransmit { seq, len } => self.transmit(seq, len),
        }
        self.recovery.on_probe_sent(probe, self.nxt, &mut self.out);
    }

    fn on_data(&mut self, seq: Seq, len: u32) {
        let end = seq + len;
        if end.le(self.receive_nxt) {
            self.reassembly.report_duplicate(SackBlock { left: seq, right: end }, &mut self.out);
        } else {
            let from = seq.max(self.receive_nxt);
            let octets = Bytes::from(vec![0; from.distance_to(end) as usize]);
            let pinned = octets.len();
            self.reassembly.insert(from, octets, pinned, 1 << 20, Reports(true), &mut self.out);
            while let Some(queue) =
                self.reassembly.take_in_order(self.receive_nxt, Reports(true), &mut self.out)
            {
                self.receive_nxt += queue.len();
            }
        }
        let blocks = self.reassembly.sack_blocks(3).to_vec();
        for key in self.fate() {
            self.acks.insert(key, (self.receive_nxt, blocks.clone()));
        }
    }

    fn on_ack(&mut self, ack: Seq, blocks: &[SackBlock]) {
        if ack.lt(self.una) {
            return;
        }
        let facts = AckFacts {
            now: self.now,
            una: self.una,
            nxt: self.nxt,
            ack,
            mss: MSS,
            duplicate: ack == self.una && self.una != self.nxt,
            ece: false,
            sack: self.sack,
            blocks: if self.sack { blocks } else { &[] },
            pacing_rate: u64::MAX,
            timestamps: None,
        };
        let decision =
            self.recovery.on_ack(&facts, &mut self.congestion, &mut self.rtt, &self.knobs, &mut self.out);
        self.una = ack;
        if decision.restart_timer {
            self.restart_timer();
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
            let next = data.min(ack).min(self.timer);
            assert_ne!(next, Instant::NEVER, "nothing will ever happen again");
            self.now = next;
            if next == data {
                let (_, (seq, len)) = self.data.pop_first().unwrap();
                self.on_data(seq, len);
            } else if next == ack {
                let (_, (ack, blocks)) = self.acks.pop_first().unwrap();
                self.on_ack(ack, &blocks);
            } else {
                self.on_timer();
            }
        }
        panic!("it does not end");
    }
}

#[test]
fn a_clean_link_needs_no_retransmission() {
    let mut world = World::new(Seq(u32::MAX - 10_000), 100_000, true, vec![9]);
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
    let mut world = World::new(Seq(7), 100_000, true, fates);
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
        sack in any::<bool>(),
        fates in prop::collection::vec(0u8..40, 50..150),
    ) {
        prop_assume!(fates.iter().filter(|&&fate| fate >= 6).count() > fates.len() / 2);
        let mut world = World::new(Seq(start), octets, sack, fates);
        world.run();
        prop_assert_eq!(world.receive_nxt, world.end);
        prop_assert!(world.congestion.cwnd() >= 1);
        prop_assert!(world.reassembly.is_empty());
    }
}
