//! TCP Fast Open between two stacks: cookies of one socket's own key, shards, early ends, and what a closing listener does.

use crate::world::{World, address, config, read_all, text};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::tcp::Flags;
use lastack_stack::{FastOpenKeys, Shutdown, Socket, SocketError};
use std::cell::Cell;
use std::rc::Rc;

/// Client and server with these bits, and so many shards each.
fn world(client: u32, server: u32, shards: u16) -> World {
    let hosts = [(0, client), (1, server)].map(|(host, bits)| {
        let mut config = config(host);
        config.knobs.tcp_fastopen = bits;
        (config, shards)
    });
    World::with(hosts.into())
}

fn listener(world: &mut World, key: Option<&str>) -> Socket {
    let socket = world.socket(1);
    socket.set_fast_open_queue(8).expect("a fresh socket");
    if let Some(key) = key {
        socket.set_fast_open_keys(key.parse::<FastOpenKeys>().expect("a key"));
    }
    socket.bind(address(1, 80)).expect("bind is asked for");
    socket.listen(8).expect("listen is asked for");
    world.run_ms(0);
    assert_eq!(socket.try_listening(), Ok(()));
    socket
}

/// Sends with the SYN; how many octets went.
fn send(world: &mut World, words: &'static str) -> (Socket, usize) {
    let socket = world.socket(0);
    socket.connect_with(address(1, 80), text(words)).expect("it is asked for");
    world.run_ms(0);
    let sent = socket.try_sent_with_syn().expect("it is answered");
    (socket, sent)
}

#[test]
fn a_listeners_own_key_makes_and_changes_its_cookies() {
    let mut world = world(1, 3, 1);
    let listener = listener(&mut world, Some("1-2-3-4"));
    for (key, sent, opened) in [
        ("1-2-3-4", 0, 0),
        ("1-2-3-4", 5, 1),
        ("5-6-7-8,1-2-3-4", 5, 2),
        ("5-6-7-8", 5, 3),
        ("9-9-9-9", 5, 3),
    ] {
        listener.set_fast_open_keys(key.parse().expect("a key"));
        let (client, with_syn) = send(&mut world, "hello");
        assert_eq!(with_syn, sent, "{key}");
        world.run_ms(20);
        assert_eq!(client.try_connected(), Ok(()));
        assert_eq!(world.counter(1, Counter::FastOpenPassive), opened, "{key}");
        let (server, _) = listener.try_accept().expect("connected");
        assert_eq!(read_all(&server).0, if sent > 0 { b"hello".to_vec() } else { Vec::new() }, "{key}");
    }
    assert_eq!(world.counter(1, Counter::FastOpenPassiveAltKey), 1);
    assert_eq!(world.counter(1, Counter::FastOpenPassiveFail), 1);
    assert_eq!(world.counter(0, Counter::FastOpenActive), 3);
    assert_eq!(world.counter(0, Counter::FastOpenActiveFail), 1);
}

#[test]
fn shards_hand_over_what_fast_open_made() {
    let mut world = world(5, 0x203, 2);
    let listener = listener(&mut world, None);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let (client, sent) = send(&mut world, "hello");
        assert_eq!(sent, 5);
        // Before any third segment: all are in the queue of the listener's shard, whichever shard they are on.
        world.run_ms(1);
        let (server, _) = listener.try_accept().expect("at once");
        assert_eq!((server.state(), read_all(&server).0), (State::SynRecv, b"hello".to_vec()));
        assert_eq!(server.try_write(text("answer")), Ok(6));
        world.run_ms(10);
        assert_eq!((server.state(), read_all(&client).0), (State::Established, b"answer".to_vec()));
        clients.push((client, server));
    }
    assert_eq!(world.counter(1, Counter::FastOpenPassive), 8);
    assert_eq!(world.count(1, State::SynRecv), 0);
}

