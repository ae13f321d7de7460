//! Urgent octets from one socket to the other.

use crate::raw::{Raw, ack};
use crate::world::{World, read_all, text};
use lastack_stack::wire::Seq;
use lastack_stack::wire::tcp::Flags;
use lastack_stack::{Socket, SocketError};
use std::task::{Context, Poll, Waker};

fn poll_urgent(socket: &Socket) -> Poll<bool> {
    socket.poll_urgent(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_urgent_octet_goes_apart_and_reads_stop_at_the_mark() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    assert_eq!(server.try_read_urgent(), Err(SocketError::Invalid));
    assert_eq!(poll_urgent(&server), Poll::Pending);
    assert_eq!(client.try_write(text("before")), Ok(6));
    assert_eq!(client.try_write_urgent(text("ab!")), Ok(3));
    assert_eq!(client.try_write(text("behind")), Ok(6));
    world.run_ms(5);

    assert_eq!(poll_urgent(&server), Poll::Ready(true));
    assert!(!server.is_at_mark());
    let mut ahead = Vec::new();
    while !server.is_at_mark() {
        ahead.extend_from_slice(&server.try_peek(3).expect("octets before the mark"));
        server.try_read(3).expect("octets before the mark");
    }
    assert_eq!(ahead, b"beforeab");
    assert_eq!(server.try_read_urgent(), Ok(Some(b'!')));
    assert_eq!(server.try_read_urgent(), Err(SocketError::Invalid), "once");
    assert_eq!(read_all(&server).0, b"behind");
    assert!(!server.is_at_mark());
    client.close();
    world.run_ms(5);
    assert_eq!(poll_urgent(&server), Poll::Ready(false));
}

#[test]
fn inline_it_stays_in_the_stream_behind_the_mark() {
    let mut world = World::pair();
    let listener = world.listener(1, 80, 8);
    let (client, server) = world.connected(&listener);
    server.set_options(|options| options.oobinline = true);
    world.run_ms(0);
    assert_eq!(client.try_write_urgent(text("ab!")), Ok(3));
    world.run_ms(5);
    assert_eq!(server.try_read(usize::MAX), Ok(text("ab")));
    assert!(server.is_at_mark());
    assert_eq!(server.try_read_urgent(), Err(SocketError::Invalid));
    assert_eq!(server.try_read(usize::MAX), Ok(text("!")));
    assert!(!server.is_at_mark());
}

#[test]
fn an_announced_octet_is_waited_for() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    let (peer, ours) = raw.open(1, 80);
    let (server, _) = listener.try_accept().expect("it is connected");
    let mut header = ack(peer.0, ours.0);
    header.flags = header.flags.with(Flags::URG);
    header.urgent = 3;
    raw.send(1, 80, header.clone(), "a");
    raw.world.run_ms(1);
    assert_eq!(server.try_read_urgent(), Err(SocketError::WouldBlock));
    header.flags = Flags::ACK;
    header.seq = Seq(peer.0 + 1);
    raw.send(1, 80, header, "b!c");
    raw.world.run_ms(1);
    assert_eq!(server.try_read_urgent(), Ok(Some(b'!')));
    assert_eq!(read_all(&server).0, b"abc");
}

#[test]
fn the_pointer_on_the_wire_names_the_octet_after() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    raw.open(1, 80);
    let (server, _) = listener.try_accept().expect("it is connected");
    assert_eq!(server.try_write_urgent(text("abc")), Ok(3));
    let (_, header) = raw.segments().pop().expect("a segment");
    assert!(header.flags.urg());
    assert_eq!(header.urgent, 3);
}
