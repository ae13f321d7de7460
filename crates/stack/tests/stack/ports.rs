//! Local addresses and ports: conflicts, exhaustion, TIME_WAIT's hold on a port.

use crate::world::{World, address, config, ip};
use lastack_stack::observe::{Counter, State};
use lastack_stack::{Socket, SocketError};
use std::net::SocketAddr;
use std::time::Duration;

fn try_bind(world: &mut World, at: SocketAddr, reuse: bool) -> (Socket, Result<(), SocketError>) {
    let socket = world.socket(0);
    socket.set_options(|options| options.reuseaddr = reuse);
    socket.bind(at).expect("bind is asked for");
    socket.listen(1).expect("listen is asked for");
    world.run_ms(0);
    let answer = socket.try_listening();
    (socket, answer)
}

#[test]
fn two_sockets_on_one_port() {
    let mut world = World::pair();
    let (first, answer) = try_bind(&mut world, address(0, 80), false);
    assert_eq!(answer, Ok(()));
    let (second, answer) = try_bind(&mut world, address(0, 80), true);
    assert_eq!(
        (answer, second.try_bound()),
        (Err(SocketError::AddressInUse), Err(SocketError::AddressInUse))
    );
    let any = "0.0.0.0:80".parse().expect("an address");
    assert_eq!(try_bind(&mut world, any, false).1, Err(SocketError::AddressInUse));
    assert_eq!(try_bind(&mut world, address(9, 80), false).1, Err(SocketError::AddressNotAvailable));
    drop(first);
    world.run_ms(0);
    assert_eq!(try_bind(&mut world, any, false).1, Ok(()));
    let (zero, answer) = try_bind(&mut world, address(0, 0), false);
    assert_eq!(answer, Ok(()));
    assert!(zero.local_addr().is_some_and(|local| local.port() >= 32768));
    assert_eq!(zero.bind(address(0, 81)), Err(SocketError::Invalid), "bound already");
}

/// TIMELINES T38: the old listener's option is inherited by its connections, and their TIME_WAITs keep it.
#[test]
fn a_port_with_time_wait_needs_reuseaddr_on_both() {
    for (old, new, free) in
        [(false, false, false), (false, true, false), (true, false, false), (true, true, true)]
    {
        let mut world = World::pair();
        let (listener, _) = try_bind(&mut world, address(0, 80), old);
        let client = world.connect(1, address(0, 80));
        world.run_ms(5);
        let (server, _) = listener.try_accept().expect("it is connected");
        drop((server, listener));
        world.run_ms(5);
        drop(client);
        world.run_ms(5);
        assert_eq!(world.count(0, State::TimeWait), 1);
        let answer = try_bind(&mut world, address(0, 80), new).1;
        let expected = if free { Ok(()) } else { Err(SocketError::AddressInUse) };
        assert_eq!(answer, expected, "SO_REUSEADDR old {old}, new {new}");
        world.run(Duration::from_secs(61));
        assert_eq!(try_bind(&mut world, address(0, 80), new).1, Ok(()), "free when TIME_WAIT is over");
    }
}

/// TIMELINES T23: a range of ports is used up per destination.
#[test]
fn ports_run_out_per_destination() {
    let mut config0 = config(0);
    config0.knobs.ip_local_port_range = [40000, 40099];
    let mut world = World::with(vec![(config0, 1), (config(1), 1), (config(2), 1)]);
    let _listeners = [world.listener(1, 80, 1000), world.listener(2, 80, 1000)];
    for _ in 0..100 {
        let client = world.connect(0, address(1, 80));
        world.run_ms(5);
        assert_eq!(client.try_connected(), Ok(()));
        drop(client);
    }
    world.run_ms(50);
    let client = world.connect(0, address(1, 80));
    world.run_ms(5);
    assert_eq!(client.try_connected(), Err(SocketError::AddressNotAvailable));
    let other = world.connect(0, address(2, 80));
    world.run_ms(5);
    assert_eq!(other.try_connected(), Ok(()));
    assert_eq!(try_bind(&mut world, address(0, 0), false).1, Err(SocketError::AddressInUse));
}

