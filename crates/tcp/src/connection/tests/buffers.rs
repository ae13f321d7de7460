//! Receive buffers: what packets cost, when it is too much, and how the buffer grows. Figures are of Linux 6.18 (TUN).

use super::lab::{Lab, START, seed};
use crate::Knobs;
use crate::knobs::SocketOptions;
use crate::receive::cost;
use lastack_observe::Counter;
use lastack_wire::tcp::Flags;

const MSS: i32 = 1448;

/// The buffer after so many round trips of 20 ms, with `flight` segments read in each.
fn grown(flight: i32, knobs: Knobs) -> u32 {
    let mut lab = Lab::with(seed(), SocketOptions::default(), knobs);
    lab.connection.set_accepted();
    let mut seq = 1;
    for trip in 1..=20 {
        lab.run_to(20 * trip);
        for _ in 0..flight {
            lab.arrive(lab.segment(Flags::ACK, seq, 1, &[0; MSS as usize]));
            seq += MSS;
            lab.read();
        }
    }
    lab.connection.receive_limit()
}

#[test]
fn the_knobs_bound_it() {
    assert!(grown(40, Knobs::default()) > 131_072);
    assert_eq!(grown(5, Knobs::default()), 131_072);
    assert_eq!(grown(40, Knobs { tcp_moderate_rcvbuf: false, ..Knobs::default() }), 131_072);
    assert_eq!(grown(40, Knobs { tcp_rmem: [4096, 131_072, 150_000], ..Knobs::default() }), 150_000);
    assert_eq!(grown(40, Knobs { tcp_rmem: [4096, 60_000, 60_000], ..Knobs::default() }), 60_000);
}

#[test]
fn octets_out_of_order_widen_the_buffer_of_a_socket_that_somebody_holds() {
    let buffer = |accepted: bool| {
        let mut lab = Lab::new();
        if accepted {
            lab.connection.set_accepted();
        }
        for nth in 1..45 {
            lab.data(1 + nth * MSS, 1, &[0; MSS as usize]);
        }
        lab.connection.receive_limit()
    };
    assert_eq!(buffer(false), 131_072);
    assert!(buffer(true) > 131_072);
}

fn small(octets: u32) -> Lab {
    let options = SocketOptions { rcvbuf: Some(octets), ..SocketOptions::default() };
    Lab::with(seed(), options, Knobs::default())
}

#[test]
fn what_wastes_memory_is_copied_together_before_anything_is_refused() {
    let mut lab = small(20_000);
    let mut seq = 1;
    while lab.count(Counter::RcvCollapsed) == 0 {
        lab.data(seq, 1, &[0; 130]);
        seq += 130;
        assert!(seq < 9000, "memory is never short");
    }
    assert!(lab.count(Counter::RcvCollapsed) >= 24, "all that waited");
    assert_eq!((lab.count(Counter::PruneCalled), lab.count(Counter::RcvPruned)), (1, 0));
    assert!(lab.connection.receive_memory() < 10_000, "{}", lab.connection.receive_memory());
    assert_eq!(lab.connection.unread(), (seq - 1) as usize);
}

#[test]
fn what_lies_further_away_goes_first_and_nothing_is_reported_then() {
    let mut lab = small(20_000);
    for nth in 0..16 {
        lab.data(301 + nth * 300, 1, &[0; 200]);
    }
    assert_eq!(lab.connection.receive_memory(), 16 * 1280);
    lab.trace();
    lab.data(5101, 1, &[0; 200]);
    assert!(lab.trace().is_empty(), "the furthest is dropped without a word");
    assert_eq!((lab.count(Counter::OfoDrop), lab.count(Counter::OfoPruned)), (1, 0));
    lab.data(101, 1, &[0; 100]);
    assert_eq!(lab.count(Counter::OfoPruned), 1);
    assert_eq!(lab.connection.receive_memory(), 14 * 1280 + 832);
    lab.run_to(1);
    let blocks = &lab.sent.last().expect("an acknowledgment").1.header.options.sack;
    assert_eq!(blocks.len(), 1, "{blocks:?}");
}

#[test]
fn a_segment_in_order_that_finds_no_memory_closes_the_window() {
    let mut lab = small(60_000);
    for nth in 0..8 {
        lab.data(1 + nth * 1000, 1, &[0; 1000]);
    }
    let options = SocketOptions { rcvbuf: Some(12_000), ..SocketOptions::default() };
    lab.connection.set_options(options, &lab.knobs.clone(), lab.now, &mut lab.out);
    lab.data(8001, 1, &[0; 1000]);
    assert_eq!(lab.count(Counter::RcvQDrop), 1);
    let refused = lab.sent.last().expect("it is said at once").1.header.clone();
    assert_eq!((refused.window, lab.connection.unread()), (0, 8000));
    lab.data(8001, 1, &[0; 1000]);
    assert_eq!(lab.count(Counter::BeyondWindow), 1, "the promise is taken back");
    lab.read();
    assert!(lab.sent.last().expect("a window update").1.header.window > 0);
    assert!(lab.now.since(START).as_millis() < 1, "without a timer");
}

#[test]
fn memory_comes_back_with_whole_packets() {
    let mut lab = Lab::new();
    for nth in 0..3 {
        lab.data(1 + nth * 1000, 1, &[0; 1000]);
    }
    let packet = cost::of_packet(1052) as usize;
    let mut left = Vec::new();
    while lab.connection.take_received().is_some() {}
    for octets in [999, 1, 1500, 500] {
        lab.connection.consumed(octets, &lab.knobs.clone(), lab.now, &mut lab.out);
        left.push(lab.connection.receive_memory() / packet);
    }
    assert_eq!(left, [3, 2, 1, 0]);
}

#[test]
fn a_joined_segment_tells_of_its_pieces() {
    // Longer than we allow: the network joined it, from segments of the lesser of both sides' sizes; or the device tells.
    let size = |piece: u16, len: usize| {
        let mut lab = Lab::new();
        let mut segment = lab.segment(Flags::ACK, 1, 1, &vec![0; len]);
        segment.piece = piece;
        lab.arrive(segment);
        lab.connection.info(&lab.knobs.clone(), lab.now).rcv_mss
    };
    assert_eq!(size(1000, 9000), 1000);
    assert_eq!(size(0, 9000), 1448);
    assert_eq!(size(0, 1200), 1200);
}
