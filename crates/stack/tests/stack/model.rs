//! The stack against a reference model of RFC 9293's state machine: any segments and calls, the state and the kind of answer
//! after each, and the numbers of every answer. And what must hold whatever comes: every state can be left, every flow has a
//! timer or a reason to have none, a reset draws no reset, two stacks fall silent.

mod reference;

use crate::raw::{PEER, Raw, syn};
use crate::world::{World, address, config, ip};
use bytes::Bytes;
use lastack_stack::observe::{SocketRow, State, TimerKind};
use lastack_stack::wire::packet::{self, BuildOptions};
use lastack_stack::wire::tcp::{self, Flags, Header};
use lastack_stack::wire::{Payload, Seq};
use lastack_stack::{Shutdown, Socket};
use lastack_tcp::state::TABLES;
use proptest::prelude::*;
use reference::{Call, Expect, Model, Segment};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const PORT: u16 = 80;
const PEER_PORT: u16 = 4000;
/// The peer's initial number: near the end, so that it wraps.
const IRS: u32 = 0xffff_fff0;

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrives(Segment),
    Calls(Call),
}

fn event() -> impl Strategy<Value = Event> {
    use Segment::*;
    let segment = prop_oneof![
        3 => Just(Ack),
        2 => Just(Fin),
        2 => (1u16..500).prop_map(Data),
        1 => Just(FinCrossing),
        6 => prop::sample::select(vec![
            Syn, AckOld, Rst, RstInWindow, RstOutside, SynInWindow, Duplicate, BeyondWindow, AckFuture,
        ]),
    ];
    let call = prop_oneof![
        (1u16..500).prop_map(Call::Write),
        Just(Call::Read),
        Just(Call::Shutdown),
        Just(Call::Close),
        Just(Call::Abort),
    ];
    prop_oneof![3 => segment.prop_map(Event::Arrives), 2 => call.prop_map(Event::Calls)]
}

struct Bench {
    raw: Raw,
    listener: Socket,
    stream: Option<Socket>,
    model: Model,
    /// Our initial number, once a SYN-ACK told it.
    iss: u32,
}

impl Bench {
    fn new() -> Bench {
        let mut raw = Raw::new();
        let mut knobs = raw.world.stack(0).knobs().clone();
        // The model has no clock, so no rate of answers either.
        knobs.tcp_invalid_ratelimit = 0;
        raw.world.stack(0).set_knobs(knobs);
        let listener = raw.world.listener(0, PORT, 5);
        listener.set_options(|options| options.nodelay = true);
        Bench { raw, listener, stream: None, model: Model::new(), iss: 0 }
    }

    fn header(&self, segment: Segment) -> Header {
        let (next, all) = (self.model.received, self.iss.wrapping_add(self.model.sent));
        let seq = |by: i32| Seq(IRS.wrapping_add(next).wrapping_add_signed(by));
        let ack = Flags::ACK;
        let plain = Header { seq: seq(0), ack: Seq(all), flags: ack, window: 65_535, ..Header::default() };
        let una = Seq(self.iss.wrapping_add(self.model.acked));
        match segment {
            Segment::Syn => syn(IRS),
            Segment::SynInWindow => syn(seq(1).0),
            Segment::Ack => plain,
            Segment::AckOld => Header { ack: una, ..plain },
            Segment::Data(_) => Header { flags: ack.with(Flags::PSH), ..plain },
            Segment::Fin => Header { flags: ack.with(Flags::FIN), ..plain },
            Segment::FinCrossing => Header { flags: ack.with(Flags::FIN), ack: una, ..plain },
            Segment::Rst => Header { flags: Flags::RST, ..plain },
            Segment::RstInWindow => Header { flags: Flags::RST, seq: seq(10), ..plain },
            Segment::RstOutside => Header { flags: Flags::RST, seq: seq(-70_000), ..plain },
            Segment::Duplicate => Header { seq: seq(-5), ..plain },
            Segment::BeyondWindow => Header { seq: seq(100_000), ..plain },
            Segment::AckFuture => Header { ack: Seq(all.wrapping_add(1000)), ..plain },
        }
    }

    fn send(&mut self, segment: Segment) {
        const OCTETS: [u8; 500] = [7; 500];
        let header = self.header(segment);
        let len = match segment {
            Segment::Data(octets) => usize::from(octets),
            _ => 0,
        };
        let payload = Payload::from(Bytes::from_static(&OCTETS[..len]));
        let from = SocketAddr::new(PEER, PEER_PORT);
        let built = packet::tcp(from, address(0, PORT), &header, payload, BuildOptions::default());
        self.raw.world.inject(0, built.to_frame());
    }

