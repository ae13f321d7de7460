//! How a stream leaves and is acknowledged: windows, Nagle, the cork, loss, delayed acknowledgments, against a scripted
//! peer.

use super::lab::{ISS, Lab, seed};
use crate::connection::{Established, FirstAck};
use crate::knobs::SocketOptions;
use crate::{Knobs, TransmitLimits};
use lastack_observe::Counter;
use lastack_wire::tcp::Flags;
use std::time::Duration;

/// Octets of a full segment with timestamps.
const MSS: usize = 1448;

fn lengths(lab: &Lab) -> Vec<usize> {
    lab.sent.iter().map(|(_, segment)| segment.payload.len()).collect()
}

fn set(lab: &mut Lab, change: impl Fn(&mut SocketOptions)) {
    let mut options = lab.connection.options();
    change(&mut options);
    lab.connection.set_options(options, &lab.knobs.clone(), lab.now, &mut lab.out);
    lab.flush();
}

#[test]
fn ten_segments_at_first_then_as_many_as_are_acknowledged() {
    let mut lab = Lab::new();
    lab.send(100 * MSS);
    assert_eq!(lengths(&lab), [MSS; 10]);
    lab.trace();
    lab.ack(1, 1 + 2 * MSS as i32);
    assert_eq!(lengths(&lab), [MSS; 4], "slow start: two left, two more may follow");
}

#[test]
fn after_a_lost_syn_one_segment_at_first() {
    let seed = Established { cautious: true, ..seed() };
    let mut lab = Lab::with(seed, SocketOptions::default(), Knobs::default());
    lab.send(100 * MSS);
    assert_eq!(lengths(&lab), [MSS]);
    lab.trace();
    lab.ack(1, 1 + MSS as i32);
    assert_eq!(lengths(&lab), [MSS; 2], "slow start");
}

#[test]
fn the_window_shrinks_while_idle_unless_the_knob_says_no() {
    for (shrinks, segments) in [(true, 10), (false, 20)] {
        let knobs = Knobs { tcp_slow_start_after_idle: shrinks, ..Knobs::default() };
        let mut lab = Lab::with(seed(), SocketOptions::default(), knobs);
        lab.send(10 * MSS);
        lab.send(10 * MSS);
        lab.ack(1, 1 + 10 * MSS as i32);
        lab.ack(1, 1 + 20 * MSS as i32);
        let window = lab.connection.congestion_window();
        assert!(window >= 20, "{window}");
        lab.trace();
        lab.now += Duration::from_secs(60);
        lab.send(20 * MSS);
        assert_eq!(lengths(&lab).len(), segments, "tcp_slow_start_after_idle {shrinks}");
    }
}

#[test]
fn super_segments_are_whole_multiples_and_the_tail_carries_push_and_fin() {
    let mut lab = Lab::new();
    lab.limits = TransmitLimits { super_segment_max: 65_535, behind_earlier: false };
    lab.connection.send(vec![0; 4 * MSS + 10].into());
    lab.shutdown();
    assert_eq!(lengths(&lab), [4 * MSS + 10]);
    let header = &lab.sent[0].1.header;
    assert_eq!(header.flags, Flags(0x19));
    assert_eq!(usize::from(lab.sent[0].1.mss), MSS);
    let mut lab = Lab::new();
    lab.limits = TransmitLimits { super_segment_max: 4000, behind_earlier: false };
    lab.send(5 * MSS);
    assert_eq!(lengths(&lab), [2 * MSS, 2 * MSS, MSS]);
    // Linux marks every super-segment.
    assert!(lab.trace.iter().all(|line| line.contains("0 PSH|ACK")), "{:?}", lab.trace);
    let mut lab = Lab::new();
    lab.limits = TransmitLimits { super_segment_max: 65_535, behind_earlier: false };
    lab.send(10 * MSS);
    assert_eq!(lengths(&lab), [5 * MSS, 5 * MSS], "half of the congestion window at once");
}

#[test]
fn a_mark_comes_with_every_half_window_and_segments_are_bounded_by_it_behind_the_timestamps() {
    let mut lab =
        Lab::with(Established { send_window: 1000, ..seed() }, SocketOptions::default(), Knobs::default());
    lab.connection.send(vec![0; 3000].into());
    lab.flush();
    assert_eq!(lengths(&lab), [500, 500]);
    assert!(lab.trace[0].contains("0 ACK") && lab.trace[1].contains("PSH|ACK"), "{:?}", lab.trace);
}

