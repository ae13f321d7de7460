//! SYN cookies: who gets one, who may bring one back, and what a flood does with and without them.

use crate::raw::{Raw, ack, segment_to, syn};
use crate::world::{World, address, config};
use lastack_stack::Knobs;
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::Seq;
use lastack_stack::wire::tcp::Flags;
use std::net::SocketAddr;
use std::time::Duration;

fn raw_with(turn: impl FnOnce(&mut Knobs)) -> Raw {
    let mut raw = Raw::new();
    let mut knobs = raw.world.stack(0).knobs().clone();
    turn(&mut knobs);
    raw.world.stack(0).set_knobs(knobs);
    raw
}

/// Sends a SYN from each port; the numbers of the SYN-ACKs that came back.
fn flood(raw: &mut Raw, ports: std::ops::RangeInclusive<u16>) -> Vec<(u16, Seq)> {
    let mut answers = Vec::new();
    for port in ports {
        raw.send(port, 80, syn(100), "");
        answers.extend(raw.segments().into_iter().map(|(to, header)| (to, header.seq)));
    }
    answers
}

fn counts<const N: usize>(raw: &Raw, counters: [Counter; N]) -> [u64; N] {
    counters.map(|counter| raw.world.counter(0, counter))
}

const QUEUE: [Counter; 4] =
    [Counter::SyncookiesSent, Counter::ReqQFullDoCookies, Counter::ReqQFullDrop, Counter::ListenDrops];

/// TIMELINES T20: eight SYNs to listen(4).
#[test]
fn who_gets_a_cookie_by_mode() {
    for (mode, answered, kept, expected) in
        [(0, 5, 5, [0, 0, 3, 3]), (1, 8, 5, [3, 3, 0, 0]), (2, 8, 0, [8, 8, 0, 0]), (3, 8, 5, [3, 3, 0, 0])]
    {
        let mut raw = raw_with(|knobs| knobs.tcp_syncookies = mode);
        let _listener = raw.world.listener(0, 80, 4);
        assert_eq!(flood(&mut raw, 1..=8).len(), answered, "mode {mode}");
        assert_eq!(raw.world.count(0, State::SynRecv), kept, "mode {mode}");
        assert_eq!(counts(&raw, QUEUE), expected, "mode {mode}");
    }
}

/// TIMELINES T20: `tcp_max_syn_backlog` counts only without cookies, and keeps a quarter for proven peers.
#[test]
fn the_backlog_knob_counts_without_cookies_only() {
    for (mode, backlog, max_syn_backlog, answered, full, drops) in [
        (0, 1000, 16, 13, 0, 17),
        (0, 1000, 8, 7, 0, 23),
        (0, 5, 2048, 6, 24, 24),
        (1, 1000, 16, 30, 0, 0),
        (0, 1000, -1, 1, 0, 29),
    ] {
        let mut raw = raw_with(|knobs| {
            knobs.tcp_syncookies = mode;
            knobs.tcp_max_syn_backlog = max_syn_backlog;
        });
        let _listener = raw.world.listener(0, 80, backlog);
        assert_eq!(flood(&mut raw, 1..=30).len(), answered, "{max_syn_backlog}");
        assert_eq!(counts(&raw, QUEUE), [0, 0, full, drops], "{max_syn_backlog}");
    }
}

/// TIMELINES T09d: two requests and two cookies on listen(1), then all four third segments.
#[test]
fn a_cookie_finds_the_accept_queue_full() {
    let mut raw = raw_with(|knobs| knobs.tcp_abort_on_overflow = true);
    let listener = raw.world.listener(0, 80, 1);
    let answers = flood(&mut raw, 1..=4);
    for (port, iss) in answers {
        raw.send(port, 80, ack(101, iss.0.wrapping_add(1)), "");
        assert!(raw.segments().is_empty(), "{port}: dropped without a word");
    }
    assert_eq!(raw.world.count(0, State::Established), 2);
    let counters = [
        Counter::SyncookiesSent,
        Counter::SyncookiesRecv,
        Counter::ListenOverflows,
        Counter::ListenDrops,
        Counter::EmbryonicRsts,
        Counter::PassiveOpens,
    ];
    assert_eq!(counts(&raw, counters), [2, 2, 2, 2, 0, 2]);
    assert!(listener.try_accept().is_ok() && listener.try_accept().is_ok());
}

