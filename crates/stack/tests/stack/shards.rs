//! Two shards of one stack: whatever arrives at the wrong one finds its way.

use crate::raw::{PEER, segment, syn};
use crate::world::{World, address, config, ip, read_all, text};
use lastack_stack::SocketError;
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::packet::{self, BuildOptions};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

#[test]
fn connections_of_one_listener_live_on_both_shards() {
    let mut world = World::with(vec![(config(0), 1), (config(1), 2)]);
    let listener = world.listener(1, 80, 64);
    let clients: Vec<_> = (0..40).map(|_| world.connect(0, address(1, 80))).collect();
    world.run_ms(20);
    let spread: Vec<u32> =
        world.hosts[1].iter().map(|shard| shard.census().count(State::Established)).collect();
    assert_eq!(spread.iter().sum::<u32>(), 40);
    assert!(spread.iter().all(|&count| count > 5), "{spread:?}");
    let mut servers = Vec::new();
    while let Ok((server, peer)) = listener.try_accept() {
        assert_eq!(server.try_write(text("hi")), Ok(2));
        servers.push((server, peer));
    }
    assert_eq!(servers.len(), 40);
    world.run_ms(20);
    for client in &clients {
        assert_eq!(read_all(client).0, b"hi");
    }
    assert_eq!(world.counter(1, Counter::MailboxFull), 0);
    drop(servers);
    drop(listener);
    world.run_ms(5);
    assert_eq!(world.count(1, State::Listen), 0);
    let late = world.connect(0, address(1, 80));
    world.run_ms(20);
    assert_eq!(late.try_connected(), Err(SocketError::Refused), "both shards know that it closed");
}

#[test]
fn the_accept_queue_has_one_limit_over_both_shards() {
    let mut world = World::with(vec![(config(0), 1), (config(1), 2)]);
    let listener = world.listener(1, 80, 7);
    let clients: Vec<_> = (0..30)
        .map(|_| {
            let client = world.connect(0, address(1, 80));
            world.run_ms(5);
            client
        })
        .collect();
    assert_eq!(clients.iter().filter(|client| client.try_connected().is_ok()).count(), 8);
    assert_eq!(std::iter::from_fn(|| listener.try_accept().ok()).count(), 8);
}

#[test]
fn ephemeral_ports_bring_replies_home_and_bound_sockets_move() {
    let mut world = World::with(vec![(config(0), 2), (config(1), 1)]);
    let _listener = world.listener(1, 80, 64);
    for shard in 0..2 {
        for _ in 0..10 {
            let client = world.hosts[0][shard].sockets().stream(lastack_stack::Family::V4);
            client.connect(address(1, 80)).expect("connect is asked for");
            world.run_ms(5);
            assert_eq!(client.try_connected(), Ok(()));
            std::mem::forget(client);
        }
        assert_eq!(
            world.hosts[0][shard].census().count(State::Established),
            10,
            "they live where they were made"
        );
    }
    for port in 5000..5010 {
        let client = world.socket(0);
        client.bind(address(0, port)).expect("bind is asked for");
        client.connect(address(1, 80)).expect("connect is asked for");
        world.run_ms(5);
        assert_eq!(client.try_connected(), Ok(()), "port {port}");
        assert_eq!(client.local_addr(), Some(address(0, port)));
        client.abort();
        world.run_ms(5);
    }
    assert_eq!(world.count(0, State::Established), 20);
    let conflict = world.hosts[0][1].sockets().stream(lastack_stack::Family::V4);
    let holder = world.socket(0);
    holder.bind(address(0, 5000)).expect("bind is asked for");
    world.run_ms(0);
    conflict.bind(address(0, 5000)).expect("bind is asked for");
    world.run_ms(0);
    assert_eq!(conflict.try_bound(), Err(SocketError::AddressInUse), "ports are one table");
}

#[test]
fn an_icmp_error_finds_the_shard_of_its_flow() {
    let mut world = World::with(vec![(config(0), 2)]);
    let sent = Rc::new(RefCell::new(Vec::new()));
    let log = sent.clone();
    world.rule = Some(Box::new(move |_, packet| {
        log.borrow_mut().push(packet.to_frame());
        true
    }));
    for _ in 0..8 {
        let client = world.connect(0, SocketAddr::new(PEER, 9));
        world.run_ms(0);
        let syn = sent.borrow_mut().pop().expect("a SYN");
        let code = lastack_stack::wire::icmpv4::code::HOST_UNREACHABLE;
        let error = packet::unreachable(PEER, ip(0), code, &syn.data, BuildOptions::default());
        world.inject(0, error.to_frame());
        world.run_ms(0);
        assert_eq!(client.try_connected(), Err(SocketError::HostUnreachable));
    }
    for port in 1..20 {
        world.inject(0, segment(SocketAddr::new(PEER, port), 80, &syn(1), ""));
    }
    world.run_ms(0);
    assert_eq!(world.counter(0, Counter::OutRsts), 19, "nobody is refused twice or not at all");
}
