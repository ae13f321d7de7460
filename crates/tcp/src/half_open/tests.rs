use super::*;
use crate::matrix::{Ends, SEGMENTS, output, peer_syn};

const NOW: Instant = Instant::from_millis(10_000);
const ISS: Seq = Seq(u32::MAX);
const IRS: Seq = Seq(700);

fn at(ms: u64) -> Instant {
    NOW + Duration::from_millis(ms)
}

fn ends(timestamps: bool) -> Ends {
    Ends { snd_nxt: ISS + 1, peer_nxt: IRS + 1, irs: IRS, timestamps: timestamps.then_some((500, 10_000)) }
}

fn request_of(syn: &Arrival) -> HalfOpen {
    HalfOpen::from_syn(syn, ISS, 1460, &SocketOptions::default(), &Knobs::default(), NOW)
}

fn request(timestamps: bool) -> HalfOpen {
    let timestamps = timestamps.then_some(Timestamps { value: 500, echo: 0 });
    request_of(&peer_syn(Flags::SYN, IRS, Seq(0), timestamps))
}

/// Matrix row SYN_RECV. The replies to what completes the handshake are the connection's.
#[test]
fn every_segment_in_syn_recv() {
    const ACK: &str = "ACK(seq=snd_nxt+0, ack=peer_nxt+0)";
    for name in SEGMENTS {
        let expected = match name {
            "SYN original ISN again" => ("SYN|ACK(seq=snd_nxt-1, ack=peer_nxt+0)", "SYN_RECV"),
            "SYN|ACK exact" => ("RST(seq=snd_nxt+0)", "none"),
            name if name.contains("does not ack") => ("RST(seq=snd_nxt-1)", "SYN_RECV"),
            "ACK of unsent data (+1000)" => ("RST(seq=snd_nxt+1000)", "SYN_RECV"),
            "ACK of old data (-70000)" => ("RST(seq=snd_nxt-70000)", "SYN_RECV"),
            "ACK exact (acks all)" | "data in order" | "data out of order (+100)" => ("-", "ESTABLISHED"),
            "FIN|ACK in order, acks all" | "data+FIN|ACK in order" => ("-", "ESTABLISHED"),
            "data without ACK flag" | "FIN without ACK" | "no flags" => ("-", "SYN_RECV"),
            "RST old (-10)" | "RST beyond window" => ("-", "SYN_RECV"),
            "RST in window, not exact (+100)" => (ACK, "SYN_RECV"),
            name if name.starts_with("RST") => ("-", "none"),
            _ => (ACK, "SYN_RECV"),
        };
        let mut out = output(NOW);
        let verdict =
            request(true).handle_segment(&ends(true).segment(name), 0, &Knobs::default(), NOW, &mut out);
        let after = match verdict {
            HalfOpenVerdict::Keep | HalfOpenVerdict::Restart => "SYN_RECV",
            HalfOpenVerdict::Establish => "ESTABLISHED",
            HalfOpenVerdict::Drop(_) => "none",
        };
        assert_eq!((ends(true).replies(&mut out).as_str(), after), expected, "{name}");
        let dropped = u64::from(after == "none");
        assert_eq!(out.counters.value(Counter::EmbryonicRsts), dropped, "{name}");
        assert_eq!(out.counters.value(Counter::AttemptFails), dropped, "{name}");
        let challenged = u64::from(name.contains("not exact"));
        assert_eq!(out.counters.value(Counter::ChallengeAck), challenged, "{name}");
        assert_eq!(out.counters.value(Counter::PawsEstab), u64::from(name.starts_with("PAWS")), "{name}");
    }
}

#[test]
fn the_syn_ack_echoes_only_what_the_syn_offered() {
    let full = request(true).syn_ack(7, NOW).header;
    assert_eq!((full.seq, full.ack, full.window), (ISS, IRS + 1, 65_160));
    let options = full.options;
    assert_eq!((options.mss, options.window_scale, options.sack_permitted), (Some(1460), Some(10), true));
    assert_eq!(options.timestamps, Some(Timestamps { value: 10_007, echo: 500 }));

    let no_timestamps = request(false).syn_ack(7, NOW).header;
    assert_eq!((no_timestamps.window, no_timestamps.options.timestamps), (64_240, None));

    let bare = request_of(&ends(false).plain(Flags::SYN, IRS, Seq(0), 10)).syn_ack(7, NOW).header;
    assert_eq!(
        (bare.options.mss, bare.options.window_scale, bare.options.sack_permitted),
        (Some(1460), None, false)
    );
    assert_eq!(bare.ack, IRS + 1, "octets in the SYN are not taken (T24)");
}

