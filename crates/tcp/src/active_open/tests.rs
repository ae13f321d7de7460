use super::*;
use crate::matrix::{Ends, SEGMENTS, output, peer_syn};

const NOW: Instant = Instant::from_millis(10_000);
const ISS: Seq = Seq(4000);
const IRS: Seq = Seq(u32::MAX);
const ACK: &str = "ACK(seq=snd_nxt+0, ack=peer_nxt+0)";

fn at(ms: u64) -> Instant {
    NOW + Duration::from_millis(ms)
}

fn ends() -> Ends {
    Ends { snd_nxt: ISS + 1, peer_nxt: IRS + 1, irs: IRS, timestamps: Some((500, 10_000)) }
}

/// An open whose SYN left at [`NOW`].
fn opened(options: &SocketOptions, knobs: &Knobs) -> ActiveOpen {
    let mut open = ActiveOpen::new(ISS, 0, 1460, options, knobs, NOW);
    assert!(open.poll_transmit(NOW, knobs, &mut output(NOW)).is_some());
    open
}

fn plain_open() -> ActiveOpen {
    opened(&SocketOptions::default(), &Knobs::default())
}

/// An open that the peer's SYN crossed after 51 ms.
fn crossed() -> ActiveOpen {
    let mut open = plain_open();
    let syn = peer_syn(Flags::SYN, IRS, Seq(0), Some(Timestamps { value: 500, echo: 0 }));
    assert_eq!(open.handle_segment(&syn, &Knobs::default(), at(51), &mut output(NOW)), ActiveVerdict::Keep);
    assert_eq!(open.state(), State::SynRecv);
    open
}

fn after(open: &ActiveOpen, verdict: ActiveVerdict) -> String {
    match verdict {
        ActiveVerdict::Keep => open.state().to_string(),
        ActiveVerdict::Establish => "ESTABLISHED".to_owned(),
        ActiveVerdict::Fail(cause) => format!("{cause:?}"),
    }
}

/// Matrix row SYN_SENT; `+SYN` stands for the SYN that goes out again after 8 ms (T35).
#[test]
fn every_segment_in_syn_sent() {
    for name in SEGMENTS {
        let expected = match name {
            "SYN new higher ISN" | "PAWS: SYN higher ISN with an old timestamp" => {
                ("SYN|ACK(seq=snd_nxt-1, ack=peer_nxt+100001)", "SYN_RECV")
            }
            "SYN lower ISN" => ("SYN|ACK(seq=snd_nxt-1, ack=peer_nxt-99999)", "SYN_RECV"),
            "SYN original ISN again" => ("SYN|ACK(seq=snd_nxt-1, ack=peer_nxt+0)", "SYN_RECV"),
            "SYN|ACK exact" | "SYN|ACK original seq" => ("-", "ESTABLISHED"),
            name if name.contains("does not ack") => ("RST(seq=snd_nxt-1) +SYN", "SYN_SENT"),
            "ACK of unsent data (+1000)" => ("RST(seq=snd_nxt+1000) +SYN", "SYN_SENT"),
            "ACK of old data (-70000)" => ("RST(seq=snd_nxt-70000) +SYN", "SYN_SENT"),
            "RST|ACK exact, acks all" => ("-", "Refused"),
            "RST|ACK, ack of unsent (+1000)" => ("- +SYN", "SYN_SENT"),
            _ => ("-", "SYN_SENT"),
        };
        let (mut open, mut out) = (plain_open(), output(NOW));
        let verdict = open.handle_segment(&ends().segment(name), &Knobs::default(), at(5), &mut out);
        let quick = if open.deadline() == Some(at(13)) { " +SYN" } else { "" };
        let reply = ends().replies(&mut out) + quick;
        assert_eq!((reply.as_str(), after(&open, verdict).as_str()), expected, "{name}");
        let failed = u64::from(verdict == ActiveVerdict::Fail(Cause::Refused));
        assert_eq!(out.counters.value(Counter::AttemptFails), failed, "{name}");
    }
}

