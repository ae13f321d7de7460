//! Local addresses and ports: conflicts, exhaustion, TIME_WAIT's hold on a port.

use crate::world::{World, address, config, ip};
use lastack_stack::observe::State;
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
