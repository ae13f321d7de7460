//! What the running kernel showed when it was asked the same as the stack (`tests/differential`): each thing once, by itself.

use crate::raw::{PEER, Raw, ack, segment_to, syn};
use crate::world::{World, address, ipv6, read_all, text};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::Seq;
use lastack_stack::wire::tcp::{Flags, Header, Options};
use lastack_stack::{Family, Shutdown, SocketError};
use std::net::SocketAddr;

const PORT: u16 = 80;

#[test]
fn shutdown_in_syn_sent_gives_the_attempt_up_without_a_word() {
    let mut raw = Raw::new();
    let client = raw.world.connect(0, SocketAddr::new(PEER, 9));
    assert_eq!(raw.segments().len(), 1, "the SYN");
    assert_eq!(client.shutdown(Shutdown::Write), Ok(()));
    assert_eq!(raw.segments(), []);
    assert_eq!(raw.world.count(0, State::SynSent), 0);
    assert_eq!(client.take_error(), Some(SocketError::Reset));
}

#[test]
fn shutdown_in_syn_received_takes_effect_when_the_handshake_is_done() {
    let mut raw = Raw::new();
    let client = raw.world.connect(0, SocketAddr::new(PEER, 9));
    let iss = raw.segments()[0].1.seq;
    let port = client.local_addr().expect("connect() chose one").port();
    raw.send(9, port, syn(500), "");
    raw.segments();
    assert_eq!(raw.world.count(0, State::SynRecv), 1);
    assert_eq!(client.shutdown(Shutdown::Write), Ok(()));
    assert_eq!(raw.segments(), []);
    raw.send(9, port, ack(501, (iss + 1).0), "");
    let sent = raw.segments();
    assert!(sent.iter().any(|(_, header)| header.flags.fin()), "{sent:?}");
    assert_eq!(raw.world.count(0, State::FinWait1), 1);
}

#[test]
fn a_peer_over_ipv6_that_names_no_mss_takes_1220_octets() {
    let mut raw = Raw::new();
    let listener = raw.world.hosts[0][0].sockets().stream(Family::V6);
    listener.bind(SocketAddr::new(ipv6(0), PORT)).expect("asked for");
    listener.listen(5).expect("asked for");
    raw.world.run_ms(0);
    let (from, to) = (SocketAddr::new(ipv6(8), 4000), SocketAddr::new(ipv6(0), PORT));
    let bare = Header { options: Options::default(), ..syn(100) };
    raw.world.inject(0, segment_to(from, to, &bare, ""));
    let (_, answer) = raw.segments().pop().expect("a SYN-ACK");
    raw.world.inject(0, segment_to(from, to, &ack(101, (answer.seq + 1).0), ""));
    raw.segments();
    let (server, _) = listener.try_accept().expect("connected");
    server.try_write(vec![1; 3000].into()).expect("there is room");
    let longest = raw.frames().iter().map(|frame| frame.data.len() - 60).max();
    assert_eq!(longest, Some(1220));
}

#[test]
fn octets_behind_the_peers_fin_reset() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, PORT, 5);
    let (next, ours) = raw.open(4000, PORT);
    let _server = listener.try_accept().expect("connected");
    let fin = Header { flags: Flags::ACK.with(Flags::FIN), ..ack(next.0, ours.0) };
    raw.send(4000, PORT, fin, "");
    raw.segments();
    raw.send(4000, PORT, ack(next.0 - 1, ours.0), "octets");
    let sent = raw.segments();
    assert!(matches!(sent.as_slice(), [(_, one)] if one.flags == Flags::RST && one.seq == ours), "{sent:?}");
    assert_eq!(raw.world.counter(0, Counter::AbortOnData), 1);
    assert_eq!(raw.world.count(0, State::CloseWait), 0);
}

#[test]
fn a_fin_that_waits_for_octets_is_reported_and_counts_as_one() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, PORT, 5);
    let with_sack = Options { mss: Some(1460), sack_permitted: true, ..Options::default() };
    raw.send(4000, PORT, Header { options: with_sack, ..syn(100) }, "");
    let (_, answer) = raw.segments().pop().expect("a SYN-ACK");
    let ours = (answer.seq + 1).0;
    raw.send(4000, PORT, ack(101, ours), "");
    let (server, _) = {
        raw.segments();
        listener.try_accept().expect("connected")
    };
    let fin = Header { flags: Flags::ACK.with(Flags::FIN), ..ack(104, ours) };
    raw.send(4000, PORT, fin, "def");
    let (_, told) = raw.segments().pop().expect("an acknowledgment at once");
    let block = told.options.sack[0];
    assert_eq!((block.left, block.right), (Seq(104), Seq(108)), "three octets and the FIN");
    raw.send(4000, PORT, ack(101, ours), "abc");
    let (_, told) = raw.segments().pop().expect("the gap is filled");
    assert_eq!(told.ack, Seq(108));
    assert_eq!(read_all(&server), (b"abcdef".to_vec(), Ok(())));
}

#[test]
fn a_syn_with_fin_ends_time_wait_and_opens_nothing() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, PORT, 5);
    let (next, ours) = raw.open(4000, PORT);
    drop(listener.try_accept().expect("connected"));
    raw.segments();
    let fin = Header { flags: Flags::ACK.with(Flags::FIN), ..ack(next.0, ours.0 + 1) };
    raw.send(4000, PORT, fin, "");
    raw.segments();
    assert_eq!(raw.world.count(0, State::TimeWait), 1);
    let both = Header { flags: Flags::SYN.with(Flags::FIN), ..syn(next.0 + 100_000) };
    raw.send(4000, PORT, both, "");
    assert_eq!(raw.segments(), []);
    assert_eq!((raw.world.count(0, State::TimeWait), raw.world.count(0, State::SynRecv)), (0, 0));
}

#[test]
fn recv_q_counts_the_fin_until_a_reader_was_told() {
    let mut world = World::pair();
    let listener = world.listener(1, PORT, 5);
    let (client, server) = world.connected(&listener);
    client.try_write(text("abc")).expect("there is room");
    drop(client);
    world.run_ms(10);
    let queue = |world: &mut World| {
        let rows = world.rows(1);
        rows.iter().find(|row| row.state == State::CloseWait).map(|row| row.recv_queue)
    };
    assert_eq!(queue(&mut world), Some(4));
    assert_eq!(server.try_read(2).map(|chunk| chunk.len()), Ok(2));
    world.run_ms(1);
    assert_eq!(queue(&mut world), Some(2));
    assert_eq!(read_all(&server).0, b"c");
    world.run_ms(1);
    assert_eq!(queue(&mut world), Some(0));
    assert_eq!(address(1, PORT), server.local_addr().expect("it is bound"));
}