/// Matrix row SYN_RECV(simultaneous open). The replies to what completes the handshake are the connection's.
#[test]
fn every_segment_in_syn_received() {
    for name in SEGMENTS {
        let expected = match name {
            "SYN|ACK original seq" => ("-", "ESTABLISHED"),
            name if name.contains("does not ack") => ("-", "ESTABLISHED"),
            "ACK of unsent data (+1000)" => ("RST(seq=snd_nxt+1000)", "SYN_RECV"),
            "ACK of old data (-70000)" => ("RST(seq=snd_nxt-70000)", "SYN_RECV"),
            "ACK, old seq (-10)" | "ACK, seq beyond window" | "data beyond window" => (ACK, "SYN_RECV"),
            "data without ACK flag" | "FIN without ACK" | "no flags" => ("-", "SYN_RECV"),
            "RST exact" | "RST|ACK exact, acks all" | "RST|ACK, ack of unsent (+1000)" => ("-", "Reset"),
            "RST in window, not exact (+100)" => (ACK, "SYN_RECV"),
            "RST old (-10)" | "RST beyond window" => ("-", "SYN_RECV"),
            name if name.starts_with("SYN") || name.starts_with("PAWS") => (ACK, "SYN_RECV"),
            _ => ("-", "ESTABLISHED"),
        };
        let (mut open, mut out) = (crossed(), output(NOW));
        let verdict = open.handle_segment(&ends().segment(name), &Knobs::default(), at(106), &mut out);
        let reply = ends().replies(&mut out);
        assert_eq!((reply.as_str(), after(&open, verdict).as_str()), expected, "{name}");
        let syn_challenged = expected.0 == ACK && (name.starts_with("SYN") || name.starts_with("PAWS: SYN"));
        let challenged = syn_challenged || name == "RST in window, not exact (+100)";
        for (counter, expected) in [
            (Counter::SynChallenge, syn_challenged),
            (Counter::ChallengeAck, challenged),
            (Counter::PawsEstab, name.starts_with("PAWS") && !syn_challenged),
            (Counter::BeyondWindow, name.ends_with("beyond window") && !name.starts_with("RST")),
            (Counter::AttemptFails, expected.1 == "Reset"),
        ] {
            assert_eq!(out.counters.value(counter), u64::from(expected), "{name}: {counter:?}");
        }
    }
}

/// Times of the SYNs, in milliseconds, and of the end.
fn schedule(mut open: ActiveOpen, options: &SocketOptions, knobs: &Knobs) -> (Vec<u64>, u64, Output) {
    let (mut out, mut sent) = (output(NOW), Vec::new());
    for _ in 0..1000 {
        let now = open.deadline().expect("a timer runs");
        match open.handle_timeout(options, knobs, now, &mut out) {
            ActiveVerdict::Fail(Cause::TimedOut) => return (sent, now.since(NOW).as_millis() as u64, out),
            verdict => assert_eq!(verdict, ActiveVerdict::Keep),
        }
        let syn = open.poll_transmit(now, knobs, &mut out).expect("a SYN is due");
        assert_eq!((syn.header.seq, syn.header.flags.ack()), (ISS, open.state() == State::SynRecv));
        sent.push(now.since(NOW).as_millis() as u64);
    }
    panic!("never given up");
}

