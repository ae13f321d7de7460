//! One connection's life as applications see it.

use crate::raw::{Raw, ack};
use crate::world::{World, address, config, ip, ipv6, read_all, text};
use bytes::Bytes;
use lastack_stack::observe::{Counter, SocketRow, State};
use lastack_stack::wire::Checksum;
use lastack_stack::wire::tcp::{Flags, Header};
use lastack_stack::{Capabilities, Cursor, Family, Instant, Linger, Shutdown, SocketError};
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn echo_then_close_until_time_wait_ends() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    assert_eq!(client.try_write(text("hello")), Ok(5));
    world.run_ms(5);
    assert_eq!(read_all(&server), (b"hello".to_vec(), Err(SocketError::WouldBlock)));
    assert_eq!(server.try_write(text("world")), Ok(5));
    world.run_ms(5);
    assert_eq!(read_all(&client), (b"world".to_vec(), Err(SocketError::WouldBlock)));

    client.close();
    // The FIN's acknowledgment may be delayed.
    world.run_ms(50);
    assert_eq!(read_all(&server), (Vec::new(), Ok(())));
    assert_eq!((world.count(0, State::FinWait2), world.count(1, State::CloseWait)), (1, 1));
    server.close();
    let closed_at = world.now;
    world.run_ms(10);
    assert_eq!((world.count(0, State::TimeWait), world.count(1, State::LastAck)), (1, 0));
    assert_eq!(world.stack(1).census().total(), 1, "only the listener is left");
    let row = world.rows(0).pop().expect("TIME_WAIT has a row");
    assert_eq!((row.state, row.flow.remote), (State::TimeWait, address(1, 80)));
    // The FIN came a millisecond after close().
    let end = closed_at + Duration::from_millis(1) + Duration::from_secs(60);
    assert_eq!(world.stack(0).deadline(), Some(end), "the deadline is exact");
    world.run(end.since(world.now) - Duration::from_nanos(1));
    assert_eq!(world.count(0, State::TimeWait), 1);
    world.run(Duration::from_nanos(1));
    assert_eq!(world.stack(0).census().total(), 0);
    assert_eq!(world.stack(0).deadline(), None);
}

#[test]
fn a_megabyte_arrives_in_order_with_loss() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    let mut count = 0_u32;
    world.rule = Some(Box::new(move |_, packet| {
        count += 1;
        packet.payload.is_empty() || !count.is_multiple_of(97)
    }));
    let all: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut rest, mut got) = (Bytes::from(all.clone()), Vec::new());
    for _ in 0..100_000 {
        if let Ok(taken) = client.try_write(rest.clone()) {
            let _ = rest.split_to(taken);
            if rest.is_empty() {
                client.close();
            }
        }
        world.run_ms(1);
        let (octets, end) = read_all(&server);
        got.extend_from_slice(&octets);
        if end.is_ok() {
            break;
        }
    }
    assert_eq!(got.len(), all.len());
    assert!(got == all, "octets differ");
    assert!(world.counter(0, Counter::RetransSegs) > 0);
}

#[test]
fn refused_without_a_listener() {
    let mut world = World::pair();
    let client = world.connect(0, address(1, 81));
    assert_eq!(client.try_connected(), Err(SocketError::WouldBlock));
    world.run_ms(5);
    assert_eq!(client.try_connected(), Err(SocketError::Refused));
    assert_eq!(client.try_connected(), Err(SocketError::NotConnected), "told once");
    assert_eq!(world.counter(1, Counter::OutRsts), 1);
    assert_eq!(world.stack(0).census().total(), 0);
    // The socket may try again.
    let _listener = world.listener(1, 81, 1);
    client.connect(address(1, 81)).expect("it is fresh again");
    world.run_ms(5);
    assert_eq!(client.try_connected(), Ok(()));
}

