use super::*;

const NOW: Instant = Instant::from_millis(5000);
const PLENTY: Prospect = Prospect {
    unsent: 100_000,
    window: 100_000,
    usable: 100_000,
    segment: 1024,
    options: 0,
    segments_reordered: 3,
    segments_in_flight: 0,
    cwnd: 20,
    quiet: true,
};

fn knobs(probing: u8) -> Knobs {
    Knobs { tcp_mtu_probing: probing, ..Knobs::default() }
}

fn search(knobs: &Knobs) -> PathSearch {
    let mut search = PathSearch::new(9000, 0, knobs, NOW).expect("a search");
    assert_eq!(search.shrink(1460), if knobs.tcp_mtu_probing > 1 { 1024 } else { 1460 });
    search
}

#[test]
fn the_middle_is_tried_until_little_is_left() {
    let knobs = knobs(2);
    let mut search = search(&knobs);
    let (mut low, mut at) = (1024, Seq(0));
    // Everything up to 1300 gets through.
    let mut tried = Vec::new();
    while let Next::Probe(len) = search.next(&PLENTY) {
        tried.push(len);
        search.on_sent(at, at + len, 0);
        assert_eq!(search.next(&PLENTY), Next::Ordinary, "one at a time");
        if len <= 1300 {
            assert_eq!(search.on_ack(at + len - 1), None);
            assert_eq!(search.on_ack(at + len), Some(len as u16));
            low = len;
        } else {
            assert_eq!(search.probe_at(), Some(at));
            search.on_lost();
        }
        at += len;
        assert_eq!(u32::from(search.bound(&knobs)), low);
    }
    assert_eq!(tried, [1242, 1351, 1296, 1323, 1309, 1302]);
    assert_eq!(low, 1296);
    // Ten minutes later the path may be another one.
    let later = NOW + Duration::from_secs(599);
    search.renew(1296, &knobs, later);
    assert_eq!(search.next(&PLENTY), Next::Ordinary);
    search.renew(1296, &knobs, later + Duration::from_secs(1));
    assert_eq!(search.bound(&knobs), 1296);
    assert_eq!(search.next(&PLENTY), Next::Probe(1378));
}

#[test]
fn a_probe_needs_data_window_and_quiet() {
    let knobs = knobs(2);
    let search = search(&knobs);
    let needed = 1242 + 4 * 1024;
    for (prospect, next) in [
        (Prospect { unsent: needed, ..PLENTY }, Next::Probe(1242)),
        (Prospect { unsent: needed - 1, ..PLENTY }, Next::Ordinary),
        (Prospect { window: needed - 1, ..PLENTY }, Next::Ordinary),
        (Prospect { usable: needed - 1, ..PLENTY }, Next::Wait),
        (Prospect { cwnd: 10, ..PLENTY }, Next::Ordinary),
        (Prospect { segments_in_flight: 19, ..PLENTY }, Next::Wait),
        (Prospect { segments_in_flight: 18, ..PLENTY }, Next::Probe(1242)),
        (Prospect { quiet: false, ..PLENTY }, Next::Ordinary),
        (Prospect { options: 12, ..PLENTY }, Next::Probe(1230)),
    ] {
        assert_eq!(search.next(&prospect), next, "{prospect:?}");
    }
}

#[test]
fn a_black_hole_begins_the_search_and_lowers_it() {
    let knobs = knobs(1);
    let mut search = search(&knobs);
    assert_eq!(search.next(&PLENTY), Next::Ordinary);
    for most in [1024, 512, 256, 128, 64, 48, 48] {
        search.on_black_hole(0, &knobs, NOW);
        assert_eq!(search.bound(&knobs), most);
    }
    let floor = Knobs { tcp_mtu_probe_floor: 500, ..knobs.clone() };
    search.on_black_hole(0, &floor, NOW);
    assert_eq!(search.bound(&floor), 500);
    search.on_black_hole(0, &Knobs::default(), NOW);
    assert_eq!(search.bound(&knobs), 500, "turned off meanwhile");
    assert!(PathSearch::new(1460, 0, &Knobs::default(), NOW).is_none());
}

#[test]
fn knobs_end_the_search_and_begin_it_anew() {
    let knobs = Knobs { tcp_probe_threshold: 437, tcp_probe_interval: 60, ..knobs(2) };
    let mut search = search(&knobs);
    assert_eq!(search.next(&PLENTY), Next::Ordinary, "436 are left to find");
    search.renew(1024, &Knobs { tcp_probe_threshold: 436, ..knobs.clone() }, NOW);
    assert_eq!(search.next(&PLENTY), Next::Probe(1242));
    search.renew(1024, &knobs, NOW + Duration::from_secs(59));
    assert_eq!(search.next(&PLENTY), Next::Ordinary);
    search.renew(1024, &knobs, NOW + Duration::from_secs(60));
    assert_eq!(search.next(&PLENTY), Next::Probe(5012), "up to what the peer takes");
}

#[test]
fn segments_are_never_smaller_than_the_knob_says() {
    let least = Knobs { tcp_base_mss: 100, tcp_min_snd_mss: 300, ..knobs(2) };
    let mut search = PathSearch::new(1460, 0, &least, NOW).expect("a search");
    assert_eq!((search.bound(&least), search.shrink(200)), (300, 300));
    assert_eq!(search.bound(&knobs(2)), 100);
}

#[test]
fn what_is_sent_again_spoils_a_probe() {
    let knobs = knobs(2);
    let mut search = search(&knobs);
    search.on_sent(Seq(0), Seq(1242), 0);
    search.on_retransmission();
    assert_eq!((search.on_ack(Seq(1242)), search.probe_at()), (None, None));
    assert_eq!(search.next(&PLENTY), Next::Probe(1242), "it is tried again");
}
