//! TIMELINES section F: what each segment does in each state. Replies are collected for 60 ms, as there.

use super::lab::{IRS, ISS, Lab};
use crate::Arrival;
use crate::connection::{Outcome, Urgent};
use lastack_observe::{Cause, Counter, State};
use lastack_wire::tcp::Flags;

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const RST: Flags = Flags::RST;
const FIN: Flags = Flags::FIN;

/// A row of the matrix: flags, offset from the peer's next number, offset from our next number, octets.
type Row = (&'static str, Flags, i32, i32, usize);

const ROWS: [Row; 29] = [
    ("SYN new higher ISN", SYN, 100_000, 0, 0),
    ("SYN lower ISN", SYN, -100_000, 0, 0),
    ("SYN original ISN again", SYN, -1, 0, 0),
    ("SYN|ACK exact", Flags(0x12), 0, 0, 0),
    ("SYN|ACK original seq", Flags(0x12), -1, 0, 0),
    ("ACK exact", ACK, 0, 0, 0),
    ("ACK -1", ACK, 0, -1, 0),
    ("ACK of unsent data", ACK, 0, 1000, 0),
    ("ACK of old data", ACK, 0, -70_000, 0),
    ("ACK, old seq", ACK, -10, 0, 0),
    ("ACK, seq beyond window", ACK, 100_000, 0, 0),
    ("data in order", Flags(0x18), 0, 0, 5),
    ("data -1", Flags(0x18), 0, -1, 5),
    ("data already received", Flags(0x18), -5, 0, 5),
    ("data out of order", Flags(0x18), 100, 0, 5),
    ("data beyond window", Flags(0x18), 100_000, 0, 5),
    ("data without ACK", Flags(0x08), 0, 0, 5),
    ("FIN in order", Flags(0x11), 0, 0, 0),
    ("FIN -1", Flags(0x11), 0, -1, 0),
    ("FIN repeated", Flags(0x11), -1, 0, 0),
    ("data+FIN in order", Flags(0x11), 0, 0, 5),
    ("FIN without ACK", FIN, 0, 0, 0),
    ("RST exact", RST, 0, 0, 0),
    ("RST in window", RST, 100, 0, 0),
    ("RST old", RST, -10, 0, 0),
    ("RST beyond window", RST, 100_000, 0, 0),
    ("RST|ACK exact", Flags(0x14), 0, 0, 0),
    ("RST|ACK of unsent", Flags(0x14), 0, 1000, 0),
    ("no flags", Flags(0), 0, 0, 0),
];

/// Reply and state after each row; "" where the row makes no sense in the state.
fn expected(state: &str, row: &str) -> (&'static str, &'static str) {
    let stays: &'static str = match state {
        "ESTABLISHED" => "ESTABLISHED",
        "FIN_WAIT1" | "FIN_WAIT1 orphan" => "FIN_WAIT1",
        "FIN_WAIT2" => "FIN_WAIT2",
        "CLOSING" => "CLOSING",
        "CLOSE_WAIT" => "CLOSE_WAIT",
        _ => "LAST_ACK",
    };
    let after_ack: &'static str = match state {
        "FIN_WAIT1" => "FIN_WAIT2",
        "FIN_WAIT1 orphan" => "FIN_WAIT2 record",
        "CLOSING" => "TIME_WAIT",
        "LAST_ACK" => "none",
        _ => stays,
    };
    match (row, state) {
        ("ACK -1" | "data -1" | "FIN -1", "ESTABLISHED" | "CLOSE_WAIT" | "FIN_WAIT2") => ("", ""),
        (row, _) if row.starts_with("SYN") => ("ACK+0", stays),
        ("ACK exact", _) => ("-", after_ack),
        ("ACK -1", _) => ("-", stays),
        ("ACK of unsent data" | "ACK of old data" | "ACK, old seq", _) => ("ACK+0", stays),
        ("ACK, seq beyond window" | "data beyond window", _) => ("ACK+0", stays),
        ("data without ACK" | "FIN without ACK" | "no flags", _) => ("-", stays),
        ("RST exact" | "RST|ACK exact" | "RST|ACK of unsent", _) => ("-", "none"),
        ("RST in window", _) => ("ACK+0", stays),
        ("RST old" | "RST beyond window", _) => ("-", stays),
        // What is left is text and FIN.
        (row, "CLOSING" | "LAST_ACK") if row.ends_with("-1") => ("-", stays),
        (_, "CLOSING" | "LAST_ACK") => ("-", after_ack),
        ("data already received" | "FIN repeated", "CLOSE_WAIT") => ("ACK+0 sack", stays),
        (_, "CLOSE_WAIT") => ("-", stays),
        ("data already received", "FIN_WAIT1 orphan") => ("-", after_ack),
        ("FIN repeated", "FIN_WAIT1 orphan") => ("ACK+0 sack", "FIN_WAIT2"),
        ("data -1", "FIN_WAIT1 orphan") => ("RST-1", "none"),
        ("FIN in order", "FIN_WAIT1 orphan") => ("ACK+1", "TIME_WAIT"),
        ("FIN -1", _) => ("ACK+1", "CLOSING"),
        (_, "FIN_WAIT1 orphan") => ("RST+0", "none"),
        ("data already received" | "FIN repeated", _) => ("ACK+0 sack", after_ack),
        ("data out of order", _) => ("ACK+0 sack", after_ack),
        ("data in order", _) => ("ACK+5", after_ack),
        ("data -1", _) => ("ACK+5", stays),
        ("FIN in order", "ESTABLISHED") => ("ACK+1", "CLOSE_WAIT"),
        ("data+FIN in order", "ESTABLISHED") => ("ACK+6", "CLOSE_WAIT"),
        ("FIN in order", _) => ("ACK+1", "TIME_WAIT"),
        ("data+FIN in order", _) => ("ACK+6", "TIME_WAIT"),
        other => panic!("{other:?}"),
    }
}

