//! `tcp_mem` over all connections: what is charged, what happens when it is short, and that nothing stays charged.

use crate::world::{World, config, read_all};
use bytes::Bytes;
use lastack_stack::observe::{Counter, EventKind, State};
use lastack_stack::{Knobs, Socket};
use std::time::Duration;

/// Host 1 has so many pages.
fn world(tcp_mem: [u32; 3]) -> World {
    let mut server = config(1);
    server.knobs.tcp_mem = tcp_mem;
    server.limits.events = 4096;
    World::with(vec![(config(0), 1), (server, 1)])
}

/// Writes as much as the socket takes.
fn pour(world: &mut World, from: &Socket) -> usize {
    let mut written = 0;
    for _ in 0..200 {
        while let Ok(octets) = from.try_write(Bytes::from(vec![b'x'; 8192])) {
            written += octets;
        }
        world.run_ms(20);
    }
    written
}

fn pressures(world: &mut World) -> Vec<bool> {
    let events = std::iter::from_fn(|| world.stack(1).poll_event());
    let begins = events.filter_map(|event| match event.kind {
        EventKind::MemoryPressure { begins } => Some(begins),
        _ => None,
    });
    begins.collect()
}

#[test]
fn readers_that_do_not_read_are_held_to_tcp_mem() {
    let mut world = world([20, 40, 60]);
    let listener = world.listener(1, 80, 5);
    let pairs: Vec<_> = (0..3).map(|_| world.connected(&listener)).collect();
    for (client, _) in &pairs {
        pour(&mut world, client);
    }
    let pages = world.stack(1).memory_pages();
    assert!(pages > 40 && pages <= 60 + 3 * 2, "{pages} pages");
    assert!(world.stack(1).is_under_memory_pressure());
    assert_eq!(world.counter(1, Counter::MemoryPressures), 1);
    assert!(world.counter(1, Counter::PruneCalled) > 0);
    assert_eq!(pressures(&mut world), [true]);

    // Once they read, everything arrives, and the pressure is over.
    let mut read = 0;
    for _ in 0..400 {
        read += pairs.iter().map(|(_, server)| read_all(server).0.len()).sum::<usize>();
        world.run_ms(20);
    }
    assert!(read > 60 * 4096);
    assert!(!world.stack(1).is_under_memory_pressure());
    assert_eq!(pressures(&mut world).last(), Some(&false));
    assert_eq!(world.stack(1).memory_pages(), 0, "an idle connection is charged nothing");
    assert!(world.counter(1, Counter::MemoryPressuresChrono) > 0);
}

#[test]
fn writers_get_less_under_pressure() {
    const WRITERS: u64 = 8;
    let held = |tcp_mem| {
        let mut world = world(tcp_mem);
        let listener = world.listener(1, 80, 5);
        let pairs: Vec<_> = (0..WRITERS).map(|_| world.connected(&listener)).collect();
        pairs.iter().for_each(|(_, server)| assert!(pour(&mut world, server) > 0));
        world.stack(1).memory_pages()
    };
    let (free, short) = (held(Knobs::default().tcp_mem), held([20, 40, 60]));
    // Nobody's buffer grows beyond its first size, 11 pages, once there is pressure.
    assert!(free > 300 && short <= 60 + WRITERS * 11, "{short} of {free} pages");
}

/// An orphan with unsent data when memory is used up: its FIN, then RST, and TCPAbortOnMemory.
#[test]
fn an_orphan_that_there_is_no_memory_for_is_reset() {
    for (tcp_mem, reset) in [([287_901, 383_868, 575_802], false), ([0, 1, 2], true)] {
        let mut world = world(Knobs::default().tcp_mem);
        let listener = world.listener(1, 80, 5);
        let (_client, server) = world.connected(&listener);
        pour(&mut world, &server);
        let knobs = Knobs { tcp_mem, ..world.stack(1).knobs().clone() };
        world.stack(1).set_knobs(knobs);
        server.close();
        world.run_ms(1);
        assert_eq!(world.counter(1, Counter::AbortOnMemory), u64::from(reset));
        assert_eq!(world.count(1, State::FinWait1), u32::from(!reset));
        assert_eq!(world.stack(1).memory_pages() == 0, reset);
    }
}

/// The same when memory runs out later: at its next timer.
#[test]
fn an_orphan_is_killed_at_its_timer() {
    let mut world = world(Knobs::default().tcp_mem);
    let listener = world.listener(1, 80, 5);
    let (_client, server) = world.connected(&listener);
    pour(&mut world, &server);
    server.close();
    world.run_ms(1);
    assert_eq!(world.count(1, State::FinWait1), 1);
    let knobs = Knobs { tcp_mem: [0, 1, 2], ..world.stack(1).knobs().clone() };
    world.stack(1).set_knobs(knobs);
    world.run(Duration::from_secs(130));
    assert_eq!(world.counter(1, Counter::AbortOnMemory), 1);
    assert_eq!((world.count(1, State::FinWait1), world.stack(1).memory_pages()), (0, 0));
}
