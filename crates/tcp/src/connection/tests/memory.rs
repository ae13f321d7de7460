//! What an idle connection keeps: itself and nothing else.

use super::lab::Lab;
use crate::connection::Connection;

#[test]
fn an_idle_connection_owns_no_buffer() {
    let mut lab = Lab::new();
    for round in 0..3_i32 {
        lab.send(5000);
        lab.data(1 + 9 * round, 1 + 5000 * round, b"out of order".split_at(9).0);
        lab.read();
        lab.ack(1 + 9 * (round + 1), 1 + 5000 * (round + 1));
        assert!(lab.connection.outgoing.is_none() && lab.connection.incoming.is_none(), "round {round}");
        assert!(lab.connection.options.is_none());
    }
    assert_eq!(lab.connection.send_charge() + lab.connection.receive_memory(), 0);
}

#[test]
fn a_duplicates_report_does_not_keep_the_box() {
    let mut lab = Lab::new();
    lab.data(1, 1, b"hello");
    lab.read();
    lab.data(1, 1, b"hello");
    lab.data(20, 1, b"later");
    lab.data(6, 1, &[b'x'; 14]);
    lab.read();
    assert!(lab.connection.incoming.is_none());
}

#[test]
fn small_segments_do_not_pin_large_frames() {
    let mut lab = Lab::new();
    for n in 0..200 {
        let mut arrival = lab.segment(lastack_wire::tcp::Flags::ACK, 1 + n, 1, b"k");
        arrival.pinned = 65_536;
        lab.arrive(arrival);
    }
    assert_eq!(lab.connection.unread(), 200);
    assert!(lab.connection.receive_memory() < 4096, "{}", lab.connection.receive_memory());
}

#[test]
fn the_core_stays_small() {
    assert!(size_of::<Connection>() <= 320);
}