#[test]
fn a_bound_socket_connects_from_its_port() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let bound = |world: &mut World| {
        let socket = world.socket(0);
        socket.set_options(|options| options.reuseaddr = true);
        socket.bind("0.0.0.0:5000".parse().expect("an address")).expect("bind is asked for");
        socket.connect(address(1, 80)).expect("connect is asked for");
        world.run_ms(5);
        socket
    };
    let first = bound(&mut world);
    assert_eq!(first.try_connected(), Ok(()));
    assert_eq!(listener.try_accept().map(|(_, peer)| peer), Ok(SocketAddr::new(ip(0), 5000)));
    let second = bound(&mut world);
    assert_eq!(second.try_connected(), Err(SocketError::AddressNotAvailable), "the four-tuple is taken");
    assert_eq!(second.connect(address(1, 80)), Ok(()), "the socket is still bound and may try again");
}

/// Connects from the only port to host 0's own listener or to host 1, closes, waits and connects again.
fn connects_again(to: SocketAddr, mode: u8, timestamps: u8, age_ms: u64) -> bool {
    let mut client = config(0);
    client.knobs.ip_local_port_range = [40000, 40000];
    (client.knobs.tcp_tw_reuse, client.knobs.tcp_timestamps) = (mode, timestamps);
    let mut world = World::with(vec![(client, 1), (config(1), 1)]);
    let host = usize::from(!to.ip().is_loopback());
    let listener = world.socket(host);
    listener.bind(to).expect("bind is asked for");
    listener.listen(8).expect("listen is asked for");
    world.run_ms(0);
    let first = world.connect(0, to);
    world.run_ms(5);
    assert_eq!(first.try_connected(), Ok(()));
    drop(first);
    world.run_ms(2);
    drop(listener.try_accept().expect("it is connected"));
    world.run_ms(3);
    assert_eq!(world.count(0, State::TimeWait), 1);
    world.run_ms(age_ms);
    let second = world.connect(0, to);
    world.run_ms(5);
    let answer = second.try_connected();
    assert_eq!(world.counter(0, Counter::TwRecycled), u64::from(answer.is_ok()));
    assert!(answer.is_ok() || answer == Err(SocketError::AddressNotAvailable), "{answer:?}");
    let waits = world.count(0, State::TimeWait);
    assert_eq!(waits, u32::from(answer.is_err()), "the record gave way");
    world.run(Duration::from_secs(61));
    assert_eq!(world.count(0, State::TimeWait), 0);
    answer.is_ok()
}

/// TIMELINES T22, T22b: all cells.
#[test]
fn a_port_in_time_wait_is_reused_by_mode_age_and_timestamps() {
    let (far, near): (SocketAddr, SocketAddr) = (address(1, 80), ([127, 0, 0, 1], 80).into());
    for (mode, timestamps, far_ok, near_ok) in
        [(0, 1, false, false), (0, 0, false, false), (1, 1, true, true), (1, 0, false, false)]
            .into_iter()
            .chain([(2, 1, false, true), (2, 0, false, false)])
    {
        for (age_ms, old_enough) in [(200, false), (700, false), (1100, true), (2500, true)] {
            for (to, ok) in [(far, far_ok), (near, near_ok)] {
                let again = connects_again(to, mode, timestamps, age_ms);
                assert_eq!(again, ok && old_enough, "{to}, mode {mode}, ts {timestamps}, {age_ms} ms");
            }
        }
    }
}

#[test]
fn reserved_ports_are_named_but_never_chosen() {
    let mut config0 = config(0);
    config0.knobs.ip_local_port_range = [40000, 40003];
    config0.knobs.ip_local_reserved_ports = "40000-40002".parse().expect("a list");
    let mut world = World::with(vec![(config0, 1), (config(1), 1)]);
    let _listener = world.listener(1, 80, 8);
    let client = world.connect(0, address(1, 80));
    world.run_ms(5);
    assert_eq!(client.local_addr(), Some(address(0, 40003)));
    let second = world.connect(0, address(1, 80));
    world.run_ms(5);
    assert_eq!(second.try_connected(), Err(SocketError::AddressNotAvailable));
    assert_eq!(try_bind(&mut world, address(0, 0), false).1, Err(SocketError::AddressInUse));
    assert_eq!(try_bind(&mut world, address(0, 40001), false).1, Ok(()));
}