/// T01, T01b, T01c, T01d and TCP_SYNCNT.
#[test]
fn syns_go_out_at_linuxs_times() {
    let default = Knobs::default();
    let no_linear = Knobs { tcp_syn_linear_timeouts: 0, ..Knobs::default() };
    let two = Knobs { tcp_syn_retries: 2, ..Knobs::default() };
    let plain = SocketOptions::default();
    let impatient = SocketOptions { user_timeout: Some(Duration::from_secs(5)), ..SocketOptions::default() };
    let syncnt = SocketOptions { syncnt: Some(2), ..SocketOptions::default() };
    let cases: [(&Knobs, &SocketOptions, &[u64], u64); 5] = [
        (&default, &plain, &[1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 131),
        (&no_linear, &plain, &[1, 3, 7, 15, 31, 63], 127),
        (&two, &plain, &[1, 2, 3, 4, 5], 7),
        (&default, &impatient, &[1, 2, 3, 4], 5),
        (&default, &syncnt, &[1, 2, 3, 4, 5], 7),
    ];
    for (knobs, options, times, end) in cases {
        let (sent, gone, out) = schedule(opened(options, knobs), options, knobs);
        let sent: Vec<u64> = sent.into_iter().map(|ms| ms / 1000).collect();
        assert_eq!((sent.as_slice(), gone), (times, end * 1000));
        let count = |counter| out.counters.value(counter);
        let retransmitted = times.len() as u64;
        assert_eq!(count(Counter::SynRetrans), retransmitted);
        assert_eq!(count(Counter::RetransSegs), retransmitted);
        assert_eq!(count(Counter::TimeoutRehash), retransmitted);
        assert_eq!(count(Counter::Timeouts), retransmitted + 1);
        assert_eq!(count(Counter::LostRetransmit), retransmitted - 1);
        assert_eq!((count(Counter::AbortOnTimeout), count(Counter::AttemptFails)), (1, 1));
    }
}

/// A user timeout shorter than the first timer still lets one retransmission out.
#[test]
fn a_very_short_user_timeout_ends_after_one_retransmission() {
    let options =
        SocketOptions { user_timeout: Some(Duration::from_millis(300)), ..SocketOptions::default() };
    let knobs = Knobs::default();
    let (sent, gone, _) = schedule(opened(&options, &knobs), &options, &knobs);
    assert_eq!((sent, gone), (vec![1000], 1004));
}

/// T15b: from the crossing on the SYN-ACK doubles its delay, six times, and there is no linear phase.
#[test]
fn a_crossed_syn_is_repeated_as_a_syn_ack() {
    let (sent, gone, _) = schedule(crossed(), &SocketOptions::default(), &Knobs::default());
    let sent: Vec<u64> = sent.into_iter().map(|ms| ms / 1000).collect();
    assert_eq!((sent, gone), (vec![1, 3, 7, 15, 31, 63], 127_000));
}

/// T35: the quick SYN comes once, and the timers go on from there.
#[test]
fn an_unacceptable_ack_brings_one_quick_syn() {
    let (mut open, mut out) = (plain_open(), output(NOW));
    let (options, knobs) = (SocketOptions::default(), Knobs::default());
    let bad = ends().segment("ACK of old data (-70000)");
    let _ = open.handle_segment(&bad, &knobs, at(100), &mut out);
    assert_eq!(open.deadline(), Some(at(108)));
    assert_eq!(open.handle_timeout(&options, &knobs, at(108), &mut out), ActiveVerdict::Keep);
    assert!(open.poll_transmit(at(108), &knobs, &mut out).is_some());
    let _ = open.handle_segment(&bad, &knobs, at(151), &mut out);
    assert_eq!(open.deadline(), Some(at(1108)));
    assert_eq!(std::iter::from_fn(|| out.poll_reply()).count(), 2, "both were answered with RST");
}

#[test]
fn the_syn_offers_what_the_knobs_allow() {
    let knobs = Knobs::default();
    let mut open = ActiveOpen::new(ISS, 7, 1460, &SocketOptions::default(), &knobs, NOW);
    let mut out = output(NOW);
    assert!(open.has_work());
    let syn = open.poll_transmit(NOW, &knobs, &mut out).expect("the first SYN").header;
    assert!(!open.has_work() && open.poll_transmit(NOW, &knobs, &mut out).is_none());
    assert_eq!((syn.seq, syn.flags, syn.window), (ISS, Flags::SYN, 64_240));
    assert_eq!(
        (syn.options.mss, syn.options.window_scale, syn.options.sack_permitted),
        (Some(1460), Some(10), true)
    );
    assert_eq!(syn.options.timestamps, Some(Timestamps { value: 10_007, echo: 0 }));
    assert_eq!(out.counters.value(Counter::ActiveOpens), 1);
    let bare = Knobs { tcp_timestamps: 0, tcp_sack: false, tcp_window_scaling: false, ..Knobs::default() };
    let mut open = ActiveOpen::new(ISS, 7, 536, &SocketOptions::default(), &bare, NOW);
    let options = open.poll_transmit(NOW, &bare, &mut out).expect("a SYN").header.options;
    assert_eq!(options, lastack_wire::tcp::Options { mss: Some(536), ..Default::default() });
}

/// T15: the SYN-ACK keeps number, window and options, and the timer runs on.
#[test]
fn a_crossing_syn_is_answered_with_the_same_number() {
    let (mut open, mut out) = (plain_open(), output(NOW));
    let syn = peer_syn(Flags::SYN, IRS, Seq(0), Some(Timestamps { value: 500, echo: 0 }));
    let _ = open.handle_segment(&syn, &Knobs::default(), at(51), &mut out);
    let (_, answer) = out.poll_reply().expect("a SYN-ACK");
    assert_eq!((answer.header.seq, answer.header.ack, answer.header.window), (ISS, IRS + 1, 64_240));
    assert_eq!(answer.header.options.window_scale, Some(10));
    assert_eq!(answer.header.options.timestamps, Some(Timestamps { value: 10_051, echo: 500 }));
    assert_eq!(open.deadline(), Some(at(1000)));
}

fn seed_after(mut open: ActiveOpen, arrival: &Arrival, options: &SocketOptions, ms: u64) -> Established {
    let mut out = output(NOW);
    assert_eq!(open.handle_segment(arrival, &Knobs::default(), at(ms), &mut out), ActiveVerdict::Establish);
    let seed = open.seed(arrival, options, at(ms));
    let connection = open.establish(&mut arrival.clone(), options, &Knobs::default(), at(ms), &mut out);
    assert_eq!(connection.state(), State::Established);
    seed
}

#[test]
fn the_connection_is_what_both_syns_agreed_on() {
    let syn_ack = |timestamps| peer_syn(Flags::SYN.with(Flags::ACK), IRS, ISS + 1, timestamps);
    let plain = SocketOptions::default();
    let full = syn_ack(Some(Timestamps { value: 600, echo: 10_000 }));
    let seed = seed_after(plain_open(), &full, &plain, 30);
    assert_eq!((seed.iss, seed.irs, seed.send_mss, seed.our_mss), (ISS, IRS, 1460, 1460));
    assert_eq!((seed.send_window, seed.receive_window), (65_535, 64_240), "a SYN-ACK's window is not scaled");
    assert_eq!((seed.window_scale, seed.timestamps, seed.sack), (Some((7, 10)), true, true));
    assert_eq!((seed.ts_recent, seed.rtt), (600, Some(Duration::from_millis(30))));
    assert_eq!(seed.first_ack, FirstAck::Now);

    let patient = SocketOptions { quickack: Some(false), ..SocketOptions::default() };
    assert_eq!(seed_after(plain_open(), &full, &patient, 30).first_ack, FirstAck::WithData);
    let deferring = SocketOptions { defer_accept: 1, ..SocketOptions::default() };
    assert_eq!(seed_after(plain_open(), &full, &deferring, 30).first_ack, FirstAck::WithData);
    let mut writing = plain_open();
    writing.await_write();
    assert_eq!(seed_after(writing, &full, &plain, 30).first_ack, FirstAck::WithData);

    let mut bare = syn_ack(None);
    bare.header.options = Default::default();
    let seed = seed_after(plain_open(), &bare, &plain, 30);
    assert_eq!((seed.window_scale, seed.timestamps, seed.sack, seed.send_mss), (None, false, false, 536));
}

#[test]
fn a_retransmitted_syn_is_measured_by_its_echo_or_not_at_all() {
    let plain = SocketOptions::default();
    for (echo, expected) in [(Some(11_000), Some(Duration::from_millis(40))), (None, None)] {
        let mut open = plain_open();
        let mut out = output(NOW);
        let _ = open.handle_timeout(&plain, &Knobs::default(), at(1000), &mut out);
        assert!(open.poll_transmit(at(1000), &Knobs::default(), &mut out).is_some());
        let timestamps = echo.map(|echo| Timestamps { value: 1, echo });
        let answer = peer_syn(Flags::SYN.with(Flags::ACK), IRS, ISS + 1, timestamps);
        assert_eq!(seed_after(open, &answer, &plain, 1040).rtt, expected);
    }
}

/// Matrix row SYN_RECV(simultaneous open): an acknowledgment of nothing completes it, and what comes with it counts.
#[test]
fn what_acknowledges_nothing_is_handed_on_as_an_acknowledgment_of_our_syn() {
    let mut out = output(NOW);
    for name in ["ACK that does not ack our SYN/FIN", "FIN|ACK in order, does not ack our SYN/FIN"] {
        let (mut open, mut arrival) = (crossed(), ends().segment(name));
        assert_eq!(arrival.header.ack, ISS);
        let knobs = Knobs::default();
        assert_eq!(open.handle_segment(&arrival, &knobs, at(106), &mut out), ActiveVerdict::Establish);
        open.establish(&mut arrival, &SocketOptions::default(), &knobs, at(106), &mut out);
        assert_eq!(arrival.header.ack, ISS + 1, "{name}");
    }
}

/// T15: a SYN-ACK owes an ACK with a D-SACK, a bare ACK nothing.
#[test]
fn what_a_crossed_handshake_owes() {
    let plain = SocketOptions::default();
    let seed = seed_after(crossed(), &ends().segment("SYN|ACK original seq"), &plain, 106);
    assert_eq!(seed.first_ack, FirstAck::NowWithDuplicateSyn);
    let seed = seed_after(crossed(), &ends().segment("ACK exact (acks all)"), &plain, 106);
    assert_eq!((seed.first_ack, seed.send_window), (FirstAck::NotOwed, 65_535 << 7));
    assert_eq!(seed.window_scale, Some((7, 10)));
}

#[test]
fn an_echo_that_no_syn_carried_is_refused() {
    let mut out = output(NOW);
    let forged =
        peer_syn(Flags::SYN.with(Flags::ACK), IRS, ISS + 1, Some(Timestamps { value: 1, echo: 9_999 }));
    let mut open = plain_open();
    assert_eq!(open.handle_segment(&forged, &Knobs::default(), at(5), &mut out), ActiveVerdict::Keep);
    assert_eq!(ends().replies(&mut out), "RST(seq=snd_nxt+0)");
    assert_eq!(out.counters.value(Counter::PawsActive), 1);
}

#[test]
fn closing_is_silent_before_the_peer_answers_and_waits_after() {
    let mut out = output(NOW);
    assert!(plain_open().close(&mut out).is_none());
    assert!(out.poll_reply().is_none(), "close() in SYN_SENT sends nothing (T01e)");
    assert_eq!(crossed().close(&mut out).map(|open| open.state()), Some(State::SynRecv));
}

#[test]
fn aborting_tells_a_peer_that_knows() {
    let mut out = output(NOW);
    plain_open().abort(Cause::Abort, at(1), &mut out);
    assert!(out.poll_reply().is_none());
    crossed().abort(Cause::Abort, at(60), &mut out);
    let (_, reset) = out.poll_reply().expect("a RST");
    assert_eq!((reset.header.seq, reset.header.ack, reset.header.window), (ISS + 1, IRS + 1, 63));
    assert_eq!(reset.header.flags, Flags::RST.with(Flags::ACK));
}

#[test]
fn an_icmp_message_about_the_syn_fails_the_open() {
    let mut out = output(NOW);
    let mut open = plain_open();
    assert_eq!(open.handle_unreachable(ISS + 5, Unreachable::Host, &mut out), ActiveVerdict::Keep);
    assert_eq!(out.counters.value(Counter::OutOfWindowIcmps), 1);
    assert_eq!(
        open.handle_unreachable(ISS, Unreachable::Port, &mut out),
        ActiveVerdict::Fail(Cause::Unreachable)
    );
}

#[test]
fn an_open_that_never_sent_leaves_no_trace() {
    let mut out = output(NOW);
    let open = ActiveOpen::new(ISS, 0, 1460, &SocketOptions::default(), &Knobs::default(), NOW);
    open.abort(Cause::DeviceLost, NOW, &mut out);
    assert!(out.poll_event().is_none());
}

#[test]
fn a_lost_syn_makes_the_connection_cautious() {
    let plain = SocketOptions::default();
    for (repeated, echo, cautious) in
        [(0, 10_000, false), (1, 11_000, false), (2, 12_000, true), (2, 10_000, false)]
    {
        let (mut open, mut out) = (plain_open(), output(NOW));
        for ms in [1000, 2000].into_iter().take(repeated) {
            let _ = open.handle_timeout(&plain, &Knobs::default(), at(ms), &mut out);
            assert!(open.poll_transmit(at(ms), &Knobs::default(), &mut out).is_some());
        }
        let timestamps = Some(Timestamps { value: 1, echo });
        let answer = peer_syn(Flags::SYN.with(Flags::ACK), IRS, ISS + 1, timestamps);
        assert_eq!(
            seed_after(open, &answer, &plain, 2040).cautious,
            cautious,
            "{repeated} times, echo {echo}"
        );
    }
}