#[test]
fn nobody_answers() {
    let mut world = World::pair();
    world.rule = Some(Box::new(|_, _| false));
    let client = world.connect(0, address(1, 80));
    let began = world.now;
    world.run(Duration::from_secs(130));
    assert_eq!(client.try_connected(), Err(SocketError::WouldBlock));
    world.run(Duration::from_secs(2));
    assert_eq!(client.try_connected(), Err(SocketError::TimedOut));
    assert_eq!(world.stack(0).deadline(), None);
    assert!(world.now.since(began) > Duration::from_secs(131));
}

#[test]
fn a_reset_is_told_once_then_the_end() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    server.abort();
    world.run_ms(5);
    assert_eq!(client.try_read(10), Err(SocketError::Reset));
    assert_eq!(client.try_read(10), Ok(Bytes::new()));
    assert_eq!(client.try_write(text("x")), Err(SocketError::BrokenPipe));
    let (client, server) = world.connected(&listener);
    server.abort();
    world.run_ms(5);
    assert_eq!(client.try_write(text("x")), Err(SocketError::Reset));
    assert_eq!(client.try_write(text("x")), Err(SocketError::BrokenPipe));
    assert_eq!(client.take_error(), None);
}

#[test]
fn t34_a_reset_in_close_wait_is_a_broken_pipe() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    for (port, writes_first) in [(1, true), (2, false)] {
        let (peer, ours) = raw.open(port, 80);
        let (server, _) = listener.try_accept().expect("it is connected");
        raw.send(port, 80, Header { flags: Flags::FIN.with(Flags::ACK), ..ack(peer.0, ours.0) }, "");
        raw.world.run_ms(1);
        assert_eq!(server.state(), State::CloseWait);
        raw.send(port, 80, Header { flags: Flags::RST, ..ack(peer.0 + 1, ours.0) }, "");
        raw.world.run_ms(1);
        assert_eq!(server.state(), State::Closed);
        if writes_first {
            assert_eq!(server.try_write(text("x")), Err(SocketError::BrokenPipe));
        }
        assert_eq!(server.try_read(9), Ok(Bytes::new()), "the stream had ended before");
        assert_eq!(server.try_write(text("x")), Err(SocketError::BrokenPipe));
        assert_eq!(server.try_write(text("x")), Err(SocketError::BrokenPipe));
        assert_eq!(server.take_error(), None, "told once");
    }
}

#[test]
fn shutdown_is_half_a_close() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    assert_eq!(client.try_write(text("ask")), Ok(3));
    assert_eq!(client.shutdown(Shutdown::Write), Ok(()));
    assert_eq!(client.try_write(text("x")), Err(SocketError::BrokenPipe));
    world.run_ms(5);
    assert_eq!(read_all(&server), (b"ask".to_vec(), Ok(())));
    assert_eq!(server.try_write(text("answer")), Ok(6));
    server.close();
    world.run_ms(5);
    assert_eq!(read_all(&client), (b"answer".to_vec(), Ok(())));
    assert_eq!(world.count(0, State::TimeWait), 1);
    assert_eq!(client.shutdown(Shutdown::Write), Err(SocketError::NotConnected));
}

#[test]
fn unread_octets_make_close_a_reset() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    assert_eq!(client.try_write(text("unread")), Ok(6));
    world.run_ms(5);
    drop(server);
    world.run_ms(5);
    assert_eq!(client.try_read(10), Err(SocketError::Reset));
    assert_eq!(world.counter(1, Counter::AbortOnClose), 1);
    assert_eq!(world.count(0, State::TimeWait) + world.count(1, State::TimeWait), 0);
}

#[test]
fn linger_waits_for_the_peer_or_its_time() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    client.set_options(|options| options.linger = Linger::Wait(Duration::from_secs(2)));
    assert_eq!(client.try_write(text("last")), Ok(4));
    client.close();
    world.run_ms(1);
    assert!(!client.is_closed());
    world.run_ms(50);
    assert!(client.is_closed(), "data and FIN are acknowledged");
    drop(server);

    let (client, _server) = world.connected(&listener);
    client.set_options(|options| options.linger = Linger::Wait(Duration::from_secs(2)));
    world.run_ms(1);
    world.rule = Some(Box::new(|_, _| false));
    assert_eq!(client.try_write(text("lost")), Ok(4));
    client.close();
    world.run(Duration::from_millis(1999));
    assert!(!client.is_closed());
    world.run_ms(2);
    assert!(client.is_closed());
    assert_eq!(world.count(0, State::FinWait1), 1, "it goes on as an orphan");
    assert_eq!(world.stack(0).census().orphans, 1);
}

