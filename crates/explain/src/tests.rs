use super::*;
use lastack_observe::{Flow, Holder, HostFacts, Negotiated, TcpInfo, TimerKind};
use proptest::prelude::*;

/// Linux's defaults, as sysctl shows them.
fn linux() -> Rules {
    let values = [
        (Rule::AbortOnOverflow, 0),
        (Rule::FinTimeout, 60),
        (Rule::KeepaliveInterval, 75),
        (Rule::KeepaliveProbes, 9),
        (Rule::KeepaliveTime, 7200),
        (Rule::OrphanRetries, 0),
        (Rule::Retries2, 15),
        (Rule::RtoMax, 120_000),
        (Rule::RtoMin, 200_000),
        (Rule::Somaxconn, 4096),
        (Rule::SynLinearTimeouts, 4),
        (Rule::SynRetries, 6),
        (Rule::SynAckRetries, 5),
        (Rule::TwReuse, 2),
        (Rule::TwReuseDelay, 1000),
    ];
    values.into_iter().fold(Rules::UNKNOWN, |rules, (rule, value)| rules.with(rule, value))
}

fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

/// A socket with this timer, time left and retransmissions.
fn row(state: State, timer: TimerKind, left: u64, retransmits: u8) -> SocketRow {
    let flow = Flow { local: "10.9.0.1:80".parse().unwrap(), remote: "10.9.0.2:40000".parse().unwrap() };
    let timer_left = if timer == TimerKind::Off { None } else { millis(left) };
    SocketRow { timer, timer_left, retransmits, ..SocketRow::new(state, flow) }
}

/// Every kind of socket that has a sentence of its own.
fn cases() -> Vec<(&'static str, SocketRow)> {
    use TimerKind::{Keepalive, Off, On, Persist, Timewait};
    let orphan = |state, timer, left, retransmits| SocketRow {
        orphan: true,
        send_queue: u32::from(state != State::FinWait2),
        ..row(state, timer, left, retransmits)
    };
    let queued = |row: SocketRow, receive, send| SocketRow { recv_queue: receive, send_queue: send, ..row };
    let rto = |row: SocketRow, rto| SocketRow { rto: millis(rto), ..row };
    let unaccepted = |state| SocketRow { unaccepted: true, ..row(state, Off, 0, 0) };
    let held = SocketRow {
        age: millis(3_900_000),
        host: Some(Box::new(HostFacts {
            age_is_least: true,
            holders: vec![Holder { name: "nginx".to_owned(), pid: 812, fd: 14 }],
            ..HostFacts::default()
        })),
        ..row(State::CloseWait, Off, 0, 0)
    };
    let fast_open = SocketRow {
        recv_queue: 10,
        send_queue: 5,
        negotiated: Some(Negotiated::default()),
        ..row(State::SynRecv, On, 999, 0)
    };
    let mut loopback = row(State::TimeWait, Timewait, 59_600, 0);
    loopback.flow.remote = "127.0.0.1:40000".parse().unwrap();
    vec![
        ("closed", row(State::Closed, Off, 0, 0)),
        ("listener", queued(row(State::Listen, Off, 0, 0), 1, 5)),
        ("listener, full", queued(row(State::Listen, Off, 0, 0), 6, 5)),
        ("connecting", queued(row(State::SynSent, On, 756, 2), 0, 1)),
        ("request", row(State::SynRecv, On, 980, 0)),
        ("request, old", row(State::SynRecv, On, 3_000, 3)),
        ("fast open", fast_open),
        ("simultaneous open", queued(row(State::SynRecv, On, 948, 1), 0, 1)),
        ("idle", row(State::Established, Off, 0, 0)),
        ("unread", queued(row(State::Established, Off, 0, 0), 4096, 0)),
        ("unaccepted", queued(unaccepted(State::Established), 5, 0)),
        ("unaccepted, peer gone", queued(unaccepted(State::CloseWait), 6, 0)),
        ("unacknowledged", queued(row(State::Established, On, 204, 0), 0, 9)),
        ("retransmitting", rto(queued(row(State::Established, On, 1_000, 3), 7, 10), 1_632)),
        (
            "retransmitting, longest timeout",
            rto(queued(row(State::Established, On, 71_000, 12), 0, 10), 120_000),
        ),
        ("window closed", queued(row(State::Established, Persist, 71_264, 2), 0, 100)),
        ("keepalive", row(State::Established, Keepalive, 7_199_952, 0)),
        ("keepalive, no answer", row(State::Established, Keepalive, 75_000, 3)),
        ("close wait", queued(row(State::CloseWait, Off, 0, 0), 1, 0)),
        ("close wait, unread", queued(row(State::CloseWait, Off, 0, 0), 101, 0)),
        ("close wait, held", held),
        ("close wait, keepalive", row(State::CloseWait, Keepalive, 4_996, 0)),
        ("close wait, retransmitting", rto(queued(row(State::CloseWait, On, 100, 1), 1, 10), 408)),
        ("fin wait 1", queued(row(State::FinWait1, On, 152, 0), 0, 1)),
        ("fin wait 1, orphan", rto(orphan(State::FinWait1, On, 300, 1), 408)),
        ("fin wait 1, orphan, window closed", queued(orphan(State::FinWait1, Persist, 196, 0), 0, 101)),
        ("fin wait 2", row(State::FinWait2, Off, 0, 0)),
        ("fin wait 2, keepalive", row(State::FinWait2, Keepalive, 4_996, 0)),
        ("fin wait 2, orphan", orphan(State::FinWait2, Timewait, 59_992, 0)),
        ("closing", rto(orphan(State::Closing, On, 200, 0), 204)),
        ("last ack", rto(orphan(State::LastAck, On, 25_000, 7), 26_112)),
        ("time wait", row(State::TimeWait, Timewait, 59_000, 0)),
        ("time wait, loopback", loopback),
    ]
}

