use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn sampled(samples: &[Duration]) -> RttEstimator {
    let mut rtt = RttEstimator::new();
    for (at, &sample) in samples.iter().enumerate() {
        // One sample per window.
        rtt.sample(sample, Seq(at as u32 * 2000 + 1), Seq(at as u32 * 2000 + 1000), &Knobs::default());
    }
    rtt
}

#[test]
fn seeds_as_measured_in_t39() {
    let knobs = Knobs::default();
    assert_eq!(RttEstimator::new().rto(&knobs), ms(1000));
    assert_eq!(sampled(&[ms(4)]).rto(&knobs), ms(204));
    assert_eq!(sampled(&[ms(188)]).rto(&knobs), ms(564));
    let mut none = RttEstimator::new();
    none.fall_back();
    assert_eq!(none.rto(&knobs), ms(3000));
    let mut some = sampled(&[ms(4)]);
    some.fall_back();
    assert_eq!(some.rto(&knobs), ms(204));
}

#[test]
fn backs_off_to_the_largest_and_back() {
    let knobs = Knobs::default();
    let mut rtt = sampled(&[Duration::ZERO]);
    let mut series = Vec::new();
    for _ in 0..12 {
        series.push(rtt.rto(&knobs).as_millis());
        rtt.back_off();
    }
    assert_eq!(series, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 102400, 120000, 120000]);
    for _ in 0..300 {
        rtt.back_off();
    }
    assert_eq!(rtt.rto(&knobs), ms(120_000));
    rtt.sample(ms(1), Seq(10), Seq(10), &knobs);
    assert_eq!(rtt.backoff(), 0);
    assert!(rtt.rto(&knobs) < ms(210));
}

#[test]
fn a_steady_path_converges_to_the_floor_and_jitter_raises_it_at_once() {
    let knobs = Knobs::default();
    let mut rtt = sampled(&[ms(300); 60]);
    assert_eq!(rtt.srtt(), Some(ms(300)));
    assert!(rtt.rto(&knobs) < ms(510), "{:?}", rtt.rto(&knobs));
    rtt.sample(ms(900), Seq(200_000), Seq(201_000), &knobs);
    assert!(rtt.rto(&knobs) > ms(900), "{:?}", rtt.rto(&knobs));
}

#[test]
fn a_falling_rtt_does_not_look_like_jitter() {
    let before = sampled(&[ms(300); 60]);
    let mut after = before;
    after.sample(ms(20), Seq(200_000), Seq(201_000), &Knobs::default());
    assert!(after.deviation() < ms(40), "{:?}", after.deviation());
}

#[test]
fn absurd_samples_stay_in_range() {
    let knobs = Knobs::default();
    let mut rtt = sampled(&[Duration::from_secs(1 << 40); 8]);
    assert_eq!(rtt.rto(&knobs), ms(120_000));
    for _ in 0..100 {
        rtt.sample(Duration::ZERO, Seq(5), Seq(4), &knobs);
    }
    assert!(rtt.srtt().is_some());
}
