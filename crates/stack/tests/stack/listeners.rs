//! The two queues of a listener, its end, and SYNs in TIME_WAIT.

use crate::raw::{Raw, ack, syn};
use crate::world::{World, address, read_all};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::tcp::{Flags, Header};
use lastack_stack::{Shutdown, SocketError};
use std::time::Duration;

/// TIMELINES T09c: `listen(n)` admits n + 1, and further SYNs are dropped without a word.
#[test]
fn the_accept_queue_admits_one_more_than_the_backlog() {
    for (backlog, somaxconn, admitted) in [(0, 4096, 1), (1, 4096, 2), (5, 4096, 6), (10, 3, 4)] {
        let mut world = World::pair();
        let mut knobs = world.stack(1).knobs().clone();
        knobs.somaxconn = somaxconn;
        world.stack(1).set_knobs(knobs);
        let listener = world.listener(1, 80, backlog);
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(world.connect(0, address(1, 80)));
            world.run_ms(10);
        }
        let connected = clients.iter().filter(|client| client.try_connected().is_ok()).count();
        assert_eq!(connected, admitted, "listen({backlog}), somaxconn {somaxconn}");
        assert_eq!(world.count(1, State::Established) as usize, admitted);
        assert_eq!(world.counter(1, Counter::ListenOverflows) as usize, 20 - admitted);
        assert_eq!(world.counter(1, Counter::ListenDrops) as usize, 20 - admitted);
        let row = world.rows(1).into_iter().find(|row| row.state == State::Listen).expect("it listens");
        assert_eq!((row.recv_queue as usize, row.send_queue), (admitted, backlog.min(somaxconn)));
        // accept() makes room for the next SYN, which comes again after a second.
        assert!(listener.try_accept().is_ok());
        world.run(Duration::from_millis(1100));
        let connected = clients.iter().filter(|client| client.try_connected().is_ok()).count();
        assert_eq!(connected, admitted + 1);
    }
}

/// TIMELINES T09, T09b: what becomes of third segments when the accept queue is full.
#[test]
fn third_segments_on_a_full_queue_are_ignored_or_reset() {
    for abort in [false, true] {
        let mut raw = Raw::new();
        let mut knobs = raw.world.stack(0).knobs().clone();
        knobs.tcp_abort_on_overflow = abort;
        raw.world.stack(0).set_knobs(knobs);
        let listener = raw.world.listener(0, 80, 1);
        raw.send(1, 80, syn(100), "");
        let first = raw.segments().pop().expect("a SYN-ACK").1;
        raw.open(2, 80);
        raw.open(3, 80);
        raw.send(1, 80, ack(101, first.seq.0.wrapping_add(1)), "");
        let answers = raw.segments();
        assert_eq!(raw.world.counter(0, Counter::ListenOverflows), 1);
        if abort {
            assert_eq!(answers.len(), 1);
            assert_eq!((answers[0].1.flags, answers[0].1.seq), (Flags::RST, first.seq + 1));
            assert_eq!(raw.world.counter(0, Counter::EmbryonicRsts), 1);
            assert_eq!(raw.world.count(0, State::SynRecv), 0);
            continue;
        }
        assert!(answers.is_empty());
        assert_eq!(raw.world.count(0, State::SynRecv), 1);
        assert!(listener.try_accept().is_ok());
        raw.send(1, 80, ack(101, first.seq.0.wrapping_add(1)), "late");
        raw.world.run_ms(0);
        assert!(listener.try_accept().is_ok());
        let (late, _) = listener.try_accept().expect("there is room now");
        assert_eq!(read_all(&late).0, b"late");
    }
}

/// TIMELINES T02: 1, 3, 7, 15, 31 s and gone at 63 s, to the nanosecond.
#[test]
fn a_syn_ack_is_repeated_and_given_up() {
    let mut raw = Raw::new();
    let _listener = raw.world.listener(0, 80, 4);
    raw.send(1, 80, syn(100), "");
    let first = raw.segments().pop().expect("a SYN-ACK").1;
    let began = raw.world.now;
    let mut times = Vec::new();
    for second in 1..=62 {
        raw.world.run((began + Duration::from_secs(second)).since(raw.world.now) - Duration::from_nanos(1));
        assert!(raw.segments().is_empty(), "something left before second {second}");
        raw.world.run(Duration::from_nanos(1));
        times.extend(raw.segments().iter().map(|_| second));
    }
    assert_eq!(times, [1, 3, 7, 15, 31]);
    raw.world.run(Duration::from_secs(1));
    assert_eq!(raw.world.count(0, State::SynRecv), 0);
    raw.send(1, 80, ack(101, first.seq.0.wrapping_add(1)), "");
    let reset = raw.segments().pop().expect("an answer").1;
    assert_eq!((reset.flags, reset.seq), (Flags::RST, first.seq + 1));
}