#[test]
fn one_orphan_too_many_is_reset() {
    let mut world = World::pair();
    let mut knobs = world.stack(0).knobs().clone();
    knobs.tcp_max_orphans = 2;
    world.stack(0).set_knobs(knobs);
    let listener = world.listener(1, 80, 8);
    let pairs: Vec<_> = (0..4).map(|_| world.connected(&listener)).collect();
    world.rule = Some(Box::new(|_, _| false));
    for (client, _) in &pairs {
        client.close();
    }
    world.run_ms(10);
    assert_eq!(world.stack(0).census().orphans, 2);
    assert_eq!(world.counter(0, Counter::AbortOnMemory), 2);
    assert_eq!(world.counter(0, Counter::OutRsts), 2);
    world.run(Duration::from_secs(200));
    assert_eq!(world.stack(0).census().total(), 0, "orphans have an end");
}

#[test]
fn a_lost_device_ends_everything() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (_client, server) = world.connected(&listener);
    let opening = world.connect(1, address(0, 9));
    let now = world.now;
    world.stack(1).handle_sockets(now, &mut crate::world::Seeded(1));
    world.stack(1).device_lost(now);
    assert_eq!(server.try_read(1), Err(SocketError::NetworkDown));
    assert_eq!(opening.try_connected(), Err(SocketError::NetworkDown));
    assert_eq!(listener.try_accept().err(), Some(SocketError::NetworkDown));
    assert_eq!(world.stack(1).census().total(), 0);
    assert_eq!(world.stack(1).deadline(), None);
    let late = world.connect(1, address(0, 9));
    world.run_ms(0);
    assert_eq!(late.try_connected(), Err(SocketError::NetworkDown));
}

#[test]
fn to_ourselves_and_to_our_own_port() {
    let mut world = World::pair();
    let listener = world.listener(0, 80, 8);
    let client = world.connect(0, address(0, 80));
    world.run_ms(1);
    assert_eq!(client.try_connected(), Ok(()));
    let (server, _) = listener.try_accept().expect("it is connected");
    assert_eq!(client.try_write(text("inside")), Ok(6));
    world.run_ms(1);
    assert_eq!(read_all(&server).0, b"inside");

    // TIMELINES T15e: a simultaneous open with oneself.
    let same = world.socket(0);
    let port: SocketAddr = "127.0.0.1:45000".parse().expect("an address");
    same.bind(port).expect("bind is asked for");
    same.connect(port).expect("connect is asked for");
    world.run_ms(1);
    assert_eq!(same.try_connected(), Ok(()));
    assert_eq!(same.try_write(text("me")), Ok(2));
    world.run_ms(1);
    assert_eq!(read_all(&same).0, b"me");
    drop(same);
    world.run_ms(100);
    assert_eq!(world.count(0, State::TimeWait), 1);
}

#[test]
fn ipv6_and_both_families_on_one_listener() {
    let mut world = World::pair();
    let listener = world.stack(1).sockets().stream(Family::V6);
    listener.bind("[::]:80".parse().expect("an address")).expect("bind is asked for");
    listener.listen(8).expect("listen is asked for");
    world.run_ms(0);
    let six = world.connect(0, SocketAddr::new(ipv6(1), 80));
    world.run_ms(5);
    assert_eq!(six.try_connected(), Ok(()));
    assert_eq!(listener.try_accept().expect("it is connected").1.ip(), ipv6(0));
    let four = world.connect(0, address(1, 80));
    world.run_ms(5);
    assert_eq!(four.try_connected(), Ok(()));
    let (server, peer) = listener.try_accept().expect("it is connected");
    assert_eq!(peer.ip().to_canonical(), ip(0));
    assert!(peer.is_ipv6() && server.local_addr().is_some_and(|local| local.is_ipv6()));

    let only = world.stack(1).sockets().stream(Family::V6);
    only.set_options(|options| options.v6only = true);
    only.bind("[::]:81".parse().expect("an address")).expect("bind is asked for");
    only.listen(8).expect("listen is asked for");
    world.run_ms(0);
    let four = world.connect(0, address(1, 81));
    world.run_ms(5);
    assert_eq!(four.try_connected(), Err(SocketError::Refused));
}

