use super::*;
use crate::matrix::{Ends, SEGMENTS, output};
use lastack_wire::tcp::{Flags, Timestamps};

const NOW: Instant = Instant::from_millis(10_000);
const SND: Seq = Seq(u32::MAX - 10);
const RCV: Seq = Seq(2);

fn ends(state: State, timestamps: bool) -> Ends {
    let fin = u32::from(state == State::TimeWait);
    Ends { snd_nxt: SND, peer_nxt: RCV, irs: RCV - 1 - fin, timestamps: timestamps.then_some((500, 9_000)) }
}

fn record(state: State, timestamps: bool) -> TimeWait {
    TimeWait::new(Remains {
        state,
        snd_nxt: SND,
        rcv_nxt: RCV,
        receive_window: 65_536,
        window_field: 64,
        ts_recent: timestamps.then_some(500),
    })
}

/// Reply, then what became of the record.
fn cell(state: State, timestamps: bool, name: &str) -> (String, String) {
    let (ends, knobs) = (ends(state, timestamps), Knobs::default());
    let mut out = output(NOW);
    let mut record = record(state, timestamps);
    let verdict = record.handle_segment(&ends.segment(name), 0, &knobs, NOW, &mut out);
    let after = match verdict {
        TimeWaitVerdict::Keep => record.state().to_string(),
        TimeWaitVerdict::Restart(delay) => format!("{} for {} s", record.state(), delay.as_secs()),
        TimeWaitVerdict::Enter(delay) => format!("enters {} for {} s", record.state(), delay.as_secs()),
        TimeWaitVerdict::Reopen(floor) => format!("reopened at snd_nxt{:+}", floor.0.since(SND)),
        TimeWaitVerdict::Kill(_) => "none".to_owned(),
    };
    (ends.replies(&mut out), after)
}

const ACK: &str = "ACK(seq=snd_nxt+0, ack=peer_nxt+0)";

/// Matrix row TIME_WAIT, and what restarts the timer (T08c).
#[test]
fn every_segment_in_time_wait() {
    const AGAIN: &str = "TIME_WAIT for 60 s";
    const REOPENED: &str = "reopened at snd_nxt+65537";
    for name in SEGMENTS {
        let expected = match name {
            "SYN new higher ISN" | "SYN lower ISN" | "SYN original ISN again" => ("-", REOPENED),
            "PAWS: SYN higher ISN with an old timestamp" => (ACK, AGAIN),
            "RST exact" | "RST|ACK exact, acks all" | "RST|ACK, ack of unsent (+1000)" => ("-", "none"),
            name if name.starts_with("RST") => ("-", "TIME_WAIT"),
            "ACK exact (acks all)" | "ACK of unsent data (+1000)" | "ACK of old data (-70000)" => {
                ("-", AGAIN)
            }
            "ACK that does not ack our SYN/FIN" | "no flags" => ("-", AGAIN),
            "data without ACK flag" | "FIN without ACK" => (ACK, "TIME_WAIT"),
            _ => (ACK, AGAIN),
        };
        let (reply, after) = cell(State::TimeWait, true, name);
        assert_eq!((reply.as_str(), after.as_str()), expected, "{name}");
    }
}

#[test]
fn without_timestamps_only_a_higher_number_reopens() {
    for (name, expected) in [
        ("SYN new higher ISN", ("-", "reopened at snd_nxt+65537")),
        ("SYN lower ISN", (ACK, "TIME_WAIT")),
        ("SYN original ISN again", (ACK, "TIME_WAIT")),
    ] {
        let (reply, after) = cell(State::TimeWait, false, name);
        assert_eq!((reply.as_str(), after.as_str()), expected, "{name}");
    }
}

/// Matrix row FIN_WAIT2(orphan).
#[test]
fn every_segment_in_fin_wait_2() {
    const RST: &str = "RST(seq=snd_nxt+0)";
    for name in SEGMENTS {
        let expected = match name {
            "SYN|ACK exact" | "data in order" | "data out of order (+100)" | "data+FIN|ACK in order" => {
                (RST, "none")
            }
            "data, does not ack our SYN/FIN" => ("RST(seq=snd_nxt-1)", "none"),
            "FIN|ACK in order, acks all" | "FIN|ACK in order, does not ack our SYN/FIN" => {
                ("ACK(seq=snd_nxt+0, ack=peer_nxt+1)", "enters TIME_WAIT for 60 s")
            }
            "RST old (-10)" | "RST beyond window" => (ACK, "FIN_WAIT2"),
            name if name.starts_with("RST") => ("-", "none"),
            "ACK exact (acks all)" | "ACK of unsent data (+1000)" | "ACK of old data (-70000)" => {
                ("-", "FIN_WAIT2")
            }
            "ACK that does not ack our SYN/FIN" | "data without ACK flag" => ("-", "FIN_WAIT2"),
            "FIN without ACK" | "no flags" => ("-", "FIN_WAIT2"),
            _ => (ACK, "FIN_WAIT2"),
        };
        let (reply, after) = cell(State::FinWait2, true, name);
        assert_eq!((reply.as_str(), after.as_str()), expected, "{name}");
    }
}