#[test]
fn a_port_of_ones_own_moves_the_octets_to_its_shard() {
    let mut world = world(5, 0x203, 2);
    let listener = listener(&mut world, None);
    for port in 5000..5008 {
        let socket = world.socket(0);
        socket.bind(address(0, port)).expect("bind is asked for");
        socket.connect_with(address(1, 80), text("hello")).expect("it is asked for");
        world.run_ms(20);
        assert_eq!(socket.try_sent_with_syn(), Ok(5), "{port}");
        let (server, _) = listener.try_accept().expect("connected");
        assert_eq!(read_all(&server).0, b"hello");
    }
}

#[test]
fn an_end_before_the_handshake_is_over_comes_behind_it() {
    let mut world = world(5, 0x203, 1);
    let listener = listener(&mut world, None);
    let client = world.socket(0);
    client.set_fast_open_connect(true).expect("a fresh socket");
    client.connect(address(1, 80)).expect("it is asked for");
    world.run_ms(50);
    assert_eq!((client.try_connected(), client.state()), (Ok(()), State::SynSent));
    assert!(client.defers_connect());
    assert_eq!(world.counter(0, Counter::ActiveOpens), 0, "nothing was sent");
    assert_eq!(client.try_write(text("hello")), Ok(5));
    assert_eq!(client.try_write(text("more")), Err(SocketError::WouldBlock));
    assert_eq!(client.shutdown(Shutdown::Write), Ok(()));
    world.run_ms(20);
    let (server, _) = listener.try_accept().expect("connected");
    assert_eq!(read_all(&server), (b"hello".to_vec(), Ok(())));
    assert_eq!(server.state(), State::CloseWait);
}

#[test]
fn a_refused_syn_is_told_to_who_writes_and_reads() {
    let mut world = world(5, 0x203, 1);
    let client = world.socket(0);
    client.set_fast_open_connect(true).expect("a fresh socket");
    client.connect(address(1, 81)).expect("it is asked for");
    world.run_ms(0);
    assert_eq!(client.try_write(text("hello")), Ok(5));
    world.run_ms(10);
    assert_eq!(read_all(&client), (Vec::new(), Err(SocketError::Refused)));
    assert_eq!(client.unsent(), 0);
    let off = world_off();
    assert_eq!(off.0.connect_with(address(1, 80), text("x")), Err(SocketError::NotSupported));
    assert_eq!(off.0.set_fast_open_connect(true), Err(SocketError::NotSupported));
    drop(off.1);
}

fn world_off() -> (Socket, World) {
    let off = world(2, 0, 1);
    (off.socket(0), off)
}

/// Linux resets what nobody accepted; what was accepted lives on and is proved later.
#[test]
fn a_listener_closes_before_the_third_segment() {
    let mut world = world(5, 0x203, 1);
    let listener = listener(&mut world, None);
    let lost = Rc::new(Cell::new(true));
    let rule = lost.clone();
    world.rule = Some(Box::new(move |host, packet| {
        let frame = packet.to_frame();
        let parsed = lastack_stack::wire::packet::parse(&frame.data).expect("a packet");
        let (_, _, header, _) = lastack_stack::wire::tcp::parse(&frame.data[parsed.payload]).expect("TCP");
        // SYN-ACKs are lost for a while.
        !(rule.get() && host == 1 && header.flags.contains(Flags::SYN))
    }));
    let (first, _) = send(&mut world, "hello");
    world.run_ms(5);
    let (server, _) = listener.try_accept().expect("at once");
    let (second, _) = send(&mut world, "hello");
    world.run_ms(5);
    assert_eq!(world.count(1, State::SynRecv), 2);
    listener.close();
    world.run_ms(5);
    assert_eq!(world.count(1, State::SynRecv), 1);
    assert_eq!(read_all(&second).1, Err(SocketError::Refused));
    lost.set(false);
    world.run_ms(3000);
    assert_eq!((server.state(), first.try_connected()), (State::Established, Ok(())));
    assert_eq!(read_all(&server).0, b"hello");
}
