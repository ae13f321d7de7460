//! Any segments, calls and times in any order: no panic, no endless work, no memory beyond the limits, and a timer
//! wherever something waits for an answer.

use super::lab::{Lab, START, seed};
use crate::knobs::{Linger, SocketOptions};
use crate::{Arrival, Knobs, Seq, TransmitLimits};
use bytes::Bytes;
use lastack_observe::{Cause, State};
use lastack_wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Segment {
        flags: u8,
        seq: i32,
        ack: i32,
        len: usize,
        window: u16,
        urgent: u16,
        stamp: i32,
        sack: Vec<(i32, i32)>,
    },
    Send(usize),
    SendUrgent,
    Read(usize),
    Wait(u64),
    ShutdownSend,
    ShutdownReceive,
    Close,
    TooBig {
        seq: i32,
        mss: u16,
    },
    Unreachable(i32),
    Options(u8),
    Abort,
}

/// Numbers mostly near the edges that matter.
fn near() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -3_i32..12, 4 => -2000_i32..20_000, 1 => any::<i32>()]
}

fn step() -> impl Strategy<Value = Step> {
    let sack = prop::collection::vec((near(), near()), 0..4);
    let len = prop_oneof![2 => Just(0_usize), 2 => 1_usize..10, 1 => 1000_usize..3000, 1 => Just(65_000)];
    let flags = prop_oneof![6 => Just(0x10_u8), 2 => Just(0x11_u8), 1 => Just(0x18_u8), 2 => any::<u8>()];
    let window = prop_oneof![Just(0_u16), Just(1_u16), any::<u16>()];
    let segment = (flags, near(), near(), len, window, any::<u16>(), -5_i32..1000, sack).prop_map(
        |(flags, seq, ack, len, window, urgent, stamp, sack)| Step::Segment {
            flags,
            seq,
            ack,
            len,
            window,
            urgent,
            stamp,
            sack,
        },
    );
    prop_oneof![
        12 => segment,
        4 => (1_usize..20_000).prop_map(Step::Send),
        1 => Just(Step::SendUrgent),
        3 => (0_usize..100_000).prop_map(Step::Read),
        4 => prop_oneof![0_u64..300, Just(5000), Just(500_000)].prop_map(Step::Wait),
        1 => Just(Step::ShutdownSend),
        1 => Just(Step::ShutdownReceive),
        1 => Just(Step::Close),
        1 => (near(), 48_u16..2000).prop_map(|(seq, mss)| Step::TooBig { seq, mss }),
        1 => near().prop_map(Step::Unreachable),
        1 => any::<u8>().prop_map(Step::Options),
        1 => Just(Step::Abort),
    ]
}

/// Numbers follow the connection, or nothing would ever be acceptable.
fn arrival(lab: &Lab, seq: i32, ack: i32) -> (Seq, Seq) {
    let connection = &lab.connection;
    (
        Seq(connection.receive.nxt.0.wrapping_add_signed(seq)),
        Seq(connection.send.una.0.wrapping_add_signed(ack)),
    )
}

fn options(bits: u8) -> SocketOptions {
    SocketOptions {
        nodelay: bits & 1 != 0,
        cork: bits & 2 != 0,
        quickack: (bits & 4 != 0).then_some(bits & 8 != 0),
        keepalive: bits & 16 != 0,
        linger: if bits & 32 != 0 { Linger::Reset } else { Linger::Off },
        user_timeout: (bits & 64 != 0).then_some(Duration::from_secs(3)),
        rcvbuf: (bits & 128 != 0).then_some(5000),
        linger2: (bits & 3 == 3).then_some(-1),
        oobinline: bits & 9 == 9,
        ..SocketOptions::default()
    }
}

