//! Options that change a running connection's window: TCP_WINDOW_CLAMP, SO_RCVBUF, SO_RCVLOWAT.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::knobs::SocketOptions;

/// A full segment with timestamps.
const MSS: i32 = 1448;
/// One unit of the window field in these connections.
const UNIT: u32 = 1 << 10;

fn set(lab: &mut Lab, change: impl Fn(&mut SocketOptions)) {
    let mut options = lab.connection.options();
    change(&mut options);
    lab.connection.set_options(options, &lab.knobs.clone(), lab.now, &mut lab.out);
    lab.flush();
}

/// The peer sends `segments` full ones, the application reads all; the largest window offered meanwhile, and the last.
fn receive(lab: &mut Lab, from: i32, segments: i32) -> (u32, u32) {
    lab.sent.clear();
    for at in 0..segments {
        lab.data(from + at * MSS, 1, &[0; MSS as usize]);
        lab.read();
    }
    let windows = || lab.sent.iter().map(|(_, segment)| u32::from(segment.header.window) << 10);
    (windows().max().expect("an acknowledgment"), windows().last().expect("an acknowledgment"))
}

#[test]
fn a_clamp_from_the_beginning_holds_until_segments_show_their_memory() {
    let options = SocketOptions { window_clamp: Some(9000), ..SocketOptions::default() };
    let seed = crate::Established { receive_window: 8760, ..seed() };
    let mut lab = Lab::with(seed, options, Knobs::default());
    lab.data(1, 1, &[0; 100]);
    lab.read();
    lab.run_to(100);
    let first = u32::from(lab.sent.last().expect("an acknowledgment").1.header.window) << 10;
    assert!((8000..9000 + UNIT).contains(&first), "{first}");
    // Linux takes the clamp for its own then (tcp_measure_rcv_mss, measured).
    let (largest, _) = receive(&mut lab, 101, 40);
    assert!(largest > 20_000, "{largest}");
}

#[test]
fn a_clamp_takes_back_nothing_and_is_lifted() {
    let mut lab = Lab::new();
    let (free, _) = receive(&mut lab, 1, 20);
    assert!(free > 60_000, "{free}");
    set(&mut lab, |options| options.window_clamp = Some(5000));
    let (_, last) = receive(&mut lab, 1 + 20 * MSS, 100);
    assert!(last <= 5000 + UNIT, "{last}");
    set(&mut lab, |options| options.window_clamp = None);
    let (_, last) = receive(&mut lab, 1 + 120 * MSS, 100);
    assert!(last > 60_000, "{last}");
}

#[test]
fn a_low_water_mark_widens_the_buffer_and_never_narrows_it() {
    let mut lab = Lab::new();
    assert_eq!(lab.connection.receive_limit(), 131_072);
    set(&mut lab, |options| options.rcvlowat = Some(500_000));
    assert_eq!(lab.connection.receive_limit(), 1_000_000);
    set(&mut lab, |options| options.rcvlowat = Some(1));
    assert_eq!(lab.connection.receive_limit(), 1_000_000);
    set(&mut lab, |options| options.rcvbuf = Some(60_000));
    assert_eq!(lab.connection.receive_limit(), 60_000);
    set(&mut lab, |options| options.rcvlowat = Some(500_000));
    assert_eq!(lab.connection.receive_limit(), 60_000, "SO_RCVBUF fixed it");
}

#[test]
fn a_buffer_that_can_take_no_more_is_told() {
    let mut lab = Lab::new();
    assert!(!lab.connection.is_receive_pressed());
    // Nothing is read. The peer keeps to the window, and waits for delayed acknowledgments.
    let mut segments = 0;
    while !lab.connection.is_receive_pressed() {
        assert!(segments < 131_072 / MSS, "a buffer holds no more than its memory");
        lab.data(1 + segments * MSS, 1, &[0; MSS as usize]);
        segments += 1;
        lab.run_to(1000 * segments as u64);
    }
    assert!(segments > 65_536 / MSS, "{segments} segments");
    lab.read();
    lab.flush();
    assert!(!lab.connection.is_receive_pressed(), "reading makes room");
}