    fn call(&mut self, call: Call) {
        if self.stream.is_none() {
            self.stream = self.listener.try_accept().ok().map(|(socket, _)| socket);
        }
        let Some(stream) = &self.stream else { return };
        match call {
            // Errors are the business of other tests.
            Call::Write(octets) => drop(stream.try_write(vec![9; usize::from(octets)].into())),
            Call::Read => while stream.try_read(usize::MAX).is_ok_and(|chunk| !chunk.is_empty()) {},
            Call::Shutdown => drop(stream.shutdown(Shutdown::Write)),
            Call::Close => drop(self.stream.take()),
            Call::Abort => {
                stream.abort();
                self.stream = None;
            }
        }
    }

    fn row(&mut self) -> Option<SocketRow> {
        let peer = SocketAddr::new(PEER, PEER_PORT);
        self.raw.world.rows(0).into_iter().find(|row| row.flow.remote == peer)
    }

    /// One event for both. True when the model can go on from there.
    fn step(&mut self, event: Event) -> Result<bool, TestCaseError> {
        let before = self.model;
        let expect = match event {
            Event::Arrives(segment) => {
                self.send(segment);
                self.model.arrives(segment)
            }
            Event::Calls(call) => {
                if self.stream.is_none() {
                    // Nobody has accepted it yet, or it is gone: a call would be about nothing.
                    self.stream = self.listener.try_accept().ok().map(|(socket, _)| socket);
                }
                if self.stream.is_none() || before.state.is_none() || before.orphan {
                    return Ok(true);
                }
                self.call(call);
                self.model.call(call)
            }
        };
        let replies: Vec<Header> = self.raw.segments().into_iter().map(|(_, header)| header).collect();
        if expect == Expect::Open {
            return Ok(false);
        }
        let told = format!("{event:?} in {before:?}: {replies:?}");
        if let Some(first) = replies.first().filter(|first| first.flags.syn()) {
            self.iss = first.seq.0;
        }
        prop_assert!(answers(expect, &replies), "{expect:?} expected, {told}");
        if matches!(event, Event::Arrives(Segment::Rst | Segment::RstInWindow | Segment::RstOutside)) {
            prop_assert!(!replies.iter().any(|reply| reply.flags.rst()), "a reset for a reset: {told}");
        }
        if self.model.state.is_none() {
            // What ended is of no use to the next connection, accepted or not.
            self.stream = None;
            while self.listener.try_accept().is_ok() {}
        }
        let row = self.row();
        prop_assert_eq!(row.as_ref().map(|row| row.state), self.model.state, "{}", told);
        self.check_numbers(&replies, &told)?;
        if let Some(row) = row {
            let waits_for_nothing = matches!(row.state, State::Established | State::CloseWait)
                || (row.state == State::FinWait2 && !row.orphan);
            prop_assert!(row.timer != TimerKind::Off || waits_for_nothing, "no timer: {row:?}");
        }
        Ok(true)
    }

    /// Every answer of a connection names numbers that both sides know.
    fn check_numbers(&self, replies: &[Header], told: &str) -> Result<(), TestCaseError> {
        let Model { state: Some(_), sent, acked, received, .. } = self.model else { return Ok(()) };
        for reply in replies.iter().filter(|reply| !reply.flags.rst()) {
            let number = reply.seq.0.wrapping_sub(self.iss);
            prop_assert!(number <= sent && number >= acked.min(number), "seq {number}: {told}");
            prop_assert_eq!(reply.ack.0, IRS.wrapping_add(received), "ack: {}", told);
        }
        Ok(())
    }
}

