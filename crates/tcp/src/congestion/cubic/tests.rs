use super::*;
use crate::congestion::tests::moment;
use proptest::prelude::*;

/// RFC 9438 in floating point, written from its formulas and not from the code: the window after a reduction from `w_max`.
struct Model {
    w_max: f64,
    cwnd_epoch: f64,
}

impl Model {
    const C: f64 = 0.4;
    const BETA: f64 = 0.7;

    /// Sections 4.2 and 4.3: the larger of the curve and of what Reno with the same back-off would have.
    fn window(&self, seconds: f64, rtt: f64) -> f64 {
        let k = ((self.w_max - self.cwnd_epoch).max(0.0) / Self::C).cbrt();
        let cubic = Self::C * (seconds - k).powi(3) + self.w_max;
        let alpha = 3.0 * (1.0 - Self::BETA) / (1.0 + Self::BETA);
        let reno = self.cwnd_epoch + alpha * seconds / rtt;
        cubic.max(reno)
    }
}

/// A path that acknowledges a window of segments, one by one, in each round trip.
fn run(cubic: &mut Cubic, window: &mut Window, rtt_ms: u64, from_ms: u64, until_ms: u64) {
    let mut out = Output::new(0, 0);
    let mut now = from_ms as f64;
    while now < until_ms as f64 {
        let at = moment(now as u64);
        cubic.on_sample(window, Duration::from_millis(rtt_ms), &at, &mut out);
        cubic.on_ack(window, 1, &at);
        now += rtt_ms as f64 / f64::from(window.cwnd);
    }
}

#[test]
fn the_window_follows_the_curve_of_the_rfc() {
    for (w_max, rtt_ms) in [(100_u32, 100_u64), (400, 50), (1000, 20), (60, 200)] {
        let mut window = Window { cwnd: w_max, ssthresh: w_max, credit: 0 };
        let mut cubic = Cubic::default();
        window.ssthresh = cubic.ssthresh_after_loss(&window);
        window.cwnd = window.ssthresh;
        let model = Model { w_max: f64::from(w_max), cwnd_epoch: f64::from(window.cwnd) };
        let (rtt, mut before) = (rtt_ms as f64 / 1000.0, 1000);
        for seconds in 1..=12 {
            let until = 1000 + seconds * 1000;
            run(&mut cubic, &mut window, rtt_ms, before, until);
            before = until;
            // The code aims a round trip ahead; so much of the curve's growth is in dispute.
            let (low, high) = (seconds as f64 - rtt, seconds as f64 + 2.0 * rtt);
            let (low, high) = (model.window(low, rtt) * 0.97 - 1.0, model.window(high, rtt) * 1.03 + 1.0);
            let got = f64::from(window.cwnd);
            assert!(
                (low..=high).contains(&got),
                "{w_max} {rtt_ms} ms, {seconds} s: {low} <= {got} <= {high}"
            );
        }
    }
}

#[test]
fn a_loss_keeps_seven_tenths_and_remembers_the_window() {
    let mut cubic = Cubic::default();
    let window = |cwnd| Window { cwnd, ssthresh: 2, credit: 0 };
    assert_eq!(cubic.ssthresh_after_loss(&window(100)), 70);
    assert_eq!(cubic.last_max, 100);
    assert_eq!(cubic.ssthresh_after_loss(&window(80)), 56);
    assert_eq!(cubic.last_max, 68, "below the last loss: another flow gets a share");
    assert_eq!(cubic.ssthresh_after_loss(&window(2)), 2);
}

#[test]
fn without_a_loss_one_segment_for_twenty_at_least() {
    let mut window = Window { cwnd: 100, ssthresh: 100, credit: 0 };
    let mut cubic = Cubic::default();
    for _ in 0..20 {
        cubic.on_ack(&mut window, 1, &moment(5));
    }
    assert_eq!(window.cwnd, 101);
}

#[test]
fn never_more_than_one_segment_for_two() {
    let mut window = Window { cwnd: 10, ssthresh: 10, credit: 0 };
    let mut cubic = Cubic::default();
    cubic.on_ack(&mut window, 1, &moment(1));
    let before = window.cwnd;
    cubic.on_ack(&mut window, 10, &moment(100_000));
    assert!(window.cwnd <= before + 6, "{}", window.cwnd);
}

/// An hour without anything to send does not count as time on the curve.
#[test]
fn idleness_does_not_climb() {
    let mut window = Window { cwnd: 50, ssthresh: 50, credit: 0 };
    let mut cubic = Cubic { last_max: 60, ..Cubic::default() };
    cubic.on_ack(&mut window, 1, &moment(1000));
    let hour = Duration::from_secs(3600);
    cubic.on_start(hour, Instant::from_millis(1000) + hour);
    for _ in 0..50 {
        cubic.on_ack(&mut window, 1, &moment(3_601_040));
    }
    assert!(window.cwnd <= 52, "{}", window.cwnd);
}

#[test]
fn a_timeout_forgets_the_path() {
    let mut cubic = Cubic { last_max: 60, least_us: 10, ..Cubic::default() };
    cubic.on_timeout(&moment(7));
    assert_eq!((cubic.last_max, cubic.least_us), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn roots_are_exact(number in 0_u64..1 << 62) {
        let root = u128::from(cube_root(number));
        prop_assert!(root.pow(3) <= u128::from(number));
        prop_assert!((root + 1).pow(3) > u128::from(number));
    }

    /// Whatever is acknowledged whenever: the window never falls, never grows by more than half of what was acknowledged and one.
    #[test]
    fn growth_is_bounded(cwnd in 2_u32..30_000, max in 0_u32..32_768, steps in prop::collection::vec((0_u64..1 << 40, 1_u32..200), 1..20)) {
        let mut window = Window { cwnd, ssthresh: 2, credit: 0 };
        let mut cubic = Cubic { last_max: max, ..Cubic::default() };
        let mut now = 0;
        for (wait, acked) in steps {
            now += wait;
            let before = window.cwnd;
            cubic.on_ack(&mut window, acked, &moment(now));
            prop_assert!(window.cwnd >= before && window.cwnd - before <= acked / 2 + 2);
        }
    }
}
