//! `tcp_autocorking`: a small segment of a later write waits while an earlier one is in the device's batch.

use crate::world::{Seeded, World};
use bytes::Bytes;
use lastack_stack::Knobs;
use lastack_stack::observe::Counter;
use lastack_stack::wire::{packet, tcp};

/// Payloads of one batch.
fn batch(world: &mut World) -> Vec<usize> {
    let (now, mut sent) = (world.now, Vec::new());
    world.stack(0).handle_sockets(now, &mut Seeded(1));
    world.stack(0).poll_transmit(now, 64, &mut |packet| {
        let frame = packet.to_frame();
        let parsed = packet::parse(&frame.data).expect("a stack's packet");
        let segment = &frame.data[parsed.payload];
        let (.., header_len) = tcp::parse(segment).expect("a segment");
        sent.push(segment.len() - header_len);
    });
    sent
}

fn write(socket: &lastack_stack::Socket, octets: usize) {
    assert_eq!(socket.try_write(Bytes::from(vec![b'x'; octets])), Ok(octets));
}

#[test]
fn a_small_segment_waits_for_the_batch_before_it_unless_it_is_told_not_to() {
    for tcp_autocorking in [true, false] {
        let mut world = World::pair();
        let knobs = Knobs { tcp_autocorking, ..world.stack(0).knobs().clone() };
        world.stack(0).set_knobs(knobs);
        let listener = world.listener(1, 80, 5);
        let (client, _server) = world.connected(&listener);
        client.set_options(|options| options.nodelay = true);
        write(&client, 1448);
        write(&client, 100);
        let first = batch(&mut world);
        assert_eq!(world.stack(0).holds_back(), tcp_autocorking);
        write(&client, 200);
        let second = batch(&mut world);
        assert!(!world.stack(0).holds_back());
        let expected = if tcp_autocorking { [vec![1448], vec![300]] } else { [vec![1448, 100], vec![200]] };
        assert_eq!([first, second], expected);
        assert_eq!(world.counter(0, Counter::AutoCorking), u64::from(tcp_autocorking));
    }
}

/// The rest of one write, the end of the stream, and what was pushed do not wait.
#[test]
fn what_one_write_began_goes_out_to_its_end() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 5);
    let (client, _server) = world.connected(&listener);
    client.set_options(|options| options.nodelay = true);
    write(&client, 2000);
    assert_eq!(batch(&mut world), [1448, 552]);
    write(&client, 1448);
    write(&client, 100);
    client.shutdown(lastack_stack::Shutdown::Write).expect("connected");
    assert_eq!(batch(&mut world), [1448, 100]);
    assert_eq!(world.counter(0, Counter::AutoCorking), 0);
}