/// A fresh connection in `state`, and its next numbers relative to the initial ones: the peer's and ours.
fn in_state(state: &str) -> (Lab, i32, i32) {
    let mut lab = Lab::new();
    match state {
        "ESTABLISHED" => return (lab, 1, 1),
        "FIN_WAIT1" => lab.shutdown(),
        "FIN_WAIT1 orphan" => lab.close(),
        "FIN_WAIT2" => {
            lab.shutdown();
            lab.ack(1, 2);
        }
        "CLOSING" => {
            lab.shutdown();
            lab.fin(1, 1);
            return (lab, 2, 2);
        }
        "CLOSE_WAIT" => {
            lab.fin(1, 1);
            lab.run_to(50);
            return (lab, 2, 1);
        }
        _ => {
            lab.fin(1, 1);
            lab.close();
            return (lab, 2, 2);
        }
    }
    (lab, 1, 2)
}

const STATES: [&str; 7] =
    ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT1 orphan", "FIN_WAIT2", "CLOSING", "CLOSE_WAIT", "LAST_ACK"];

fn segment(lab: &Lab, row: &Row, peer_next: i32, our_next: i32) -> Arrival {
    let &(_, flags, seq, ack, len) = row;
    lab.segment(flags, peer_next + seq, our_next + ack, &vec![b'p'; len])
}

fn reply(lab: &Lab, peer_next: i32, our_next: i32) -> String {
    let mut replies = Vec::new();
    for (_, segment) in &lab.sent {
        let header = &segment.header;
        let sack = if header.options.sack.is_empty() { "" } else { " sack" };
        let seq = header.seq.since(ISS) - our_next;
        if header.flags.rst() {
            assert_eq!(header.window, 0);
            replies.push(format!("RST{seq:+}"));
        } else {
            assert_eq!((header.flags, seq), (ACK, 0), "a bare acknowledgment with our next number");
            replies.push(format!("ACK{:+}{sack}", header.ack.since(IRS) - peer_next));
        }
    }
    if replies.is_empty() { "-".into() } else { replies.join(", ") }
}