fn take(lab: &mut Lab, step: Step) {
    let (knobs, now) = (lab.knobs.clone(), lab.now);
    match step {
        Step::Segment { flags, seq, ack, len, window, urgent, stamp, sack } => {
            let (seq, ack) = arrival(lab, seq, ack);
            let blocks = sack.iter().map(|&(left, right)| SackBlock {
                left: Seq(lab.connection.send.una.0.wrapping_add_signed(left)),
                right: Seq(lab.connection.send.una.0.wrapping_add_signed(right)),
            });
            let value = (1000 + now.since(START).as_millis() as u32).wrapping_add_signed(stamp);
            let timestamps = (stamp != 0).then_some(Timestamps { value, echo: stamp as u32 });
            let options = Options { timestamps, sack: blocks.collect(), ..Options::default() };
            let header = Header { seq, ack, flags: Flags(flags), window, urgent, options };
            lab.arrive(Arrival {
                header,
                payload: Bytes::from(vec![1; len]),
                pinned: len + 100,
                packet: len as u32 + 52,
                piece: 0,
                ecn: crate::Codepoint::NotEct,
            });
        }
        Step::Send(octets) if lab.connection.send_queue() < 100_000 => lab.send(octets),
        Step::Send(_) => {}
        Step::SendUrgent => lab.connection.send_urgent(Bytes::from_static(b"!")),
        Step::Read(octets) => {
            while lab.connection.take_received().is_some() {}
            let _ = lab.connection.take_urgent();
            lab.connection.consumed(octets, &knobs, now, &mut lab.out);
        }
        Step::Wait(ms) => lab.run_to(now.since(START).as_millis() as u64 + ms),
        Step::ShutdownSend => lab.shutdown(),
        Step::ShutdownReceive => lab.connection.shutdown_receive(),
        Step::Close if !lab.connection.is_orphan() => lab.close(),
        Step::Close => {}
        Step::TooBig { seq, mss } => {
            lab.connection.handle_too_big(arrival(lab, 0, seq).1, mss, &mut lab.out);
        }
        Step::Unreachable(seq) => {
            let reason = lastack_observe::Unreachable::Host;
            lab.connection.handle_unreachable(arrival(lab, 0, seq).1, reason, &mut lab.out);
        }
        Step::Options(bits) => lab.connection.set_options(options(bits), &knobs, now, &mut lab.out),
        Step::Abort => {
            lab.ended = Some(lab.connection.abort(Cause::Abort, &knobs, now, &mut lab.out));
        }
    }
    if lab.ended.is_none() {
        lab.flush();
    }
}

fn check(lab: &Lab) {
    let connection = &lab.connection;
    assert!(connection.send.una.le(connection.send.nxt) && connection.send.nxt.le(connection.send.end));
    let waits = connection.send.una != connection.send.end;
    assert!(!waits || connection.deadline().is_some(), "no timer: {connection:?}");
    let lives = connection.outgoing.as_ref();
    assert!(!waits || lives.is_some(), "the send buffer lives while something is not acknowledged");
    assert!(waits || lives.is_none_or(|outgoing| !outgoing.recovery.is_fresh()), "or a loss is remembered");
    // A full segment may pass a small window, and out-of-order octets fill the rest.
    assert!(connection.receive_memory() < 131_072 * 2 + 70_000, "{}", connection.receive_memory());
    let segments = &lab.sent;
    assert!(segments.len() < 5000);
    for (_, segment) in segments {
        assert!(segment.payload.len() <= 1460 && segment.header.options.sack.len() <= 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_it(steps in prop::collection::vec(step(), 1..60), bits in any::<u8>(), sack in any::<bool>()) {
        let seed = crate::connection::Established { sack, timestamps: bits & 1 == 0, ..seed() };
        let mut lab = Lab::with(seed, options(bits & !32), Knobs::default());
        lab.limits = TransmitLimits { super_segment_max: 1460, behind_earlier: false };
        for step in steps {
            take(&mut lab, step);
            if lab.ended.is_some() {
                prop_assert!(matches!(lab.state(), State::Closed | State::TimeWait | State::FinWait2));
                break;
            }
            check(&lab);
            lab.times();
        }
    }
}
