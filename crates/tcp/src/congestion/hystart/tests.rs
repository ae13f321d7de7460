use super::*;
use std::time::Duration;

const RTT_US: u32 = 100_000;

struct Path {
    detector: HyStart,
    window: Window,
    out: Output,
    una: Seq,
}

impl Path {
    fn new(cwnd: u32) -> Path {
        let window = Window { cwnd, ssthresh: 1 << 30, credit: 0 };
        Path { detector: HyStart::default(), window, out: Output::new(0, 0), una: Seq(1) }
    }

    /// An acknowledgment of one segment, `us` after the beginning, of a round trip of `rtt_us`.
    fn ack(&mut self, us: u64, rtt_us: u32) {
        self.una += 1;
        let now = Instant::ZERO + Duration::from_micros(us);
        let nxt = self.una + self.window.cwnd;
        let moment = Moment { now, una: self.una, nxt, pacing_rate: 1_000_000 };
        self.detector.on_sample(&mut self.window, rtt_us, RTT_US.min(rtt_us), &moment, &mut self.out);
    }

    fn ended(&self) -> bool {
        !self.window.in_slow_start()
    }
}

#[test]
fn a_train_as_long_as_half_of_the_round_trip_ends_slow_start() {
    let mut path = Path::new(100);
    // Half of 100 ms and of the millisecond that joining may add.
    for step in 0..=25 {
        path.ack(step * 2_000, RTT_US);
        assert!(!path.ended(), "after {step} steps");
    }
    path.ack(52_000, RTT_US);
    assert!(path.ended());
    assert_eq!(path.window.ssthresh, 100);
    assert_eq!(path.out.counters.value(Counter::HystartTrainDetect), 1);
    assert_eq!(path.out.counters.value(Counter::HystartTrainCwnd), 100);
}

#[test]
fn a_gap_ends_the_train() {
    let mut path = Path::new(100);
    for step in 0..20 {
        path.ack(step * 2_000, RTT_US);
    }
    for step in 0..30 {
        path.ack(42_000 + step * 2_000, RTT_US);
    }
    assert!(!path.ended(), "a train does not go on after a gap of 4 ms in the same round");
}

#[test]
fn round_trips_an_eighth_longer_end_slow_start_after_eight_of_them() {
    let mut path = Path::new(100);
    for step in 0..9 {
        assert!(!path.ended());
        path.ack(step * 5_000, RTT_US + 12_501);
    }
    assert!(path.ended());
    assert_eq!(path.out.counters.value(Counter::HystartDelayDetect), 1);
}

#[test]
fn one_short_round_trip_in_the_round_is_enough() {
    let mut path = Path::new(100);
    for step in 0..30 {
        path.ack(step * 5_000, if step == 7 { RTT_US } else { RTT_US * 2 });
    }
    assert!(!path.ended());
}

#[test]
fn small_windows_are_left_alone() {
    let mut path = Path::new(15);
    for step in 0..40 {
        path.ack(step * 2_000, RTT_US * 2);
    }
    assert!(!path.ended());
}