#[test]
fn nagle_holds_a_second_small_segment_until_the_first_is_acknowledged() {
    let mut lab = Lab::new();
    lab.send(10);
    lab.send(10);
    lab.send(10);
    assert_eq!(lengths(&lab), [10]);
    lab.ack(1, 11);
    assert_eq!(lengths(&lab), [10, 20]);
    set(&mut lab, |options| options.nodelay = true);
    lab.send(10);
    lab.send(10);
    assert_eq!(lengths(&lab), [10, 20, 10, 10]);
}

#[test]
fn minshall_lets_a_small_tail_follow_full_segments() {
    let mut lab = Lab::new();
    lab.send(MSS + 10);
    assert_eq!(lengths(&lab), [MSS, 10]);
}

#[test]
fn the_cork_holds_small_segments_200_ms() {
    let mut lab = Lab::new();
    set(&mut lab, |options| options.cork = true);
    lab.send(MSS);
    assert_eq!(lengths(&lab), [MSS]);
    lab.ack(1, 1 + MSS as i32);
    lab.send(10);
    assert_eq!(lengths(&lab), [MSS]);
    lab.run_to(250);
    let (at, segment) = lab.sent.last().unwrap();
    assert!((200..=204).contains(at) && segment.payload.len() == 10);
    lab.ack(1, 11 + MSS as i32);
    lab.send(20);
    set(&mut lab, |options| options.cork = false);
    assert_eq!(lab.sent.last().unwrap().1.payload.len(), 20, "pulling the cork lets it out");
}

/// The peer's window becomes `units` of 128 octets. Linux believes a smaller one only from a newer segment.
fn shrink(lab: &mut Lab, units: u16) {
    lab.data(1, 1, b"p");
    let mut arrival = lab.segment(Flags::ACK, 2, 1, b"");
    arrival.header.window = units;
    lab.arrive(arrival);
    lab.trace();
}

#[test]
fn a_silly_window_is_filled_only_by_the_timer() {
    let mut lab = Lab::new();
    shrink(&mut lab, 4);
    lab.send(1000);
    assert_eq!(lengths(&lab), [0; 0]);
    lab.run_to(210);
    assert_eq!(lengths(&lab), [512]);
    lab.trace();
    lab.ack(2, 513);
    assert_eq!(lengths(&lab), [488]);
}

#[test]
fn a_fin_needs_room_in_the_window_too() {
    let mut lab = Lab::new();
    shrink(&mut lab, 1);
    lab.send(128);
    lab.shutdown();
    assert_eq!(lab.trace(), ["0 PSH|ACK seq=1 ack=2 len=128 win=64"]);
    lab.ack(2, 129);
    assert_eq!(lab.trace(), ["0 FIN|ACK seq=129 ack=2 len=0 win=64"]);
}

#[test]
fn a_fin_waits_with_the_octets_that_it_ends() {
    let mut lab = Lab::new();
    shrink(&mut lab, 1);
    // Both at once: one packet, which is a number too long for the window of 128 (Linux, measured).
    lab.connection.send(vec![0; 128].into());
    lab.shutdown();
    assert_eq!(lab.trace(), [""; 0]);
    lab.run_to(210);
    assert_eq!(lab.sent.last().map(|(_, segment)| segment.payload.len()), Some(128));
}

#[test]
fn the_urgent_pointer_names_the_octet_after() {
    let mut lab = Lab::new();
    lab.connection.send_urgent(bytes::Bytes::from_static(b"abU"));
    lab.flush();
    let header = &lab.sent[0].1.header;
    assert_eq!((header.flags, header.urgent), (Flags(0x38), 3));
}

#[test]
fn three_duplicates_send_the_first_segment_again() {
    let mut plain = seed();
    plain.sack = false;
    let mut lab = Lab::with(plain, SocketOptions::default(), Knobs::default());
    lab.send(10 * MSS);
    lab.trace();
    for _ in 0..3 {
        lab.ack(1, 1);
    }
    assert_eq!(lab.sent.iter().filter(|(_, segment)| segment.header.seq == ISS + 1).count(), 1);
    assert_eq!((lab.count(Counter::FastRetrans), lab.count(Counter::RenoRecovery)), (1, 1));
    lab.ack(1, 1 + 10 * MSS as i32);
    assert!(lab.connection.is_flushed());
    assert_eq!(lab.connection.deadline(), None);
}