/// TIMELINES T37.
#[test]
fn closing_a_listener() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    raw.open(1, 80);
    raw.send(2, 80, syn(100), "");
    let half = raw.segments().pop().expect("a SYN-ACK").1;
    drop(listener);
    let resets = raw.segments();
    assert_eq!(resets.len(), 1, "only the connection is told");
    assert_eq!((resets[0].0, resets[0].1.flags), (1, Flags::RST.with(Flags::ACK)));
    assert_eq!((raw.world.count(0, State::Listen), raw.world.count(0, State::SynRecv)), (0, 1));
    raw.send(2, 80, ack(101, half.seq.0.wrapping_add(1)), "");
    let (port, reset) = raw.segments().pop().expect("an answer");
    assert_eq!((port, reset.flags, reset.seq), (2, Flags::RST, half.seq + 1));
    assert_eq!(raw.world.stack(0).census().total(), 0);
    let again = raw.world.listener(0, 80, 4);
    assert_eq!(again.local_addr(), Some(address(0, 80)));
}

#[test]
fn a_half_open_request_of_a_closed_listener_dies_at_its_timer() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    raw.send(2, 80, syn(100), "");
    raw.segments();
    drop(listener);
    raw.world.run(Duration::from_millis(999));
    assert_eq!(raw.world.count(0, State::SynRecv), 1);
    raw.world.run_ms(1);
    assert_eq!(raw.world.count(0, State::SynRecv), 0);
    assert!(raw.segments().is_empty(), "nobody is told");
}

/// TIMELINES T37b.
#[test]
fn a_connection_that_ended_before_accept_is_still_returned() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    let (seq, _) = raw.open(1, 80);
    raw.send(1, 80, Header { seq, flags: Flags::RST, ..Header::default() }, "");
    let (seq, host_seq) = raw.open(2, 80);
    let fin = Header { flags: Flags::ACK.with(Flags::PSH).with(Flags::FIN), ..ack(seq.0, host_seq.0) };
    raw.send(2, 80, fin, "abc");
    raw.world.run_ms(0);
    let (reset, _) = listener.try_accept().expect("the reset one comes first");
    assert_eq!(read_all(&reset), (Vec::new(), Err(SocketError::Reset)));
    let (closed, _) = listener.try_accept().expect("then the closed one");
    assert_eq!(closed.state(), State::CloseWait);
    assert_eq!(read_all(&closed), (b"abc".to_vec(), Ok(())));
}

/// Our FIN, the peer's, and TIME_WAIT for the flow from port 1; the peer's next number.
fn time_wait(raw: &mut Raw, listener: &lastack_stack::Socket, port: u16) -> (u32, u32) {
    let (seq, host_seq) = raw.open(port, 80);
    let (server, _) = listener.try_accept().expect("it is connected");
    server.shutdown(Shutdown::Write).expect("it is connected");
    raw.segments();
    let fin = Header { flags: Flags::FIN.with(Flags::ACK), ..ack(seq.0, host_seq.0.wrapping_add(1)) };
    raw.send(port, 80, fin, "");
    raw.segments();
    drop(server);
    raw.world.run_ms(0);
    (seq.0 + 1, host_seq.0.wrapping_add(1))
}

/// TIMELINES T06, T06l.
#[test]
fn a_better_syn_reopens_time_wait_when_somebody_listens() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    let (next, host_next) = time_wait(&mut raw, &listener, 1);
    assert_eq!(raw.world.count(0, State::TimeWait), 1);
    raw.send(1, 80, syn(next + 5000), "");
    let (_, answer) = raw.segments().pop().expect("a SYN-ACK");
    assert_eq!(answer.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!(answer.seq.0, host_next.wrapping_add(65_537));
    assert_eq!((raw.world.count(0, State::TimeWait), raw.world.count(0, State::SynRecv)), (0, 1));

    let (next, host_next) = time_wait(&mut raw, &listener, 2);
    drop(listener);
    raw.segments();
    raw.send(2, 80, syn(next + 5000), "");
    let (_, answer) = raw.segments().pop().expect("an ACK");
    assert_eq!((answer.flags, answer.seq.0, answer.ack.0), (Flags::ACK, host_next, next));
    assert_eq!(raw.world.count(0, State::TimeWait), 1);
}

/// TIMELINES T21.
#[test]
fn a_full_time_wait_table_creates_no_more() {
    let mut raw = Raw::new();
    let mut knobs = raw.world.stack(0).knobs().clone();
    knobs.tcp_max_tw_buckets = 3;
    raw.world.stack(0).set_knobs(knobs);
    let listener = raw.world.listener(0, 80, 8);
    for port in 1..=5 {
        time_wait(&mut raw, &listener, port);
    }
    assert_eq!(raw.world.count(0, State::TimeWait), 3);
    assert_eq!(raw.world.counter(0, Counter::TimeWaitOverflow), 2);
    raw.world.run(Duration::from_secs(61));
    assert_eq!(raw.world.count(0, State::TimeWait), 0);
    time_wait(&mut raw, &listener, 9);
    assert_eq!(raw.world.count(0, State::TimeWait), 1, "the places are free again");
}
