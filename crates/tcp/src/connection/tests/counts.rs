//! What TCP_INFO counts.

use super::lab::{Lab, seed};
use crate::Knobs;
use crate::connection::{Established, FirstAck};
use crate::knobs::SocketOptions;
use lastack_observe::TcpInfo;
use std::time::Duration;

fn info(lab: &Lab) -> TcpInfo {
    lab.connection.info(&lab.knobs, lab.now)
}

#[test]
fn an_idle_connection_keeps_no_tally() {
    let mut lab = Lab::new();
    lab.ack(1, 1);
    lab.run_to(60_000);
    assert!(lab.connection.tally.is_none());
    let told = info(&lab);
    assert_eq!((told.segs_in, told.segs_out, told.bytes_acked, told.delivered), (2, 0, 0, 1));
    assert_eq!((told.advmss, told.rcv_space), (1448, 14_480), "without the octets of timestamps, as Linux");
}

#[test]
fn octets_and_segments_both_ways() {
    let seed = Established { rtt: Some(Duration::from_millis(10)), ..seed() };
    let mut lab = Lab::with(seed, SocketOptions::default(), Knobs::default());
    lab.send(3000);
    let told = info(&lab);
    assert_eq!((told.bytes_sent, told.data_segs_out, told.segs_out), (3000, 3, 3));
    assert_eq!((told.bytes_acked, told.unacked), (0, 3));
    lab.run_to(10);
    lab.ack(1, 3001);
    lab.data(1, 3001, &[7; 100]);
    lab.fin(101, 3001);
    let told = info(&lab);
    assert_eq!((told.bytes_acked, told.bytes_received), (3000, 101), "a FIN counts as one");
    assert_eq!((told.segs_in, told.data_segs_in), (4, 1));
    assert_eq!((told.total_retrans, told.bytes_retrans, told.rcv_ooopack), (0, 0, 0));
    assert_eq!(told.delivery_rate, 300_000, "3000 octets in 10 ms");
}

#[test]
fn our_own_syn_counts_when_we_opened() {
    let seed = Established { first_ack: FirstAck::Now, segments_out: 3, sent_again: 2, ..seed() };
    let mut lab = Lab::with(seed, SocketOptions::default(), Knobs::default());
    lab.flush();
    let told = info(&lab);
    assert_eq!((told.segs_in, told.segs_out, told.bytes_acked, told.total_retrans), (1, 4, 1, 2));
}

#[test]
fn timeouts_and_what_they_send_again() {
    let mut lab = Lab::new();
    lab.send(1000);
    lab.run_to(1000);
    let told = info(&lab);
    assert!(told.total_rto >= 1 && told.total_rto_recoveries == 1, "{told:?}");
    assert!(told.total_rto_time_ms > 0);
    assert_eq!(u64::from(told.total_retrans) * 1000, told.bytes_retrans);
    assert_eq!(told.bytes_sent, 1000 + told.bytes_retrans);
    lab.ack(1, 1001);
    let spent = info(&lab).total_rto_time_ms;
    lab.run_to(5000);
    assert_eq!(info(&lab).total_rto_time_ms, spent, "the row has ended");
}

#[test]
fn out_of_order_and_twice() {
    let mut lab = Lab::new();
    lab.data(101, 1, &[1; 100]);
    assert_eq!(info(&lab).rcv_ooopack, 1);
    lab.send(1000);
    lab.sack(1001, &[(1, 1001)]);
    assert_eq!(info(&lab).dsack_dups, 1, "all of it lies before the acknowledgment");
    lab.sack(1001, &[(1, 1001), (3000, 4000)]);
    assert_eq!(info(&lab).dsack_dups, 2);
}

/// As the window and the network share the time: 100 ms in flight, then 200 ms against a closed window.
#[test]
fn time_is_counted_by_what_sending_waits_for() {
    let mut lab = Lab::new();
    lab.send(1000);
    lab.run_to(100);
    lab.window(1, 1001, 0);
    let told = info(&lab);
    assert_eq!((told.busy_time_us, told.rwnd_limited_us, told.sndbuf_limited_us), (100_000, 0, 0));
    lab.run_to(150);
    lab.send(1000);
    lab.run_to(300);
    let told = info(&lab);
    assert_eq!((told.busy_time_us, told.rwnd_limited_us), (250_000, 150_000), "idle time does not count");
    lab.window(1, 1001, 65_535);
    lab.run_to(350);
    lab.ack(1, 2001);
    lab.run_to(900);
    let told = info(&lab);
    assert_eq!((told.busy_time_us, told.rwnd_limited_us), (300_000, 150_000));
}

#[test]
fn a_writer_without_room_is_limited_by_the_buffer_once_all_is_in_flight() {
    let mut lab = Lab::new();
    lab.connection.set_writer_waits(true, lab.now);
    lab.send(1000);
    lab.run_to(20);
    lab.connection.set_writer_waits(false, lab.now);
    lab.run_to(50);
    let told = info(&lab);
    assert_eq!((told.busy_time_us, told.sndbuf_limited_us, told.rwnd_limited_us), (50_000, 20_000, 0));
}