#[test]
fn sack_sends_again_only_what_is_missing() {
    let mut lab = Lab::new();
    lab.send(10 * MSS);
    lab.trace();
    let at = |n: usize| 1 + (n * MSS) as u32;
    lab.sack(1, &[(at(1), at(2))]);
    lab.sack(1, &[(at(1), at(3))]);
    lab.sack(1, &[(at(4), at(6)), (at(1), at(3))]);
    let again: Vec<_> = lab.sent.iter().map(|(_, segment)| segment.header.seq).collect();
    assert_eq!(again[0], ISS + 1);
    assert!(!again.contains(&(ISS + at(1))) && !again.contains(&(ISS + at(4))), "{again:?}");
}

#[test]
fn a_smaller_path_sends_what_is_in_flight_again_in_smaller_pieces() {
    let mut lab = Lab::new();
    lab.send(3 * MSS);
    lab.trace();
    lab.connection.handle_too_big(ISS + 5 * MSS as u32, 1160, &mut lab.out);
    assert_eq!((lab.count(Counter::OutOfWindowIcmps), lab.connection.has_work()), (1, false));
    lab.connection.handle_too_big(ISS + 1, 1160, &mut lab.out);
    lab.flush();
    assert_eq!(lab.count(Counter::MtupSuccess), 0, "Linux counts only what a search of its own finds");
    assert_eq!(lengths(&lab), [1148, 1148, 1148, 900]);
    lab.connection.handle_too_big(ISS + 1, 60, &mut lab.out);
    assert_eq!(lab.connection.negotiated().mss, 500, "nobody makes us send tiny segments");
}

#[test]
fn the_first_segments_are_acknowledged_at_once_then_every_second() {
    let mut lab = Lab::new();
    let mut seq = 1;
    let mut acks = Vec::new();
    for _ in 0..40 {
        lab.run_to(lab.now.since(super::lab::START).as_millis() as u64 + 1);
        lab.arrive(lab.segment(Flags::ACK, seq, 1, &[7; MSS]));
        seq += MSS as i32;
        lab.read();
        acks.push(lab.trace().len());
    }
    // Sixteen in quick mode, and as long as the window grows with them.
    assert_eq!(acks[..20], [1; 20], "{acks:?}");
    assert_eq!(acks[24..].iter().sum::<usize>(), 8, "{acks:?}");
}

#[test]
fn a_lone_segment_later_is_acknowledged_after_the_delay() {
    let mut lab = Lab::new();
    let mut seq = 1;
    for _ in 0..40 {
        lab.data(seq, 1, &[7; MSS]);
        seq += MSS as i32;
    }
    lab.trace();
    let last = lab.connection.deadline();
    if last.is_none() {
        lab.data(seq, 1, &[7; MSS]);
    }
    lab.run_to(100);
    let times = lab.times();
    assert!(times.len() == 1 && (20..=40).contains(&times[0]), "{times:?}");
    assert_eq!(lab.count(Counter::DelayedAcks), 1);
}

#[test]
fn an_answer_carries_the_acknowledgment() {
    let mut lab = Lab::new();
    let mut seq = 1;
    let mut ours = 1;
    for round in 0..20 {
        lab.run_to(100 * round);
        lab.data(seq, ours, b"question");
        seq += 8;
        lab.read();
        lab.send(6);
        ours += 6;
        lab.ack(seq, ours);
    }
    let bare = lab.sent.iter().filter(|(_, segment)| segment.payload.is_empty()).count();
    assert!(bare <= 2, "interactive after the first exchange: {:?}", lab.trace);
}