/// T02: 0, 1, 3, 7, 15, 31 s, gone at 63 s; T02b: two retries end at 7 s.
#[test]
fn syn_acks_double_their_delay_and_end() {
    for (retries, times, end) in [(5, vec![1, 3, 7, 15, 31], 63), (2, vec![1, 3], 7)] {
        let (mut request, mut out, knobs) = (request(true), output(NOW), Knobs::default());
        let mut seconds = request.delay(&knobs).as_secs();
        let mut sent = Vec::new();
        while let Some(delay) = request.handle_timeout(retries, 0, 0, &knobs, at(seconds * 1000), &mut out) {
            sent.push(seconds);
            seconds += delay.as_secs();
        }
        assert_eq!((sent, seconds), (times, end));
        assert_eq!(out.counters.value(Counter::SynRetrans), u64::from(retries));
        assert_eq!(out.counters.value(Counter::RetransSegs), u64::from(retries));
        assert_eq!(out.counters.value(Counter::Timeouts), u64::from(retries) + 1);
        assert!(!request.is_young());
    }
}

#[test]
fn delays_stay_below_the_longest_timeout() {
    let (mut request, knobs) = (request(true), Knobs::default());
    request.timeouts = 200;
    assert_eq!(request.delay(&knobs), Duration::from_secs(120));
}

/// T02d: a repeated SYN is answered at once, but not within 500 ms of the last answer.
#[test]
fn repeated_syns_are_answered_twice_a_second_at_most() {
    let (mut request, mut out, knobs) = (request(true), output(NOW), Knobs::default());
    let verdicts: Vec<bool> = [300, 601, 1202, 2202]
        .into_iter()
        .map(|ms| {
            let syn = peer_syn(Flags::SYN, IRS, Seq(0), Some(Timestamps { value: 500 + ms as u32, echo: 0 }));
            request.handle_segment(&syn, 0, &knobs, at(ms), &mut out) == HalfOpenVerdict::Restart
        })
        .collect();
    assert_eq!(verdicts, [true, false, true, true]);
    assert_eq!(out.counters.value(Counter::AckSkippedSynRecv), 1);
    assert_eq!(out.counters.value(Counter::SynRetrans), 3);
    assert_eq!(request.timeouts(), 0, "an answer is not a timeout");
    assert_eq!(request.delay(&knobs), Duration::from_secs(1));
}

#[test]
fn numbers_out_of_the_window_are_answered_twice_a_second_at_most() {
    let (mut request, mut out) = (request(true), output(NOW));
    let old = ends(true).segment("ACK, old seq (-10)");
    for ms in [0, 100, 600] {
        let _ = request.handle_segment(&old, 0, &Knobs::default(), at(ms), &mut out);
    }
    assert_eq!(std::iter::from_fn(|| out.poll_reply()).count(), 2);
}

#[test]
fn the_ack_of_a_request_carries_its_scaled_window() {
    let mut out = output(NOW);
    let _ = request(true).handle_segment(
        &ends(true).segment("ACK, old seq (-10)"),
        3,
        &Knobs::default(),
        NOW,
        &mut out,
    );
    let (_, ack) = out.poll_reply().expect("an ACK");
    assert_eq!(ack.header.window, 63);
    assert_eq!(ack.header.options.timestamps, Some(Timestamps { value: 10_003, echo: 500 }));
}

/// T39: a sample from the SYN-ACK sent once; from the echo when it was repeated; none without timestamps.
#[test]
fn the_round_trip_is_never_ambiguous() {
    let knobs = Knobs::default();
    for (timestamps, repeated, expected) in
        [(true, false, Some(188)), (false, false, Some(188)), (true, true, Some(88)), (false, true, None)]
    {
        let (mut request, mut out) = (request(timestamps), output(NOW));
        if repeated {
            assert!(request.handle_timeout(5, 0, 0, &knobs, at(100), &mut out).is_some());
        }
        let mut third = ends(timestamps).segment("ACK exact (acks all)");
        if let Some(ts) = &mut third.header.options.timestamps {
            ts.echo = 10_100;
        }
        let rtt = request.round_trip(&third, 0, at(188));
        assert_eq!(rtt, expected.map(Duration::from_millis), "timestamps {timestamps}, repeated {repeated}");
    }
}

