//! A listener that is a SYN proxy: cookies for everybody, no request for anybody, and a TIME_WAIT that only a proven peer
//! takes over.

use crate::raw::{Raw, ack, segment_to, syn};
use crate::world::{World, address, config};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::tcp::Flags;
use lastack_stack::{Socket, SocketError};
use std::net::SocketAddr;

fn proxy(world: &mut World, host: usize, backlog: u32) -> Socket {
    let socket = world.socket(host);
    socket.set_options(|options| options.syn_proxy = true);
    socket.bind(address(host, 80)).expect("bind is asked for");
    socket.listen(backlog).expect("listen is asked for");
    world.run_ms(0);
    assert_eq!(socket.try_listening(), Ok(()));
    socket
}

#[test]
fn a_flood_leaves_nothing_behind_and_clients_come_through() {
    for mode in [0, 1, 2] {
        let mut server = config(1);
        server.knobs.tcp_syncookies = mode;
        let mut world = World::with(vec![(config(0), 1), (server, 1)]);
        let listener = proxy(&mut world, 1, 128);
        let mut clients = Vec::new();
        for n in 0..2_000_u32 {
            let from = SocketAddr::from(([11, 0, 0, (n >> 10) as u8], (n & 1023) as u16 + 1024));
            world.inject(1, segment_to(from, address(1, 80), &syn(n), ""));
            if n % 100 == 99 {
                clients.push(world.connect(0, address(1, 80)));
            }
            world.run_ms(1);
            assert_eq!(world.count(1, State::SynRecv), 0);
        }
        world.run_ms(10);
        assert!(clients.iter().all(|client| client.try_connected() == Ok(())));
        for _ in &clients {
            let (server, _) = listener.try_accept().expect("one for each client");
            server.close();
        }
        assert_eq!(listener.try_accept().err(), Some(SocketError::WouldBlock), "mode {mode}: nobody else");
        assert_eq!(world.counter(1, Counter::SyncookiesSent), 2_020);
        assert_eq!(world.counter(1, Counter::SyncookiesRecv), 20);
        assert_eq!(world.counter(1, Counter::ListenDrops), 0);
    }
}

/// A SYN that could reopen a TIME_WAIT is answered with a cookie; the record stays until the cookie comes back.
#[test]
fn only_a_proven_peer_takes_over_a_time_wait() {
    let mut raw = Raw::new();
    let listener = proxy(&mut raw.world, 0, 16);
    let (_, next) = raw.open(7000, 80);
    let (server, _) = listener.try_accept().expect("connected");
    server.close();
    raw.segments();
    raw.send(7000, 80, fin(101, next.0 + 1), "");
    raw.segments();
    assert_eq!(raw.world.count(0, State::TimeWait), 1);

    raw.send(7000, 80, syn(90_000), "");
    let (_, answer) = raw.segments().pop().expect("a SYN-ACK");
    assert!(answer.flags.contains(Flags::SYN.with(Flags::ACK)));
    assert_eq!((raw.world.count(0, State::TimeWait), raw.world.count(0, State::SynRecv)), (1, 0));

    raw.send(7000, 80, ack(90_001, answer.seq.0.wrapping_add(9)), "");
    raw.segments();
    assert_eq!(raw.world.count(0, State::TimeWait), 1, "a wrong cookie ends nothing");
    raw.send(7000, 80, ack(90_001, answer.seq.0.wrapping_add(1)), "");
    raw.segments();
    assert_eq!((raw.world.count(0, State::TimeWait), raw.world.count(0, State::Established)), (0, 1));
    assert!(listener.try_accept().is_ok());
}

fn fin(seq: u32, number: u32) -> lastack_stack::wire::tcp::Header {
    let header = ack(seq, number);
    lastack_stack::wire::tcp::Header { flags: header.flags.with(Flags::FIN), ..header }
}