fn answers(expect: Expect, replies: &[Header]) -> bool {
    let reset = |reply: &Header| reply.flags.rst();
    match expect {
        Expect::Nothing => replies.is_empty(),
        Expect::Ack => matches!(replies, [one] if one.flags == Flags::ACK),
        Expect::Reset => replies.len() == 1 && replies.iter().all(reset),
        Expect::SynAck => matches!(replies, [one] if one.flags == Flags::SYN.with(Flags::ACK)),
        Expect::Fin => replies.iter().any(|reply| reply.flags.fin()) && !replies.iter().any(reset),
        Expect::Quiet => !replies.iter().any(reset),
        Expect::Open => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_stack_does_what_the_reference_does(events in prop::collection::vec(event(), 1..24)) {
        let mut bench = Bench::new();
        for event in events {
            if !bench.step(event)? {
                break;
            }
        }
    }

    #[test]
    fn after_a_handshake_too(start in 0usize..5, events in prop::collection::vec(event(), 1..12)) {
        let mut bench = Bench::new();
        let ways = [
            vec![],
            vec![Event::Calls(Call::Shutdown)],
            vec![Event::Arrives(Segment::Fin)],
            vec![Event::Calls(Call::Shutdown), Event::Arrives(Segment::FinCrossing)],
            vec![Event::Calls(Call::Close), Event::Arrives(Segment::Ack)],
        ];
        let opening = [Event::Arrives(Segment::Syn), Event::Arrives(Segment::Ack)];
        for event in opening.into_iter().chain(ways[start].clone()).chain(events) {
            if !bench.step(event)? {
                break;
            }
        }
    }

    #[test]
    fn two_stacks_fall_silent_whatever_they_were_fed(
        segments in prop::collection::vec((any::<bool>(), any::<u8>(), -3i32..4, -3i32..4, 0usize..40), 10),
        close in any::<[bool; 2]>(),
    ) {
        silence(&segments, close)?;
    }
}

/// To which of the two, flags, how far beside the true numbers, octets.
type Odd = (bool, u8, i32, i32, usize);

/// Packets that two confused ends may still exchange: probes and retransmissions of one connection until it is given up.
const PACKETS_MAX: usize = 150;

fn silence(segments: &[Odd], close: [bool; 2]) -> Result<(), TestCaseError> {
    let mut world = World::with(vec![(config(0), 1), (config(1), 1)]);
    let seen: Rc<RefCell<Vec<Header>>> = Rc::default();
    let last: Rc<RefCell<[Header; 2]>> = Rc::default();
    let (log, tip) = (seen.clone(), last.clone());
    world.rule = Some(Box::new(move |from, packet| {
        let frame = packet.to_frame();
        if let Ok(parsed) = packet::parse(&frame.data)
            && let Ok((_, _, header, _)) = tcp::parse(&frame.data[parsed.payload])
        {
            tip.borrow_mut()[from] = header.clone();
            log.borrow_mut().push(header);
        }
        true
    }));
    let listener = world.listener(1, PORT, 5);
    let (client, server) = world.connected(&listener);
    let ends = [client.local_addr().expect("connected"), address(1, PORT)];
    for &(to_server, flags, seq, ack, len) in segments {
        // A stranger speaks for the one to the other, with numbers near the true ones.
        let (from, to) = if to_server { (0, 1) } else { (1, 0) };
        let true_one = last.borrow()[from].clone();
        let near = |number: Seq, by: i32| Seq(number.0.wrapping_add_signed(by * by * by * 1000 + by));
        let header = Header {
            seq: near(true_one.seq, seq),
            ack: near(true_one.ack, ack),
            flags: Flags(flags),
            window: true_one.window,
            options: true_one.options,
            ..Header::default()
        };
        let payload = Payload::from(Bytes::from(vec![1; len]));
        let built = packet::tcp(ends[from], ends[to], &header, payload, BuildOptions::default());
        world.inject(to, built.to_frame());
        world.run_ms(20);
    }
    let begun = seen.borrow().len();
    if close[0] {
        drop(client);
    }
    if close[1] {
        drop(server);
    }
    world.run(Duration::from_secs(20 * 60));
    let packets = seen.borrow().len() - begun;
    prop_assert!(
        packets <= PACKETS_MAX,
        "{packets} packets after {segments:?}, the last {:?}",
        seen.borrow().last()
    );
    let quiet = seen.borrow().len();
    world.run(Duration::from_secs(10 * 60));
    prop_assert_eq!(seen.borrow().len(), quiet, "they still talk: {:?}", seen.borrow().last());
    prop_assert_eq!(ip(0), ends[0].ip());
    Ok(())
}

#[test]
fn every_state_can_be_left_and_leads_to_the_end() {
    for table in TABLES {
        let states: BTreeSet<State> = table.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        let mut ends: BTreeSet<State> = BTreeSet::from([State::Closed]);
        // A state of another table's type is left there.
        let others = TABLES.iter().filter(|other| other.name != table.name);
        let elsewhere: BTreeSet<State> =
            others.flat_map(|other| other.edges.iter().map(|edge| edge.from)).collect();
        ends.extend(states.iter().filter(|state| elsewhere.contains(state)));
        loop {
            let more: Vec<State> = table
                .edges
                .iter()
                .filter(|edge| ends.contains(&edge.to) && !ends.contains(&edge.from))
                .map(|edge| edge.from)
                .collect();
            if more.is_empty() {
                break;
            }
            ends.extend(more);
        }
        assert_eq!(ends.intersection(&states).count(), states.len(), "{}: {states:?}", table.name);
    }
}