/// TIMELINES T20e, T20d: a cookie is believed while an overflow was recent; a forged one never is.
#[test]
fn a_cookie_counts_while_the_overflow_is_recent() {
    let mut raw = Raw::new();
    let _listener = raw.world.listener(0, 80, 4);
    let answers = flood(&mut raw, 1..=8);
    let (port, iss) = answers[7];
    let third = |raw: &mut Raw, port, number: u32| {
        raw.send(port, 80, ack(101, number), "");
        raw.segments().iter().map(|(_, header)| header.flags).collect::<Vec<_>>()
    };
    assert_eq!(third(&mut raw, port, iss.0.wrapping_add(1)), []);
    assert_eq!(raw.world.count(0, State::Established), 1);
    assert_eq!(third(&mut raw, 9, 12_345), [Flags::RST]);
    assert_eq!(counts(&raw, [Counter::SyncookiesRecv, Counter::SyncookiesFailed]), [1, 1]);
    raw.world.run(Duration::from_secs(121));
    raw.segments();
    let (port, iss) = answers[6];
    assert_eq!(third(&mut raw, port, iss.0.wrapping_add(1)), [Flags::RST]);
    assert_eq!(counts(&raw, [Counter::SyncookiesRecv, Counter::SyncookiesFailed]), [1, 1], "not even tried");
}

/// A secret serves an hour; a handshake that began with the old one is finished with the new one.
#[test]
fn a_new_secret_loses_no_handshake() {
    let mut raw = raw_with(|knobs| knobs.tcp_syncookies = 2);
    let _listener = raw.world.listener(0, 80, 4);
    flood(&mut raw, 1..=1);
    raw.world.run(Duration::from_secs(3599));
    let (port, iss) = flood(&mut raw, 2..=2)[0];
    raw.world.run(Duration::from_secs(2));
    let again = flood(&mut raw, 2..=2)[0].1;
    assert_ne!(again, iss, "another secret, another cookie");
    raw.send(port, 80, ack(101, iss.0.wrapping_add(1)), "");
    assert!(raw.segments().is_empty());
    assert_eq!(raw.world.count(0, State::Established), 1);
}

/// Forged SYNs against listen(128) while fifty clients come: with cookies all connect and keep their options; without they
/// are locked out, and the counters say why.
#[test]
fn a_flood_locks_nobody_out_but_without_cookies() {
    for mode in [0, 1] {
        let mut server = config(1);
        server.knobs.tcp_syncookies = mode;
        let mut world = World::with(vec![(config(0), 1), (server, 1)]);
        let listener = world.listener(1, 80, 128);
        let mut clients = Vec::new();
        for n in 0..20_000_u32 {
            let [_, b, c, d] = (n / 60_000 + 2).to_be_bytes();
            let from = SocketAddr::from(([11, b, c, d], (n % 60_000) as u16 + 1024));
            world.inject(1, segment_to(from, address(1, 80), &syn(n), ""));
            if n % 400 == 399 {
                clients.push(world.connect(0, address(1, 80)));
                world.run_ms(5);
                assert!(world.count(1, State::SynRecv) <= 129);
            }
        }
        let connected = clients.iter().filter(|client| client.try_connected().is_ok()).count();
        assert_eq!(connected, if mode == 0 { 0 } else { 50 });
        if mode == 0 {
            assert!(world.counter(1, Counter::ReqQFullDrop) > 19_000);
            continue;
        }
        assert!(world.counter(1, Counter::SyncookiesRecv) == 50 && listener.try_accept().is_ok());
        for row in world.rows(1).iter().filter(|row| row.state == State::Established) {
            let agreed = row.negotiated.expect("a connection has agreed on something");
            assert!(agreed.sack && agreed.timestamps && agreed.window_scale.is_some(), "{agreed:?}");
        }
    }
}

/// TIMELINES T36: while the queue is more than half full, old requests are given up after two retransmissions.
#[test]
fn old_requests_make_room_in_a_crowded_queue() {
    let mut raw = Raw::new();
    let _listener = raw.world.listener(0, 80, 16);
    let mut sent = std::collections::BTreeMap::<u16, u32>::new();
    for port in 1..=12 {
        raw.send(port, 80, syn(100), "");
        raw.world.run_ms(2);
    }
    for _ in 0..70 {
        for (port, _) in raw.segments() {
            *sent.entry(port).or_default() += 1;
        }
        raw.world.run_ms(1000);
    }
    let given_up = sent.values().filter(|&&times| times == 3).count();
    let kept = sent.values().filter(|&&times| times == 6).count();
    assert_eq!((given_up, kept), (4, 8), "{sent:?}");
    assert_eq!(counts(&raw, [Counter::Timeouts, Counter::SynRetrans]), [60, 48]);
}

/// TCP_SYNCNT of a listener is the number of its SYN-ACKs' repetitions.
#[test]
fn syncnt_counts_for_requests() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 16);
    listener.set_options(|options| options.syncnt = Some(1));
    raw.world.run_ms(0);
    raw.send(1, 80, syn(100), "");
    raw.world.run(Duration::from_millis(2999));
    assert_eq!((raw.segments().len(), raw.world.count(0, State::SynRecv)), (2, 1));
    raw.world.run_ms(1);
    assert_eq!((raw.segments().len(), raw.world.count(0, State::SynRecv)), (0, 0));
}
