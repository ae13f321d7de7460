use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Delivers and reads `octets` per round trip of 50 ms, `rounds` times; the buffer at the end.
fn run(octets: u32, rounds: u32, timestamps: bool, knobs: &Knobs) -> u32 {
    let mut nxt = Seq(u32::MAX - 100_000);
    let mut now = Instant::from_millis(1000);
    let mut rcvbuf = 131_072;
    let mut autotune = Autotune::new(nxt, 65_536, 1460, now);
    for round in 1..=rounds {
        now += ms(50);
        nxt += octets;
        autotune.on_data(nxt, rcvbuf / 2, timestamps.then_some((round * 50 + 50, round * 50)), now);
        now += ms(1);
        if let Some(grown) = autotune.on_read(nxt, 0, rcvbuf, knobs, now) {
            assert!(grown > rcvbuf);
            rcvbuf = grown;
        }
    }
    rcvbuf
}

#[test]
fn a_buffer_that_limits_grows_and_one_that_does_not_stays() {
    let rcvbuf = run(1_000_000, 20, true, &Knobs::default());
    assert_eq!(rcvbuf, Knobs::default().tcp_rmem[2], "the first jump counts as slow start");
    let slow = run(10_000, 20, true, &Knobs::default());
    assert_eq!(slow, 131_072);
}

#[test]
fn without_timestamps_a_window_is_timed() {
    assert!(run(70_000, 20, false, &Knobs::default()) > 131_072);
}

#[test]
fn the_knobs_bound_it() {
    let off = Knobs { tcp_moderate_rcvbuf: false, ..Knobs::default() };
    assert_eq!(run(1_000_000, 20, true, &off), 131_072);
    let small = Knobs { tcp_rmem: [4096, 131_072, 500_000], ..Knobs::default() };
    assert_eq!(run(1_000_000, 20, true, &small), 500_000);
}

#[test]
fn it_looks_once_per_round_trip() {
    let start = Instant::from_millis(1000);
    let knobs = Knobs::default();
    let mut autotune = Autotune::new(Seq(0), 65_536, 1460, start);
    assert_eq!(
        autotune.on_read(Seq(60_000), 0, 131_072, &knobs, start + ms(100)),
        None,
        "no round trip is known"
    );
    autotune.on_data(Seq(60_000), 65_536, Some((150, 100)), start + ms(50));
    assert_eq!(autotune.on_read(Seq(60_000), 0, 131_072, &knobs, start + ms(49)), None);
    assert!(autotune.on_read(Seq(60_000), 0, 131_072, &knobs, start + ms(51)).is_some());
}

#[test]
fn an_echo_is_sampled_once() {
    let start = Instant::from_millis(1000);
    let mut autotune = Autotune::new(Seq(0), 65_536, 1460, start);
    autotune.on_data(Seq(1000), 65_536, Some((150, 100)), start);
    let first = autotune.rtt_8_us;
    autotune.on_data(Seq(2000), 65_536, Some((190, 100)), start);
    assert_eq!(autotune.rtt_8_us, first);
    autotune.on_data(Seq(3000), 65_536, Some((190, 181)), start);
    assert!(autotune.rtt_8_us < first);
}
