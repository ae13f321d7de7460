//! What an idle connection keeps: itself and nothing else.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::connection::{Connection, Established, FirstAck};
use crate::knobs::SocketOptions;

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
fn what_measures_the_reader_goes_with_the_peers_fin() {
    let mut lab = Lab::new();
    for n in 0..4 {
        lab.data(1 + 1448 * n, 1, &[b'x'; 1448]);
        lab.read();
    }
    assert!(lab.connection.autotune.is_some());
    lab.fin(1 + 1448 * 4, 1);
    assert!(lab.connection.autotune.is_none() && lab.connection.incoming.is_none());
}

#[test]
fn a_duplicates_report_does_not_keep_the_box() {
    for sack in [true, false] {
        duplicates_with(sack);
    }
}

fn duplicates_with(sack: bool) {
    let mut lab = Lab::with(Established { sack, ..seed() }, SocketOptions::default(), Knobs::default());
    lab.data(1, 1, b"hello");
    lab.read();
    lab.data(1, 1, b"hello");
    lab.data(20, 1, b"later");
    lab.data(20, 1, b"later");
    lab.data(6, 1, &[b'x'; 14]);
    lab.read();
    assert!(lab.connection.incoming.is_none());
}

#[test]
fn duplicates_are_reported_unless_the_knob_says_no() {
    for dsack in [true, false] {
        let knobs = Knobs { tcp_dsack: dsack, ..Knobs::default() };
        let mut lab = Lab::with(seed(), SocketOptions::default(), knobs);
        lab.data(1, 1, b"hello");
        lab.data(1, 1, b"hello");
        lab.data(20, 1, b"later");
        lab.data(20, 1, b"later");
        let old = lab.count(lastack_observe::Counter::DsackOldSent);
        let ahead = lab.count(lastack_observe::Counter::DsackOfoSent);
        assert_eq!((old, ahead), (u64::from(dsack), u64::from(dsack)));
    }
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

#[test]
fn t15_the_duplicate_syn_is_reported_once() {
    for sack in [true, false] {
        let seed = Established { sack, first_ack: FirstAck::NowWithDuplicateSyn, ..seed() };
        let mut lab = Lab::with(seed, SocketOptions::default(), Knobs::default());
        let (knobs, now) = (lab.knobs.clone(), lab.now);
        lab.connection.report_duplicate_syn(&knobs, now, &mut lab.out);
        lab.flush();
        let report = if sack { " sack 0-1" } else { "" };
        assert_eq!(lab.trace(), [format!("0 ACK seq=1 ack=1 len=0 win=64{report}")]);
        assert!(lab.connection.incoming.is_none());
    }
}
