//! Many flows: what is bounded stays bounded, and one packet costs the same with one flow or ten thousand.

use crate::raw::{Raw, ack, segment, syn};
use crate::world::{Seeded, World, address, config};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::{Frame, packet, tcp};
use lastack_stack::{Config, Limits};
use std::net::SocketAddr;
use std::time::{Duration, Instant as Clock};

fn somebody(n: u32) -> SocketAddr {
    let [_, b, c, d] = (n / 60_000 + 2).to_be_bytes();
    SocketAddr::from(([11, b, c, d], (n % 60_000) as u16 + 1024))
}

#[test]
fn a_flood_of_syns_is_bounded_and_passes() {
    let limits = Limits { half_open: 500, ..Limits::default() };
    let mut config = Config { limits, ..config(0) };
    config.knobs.tcp_syncookies = 0;
    config.knobs.tcp_max_syn_backlog = 4096;
    let mut world = World::with(vec![(config, 1)]);
    let _listener = world.listener(0, 80, 4096);
    for n in 0..20_000 {
        world.inject(0, segment(somebody(n), 80, &syn(n), ""));
        if n % 100 == 0 {
            world.run(Duration::from_micros(1));
            assert!(world.count(0, State::SynRecv) <= 500);
        }
    }
    world.run_ms(1);
    assert_eq!(world.count(0, State::SynRecv), 500);
    assert_eq!(world.counter(0, Counter::ListenDrops), 19_500);
    world.run(Duration::from_secs(64));
    assert_eq!(world.count(0, State::SynRecv), 0);
    assert_eq!(world.stack(0).deadline(), None);
}

/// The table of all listeners' requests is full, each one's own queue is not: cookies, when they are allowed.
#[test]
fn a_full_table_of_requests_answers_with_cookies() {
    let limits = Limits { half_open: 5, ..Limits::default() };
    let mut world = World::with(vec![(Config { limits, ..config(0) }, 1), (config(1), 1)]);
    let _listener = world.listener(0, 80, 4096);
    for n in 0..20 {
        world.inject(0, segment(somebody(n), 80, &syn(n), ""));
    }
    world.run_ms(1);
    let client = world.connect(1, address(0, 80));
    world.run_ms(10);
    assert_eq!(client.try_connected(), Ok(()));
    let counts = [Counter::SyncookiesSent, Counter::SyncookiesRecv, Counter::ListenDrops];
    assert_eq!(counts.map(|counter| world.counter(0, counter)), [16, 1, 0]);
    assert_eq!(world.count(0, State::SynRecv), 5);
}

#[test]
fn replies_that_nobody_takes_are_bounded() {
    let limits = Limits { replies: 100, ..Limits::default() };
    let mut world = World::with(vec![(Config { limits, ..config(0) }, 1)]);
    let now = world.now;
    for n in 0..1000 {
        let frame = segment(somebody(n), 80, &syn(n), "");
        world.stack(0).handle_frame(now, &mut Seeded(1), frame);
    }
    let mut sent = 0;
    assert_eq!(world.stack(0).poll_transmit(now, 30, &mut |_| sent += 1), 30);
    assert_eq!(world.stack(0).poll_transmit(now, 1000, &mut |_| sent += 1), 70);
    assert_eq!(sent, 100);
    assert_eq!(world.counter(0, Counter::OutputFull), 900);
}

/// Time for one hundred thousand segments to ten flows while `idle` others exist.
fn time_with(idle: u32) -> Duration {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4096);
    let mut accepted = Vec::new();
    let mut probes: Vec<Frame> = Vec::new();
    for n in 0..idle + 10 {
        raw.world.inject(0, segment(somebody(n), 80, &syn(100), ""));
        let syn_ack = raw.frames().pop().expect("a SYN-ACK");
        let parsed = packet::parse(&syn_ack.data).expect("it is ours");
        let (.., header, _) = tcp::parse(&syn_ack.data[parsed.payload]).expect("it is ours");
        let third = segment(somebody(n), 80, &ack(101, header.seq.0.wrapping_add(1)), "");
        raw.world.inject(0, third.clone());
        raw.frames();
        accepted.push(listener.try_accept().expect("it is connected").0);
        if n % (idle / 10 + 1) == 0 {
            probes.push(third);
        }
    }
    let now = raw.world.now;
    let began = Clock::now();
    for n in 0..100_000 {
        raw.world.stack(0).handle_frame(now, &mut Seeded(1), probes[n % probes.len()].clone());
    }
    began.elapsed()
}

#[test]
fn a_packet_costs_the_same_with_ten_thousand_flows() {
    let (few, many) = (time_with(0), time_with(10_000));
    // Caches cost something; a walk over sockets would cost a thousandfold.
    assert!(many < few * 20, "{few:?} with ten flows, {many:?} with ten thousand");
}
