//! A Fast Open server's connection before its third segment, and a client's whose SYN had data.

use crate::active_open::{ActiveOpen, ActiveVerdict, FastOpenAttempt};
use crate::connection::{Connection, Outcome, TransmitLimits};
use crate::half_open::HalfOpen;
use crate::knobs::SocketOptions;
use crate::{Arrival, Codepoint, Instant, Knobs, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::{Cause, Counter, Flow, State};
use lastack_wire::tcp::{FastOpen, Flags, Header, Options};
use std::time::Duration;

const NOW: Instant = Instant::from_millis(10_000);
const ISS: Seq = Seq(u32::MAX - 10);
const IRS: Seq = Seq(1000);
const LIMITS: TransmitLimits = TransmitLimits { super_segment_max: 0, behind_earlier: false };

fn output() -> Output {
    let mut out = Output::new(16, 16);
    out.begin(NOW, Flow::NONE);
    out
}

fn arrival(flags: Flags, seq: Seq, ack: Seq, len: usize) -> Arrival {
    let options = Options { mss: flags.syn().then_some(1460), ..Options::default() };
    let header = Header { seq, ack, flags, window: 65_535, options, ..Header::default() };
    Arrival {
        header,
        payload: Bytes::from(vec![b'x'; len]),
        pinned: len,
        packet: len as u32 + 40,
        piece: 0,
        ecn: Codepoint::NotEct,
    }
}

/// In SYN_RECV with 100 octets of the SYN.
fn begun(out: &mut Output) -> Connection {
    let (options, knobs) = (SocketOptions::default(), Knobs::default());
    let syn = arrival(Flags::SYN, IRS, Seq(0), 100);
    let record = HalfOpen::from_syn(&syn, ISS, 1460, &options, &knobs, NOW);
    record.report(out);
    record.open_fast(&syn, 0, &options, &knobs, NOW, out)
}

fn replies(out: &mut Output) -> String {
    let told = std::iter::from_fn(|| out.poll_reply()).map(|(_, segment)| told(&segment)).collect::<Vec<_>>();
    if told.is_empty() { "-".to_owned() } else { told.join(" ") }
}

/// Flags, number from our SYN, acknowledgment from the peer's.
fn told(segment: &Segment) -> String {
    let header = &segment.header;
    let seq = header.seq.since(ISS);
    let ack = if header.flags.ack() { format!(" ack {}", header.ack.since(IRS)) } else { String::new() };
    format!("{:?} {seq}{ack}", header.flags)
}

/// Each segment against such a socket of a Linux 6.18 (measured); numbers count from the two SYNs.
#[test]
fn every_segment_before_the_third() {
    let (ack, push) = (Flags::ACK, Flags::PSH.with(Flags::ACK));
    let table = [
        ("RST exact", Flags::RST, 101, 0, 0, "-", "CLOSE", 2),
        ("RST in the window", Flags::RST, 201, 0, 0, "ACK 1 ack 101", "SYN_RECV", 0),
        ("RST behind the SYN's data", Flags::RST, 1, 0, 0, "-", "SYN_RECV", 0),
        ("RST beyond the window", Flags::RST, 100_101, 0, 0, "-", "SYN_RECV", 0),
        ("SYN again", Flags::SYN, 0, 0, 0, "SYN|ACK 0 ack 101", "SYN_RECV", 0),
        ("SYN again with its data", Flags::SYN, 0, 0, 100, "SYN|ACK 0 ack 101", "SYN_RECV", 0),
        ("SYN in the window", Flags::SYN, 201, 0, 0, "RST|ACK - ack 202", "SYN_RECV", 1),
        ("SYN out of the window", Flags::SYN, -100, 0, 0, "ACK 1 ack 101", "SYN_RECV", 0),
        ("SYN|ACK with the SYN's number", Flags::SYN.with(ack), 0, 1, 0, "ACK 1 ack 101", "SYN_RECV", 0),
        ("ACK of nothing", ack, 101, 0, 0, "RST 0", "SYN_RECV", 0),
        ("ACK of old numbers", ack, 101, -5, 0, "RST -5", "SYN_RECV", 0),
        ("ACK of numbers to come", ack, 101, 1000, 0, "RST 1000", "SYN_RECV", 0),
        ("ACK exact", ack, 101, 1, 0, "-", "ESTABLISHED", 0),
        ("ACK with an old number", ack, 1, 1, 0, "ACK 1 ack 101", "SYN_RECV", 0),
        ("the SYN's data again", push, 1, 1, 100, "ACK 1 ack 101", "SYN_RECV", 0),
        ("old and new data", push, 1, 1, 150, "ACK 1 ack 151", "ESTABLISHED", 0),
        ("data out of order", push, 201, 1, 10, "ACK 1 ack 101", "ESTABLISHED", 0),
        ("FIN without ACK", Flags::FIN, 101, 0, 0, "-", "SYN_RECV", 0),
        ("data without ACK", Flags::default(), 101, 0, 5, "-", "SYN_RECV", 0),
    ];
    for (name, flags, seq, number, len, reply, state, failures) in table {
        let mut out = output();
        let mut connection = begun(&mut out);
        let offset = |from: Seq, by: i32| Seq(from.0.wrapping_add_signed(by));
        let acks = if flags.ack() { offset(ISS, number) } else { Seq(0) };
        let segment = arrival(flags, offset(IRS, seq), acks, len);
        let _ = connection.handle_segment(segment, &Knobs::default(), NOW, &mut out);
        let seen = replies(&mut out);
        // The RST that refuses a SYN has the number zero of the wire.
        let zero = format!("RST|ACK {}", Seq(0).since(ISS));
        assert_eq!(seen.replace(&zero, "RST|ACK -"), reply, "{name}");
        assert_eq!(connection.state().name(), state, "{name}");
        assert_eq!(out.counters.value(Counter::AttemptFails), failures, "{name}");
        assert_eq!(connection.is_unproven(), state == "SYN_RECV", "{name}");
    }
}

#[test]
fn answers_before_the_third_segment_are_limited() {
    let mut out = output();
    let mut connection = begun(&mut out);
    for _ in 0..3 {
        let again = arrival(Flags::SYN, IRS, Seq(0), 0);
        let _ = connection.handle_segment(again, &Knobs::default(), NOW, &mut out);
        let old = arrival(Flags::ACK, IRS + 1, ISS + 1, 0);
        let _ = connection.handle_segment(old, &Knobs::default(), NOW, &mut out);
    }
    assert_eq!(replies(&mut out), "SYN|ACK 0 ack 101");
    assert_eq!(out.counters.value(Counter::AckSkippedSynRecv), 5);
}

/// The SYN's octets are there at once, data may leave, and the round trip is the handshake's.
#[test]
fn a_connection_works_before_it_is_proved() {
    let (mut out, knobs) = (output(), Knobs::default());
    let mut connection = begun(&mut out);
    assert_eq!(connection.state(), State::SynRecv);
    assert_eq!(told(&connection.fast_open_answer(NOW).expect("a SYN-ACK")), "SYN|ACK 0 ack 101");
    assert_eq!(connection.take_received().map(|octets| octets.len()), Some(100));
    assert_eq!(connection.round_trip(), None);
    connection.send(Bytes::from_static(b"answer"));
    let sent = connection.poll_transmit(LIMITS, &knobs, NOW, &mut out).expect("data");
    assert_eq!((told(&sent).as_str(), sent.payload.len()), ("PSH|ACK 1 ack 101", 6));
    assert_eq!(connection.deadline(), Some(NOW + Duration::from_secs(1)), "the SYN-ACK's");
    let later = NOW + Duration::from_millis(30);
    let third = arrival(Flags::ACK, IRS + 101, ISS + 7, 0);
    assert_eq!(connection.handle_segment(third, &knobs, later, &mut out), Outcome::Continue);
    assert_eq!((connection.state(), connection.is_flushed()), (State::Established, true));
    assert_eq!(connection.round_trip(), Some(Duration::from_millis(30)));
    assert_eq!(connection.fast_open_answer(later).map(|_| ()), None);
    assert!(connection.took_syn_data());
    assert_eq!(out.counters.value(Counter::PassiveOpens), 1);
}

/// Linux: `tcp_synack_retries` and one more, then ETIMEDOUT; TCP_SYNCNT in its place.
#[test]
fn the_syn_ack_is_repeated_once_more_than_a_requests() {
    for (syncnt, times) in [(None, vec![1, 3, 7, 15, 31, 63]), (Some(2), vec![1, 3])] {
        let (mut out, knobs) = (output(), Knobs::default());
        let mut connection = begun(&mut out);
        let options = SocketOptions { syncnt, ..SocketOptions::default() };
        connection.set_options(options, &knobs, NOW, &mut out);
        let mut sent = Vec::new();
        let end = loop {
            let at = connection.deadline().expect("a timer");
            if connection.handle_timeout(&knobs, at, &mut out) != Outcome::Continue {
                break at;
            }
            assert_eq!(replies(&mut out), "SYN|ACK 0 ack 101");
            sent.push(at.since(NOW).as_secs());
        };
        assert_eq!(sent, times);
        assert_eq!(end.since(NOW).as_secs(), (1 << (times.len() + 1)) - 1);
        assert_eq!(connection.state(), State::Closed);
        assert_eq!(out.counters.value(Counter::AbortOnTimeout), 1);
    }
}

#[test]
fn an_icmp_error_may_quote_the_syn_ack() {
    let mut out = output();
    let mut connection = begun(&mut out);
    connection.handle_unreachable(ISS, lastack_observe::Unreachable::Host, &mut out);
    assert!(connection.unreachable().is_some());
    let ended = connection.abort(Cause::Abort, &Knobs::default(), NOW, &mut out);
    assert_eq!(ended, Outcome::Closed(Cause::Abort));
    assert_eq!(replies(&mut out), "RST|ACK 1 ack 101");
}

/// A client's open whose SYN had ten octets; our numbers begin at `ISS`, too.
fn opened(knobs: &Knobs, out: &mut Output) -> ActiveOpen {
    let mut open = ActiveOpen::new(ISS, 0, 1460, &SocketOptions::default(), knobs, NOW);
    let option = FastOpen::new(&[7; 8], false);
    open.fast_open(FastOpenAttempt { option, octets: Bytes::from_static(b"0123456789"), on_trial: true });
    let syn = open.poll_transmit(NOW, knobs, out).expect("a SYN");
    assert_eq!((syn.header.options.fastopen, syn.payload.len()), (option, 10));
    open
}

#[test]
fn an_acknowledgment_says_how_much_of_the_syn_was_taken() {
    for (acked, again) in [(1, Some(10)), (5, Some(6)), (11, None)] {
        let (mut out, knobs) = (output(), Knobs::default());
        let mut open = opened(&knobs, &mut out);
        let mut syn_ack = arrival(Flags::SYN.with(Flags::ACK), IRS, ISS + acked, 3);
        assert_eq!(open.handle_segment(&syn_ack, &knobs, NOW, &mut out), ActiveVerdict::Establish);
        let mut connection = open.establish(&mut syn_ack, &SocketOptions::default(), &knobs, NOW, &mut out);
        let sent = connection.poll_transmit(LIMITS, &knobs, NOW, &mut out).expect("the third segment");
        assert_eq!(sent.header.seq, ISS + acked);
        assert_eq!(sent.header.ack, IRS + 4, "the SYN-ACK's octets are taken");
        assert_eq!((!sent.payload.is_empty()).then(|| sent.payload.len()), again);
        assert_eq!(connection.send_queue(), again.unwrap_or(0));
        assert_eq!(out.counters.value(Counter::FastOpenActive), u64::from(again.is_none()));
        assert_eq!(out.counters.value(Counter::FastOpenActiveFail), u64::from(again.is_some()));
        assert_eq!(connection.take_received().as_deref(), Some(&b"xxx"[..]));
    }
}

#[test]
fn numbers_beyond_the_syns_octets_are_refused() {
    let (mut out, knobs) = (output(), Knobs::default());
    let mut open = opened(&knobs, &mut out);
    let syn_ack = arrival(Flags::SYN.with(Flags::ACK), IRS, ISS + 12, 0);
    assert_eq!(open.handle_segment(&syn_ack, &knobs, NOW, &mut out), ActiveVerdict::Keep);
    assert_eq!(replies(&mut out), "RST 12");
}

#[test]
fn a_repeated_syn_is_an_ordinary_one() {
    let (mut out, knobs) = (output(), Knobs::default());
    let mut open = opened(&knobs, &mut out);
    let later = NOW + Duration::from_secs(1);
    assert_eq!(open.handle_timeout(&SocketOptions::default(), &knobs, later, &mut out), ActiveVerdict::Keep);
    let syn = open.poll_transmit(later, &knobs, &mut out).expect("a SYN");
    assert_eq!((syn.header.options.fastopen, syn.payload.len()), (None, 0));
}

/// tcp_fastopen_active_disable: a RST or a FIN that is out of order, before any data; and what clears the way again.
#[test]
fn signs_of_a_black_hole() {
    let knobs = Knobs { tcp_fastopen_blackhole_timeout_sec: 10, ..Knobs::default() };
    let established = |out: &mut Output| {
        let mut open = opened(&knobs, out);
        let mut syn_ack = arrival(Flags::SYN.with(Flags::ACK), IRS, ISS + 11, 0);
        assert_eq!(open.handle_segment(&syn_ack, &knobs, NOW, out), ActiveVerdict::Establish);
        open.establish(&mut syn_ack, &SocketOptions::default(), &knobs, NOW, out)
    };
    let (ack, fin) = (Flags::ACK, Flags::FIN.with(Flags::ACK));
    for (name, flags, seq, len, holes) in [
        ("RST out of order", Flags::RST, 101, 0, 1),
        ("RST in order", Flags::RST, 1, 0, 0),
        ("FIN out of order", fin, 101, 0, 1),
        ("data", ack, 1, 10, 0),
    ] {
        let mut out = output();
        let mut connection = established(&mut out);
        let _ = connection.handle_segment(arrival(flags, IRS + seq, ISS + 11, len), &knobs, NOW, &mut out);
        if connection.state() != State::Closed {
            let _ = connection.abort(Cause::Abort, &knobs, NOW, &mut out);
        }
        assert_eq!(out.counters.value(Counter::FastOpenBlackhole), holes, "{name}");
        assert_eq!(out.black_hole.is_paused(&knobs, NOW), holes > 0, "{name}");
    }
    let mut out = output();
    assert!(out.black_hole.suspect(&knobs, NOW));
    let mut connection = established(&mut out);
    let _ = connection.handle_segment(arrival(ack, IRS + 1, ISS + 11, 10), &knobs, NOW, &mut out);
    let _ = connection.abort(Cause::Abort, &knobs, NOW, &mut out);
    assert!(!out.black_hole.is_on_trial(), "data came through: all is forgotten");
}