#[test]
fn events_and_census_tell_the_same_story() {
    let mut world = World::pair();
    world.stack(0).keep_events(64);
    let listener = world.listener(1, 80, 8);
    let (client, _server) = world.connected(&listener);
    drop(client);
    world.run_ms(10);
    let mut states = vec![];
    while let Some(event) = world.stack(0).poll_event() {
        if let lastack_stack::observe::EventKind::StateChanged { from, to, .. } = event.kind {
            states.push((from, to));
        }
        assert!(event.at > Instant::ZERO);
    }
    let path = [State::Closed, State::SynSent, State::Established, State::FinWait1, State::FinWait2];
    assert_eq!(states, path.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>());
    assert_eq!(world.count(0, State::FinWait2), 1);
}

#[test]
fn events_that_nobody_takes_in_time_are_counted() {
    let mut world = World::pair();
    world.stack(0).keep_events(1);
    let listener = world.listener(1, 80, 8);
    let (_client, _server) = world.connected(&listener);
    // SYN_SENT and ESTABLISHED: the second took the place of the first.
    assert_eq!(world.stack(0).events_lost(), 1);
    assert!(world.stack(0).poll_event().is_some());
    assert!(world.stack(0).poll_event().is_none());
}

#[test]
fn a_device_that_cuts_gets_super_segments_with_partial_checksums() {
    let mut config0 = config(0);
    config0.device = Capabilities { tso: true, checksum_offload: true };
    let mut world = World::with(vec![(config0, 1), (config(1), 1)]);
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let largest = seen.clone();
    world.rule = Some(Box::new(move |host, packet| {
        if host == 0 {
            largest.set(largest.get().max(packet.len()));
            assert!(matches!(packet.offload.checksum, Checksum::Partial { .. }));
            assert_eq!(packet.offload.gso.is_some(), packet.len() > 1500);
        }
        true
    }));
    let (mut rest, mut got) = (Bytes::from(vec![5; 500_000]), 0);
    for _ in 0..2000 {
        if let Ok(taken) = client.try_write(rest.clone()) {
            let _ = rest.split_to(taken);
        }
        world.run_ms(1);
        got += read_all(&server).0.len();
    }
    assert_eq!(got, 500_000);
    assert!(seen.get() > 10_000, "the largest packet had {} octets", seen.get());
}

#[test]
fn rows_tell_tcp_info_when_asked() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    assert_eq!(client.try_write(vec![7; 3000].into()), Ok(3000));
    world.run_ms(50);
    assert_eq!(read_all(&server).0.len(), 3000);
    let info = |rows: Vec<SocketRow>| {
        let row = rows.into_iter().find(|row| row.state == State::Established).expect("it is connected");
        row.info
    };
    assert_eq!(info(world.rows(0)), None);
    let ours = info(world.rows_from(0, Cursor::default().with_info())).expect("it was asked for");
    let theirs = info(world.rows_from(1, Cursor::default().with_info())).expect("it was asked for");
    assert_eq!((ours.bytes_sent, ours.bytes_acked, ours.pmtu), (3000, 3001, 1500));
    assert_eq!((theirs.bytes_received, theirs.data_segs_in), (3000, 3));
    let listener = world.rows_from(1, Cursor::default().with_info());
    assert!(listener.iter().any(|row| row.state == State::Listen && row.info.is_none()));
}
