//! Two connections over a link with delay, loss, duplication and reordering: every octet arrives, in order, once.

use super::lab::seed;
use crate::connection::{Connection, Established, Outcome, TransmitLimits};
use crate::knobs::SocketOptions;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq, TimeWait};
use bytes::Bytes;
use lastack_observe::{Counter, Flow, State};
use proptest::prelude::*;
use std::time::Duration;

/// A generator for what the link does; the test's seed decides everything.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// What the link does to a segment, in percent, and its delay.
#[derive(Clone, Copy, Debug)]
struct Link {
    loss: u64,
    duplicate: u64,
    reorder: u64,
    delay_ms: u64,
}

enum Life {
    Connection(Box<Connection>),
    TimeWait(TimeWait),
    Gone,
}

struct End {
    life: Life,
    out: Output,
    /// Octets still to be handed to send().
    to_send: Vec<u8>,
    received: Vec<u8>,
    close_when_done: bool,
    closed: bool,
    ended: Option<Outcome>,
}

struct World {
    now: Instant,
    knobs: Knobs,
    ends: [End; 2],
    /// When, to whom, what.
    wire: Vec<(Instant, usize, Segment)>,
    link: Link,
    chance: Chance,
    limits: TransmitLimits,
}

fn seeds(base: u32, timestamps: bool, sack: bool) -> [Established; 2] {
    let (a, b) = (Seq(base), Seq(base.wrapping_mul(31).wrapping_add(0x7fff_0000)));
    let make = |iss, irs| Established {
        iss,
        irs,
        timestamps,
        sack,
        ts_offset: base,
        ts_recent: 0,
        receive_window: if timestamps { 65_160 } else { 64_240 },
        window_scale: Some((10, 10)),
        ..seed()
    };
    [make(a, b), make(b, a)]
}

impl World {
    fn new(seeds: [Established; 2], link: Link, chance: u64) -> World {
        let knobs = Knobs::default();
        let now = Instant(5_000_000_000);
        let ends = seeds.map(|seed| End {
            life: Life::Connection(Box::new(Connection::new(seed, &SocketOptions::default(), &knobs, now))),
            out: Output::new(1024, 0),
            to_send: Vec::new(),
            received: Vec::new(),
            close_when_done: true,
            closed: false,
            ended: None,
        });
        let limits = TransmitLimits { super_segment_max: 1448, behind_earlier: false };
        World { now, knobs, ends, wire: Vec::new(), link, chance: Chance(chance), limits }
    }

    fn is_over(&self) -> bool {
        self.ends.iter().all(|end| !matches!(end.life, Life::Connection(_)))
    }

    fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        let mut steps = 0;
        while !self.is_over() {
            self.serve(0);
            self.serve(1);
            let Some(next) = self.next_event().filter(|&at| at <= end) else { break };
            self.now = self.now.max(next);
            self.fire();
            steps += 1;
            assert!(steps < 400_000, "the two never come to rest");
        }
    }

    fn next_event(&self) -> Option<Instant> {
        let wire = self.wire.iter().map(|(at, ..)| *at).min();
        let timers = self.ends.iter().filter_map(|end| match &end.life {
            Life::Connection(connection) => connection.deadline(),
            _ => None,
        });
        timers.chain(wire).min()
    }

    fn fire(&mut self) {
        for index in 0..2 {
            self.call(index, |connection, knobs, now, out| match connection.deadline() {
                Some(at) if at <= now => connection.handle_timeout(knobs, now, out),
                _ => Outcome::Continue,
            });
        }
        let now = self.now;
        let mut due: Vec<_> = self.wire.extract_if(.., |(at, ..)| *at <= now).collect();
        due.sort_by_key(|(at, ..)| *at);
        for (_, to, segment) in due {
            self.deliver(to, segment);
        }
    }

    fn deliver(&mut self, to: usize, segment: Segment) {
        let payload = segment.payload.to_bytes();
        let arrival = Arrival {
            header: segment.header,
            pinned: payload.len() + 66,
            packet: payload.len() as u32 + 52,
            piece: 0,
            payload,
            ecn: crate::Codepoint::NotEct,
        };
        if let Life::TimeWait(record) = &mut self.ends[to].life {
            self.ends[to].out.begin(self.now, Flow::NONE);
            let _ = record.handle_segment(&arrival, 0, &self.knobs, self.now, &mut self.ends[to].out);
        }
        self.call(to, |connection, knobs, now, out| connection.handle_segment(arrival, knobs, now, out));
        self.drain(to);
    }

    fn call(
        &mut self,
        index: usize,
        what: impl FnOnce(&mut Connection, &Knobs, Instant, &mut Output) -> Outcome,
    ) {
        let end = &mut self.ends[index];
        let Life::Connection(connection) = &mut end.life else { return };
        end.out.begin(self.now, Flow::NONE);
        let outcome = what(connection, &self.knobs, self.now, &mut end.out);
        if outcome != Outcome::Continue {
            end.take();
            end.ended = Some(outcome);
            end.life = match (outcome, std::mem::replace(&mut end.life, Life::Gone)) {
                (Outcome::TimeWait, Life::Connection(connection)) => {
                    Life::TimeWait(connection.into_time_wait())
                }
                _ => Life::Gone,
            };
        }
    }

    /// The application's and the device's turn.
    fn serve(&mut self, index: usize) {
        let knobs = self.knobs.clone();
        let end = &mut self.ends[index];
        end.take();
        if let Life::Connection(connection) = &mut end.life {
            let room = connection.send_limit(&knobs).saturating_sub(connection.send_queue());
            let piece: Vec<u8> = end.to_send.drain(..room.min(end.to_send.len())).collect();
            connection.send(Bytes::from(piece));
            let unread = connection.unread();
            end.out.begin(self.now, Flow::NONE);
            connection.consumed(unread, &knobs, self.now, &mut end.out);
            let finished = end.to_send.is_empty() && !connection.is_write_closed();
            if finished && end.close_when_done {
                connection.shutdown_send(&knobs, self.now, &mut end.out);
            }
            // An orphan gives up after tcp_orphan_retries: who wants every octet delivered waits for the last one.
            let both = connection.is_read_closed() && connection.is_write_closed();
            if both && connection.is_flushed() && !end.closed {
                end.closed = true;
                self.call(index, |connection, knobs, now, out| connection.close(knobs, now, out));
            }
        }
        loop {
            self.drain(index);
            let (limits, now) = (self.limits, self.now);
            let end = &mut self.ends[index];
            let Life::Connection(connection) = &mut end.life else { return };
            match connection.poll_transmit(limits, &knobs, now, &mut end.out) {
                Some(segment) => self.put_on_wire(index, segment),
                None => return,
            }
        }
    }

    fn drain(&mut self, index: usize) {
        while let Some((_, segment)) = self.ends[index].out.poll_reply() {
            self.put_on_wire(index, segment);
        }
    }

    fn put_on_wire(&mut self, from: usize, segment: Segment) {
        let copies = 1 + u64::from(self.chance.percent(self.link.duplicate));
        for _ in 0..copies {
            if self.chance.percent(self.link.loss) {
                continue;
            }
            let late = if self.chance.percent(self.link.reorder) { self.chance.next() % 30 } else { 0 };
            let at = self.now + Duration::from_millis(self.link.delay_ms + late);
            self.wire.push((at, 1 - from, segment.clone()));
        }
    }
}

impl End {
    fn take(&mut self) {
        if let Life::Connection(connection) = &mut self.life {
            while let Some(chunk) = connection.take_received() {
                self.received.extend_from_slice(&chunk);
            }
        }
    }
}

const CLEAN: Link = Link { loss: 0, duplicate: 0, reorder: 0, delay_ms: 10 };

fn pattern(octets: usize, salt: u8) -> Vec<u8> {
    (0..octets).map(|n| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0] ^ salt).collect()
}