fn state_after(lab: &Lab) -> &'static str {
    match (lab.ended, lab.state()) {
        (Some(Outcome::Closed(_)), state) => {
            assert_eq!(state, State::Closed);
            "none"
        }
        (Some(Outcome::TimeWait), State::FinWait2) => "FIN_WAIT2 record",
        (_, state) => state.name(),
    }
}

#[test]
fn every_segment_in_every_state() {
    for state in STATES {
        for row in &ROWS {
            let (reply_wanted, state_wanted) = expected(state, row.0);
            if state_wanted.is_empty() {
                continue;
            }
            let (mut lab, peer_next, our_next) = in_state(state);
            lab.times();
            let now = lab.now.since(super::lab::START).as_millis() as u64;
            let arrival = segment(&lab, row, peer_next, our_next);
            lab.arrive(arrival);
            if lab.ended.is_none() {
                lab.run_to(now + 60);
            }
            let got = (reply(&lab, peer_next, our_next), state_after(&lab));
            assert_eq!((got.0.as_str(), got.1), (reply_wanted, state_wanted), "{} in {state}", row.0);
        }
    }
}

#[test]
fn counters_of_refused_segments() {
    let cases: [(&str, &[Counter]); 8] = [
        ("SYN new higher ISN", &[Counter::ChallengeAck, Counter::SynChallenge, Counter::InErrs]),
        ("ACK of unsent data", &[Counter::ChallengeAck]),
        ("ACK of old data", &[Counter::ChallengeAck]),
        ("ACK, seq beyond window", &[Counter::BeyondWindow]),
        ("data already received", &[Counter::DelayedAckLost, Counter::DsackOldSent]),
        ("data out of order", &[Counter::OfoQueue]),
        ("RST in window", &[Counter::ChallengeAck]),
        ("RST exact", &[Counter::EstabResets]),
    ];
    for (name, counters) in cases {
        let (mut lab, peer_next, our_next) = in_state("ESTABLISHED");
        let row = ROWS.iter().find(|row| row.0 == name).unwrap();
        let arrival = segment(&lab, row, peer_next, our_next);
        lab.arrive(arrival);
        for &counter in counters {
            assert_eq!(lab.count(counter), 1, "{} after {name}", counter.name());
        }
    }
    let (mut lab, ..) = in_state("CLOSE_WAIT");
    let syn = lab.segment(SYN, 7777, 0, b"");
    lab.arrive(syn);
    assert_eq!(lab.count(Counter::InErrs), 0, "only ESTABLISHED counts a SYN as an error");
}

#[test]
fn an_old_timestamp_is_answered_and_dropped() {
    for state in STATES {
        let (mut lab, peer_next, our_next) = in_state(state);
        lab.times();
        let mut arrival = lab.segment(ACK, peer_next, our_next, b"");
        arrival.header.options.timestamps.as_mut().unwrap().value = 1;
        lab.arrive(arrival);
        assert_eq!(reply(&lab, peer_next, our_next), "ACK+0", "{state}");
        assert_eq!(lab.count(Counter::PawsEstab), 1);
        assert!(lab.ended.is_none());
    }
}

/// An acknowledgment that was overtaken on its way is dropped without a word, as Linux does it; octets beside it are answered.
#[test]
fn a_bare_acknowledgment_with_an_old_number_and_timestamp_is_silent() {
    for (octets, answered) in [(&b""[..], false), (&b"x"[..], true)] {
        let (mut lab, peer_next, our_next) = in_state("ESTABLISHED");
        lab.times();
        let mut arrival = lab.segment(ACK, peer_next - 1, our_next, octets);
        arrival.header.options.timestamps.as_mut().unwrap().value = 1;
        lab.arrive(arrival);
        assert_eq!(lab.count(Counter::PawsOldAck), u64::from(!answered));
        assert_eq!(lab.count(Counter::PawsEstab), u64::from(answered));
        assert_eq!(reply(&lab, peer_next, our_next), if answered { "ACK+0 sack" } else { "-" });
    }
}

