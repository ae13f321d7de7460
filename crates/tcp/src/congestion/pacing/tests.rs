use super::*;

#[test]
fn the_rate_is_the_window_per_round_trip() {
    let knobs = Knobs::default();
    let srtt = Some(Duration::from_millis(100));
    let window = |cwnd, ssthresh| Window { cwnd, ssthresh, credit: 0 };
    assert_eq!(rate(&window(10, u32::MAX), srtt, 1000, 0, &knobs), 200_000, "slow start doubles it");
    assert_eq!(rate(&window(10, 20), srtt, 1000, 0, &knobs), 120_000, "from half of the threshold on");
    assert_eq!(
        rate(&window(10, 20), srtt, 1000, 30, &knobs),
        360_000,
        "what is in flight counts when it is more"
    );
    let halved = Knobs { tcp_pacing_ss_ratio: 100, tcp_pacing_ca_ratio: 60, ..Knobs::default() };
    assert_eq!(rate(&window(10, u32::MAX), srtt, 1000, 0, &halved), 100_000);
    assert_eq!(rate(&window(10, 20), srtt, 1000, 0, &halved), 60_000);
    assert_eq!(rate(&window(10, 20), None, 1000, 0, &knobs), u64::MAX);
}
