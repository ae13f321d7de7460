//! Explicit congestion notification end to end: what the IP headers say, and what a mark on the way does.

use crate::raw::{PEER, Raw, ack, syn};
use crate::world::{World, config, ip, text};
use bytes::Bytes;
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::packet::{self, BuildOptions};
use lastack_stack::wire::tcp::{Flags, Header};
use lastack_stack::wire::{Payload, tcp};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

const ECT_0: u8 = 2;
const CE: u8 = 3;

/// A client that asks, a server that agrees: data is marked in both directions, and nothing else is.
#[test]
fn two_stacks_agree_and_mark_their_data() {
    for (asks, agrees) in [(1, true), (2, false), (0, false)] {
        let mut client = config(0);
        client.knobs.tcp_ecn = asks;
        let mut world = World::with(vec![(client, 1), (config(1), 1)]);
        let fields = Rc::new(RefCell::new(Vec::new()));
        let log = fields.clone();
        world.rule = Some(Box::new(move |_, packet| {
            let frame = packet.to_frame();
            let parsed = packet::parse(&frame.data).expect("a stack's packet");
            let (.., header_len) = tcp::parse(&frame.data[parsed.payload.clone()]).expect("a segment");
            log.borrow_mut().push((parsed.payload.len() > header_len, parsed.traffic_class));
            true
        }));
        let listener = world.listener(1, 80, 5);
        let (here, there) = world.connected(&listener);
        here.try_write(text("question")).expect("there is room");
        there.try_write(text("answer")).expect("there is room");
        world.run_ms(100);
        for (carries_data, class) in fields.borrow().iter() {
            assert_eq!(*class, if agrees && *carries_data { ECT_0 } else { 0 });
        }
        assert_eq!(fields.borrow().iter().filter(|(data, _)| *data).count(), 2);
        for host in [0, 1] {
            let rows = world.rows(host);
            let row = rows.iter().find(|row| row.state == State::Established).expect("connected");
            assert_eq!(row.negotiated.map(|agreed| agreed.ecn), Some(agrees));
        }
    }
}

/// A router marks a packet: counted, and echoed to the sender.
#[test]
fn a_mark_on_the_way_is_counted_and_echoed() {
    let mut raw = Raw::new();
    let _listener = raw.world.listener(0, 80, 5);
    let asks = Header { flags: Flags::SYN.with(Flags::ECE).with(Flags::CWR), ..syn(100) };
    raw.send(7000, 80, asks, "");
    let (_, granted) = raw.segments().pop().expect("a SYN-ACK");
    assert!(granted.flags.contains(Flags::ECE));
    raw.send(7000, 80, ack(101, granted.seq.0.wrapping_add(1)), "");
    raw.segments();
    let from = SocketAddr::new(PEER, 7000);
    let options = BuildOptions { traffic_class: CE, ..BuildOptions::default() };
    let data = Payload::from(Bytes::from_static(b"marked"));
    let header = ack(101, granted.seq.0.wrapping_add(1));
    let frame = packet::tcp(from, SocketAddr::new(ip(0), 80), &header, data, options).to_frame();
    raw.world.inject(0, frame);
    let (_, echo) = raw.segments().pop().expect("acknowledged at once");
    assert!(echo.flags.contains(Flags::ECE) && echo.ack == header.seq + 6);
    assert_eq!(raw.world.counter(0, Counter::InCePkts), 1);
}