fn exchange(seeds: [Established; 2], link: Link, chance: u64, octets: [usize; 2]) -> World {
    let mut world = World::new(seeds, link, chance);
    let data = [pattern(octets[0], 1), pattern(octets[1], 2)];
    world.ends[0].to_send = data[0].clone();
    world.ends[1].to_send = data[1].clone();
    world.run(Duration::from_secs(4000));
    for (index, sent) in data.iter().enumerate() {
        let got = &world.ends[1 - index].received;
        assert_eq!(
            got.len(),
            sent.len(),
            "octets from {index}; {:?}",
            world.ends.each_ref().map(|e| e.ended)
        );
        assert!(got == sent, "octets from {index} differ");
    }
    assert!(world.is_over());
    world
}

#[test]
fn a_clean_link_loses_nothing_and_repeats_nothing() {
    let world = exchange(seeds(1, true, true), CLEAN, 1, [300_000, 50_000]);
    for end in &world.ends {
        assert_eq!(end.out.counters.value(Counter::RetransSegs), 0);
        assert_eq!(end.out.counters.value(Counter::OutRsts), 0);
    }
    let states = world.ends.each_ref().map(|end| match &end.life {
        Life::TimeWait(record) => Some(record.state()),
        _ => None,
    });
    assert!(states.contains(&Some(State::TimeWait)), "{states:?}");
}

#[test]
fn sequence_numbers_wrap_in_the_middle_of_a_stream() {
    exchange(seeds(u32::MAX - 100_000, true, true), CLEAN, 2, [400_000, 0]);
    exchange(seeds((1 << 31) - 100_000, false, false), CLEAN, 3, [400_000, 0]);
}

#[test]
fn three_percent_loss_with_sack_repeats_little() {
    let link = Link { loss: 3, ..CLEAN };
    let world = exchange(seeds(9, true, true), link, 4, [1_000_000, 0]);
    let again = world.ends[0].out.counters.value(Counter::RetransSegs);
    assert!((10..=120).contains(&again), "{again} of about 700 segments were sent again");
}

#[test]
fn super_segments_carry_a_stream_too() {
    let mut world = World::new(seeds(5, true, true), CLEAN, 5);
    world.limits = TransmitLimits { super_segment_max: 65_535, behind_earlier: false };
    world.ends[0].to_send = pattern(500_000, 3);
    world.run(Duration::from_secs(100));
    assert!(world.ends[1].received == pattern(500_000, 3));
}

#[test]
fn the_same_seed_gives_the_same_life() {
    let link = Link { loss: 5, duplicate: 5, reorder: 10, delay_ms: 7 };
    let lives = [0, 1].map(|_| {
        let world = exchange(seeds(77, true, true), link, 42, [200_000, 100_000]);
        (world.now, world.ends.map(|end| end.out.counters))
    });
    assert_eq!(lives[0], lives[1]);
}

#[test]
fn a_reader_that_stops_stops_the_sender_and_no_octet_is_lost() {
    let mut world = World::new(seeds(3, true, true), CLEAN, 6);
    world.ends[0].to_send = pattern(600_000, 9);
    // The reader takes nothing for a minute: its window closes, and probes keep the flow alive.
    for _ in 0..600 {
        world.serve(0);
        let Some(next) = world.next_event() else { break };
        world.now = world.now.max(next);
        world.fire();
    }
    assert!(world.ends[0].out.counters.value(Counter::WinProbe) > 0);
    world.run(Duration::from_secs(600));
    assert!(world.ends[1].received == pattern(600_000, 9));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_link_delivers_every_octet_once(
        base in any::<u32>(),
        chance in any::<u64>(),
        loss in 0_u64..20,
        duplicate in 0_u64..20,
        reorder in 0_u64..40,
        delay_ms in 0_u64..120,
        timestamps in any::<bool>(),
        sack in any::<bool>(),
        ours in 0_usize..120_000,
        theirs in 0_usize..60_000,
    ) {
        let link = Link { loss, duplicate, reorder, delay_ms };
        exchange(seeds(base, timestamps, sack), link, chance, [ours, theirs]);
    }
}