#[test]
fn t25_the_third_acknowledgment() {
    let mut third = seed();
    third.first_ack = FirstAck::Now;
    let mut lab = Lab::with(third.clone(), SocketOptions::default(), Knobs::default());
    lab.connection.send(bytes::Bytes::from_static(b"hello"));
    lab.flush();
    assert_eq!(lab.trace(), ["0 ACK seq=1 ack=1 len=0 win=64", "0 PSH|ACK seq=1 ack=1 len=5 win=64"]);
    third.first_ack = FirstAck::WithData;
    let mut lab = Lab::with(third.clone(), SocketOptions::default(), Knobs::default());
    lab.run_to(300);
    assert_eq!(lab.trace(), ["200 ACK seq=1 ack=1 len=0 win=64"]);
    let mut lab = Lab::with(third, SocketOptions::default(), Knobs::default());
    lab.send(5);
    lab.run_to(190);
    assert_eq!(lab.trace(), ["0 PSH|ACK seq=1 ack=1 len=5 win=64"]);
}

#[test]
fn the_window_closes_and_a_read_opens_it_again() {
    let mut lab = Lab::new();
    let mut seq = 1;
    while lab.connection.unread() < 60_000 {
        lab.data(seq, 1, &[7; MSS]);
        seq += MSS as i32;
    }
    let mut window = u32::MAX;
    for ms in 1..100 {
        lab.run_to(50 * ms);
        window = u32::from(lab.sent.last().unwrap().1.header.window) << 10;
        if window < MSS as u32 {
            break;
        }
        lab.data(seq, 1, &[7; MSS]);
        seq += MSS as i32;
    }
    assert!(window < MSS as u32, "{window}");
    // The buffer that nobody fixed grew to what was in it; packets for which memory is scheduled already are not refused.
    let most = lab.connection.receive_limit() as usize + 3 * 2304;
    assert!(lab.connection.receive_memory() <= most, "{}", lab.connection.receive_memory());
    lab.trace();
    lab.read();
    let update = lab.sent.last().expect("a window update").1.header.window;
    assert!(u32::from(update) << 10 >= 30_000, "{update}");
}

/// Which of the segments that were sent carry PSH.
fn pushes(lab: &mut Lab) -> String {
    let flags = lab.sent.iter().map(|(_, segment)| if segment.header.flags.0 & 8 != 0 { 'P' } else { '.' });
    let pushes = flags.collect();
    lab.trace();
    pushes
}

/// As Linux 6.18 sent them at a round trip of 20 ms: two segments to a burst, whether the device cuts or not.
#[test]
fn the_last_segment_of_a_burst_is_pushed() {
    let seed = Established { rtt: Some(Duration::from_millis(20)), ..seed() };
    let mut lab = Lab::with(seed, SocketOptions::default(), Knobs::default());
    lab.send(30 * MSS);
    assert_eq!(pushes(&mut lab), ".P.P.P.P.P");
    lab.run_to(20);
    lab.ack(1, 1 + MSS as i32);
    assert_eq!(pushes(&mut lab), ".P");
    lab.ack(1, 1 + 2 * MSS as i32);
    assert_eq!(pushes(&mut lab), ".P");
    let mut near = Lab::new();
    near.send(30 * MSS);
    assert_eq!(pushes(&mut near), "....P....P", "half of the window at once where the way is short");
}

/// A write is pushed at its end, also when it is sent again; what MSG_MORE wrote is not.
#[test]
fn writes_are_pushed_unless_more_follows() {
    let mut lab = Lab::new();
    set(&mut lab, |options| options.nodelay = true);
    lab.send(100);
    lab.send(100);
    assert_eq!(pushes(&mut lab), "PP");
    lab.run_to(1000);
    assert!(pushes(&mut lab).starts_with('P'), "the repetition, too");
    let mut lab = Lab::new();
    set(&mut lab, |options| (options.more, options.nodelay) = (true, true));
    lab.send(2 * MSS + 100);
    assert_eq!((lengths(&lab), pushes(&mut lab)), (vec![MSS, MSS], ".P".to_owned()));
    lab.send(50);
    assert_eq!(pushes(&mut lab), "", "held back");
    lab.ack(1, 1 + 2 * MSS as i32);
    assert_eq!(
        (lengths(&lab), pushes(&mut lab)),
        (vec![150], ".".to_owned()),
        "until an acknowledgment comes"
    );
    lab.send(50);
    lab.connection.push();
    lab.flush();
    assert_eq!((lengths(&lab), pushes(&mut lab)), (vec![50], ".".to_owned()), "or until it is told to");
}