#[test]
fn a_timestamp_is_never_old_after_24_days() {
    let mut lab = Lab::new();
    lab.run_to(25 * 24 * 3600 * 1000);
    let mut arrival = lab.segment(Flags(0x18), 1, 1, b"hello");
    arrival.header.options.timestamps.as_mut().unwrap().value = 1;
    lab.arrive(arrival);
    assert_eq!(lab.connection.unread(), 5);
}

#[test]
fn t34_a_peer_that_lost_its_state_is_challenged_and_resets() {
    let mut lab = Lab::new();
    let syn = lab.segment(SYN, 50_001, 0, b"");
    lab.arrive(syn);
    assert_eq!(lab.trace(), ["0 ACK seq=1 ack=1 len=0 win=64"]);
    let reset = lab.segment(RST, 1, 0, b"");
    lab.arrive(reset);
    assert_eq!(lab.cause(), Some(Cause::Reset));
    assert_eq!(lab.count(Counter::ChallengeAck), 1);
}

#[test]
fn challenges_are_limited_per_flow_and_per_stack() {
    let mut lab = Lab::new();
    for _ in 0..5 {
        let syn = lab.segment(SYN, 50_001, 0, b"");
        lab.arrive(syn);
    }
    assert_eq!(lab.trace().len(), 1);
    assert_eq!(lab.count(Counter::AckSkippedChallenge), 4);
    lab.run_to(501);
    lab.knobs.tcp_challenge_ack_limit = 0;
    let syn = lab.segment(SYN, 50_001, 0, b"");
    lab.arrive(syn);
    assert_eq!(lab.trace().len(), 0);
}

#[test]
fn old_segments_without_data_are_answered_twice_a_second() {
    let mut lab = Lab::new();
    for ms in 0..1000 {
        lab.run_to(ms);
        lab.ack(-10, 1);
    }
    assert_eq!(lab.times(), [0, 500]);
    assert_eq!(lab.count(Counter::AckSkippedSeq), 998);
}

#[test]
fn a_reset_at_the_edge_of_what_was_sacked_is_exact() {
    let mut lab = Lab::new();
    lab.data(101, 1, b"later");
    let reset = lab.segment(RST, 106, 0, b"");
    lab.arrive(reset);
    assert_eq!(lab.cause(), Some(Cause::Reset));
}

#[test]
fn a_reset_just_before_the_fin_is_exact() {
    let mut lab = Lab::new();
    lab.fin(1, 1);
    let reset = lab.segment(RST, 1, 0, b"");
    lab.arrive(reset);
    assert_eq!(lab.cause(), Some(Cause::Reset));
}

#[test]
fn the_urgent_octet_leaves_the_stream_unless_it_is_wanted_inline() {
    for inline in [false, true] {
        let mut lab = Lab::new();
        let mut options = lab.connection.options();
        options.oobinline = inline;
        lab.connection.set_options(options, &lab.knobs.clone(), lab.now, &mut lab.out);
        let mut arrival = lab.segment(Flags(0x38), 1, 1, b"abUc");
        arrival.header.urgent = 3;
        lab.arrive(arrival);
        let wanted: &[u8] = if inline { b"abUc" } else { b"abc" };
        assert_eq!(lab.connection.take_urgent(), Some(Urgent { octet: b'U', inline, ahead: 2 }));
        assert_eq!(lab.read(), wanted);
        assert_eq!(lab.connection.take_urgent(), None);
        assert_eq!(lab.connection.unread(), 0);
    }
}

#[test]
fn an_urgent_mark_waits_for_its_octet() {
    let mut lab = Lab::new();
    let mut arrival = lab.segment(Flags(0x38), 1, 1, b"ab");
    arrival.header.urgent = 4;
    lab.arrive(arrival);
    assert_eq!(lab.connection.take_urgent(), None);
    assert!(lab.connection.is_urgent_announced());
    lab.data(3, 1, b"cUd");
    assert!(!lab.connection.is_urgent_announced());
    assert_eq!(lab.read(), b"abcd");
    assert_eq!(lab.connection.take_urgent(), Some(Urgent { octet: b'U', inline: false, ahead: 0 }));
    assert!(lab.connection.incoming.is_none());
}
