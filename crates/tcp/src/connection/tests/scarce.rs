//! What one connection does when the stack says that memory is short.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::knobs::SocketOptions;
use crate::memory::MemoryLevel::{Exhausted, Plenty, Pressure};
use lastack_observe::Counter;

const MSS: i32 = 1448;

fn full(lab: &mut Lab, nth: i32) {
    lab.data(1 + nth * MSS, 1, &[b'x'; MSS as usize]);
}

/// The window that was offered last when a hundred segments had come and were read.
fn offered(level: crate::memory::MemoryLevel) -> u32 {
    let mut lab = Lab::new();
    lab.connection.set_memory_level(level);
    for nth in 0..100 {
        full(&mut lab, nth);
        lab.read();
    }
    // A window that does not move is no reason to acknowledge at once.
    lab.run_to(1000);
    let windows = lab.sent.iter().map(|(_, segment)| u32::from(segment.header.window) << 10);
    windows.last().expect("acknowledgments were sent")
}

#[test]
fn under_pressure_windows_do_not_grow() {
    assert!(offered(Plenty) > 60_000);
    assert!(offered(Pressure) <= 8 * 1024, "what was offered at first, and no more");
}

#[test]
fn the_first_octets_are_always_kept_and_no_more() {
    let mut lab = Lab::new();
    lab.connection.set_memory_level(Exhausted);
    full(&mut lab, 0);
    assert_eq!(lab.connection.unread(), MSS as usize);
    lab.trace();
    full(&mut lab, 1);
    assert_eq!(lab.connection.unread(), MSS as usize, "refused");
    assert!(lab.trace()[0].contains(&format!("ack={}", 1 + MSS)), "and the peer is told at once");
    assert_eq!((lab.count(Counter::PruneCalled), lab.count(Counter::RcvQDrop)), (1, 1));
    assert_eq!(lab.count(Counter::RcvPruned), 0, "its own buffer had room");
    lab.read();
    full(&mut lab, 1);
    assert_eq!(lab.connection.unread(), MSS as usize, "the reader gets on");
}

#[test]
fn what_waits_out_of_order_gives_way() {
    let mut lab = Lab::new();
    full(&mut lab, 0);
    full(&mut lab, 2);
    lab.connection.set_memory_level(Exhausted);
    full(&mut lab, 4);
    assert_eq!((lab.count(Counter::PruneCalled), lab.count(Counter::OfoDrop)), (1, 1), "no room for more");
    full(&mut lab, 1);
    assert_eq!(lab.connection.unread(), 2 * MSS as usize, "in order it is kept");
    assert_eq!((lab.count(Counter::OfoPruned), lab.count(Counter::RcvQDrop)), (1, 0));
    lab.connection.set_memory_level(Plenty);
    full(&mut lab, 2);
    assert_eq!(lab.connection.unread(), 3 * MSS as usize, "the peer sent it again");
}

#[test]
fn a_writer_waits_when_there_is_no_memory() {
    let mut lab = Lab::new();
    let knobs = Knobs::default();
    let limits = [Plenty, Pressure, Exhausted].map(|level| {
        lab.connection.set_memory_level(level);
        lab.connection.send_limit(&knobs)
    });
    assert!(limits[0] > knobs.tcp_wmem[1] as usize);
    assert_eq!(limits[1..], [knobs.tcp_wmem[1] as usize, knobs.tcp_wmem[0] as usize]);
}

#[test]
fn a_full_buffer_of_its_own_is_told_apart() {
    let options = SocketOptions { rcvbuf: Some(4000), ..SocketOptions::default() };
    let mut lab = Lab::with(seed(), options, Knobs::default());
    full(&mut lab, 0);
    full(&mut lab, 1);
    lab.connection.set_memory_level(Exhausted);
    full(&mut lab, 2);
    assert_eq!((lab.count(Counter::RcvPruned), lab.count(Counter::RcvQDrop)), (1, 1));
}

#[test]
fn pages_count_both_directions() {
    let mut lab = Lab::new();
    assert_eq!(lab.connection.memory_pages(), 0);
    lab.send(5000);
    assert_eq!(lab.connection.memory_pages(), 2);
    full(&mut lab, 0);
    full(&mut lab, 1);
    full(&mut lab, 2);
    assert_eq!(lab.connection.memory_pages(), (5000_u32 + 3 * MSS as u32).div_ceil(4096));
}