fn timed() -> Vec<(&'static str, SocketRow)> {
    cases().into_iter().filter(|(_, row)| row.timer != TimerKind::Off).collect()
}

fn of(name: &str) -> SocketRow {
    cases().into_iter().find(|(case, _)| *case == name).map(|(_, row)| row).expect("a case")
}

fn told(cases: &[(&'static str, SocketRow)], rules: &Rules) -> String {
    cases.iter().map(|(name, row)| format!("{name}:\n  {}\n", explain(row, rules))).collect()
}

#[test]
fn every_kind_of_socket_has_its_sentence() {
    insta::assert_snapshot!("sentences", told(&cases(), &linux()));
}

/// Without the knobs' values there are their names, and only the numbers of the sockets.
#[test]
fn what_is_not_known_is_not_invented() {
    insta::assert_snapshot!("sentences_without_knobs", told(&cases(), &Rules::UNKNOWN));
}

#[test]
fn it_is_one_sentence() {
    for rules in [linux(), Rules::UNKNOWN] {
        for (name, row) in cases() {
            let sentence = explain(&row, &rules).to_string();
            assert!(
                sentence.ends_with('.') && !sentence.contains(". ") && !sentence.contains('\n'),
                "{name}: {sentence}"
            );
            assert!(!sentence.starts_with(char::is_lowercase), "{name}: {sentence}");
            assert!(!sentence.contains("  "), "{name}: {sentence}");
        }
    }
}

/// The nominal ends of TIMELINES.
#[test]
fn ends_are_those_of_linux() {
    let left = |row: &SocketRow, rules: &Rules| explain(row, rules).left.map(|left| left.as_millis());
    let fresh = |state, send| SocketRow { send_queue: send, ..row(state, TimerKind::On, 1_000, 0) };
    let with = |rule, value| linux().with(rule, value);
    assert_eq!(left(&fresh(State::SynSent, 1), &linux()), Some(131_000), "T01");
    assert_eq!(left(&fresh(State::SynSent, 1), &with(Rule::SynLinearTimeouts, 0)), Some(127_000), "T01b");
    assert_eq!(left(&fresh(State::SynSent, 1), &with(Rule::SynRetries, 2)), Some(7_000), "T01c");
    assert_eq!(left(&fresh(State::SynRecv, 0), &linux()), Some(63_000), "T02");
    assert_eq!(left(&fresh(State::SynRecv, 0), &with(Rule::SynAckRetries, 2)), Some(7_000), "T02b");
    assert_eq!(left(&fresh(State::SynRecv, 1), &linux()), Some(127_000), "T15b");
    let by_kernel = |options| {
        let info = Some(TcpInfo { options, ..TcpInfo::default() });
        let host = Some(Box::new(HostFacts { info, ..HostFacts::default() }));
        left(&SocketRow { host, ..fresh(State::SynRecv, 0) }, &with(Rule::SynAckRetries, 2))
    };
    assert_eq!((by_kernel(32), by_kernel(7)), (Some(15_000), Some(7_000)), "one repeat more for Fast Open");
    assert_eq!(left(&of("keepalive"), &linux()), Some(7_199_952 + 675_000), "T16d");
    // The first retransmission left 108 ms ago; 64 more ticks of it and the doublings until 102.2 s have passed.
    assert_eq!(left(&of("fin wait 1, orphan"), &linux()), Some(300 + 204 * (510 - 2)), "T03");
    // 7 times: 204 × 254 ms have passed when this timeout fires; then one of 52.2 s.
    assert_eq!(left(&of("last ack"), &linux()), Some(25_000 + 52_224), "T03c");
    assert_eq!(left(&of("last ack"), &with(Rule::OrphanRetries, 3)), Some(25_000), "T03d");
    let long = |left| SocketRow { orphan: true, ..row(State::FinWait2, TimerKind::Keepalive, left, 0) };
    assert_eq!(left(&long(60_000), &with(Rule::FinTimeout, 120)), Some(120_000), "T04c");
    assert_eq!(left(&of("time wait"), &linux()), Some(59_000), "T05");
    for endless in ["listener", "idle", "unaccepted", "close wait", "fin wait 2", "window closed", "closed"] {
        assert_eq!(left(&of(endless), &linux()), None, "{endless}");
        assert!(explain(&of(endless), &linux()).end.starts_with("never"), "{endless}");
    }
}

/// Which knob's value a sentence gives, and whether its end moves with it.
const GOVERNED: &[(&str, Rule, bool)] = &[
    ("listener", Rule::Somaxconn, false),
    ("listener, full", Rule::AbortOnOverflow, false),
    ("connecting", Rule::SynRetries, true),
    ("connecting", Rule::SynLinearTimeouts, true),
    ("request", Rule::SynAckRetries, true),
    ("fast open", Rule::SynAckRetries, true),
    ("simultaneous open", Rule::SynRetries, true),
    ("unaccepted", Rule::Somaxconn, false),
    ("unacknowledged", Rule::Retries2, false),
    ("retransmitting", Rule::Retries2, true),
    ("window closed", Rule::Retries2, false),
    ("keepalive", Rule::KeepaliveProbes, true),
    ("keepalive", Rule::KeepaliveInterval, true),
    ("close wait, keepalive", Rule::KeepaliveProbes, true),
    ("fin wait 1", Rule::Retries2, false),
    ("fin wait 1, orphan", Rule::OrphanRetries, true),
    ("fin wait 2", Rule::FinTimeout, false),
    ("fin wait 2, orphan", Rule::FinTimeout, false),
    ("closing", Rule::OrphanRetries, false),
    ("last ack", Rule::OrphanRetries, false),
    ("time wait", Rule::TwReuse, false),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A timer that is changed changes the sentence, which tells the new time; the end moves as far.
    #[test]
    fn a_changed_timer_changes_the_sentence(index in 0..timed().len(), tenths in 2_u64..90, more in 1_u64..9) {
        let (name, row) = timed().swap_remove(index);
        let at = |tenths: u64| explain(&SocketRow { timer_left: millis(tenths * 100), ..row.clone() }, &linux());
        let (before, after) = (at(tenths), at(tenths + more));
        prop_assert_ne!(before.to_string(), after.to_string(), "{}", name);
        let shown = words::span(Duration::from_millis((tenths + more) * 100));
        prop_assert!(after.end.contains(&format!("in {shown}")), "{}: {} in {}", name, shown, after);
        if let Some((before, after)) = before.left.zip(after.left) {
            prop_assert_eq!(after.as_millis() - before.as_millis(), u128::from(more) * 100, "{}", name);
        }
    }

    /// A knob that is changed changes the sentence, which tells the new value; more patience is a later end (two steps more:
    /// whether one is depends on the clock's ticks).
    #[test]
    fn a_changed_knob_changes_the_sentence(index in 0..GOVERNED.len(), value in 3_i64..8, more in 2_i64..6) {
        let (name, rule, moves) = GOVERNED[index];
        let row = of(name);
        let at = |value: i64| explain(&row, &linux().with(rule, value));
        let (before, after) = (at(value), at(value + more));
        prop_assert_ne!(before.to_string(), after.to_string(), "{}", name);
        let named = format!("{} = {}", rule.short_name(), value + more);
        prop_assert!(after.to_string().contains(&named), "{}: {} in {}", name, named, after);
        if moves {
            prop_assert!(before.left.is_some() && after.left > before.left, "{}: {:?} {:?}", name, before, after);
        }
    }

    /// Whatever a kernel reports, there is a sentence.
    #[test]
    fn nothing_panics(
        index in 0..cases().len(), left in any::<u64>(), retransmits in any::<u8>(), rto in any::<u32>(),
        queues in any::<[u32; 2]>(), values in any::<[i64; Rule::ALL.len()]>(), orphan in any::<bool>(),
    ) {
        let (_, row) = cases().swap_remove(index);
        let row = SocketRow {
            timer_left: row.timer_left.and(millis(left >> 24)),
            rto: millis(rto.into()),
            recv_queue: queues[0],
            send_queue: queues[1],
            retransmits,
            orphan,
            ..row
        };
        let rules = Rules::read(|rule| Some(values[rule as usize] % 1_000_000_000));
        prop_assert!(explain(&row, &rules).to_string().ends_with('.'));
    }
}
