//! How much leaves at once, and what the congestion control makes of it.

use super::lab::{Lab, seed};
use crate::connection::{Established, TransmitLimits};
use crate::knobs::SocketOptions;
use crate::{CongestionControl, Knobs};
use std::time::Duration;

const MSS: usize = 1448;

/// Full segments in each super-segment that leaves for a write of ten.
fn bursts(knobs: Knobs, rtt_ms: u64) -> Vec<usize> {
    let seed = Established { rtt: Some(Duration::from_millis(rtt_ms)), ..seed() };
    let mut lab = Lab::with(seed, SocketOptions::default(), knobs);
    lab.limits = TransmitLimits { super_segment_max: 1, behind_earlier: false };
    lab.send(10 * MSS);
    let pushed = |segment: &crate::Segment| segment.header.flags.contains(lastack_wire::tcp::Flags::PSH);
    let mut sizes = vec![0];
    for (_, segment) in &lab.sent {
        *sizes.last_mut().unwrap() += 1;
        if pushed(segment) {
            sizes.push(0);
        }
    }
    sizes.pop();
    sizes
}

/// As a Linux 6.18 sends them: what its pacing figure gives in a millisecond, more on a short way, at most half of the window.
#[test]
fn bursts_are_as_large_as_the_knobs_say() {
    let knobs = Knobs::default;
    assert_eq!(bursts(knobs(), 100), [2; 5]);
    assert_eq!(bursts(knobs(), 1), [5, 5], "a short way");
    assert_eq!(bursts(Knobs { tcp_min_tso_segs: 4, ..knobs() }, 100), [4, 4, 2]);
    assert_eq!(bursts(Knobs { tcp_min_tso_segs: 255, ..knobs() }, 100), [5, 5]);
    assert_eq!(bursts(Knobs { tcp_tso_rtt_log: 16, ..knobs() }, 100), [5, 5]);
}

#[test]
fn the_window_falls_as_the_congestion_control_says() {
    for (control, remains) in [(CongestionControl::Cubic, 7), (CongestionControl::Reno, 5)] {
        let knobs = Knobs { tcp_congestion_control: control, ..Knobs::default() };
        let mut lab = Lab::with(Established { ecn: true, ..seed() }, SocketOptions::default(), knobs);
        assert_eq!(lab.connection.congestion_control(), control);
        lab.send(20 * MSS);
        let flags = lastack_wire::tcp::Flags::ACK.with(lastack_wire::tcp::Flags::ECE);
        let echo = lab.segment(flags, 1, 1 + MSS as i32, b"");
        lab.arrive(echo);
        assert_eq!(lab.connection.slow_start_threshold(), remains, "{control:?}");
    }
}

#[test]
fn a_socket_may_have_another_congestion_control() {
    let chosen = SocketOptions { congestion: Some(CongestionControl::Reno), ..SocketOptions::default() };
    let mut lab = Lab::with(seed(), chosen.clone(), Knobs::default());
    assert_eq!(lab.connection.congestion_control(), CongestionControl::Reno);
    lab.send(MSS);
    let again = SocketOptions { congestion: Some(CongestionControl::Cubic), ..chosen };
    let Lab { connection, knobs, now, out, .. } = &mut lab;
    connection.set_options(again, knobs, *now, out);
    assert_eq!(lab.connection.congestion_control(), CongestionControl::Cubic);
}
