use super::*;
use proptest::prelude::*;

fn out() -> Output {
    Output::new(4, 0)
}

fn edge_of(window: &ReceiveWindow) -> Seq {
    window.acked + window.advertised
}

fn server(nxt: Seq) -> ReceiveWindow {
    ReceiveWindow::new(nxt, 65_160, 10, 131_072, 1460)
}

#[test]
fn the_first_raw_windows_are_63_and_64() {
    let mut client = ReceiveWindow::new(Seq(1), 64_240, 10, 131_072, 1460);
    assert_eq!(client.select(Seq(1), 0, &mut out()), 63);
    assert_eq!(server(Seq(1)).select(Seq(1), 0, &mut out()), 64);
}

#[test]
fn a_window_never_shrinks() {
    let mut window = server(Seq(1));
    window.select(Seq(1), 0, &mut out());
    let edge = edge_of(&window);
    let mut out = out();
    // All memory is charged at once: what the peer was promised stays promised.
    assert_eq!(window.select(Seq(1), 200_000, &mut out), 64);
    assert_eq!(edge_of(&window), edge);
    assert_eq!(out.counters.value(Counter::WantZeroWindowAdv), 1);
}

#[test]
fn a_full_buffer_closes_the_window_and_reading_opens_it() {
    let mut out = out();
    let mut window = server(Seq(1));
    window.select(Seq(1), 0, &mut out);
    let nxt = edge_of(&window);
    assert_eq!(window.select(nxt, 131_072, &mut out), 0);
    assert_eq!(window.available(nxt), 0);
    assert_eq!(out.counters.value(Counter::ToZeroWindowAdv), 1);
    assert!(!window.is_update_worth_sending(nxt, 131_072 - 2000), "a silly window is not worth a segment");
    assert!(window.is_update_worth_sending(nxt, 100_000));
    assert_eq!(window.select(nxt, 0, &mut out), 64);
    assert_eq!(out.counters.value(Counter::FromZeroWindowAdv), 1);
    assert!(!window.is_update_worth_sending(nxt, 0), "it is open already");
}

#[test]
fn the_offer_grows_only_with_segments_that_use_their_memory() {
    let mut client = ReceiveWindow::new(Seq(1), 64_240, 10, 131_072, 1460);
    client.on_data(1, 2000, 2000, 1460, 6_291_456);
    assert_eq!(client.threshold, 64_240);
    client.on_data(1448, 1500, 1500, 1460, 6_291_456);
    assert_eq!(client.threshold, 64_240 + 2 * 1460);
    assert_eq!(client.segment, 1448);
}

#[test]
fn without_scaling_the_offer_is_whole_segments() {
    let mut window = ReceiveWindow::new(Seq(1), 64_240, 0, 131_072, 1460);
    window.on_data(1460, 1500, 1500, 1460, 6_291_456);
    let raw = u32::from(window.select(Seq(1461), 80_000, &mut out()));
    assert_eq!(raw, 64_240 - 1460, "not taken back");
    let later = Seq(1461) + raw;
    assert_eq!(u32::from(window.select(later, 80_000, &mut out())) % 1460, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_right_edge_never_moves_back(
        start in any::<u32>(), scale in 0u8..15, steps in prop::collection::vec((0u32..40_000, 0usize..150_000), 1..40)
    ) {
        let mut nxt = Seq(start);
        let mut window = ReceiveWindow::new(nxt, 65_160, scale, 131_072, 1460);
        let mut out = out();
        for (arrived, charged) in steps {
            let arrived = arrived.min(window.available(nxt));
            nxt += arrived;
            window.on_data(arrived, arrived as usize, charged, 1460, 6_291_456);
            let edge = edge_of(&window);
            let raw = window.select(nxt, charged, &mut out);
            // The field says less only where it cannot say more.
            prop_assert_eq!(u32::from(raw), (window.available(nxt) >> scale).min(u32::from(u16::MAX)));
            prop_assert!(edge_of(&window).ge(edge));
        }
    }
}

#[test]
fn without_scaling_the_edge_stays_until_a_segment_shows_its_memory() {
    let mut window = ReceiveWindow::new(Seq(1), 64_240, 0, 131_072, 1460).unscaled(1460);
    window.on_data(100, 140, 200, 1460, 6_291_456);
    assert_eq!(window.select(Seq(101), 200, &mut out()), 64_140);
    // 1400 octets in 2304 of Linux's memory: 155 of 256 parts, and the offer may grow.
    window.on_data(1400, 1440, 1600, 1460, 6_291_456);
    assert!(window.select(Seq(1501), 1600, &mut out()) > 65_000);
}

#[test]
fn segments_that_waste_memory_make_the_offer_smaller() {
    let mut window = server(Seq(1));
    window.on_data(1000, 1040, 1100, 1460, 6_291_456);
    assert_eq!(window.full(), 131_072 * (1000 * 256 / 2304) / 256);
    assert_eq!(window.select(Seq(1001), 1100, &mut out()), 63, "what was promised stays promised");
}