#[test]
fn the_connection_is_what_both_syns_agreed_on() {
    let (mut request, mut out, knobs) = (request(true), output(NOW), Knobs::default());
    let third = ends(true).segment("ACK exact (acks all)");
    assert_eq!(request.handle_segment(&third, 0, &knobs, at(5), &mut out), HalfOpenVerdict::Establish);
    let seed = request.seed(&third, 0, at(5));
    assert_eq!((seed.iss, seed.irs, seed.send_mss, seed.our_mss), (ISS, IRS, 1460, 1460));
    assert_eq!((seed.send_window, seed.receive_window), (65_535 << 7, 65_160));
    assert_eq!((seed.window_scale, seed.timestamps, seed.sack), (Some((7, 10)), true, true));
    assert_eq!((seed.ts_recent, seed.first_ack), (510, FirstAck::NotOwed));
    let connection = request.establish(&third, 0, &SocketOptions::default(), &knobs, at(5), &mut out);
    assert_eq!(connection.state(), State::Established);
    assert_eq!(out.counters.value(Counter::PassiveOpens), 1);
}

#[test]
fn a_third_segment_out_of_order_does_not_move_the_timestamp() {
    let (mut request, mut out) = (request(true), output(NOW));
    let ahead = ends(true).segment("data out of order (+100)");
    let verdict = request.handle_segment(&ahead, 0, &Knobs::default(), NOW, &mut out);
    assert_eq!((verdict, request.ts_recent_with(&ahead)), (HalfOpenVerdict::Establish, 500));
}

/// T09, T25b: what finds the accept queue full, or comes too early for TCP_DEFER_ACCEPT, is not echoed.
#[test]
fn a_third_segment_that_makes_no_connection_does_not_move_the_timestamp() {
    let (mut request, mut out) = (request(true), output(NOW));
    let third = ends(true).segment("ACK exact (acks all)");
    let verdict = request.handle_segment(&third, 0, &Knobs::default(), NOW, &mut out);
    assert_eq!((verdict, request.ts_recent_with(&third)), (HalfOpenVerdict::Establish, 510));
    let again = request.syn_ack(0, NOW).header.options.timestamps;
    assert_eq!(again.map(|ts| ts.echo), Some(500));
}

/// Linux 6.18: only what a SYN-ACK carried may come back; zero is no echo.
#[test]
fn an_echo_that_no_syn_ack_carried_is_refused() {
    let knobs = Knobs::default();
    for (echo, taken) in
        [(10_000, true), (10_500, true), (11_000, true), (0, true), (9_999, false), (11_001, false)]
    {
        let (mut request, mut out) = (request(true), output(NOW));
        assert!(request.handle_timeout(5, 0, 0, &knobs, at(1000), &mut out).is_some());
        while out.poll_reply().is_some() {}
        let mut third = ends(true).segment("ACK exact (acks all)");
        third.header.options.timestamps = Some(Timestamps { value: 510, echo });
        let verdict = request.handle_segment(&third, 0, &knobs, at(1200), &mut out);
        assert_eq!(verdict == HalfOpenVerdict::Establish, taken, "{echo}");
        let reply = ends(true).replies(&mut out);
        assert_eq!(reply, if taken { "-" } else { "ACK(seq=snd_nxt+0, ack=peer_nxt+0)" }, "{echo}");
        assert_eq!(out.counters.value(Counter::TsecrRejected), u64::from(!taken), "{echo}");
    }
}

/// Linux: the second repetition of a SYN-ACK makes the congestion window one segment, unless the first got through late.
#[test]
fn a_lost_syn_ack_makes_the_connection_cautious() {
    let knobs = Knobs::default();
    for (repeated, echo, cautious) in
        [(0, 10_000, false), (1, 11_000, false), (2, 13_000, true), (2, 10_000, false)]
    {
        let (mut request, mut out) = (request(true), output(NOW));
        for ms in [1000, 3000].into_iter().take(repeated) {
            assert!(request.handle_timeout(5, 0, 0, &knobs, at(ms), &mut out).is_some());
        }
        let mut third = ends(true).segment("ACK exact (acks all)");
        third.header.options.timestamps = Some(Timestamps { value: 510, echo });
        assert_eq!(request.seed(&third, 0, at(3100)).cautious, cautious, "{repeated} times, echo {echo}");
    }
}

/// TCP_DEFER_ACCEPT in timeouts; TIMELINES T25b: five seconds are three.
#[test]
fn seconds_of_deferring_as_timeouts() {
    let knobs = Knobs::default();
    for (seconds, timeouts) in
        [(0, 0), (1, 1), (2, 2), (3, 2), (5, 3), (7, 3), (8, 4), (300, 9), (u32::MAX, 255)]
    {
        assert_eq!(deferred_timeouts(seconds, &knobs), timeouts, "{seconds} s");
    }
}