/// A SYN of old numbers with octets that reach into the window is judged by its missing ACK.
#[test]
fn a_syn_from_before_the_window_is_no_reset_in_fin_wait_2() {
    let ends = ends(State::FinWait2, true);
    for (before, reset) in [(1, false), (0, true)] {
        let syn = ends.plain(Flags::SYN, RCV - before, Seq(0), 100);
        let mut out = output(NOW);
        let verdict = record(State::FinWait2, true).handle_segment(&syn, 0, &Knobs::default(), NOW, &mut out);
        assert_eq!(matches!(verdict, TimeWaitVerdict::Kill(_)), reset, "{before}");
        assert_eq!(out.poll_reply().is_some(), reset, "{before}");
    }
}

/// T06, line by line: SYN.seq against RCV.NXT, SYN.TSval against the last, and who sends timestamps.
#[test]
fn which_syn_takes_the_flow_over() {
    let cases = [
        (true, 5000, Some(600), true),
        (true, -5000, Some(600), true),
        (true, 0, Some(600), true),
        (true, 5000, Some(500), true),
        (true, -5000, Some(500), false),
        (true, 5000, Some(400), false),
        (true, -5000, Some(400), false),
        (true, 5000, None, true),
        (true, -5000, None, false),
        (false, 5000, None, true),
        (false, 0, None, false),
        (false, -5000, None, false),
        (false, -5000, Some(600), false),
    ];
    for (old_has, by, tsval, taken) in cases {
        let ends = ends(State::TimeWait, false);
        let seq = if by < 0 { RCV - 5000 } else { RCV + by as u32 };
        let mut syn = ends.plain(Flags::SYN, seq, Seq(0), 0);
        syn.header.options.timestamps = tsval.map(|value| Timestamps { value, echo: 0 });
        let mut out = output(NOW);
        let verdict =
            record(State::TimeWait, old_has).handle_segment(&syn, 0, &Knobs::default(), NOW, &mut out);
        let case = (old_has, by, tsval);
        assert_eq!(matches!(verdict, TimeWaitVerdict::Reopen(_)), taken, "{case:?}");
        assert_eq!(ends.replies(&mut out) == ACK, !taken, "{case:?}");
        let old_timestamp = tsval == Some(400);
        assert_eq!(matches!(verdict, TimeWaitVerdict::Restart(_)), old_timestamp, "{case:?}");
        assert_eq!(out.counters.value(Counter::PawsTimewait), u64::from(old_timestamp), "{case:?}");
    }
}

#[test]
fn the_floor_is_never_zero() {
    let mut record = record(State::TimeWait, false);
    record.snd_nxt = Seq(0) - 65_537;
    assert_eq!(record.isn_floor(), IsnFloor(Seq(1)));
}

#[test]
fn rfc1337_keeps_time_wait_from_resets() {
    let knobs = Knobs { tcp_rfc1337: true, ..Knobs::default() };
    let mut out = output(NOW);
    let mut record = record(State::TimeWait, true);
    let verdict =
        record.handle_segment(&ends(State::TimeWait, true).segment("RST exact"), 0, &knobs, NOW, &mut out);
    assert_eq!(verdict, TimeWaitVerdict::Keep);
    assert_eq!(
        out.poll_event().map(|e| e.kind.to_string()).as_deref(),
        Some("dropped: a RST in TIME_WAIT, with tcp_rfc1337 set")
    );
}

/// T08c: five at 200 ms: every FIN is answered, of the bare segments two.
#[test]
fn only_bare_segments_are_limited() {
    for (name, answers) in
        [("FIN|ACK repeated (-1)", 5), ("data already received", 5), ("ACK, old seq (-10)", 2)]
    {
        let mut out = output(NOW);
        let mut record = record(State::TimeWait, true);
        for n in 0..5 {
            let now = NOW + Duration::from_millis(200 * n);
            let _ = record.handle_segment(
                &ends(State::TimeWait, true).segment(name),
                0,
                &Knobs::default(),
                now,
                &mut out,
            );
        }
        let mut replies = 0;
        while out.poll_reply().is_some() {
            replies += 1;
        }
        assert_eq!(replies, answers, "{name}");
        assert_eq!(out.counters.value(Counter::AckSkippedTimeWait), 5 - answers, "{name}");
    }
}

#[test]
fn the_answer_carries_window_and_timestamps() {
    let mut out = output(NOW);
    record(State::TimeWait, true).acknowledge(7, NOW, &mut out);
    let (_, ack) = out.poll_reply().expect("an ACK");
    assert_eq!(ack.header.window, 64);
    assert_eq!(ack.header.options.timestamps, Some(Timestamps { value: 10_007, echo: 500 }));
    record(State::TimeWait, false).acknowledge(7, NOW, &mut out);
    assert_eq!(out.poll_reply().expect("an ACK").1.header.options.timestamps, None);
}

#[test]
fn it_expires_for_the_reason_of_its_state() {
    let mut out = output(NOW);
    assert_eq!(record(State::FinWait2, true).expire(&mut out), Cause::FinWait2Expired);
    assert_eq!(record(State::TimeWait, true).expire(&mut out), Cause::TimeWaitExpired);
}
