use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Delivers and reads `octets` per round trip of 50 ms, `rounds` times; the window wanted at last.
fn run(octets: u32, rounds: u32, timestamps: bool) -> u64 {
    let mut nxt = Seq(u32::MAX - 100_000);
    let mut now = Instant::from_millis(1000);
    let mut window = 0;
    let mut autotune = Autotune::new(nxt, 14_600);
    for round in 1..=rounds {
        now += ms(50);
        nxt += octets;
        autotune.on_data(nxt, 65_536, timestamps.then_some((round * 50 + 50, round * 50)), true, now);
        now += ms(1);
        if let Some(copied) = autotune.on_read(nxt, nxt, now) {
            window = autotune.wanted(Some(copied), 0);
        }
    }
    window
}

#[test]
fn a_reader_that_speeds_up_wants_more_and_a_steady_one_does_not() {
    assert!(run(1_000_000, 20, true) > 2_000_000, "the first jump counts as slow start");
    assert_eq!(run(10_000, 20, true), 0);
}

#[test]
fn without_timestamps_a_window_is_timed() {
    assert!(run(70_000, 20, false) > 131_072);
}

#[test]
fn what_waits_unread_does_not_count() {
    let now = Instant::from_millis(1000);
    let mut autotune = Autotune::new(Seq(0), 14_600);
    autotune.on_data(Seq(60_000), 65_536, Some((150, 100)), true, now);
    assert_eq!(autotune.on_read(Seq(30_000), Seq(60_000), now + ms(60)), None);
    assert_eq!(autotune.on_read(Seq(60_000), Seq(60_000), now + ms(120)), Some(30_000));
}

#[test]
fn it_looks_once_per_round_trip() {
    let start = Instant::from_millis(1000);
    let mut autotune = Autotune::new(Seq(0), 14_600);
    assert_eq!(autotune.on_read(Seq(60_000), Seq(60_000), start), None, "no round trip is known");
    autotune.on_data(Seq(60_000), 65_536, Some((150, 100)), true, start + ms(50));
    assert_eq!(autotune.on_read(Seq(60_000), Seq(60_000), start + ms(51)), Some(60_000));
    assert_eq!(autotune.on_read(Seq(160_000), Seq(160_000), start + ms(100)), None);
    assert_eq!(autotune.on_read(Seq(160_000), Seq(160_000), start + ms(101)), Some(100_000));
}

#[test]
fn an_echo_is_sampled_once_and_the_least_counts_at_once() {
    let start = Instant::from_millis(1000);
    let mut autotune = Autotune::new(Seq(0), 65_536);
    autotune.on_data(Seq(1000), 65_536, Some((150, 100)), true, start);
    assert_eq!(autotune.measured().0, ms(50));
    autotune.on_data(Seq(2000), 65_536, Some((190, 100)), true, start);
    assert_eq!(autotune.measured().0, ms(50));
    autotune.on_data(Seq(3000), 65_536, Some((190, 181)), false, start);
    assert_eq!(autotune.measured().0, ms(9));
    autotune.on_data(Seq(4000), 65_536, Some((290, 190)), false, start);
    assert_eq!(autotune.measured().0, ms(9), "a reader that lags makes no round trip longer");
    autotune.on_data(Seq(5000), 65_536, Some((380, 291)), true, start);
    assert_eq!(autotune.measured().0, ms(19));
}

#[test]
fn out_of_order_octets_are_added() {
    let mut autotune = Autotune::new(Seq(0), 14_600);
    assert_eq!(autotune.wanted(None, 100_000), 129_200);
    assert_eq!(autotune.wanted(Some(29_200), 0), 58_400 + 2 * 58_400);
}
