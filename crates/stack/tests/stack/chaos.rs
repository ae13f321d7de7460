//! Any segments, calls and delays, in any order: nothing panics, the census equals the rows, and everything ends.

use crate::raw::{PEER, segment};
use crate::world::{Seeded, World, config, text};
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::tcp::{Flags, Header, Options, Timestamps};
use lastack_stack::wire::{Seq, packet, tcp};
use lastack_stack::{Linger, Shutdown, Socket};
use rand_core::Rng;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// The last header that the host sent to each port of the peer, so that some segments fit.
type Last = Rc<RefCell<[Header; 8]>>;

fn any_segment(rng: &mut Seeded, last: &Last) -> (u16, Header) {
    const NUMBERS: [u32; 6] = [0, 1, 2, 1460, 70_000, 0x8000_0000];
    let port = (rng.next_u32() % 8) as u16;
    let known = last.borrow()[usize::from(port)].clone();
    let mut near = |base: u32| base.wrapping_add(NUMBERS[rng.next_u32() as usize % 6]);
    let (seq, ack) = (near(known.ack.0), near(known.seq.0));
    let flags = [Flags::SYN, Flags::ACK, Flags::ACK, Flags::RST, Flags(rng.next_u32() as u8)];
    let mut flags = flags[rng.next_u32() as usize % 5];
    if flags == Flags::ACK && rng.next_u32().is_multiple_of(4) {
        flags = flags.with(Flags::FIN);
    }
    let timestamps =
        rng.next_u32().is_multiple_of(2).then(|| Timestamps { value: rng.next_u32() % 10, echo: 0 });
    let options = Options { mss: Some(rng.next_u32() as u16), timestamps, ..Options::default() };
    let window = rng.next_u32() as u16;
    let urgent = (rng.next_u32() % 6) as u16;
    let header = Header { seq: Seq(seq), ack: Seq(ack), flags, window, urgent, options };
    (port, header)
}

fn any_call(world: &mut World, rng: &mut Seeded, listener: &Socket, sockets: &mut Vec<Socket>) {
    match rng.next_u32() % 10 {
        0 => sockets.extend(listener.try_accept().ok().map(|(socket, _)| socket)),
        1 => sockets.push(world.connect(0, SocketAddr::new(PEER, (rng.next_u32() % 8) as u16))),
        _ if sockets.is_empty() => {}
        call => {
            let place = rng.next_u32() as usize % sockets.len();
            let socket = &sockets[place];
            match call {
                2 => drop(sockets.swap_remove(place)),
                3 => socket.abort(),
                4 => drop(socket.shutdown(Shutdown::Write)),
                5 => drop(socket.try_write(text("octets"))),
                6 => socket.set_options(|options| options.linger = Linger::Wait(Duration::from_secs(1))),
                7 => drop(socket.try_write_urgent(text("!"))),
                8 => drop(socket.try_read_urgent()),
                _ => drop(socket.try_read(10)),
            }
        }
    }
}

fn check(world: &mut World) {
    let rows = world.rows(0);
    for state in State::ALL {
        let told = rows.iter().filter(|row| row.state == state).count();
        assert_eq!(told, world.count(0, state) as usize, "rows and census differ in {state}");
    }
}

/// Says how many handshakes were completed, and gives a hash of every octet that was sent, in order.
fn chaos(seed: u64, shards: u16) -> (u64, u64) {
    let mut rng = Seeded(seed);
    let mut world = World::with(vec![(config(0), shards)]);
    let last: Last = Rc::default();
    let log = last.clone();
    let sum = Rc::new(RefCell::new(DefaultHasher::new()));
    let hasher = sum.clone();
    world.rule = Some(Box::new(move |_, sent| {
        let frame = sent.to_frame();
        hasher.borrow_mut().write(&frame.data);
        let parsed = packet::parse(&frame.data).expect("a stack sent nonsense");
        if let Ok((_, port, header, _)) = tcp::parse(&frame.data[parsed.payload])
            && let Some(slot) = log.borrow_mut().get_mut(usize::from(port))
        {
            *slot = header;
        }
        true
    }));
    let listener = world.listener(0, 80, 3);
    let mut sockets = Vec::new();
    for step in 0..3000 {
        match rng.next_u32() % 4 {
            0 => any_call(&mut world, &mut rng, &listener, &mut sockets),
            1 => world.run(Duration::from_nanos(rng.next_u64() >> (30 + rng.next_u32() % 34))),
            _ => {
                let (port, header) = any_segment(&mut rng, &last);
                world.inject(0, segment(SocketAddr::new(PEER, port), 80, &header, ["", "data"][step % 2]));
                world.run_ms(0);
            }
        }
        if step % 50 == 0 {
            check(&mut world);
        }
    }
    drop((listener, sockets));
    world.run(Duration::from_secs(2000));
    check(&mut world);
    assert_eq!(world.hosts[0].iter().map(|stack| stack.census().total()).sum::<u32>(), 0, "seed {seed}");
    assert!(
        world.hosts[0].iter().all(|stack| stack.deadline().is_none()),
        "seed {seed}: a timer runs for nobody"
    );
    let again = world.listener(0, 80, 3);
    assert!(again.local_addr().is_some(), "the port is free again");
    let hash = sum.borrow().finish();
    (world.counter(0, Counter::PassiveOpens), hash)
}

#[test]
fn the_same_seed_and_inputs_give_the_same_octets() {
    for shards in [1, 2] {
        let once = chaos(200, shards);
        assert_eq!(chaos(200, shards), once, "{shards} shards");
        assert_ne!(chaos(201, shards).1, once.1, "the seed has a say");
    }
}

#[test]
fn nothing_panics_and_everything_ends() {
    let opened: u64 = (0..24).map(|seed| chaos(seed, 1).0).sum();
    assert!(opened > 100, "only {opened} connections: the segments are too wild to test much");
}

#[test]
fn nothing_panics_with_two_shards() {
    let opened: u64 = (100..112).map(|seed| chaos(seed, 2).0).sum();
    assert!(opened > 50, "only {opened} connections: the segments are too wild to test much");
}
