use super::super::scoreboard::Scoreboard;
use super::*;

const MSS: u16 = 1000;

fn at(ms: u64) -> Instant {
    Instant::from_millis(1000 + ms)
}

fn run(start: u32, segments: u32, sent_at: Instant) -> Run {
    Run::new(Seq(start), Seq(start + segments * 1000), MSS, false, sent_at, 1)
}

fn rtt(ms: u64) -> RttEstimator {
    let mut rtt = RttEstimator::new();
    rtt.sample(Duration::from_millis(ms), Seq(0), Seq(0), &Knobs::default());
    rtt
}

const DOUBT: Doubt = Doubt { reordering_seen: false, recovers: false, enough_sacked: false };

#[test]
fn the_window_is_a_quarter_until_enough_was_sacked() {
    let (rack, knobs, rtt) = (Rack::new(Seq(0)), Knobs::default(), rtt(100));
    let window = |doubt: Doubt, knobs: &Knobs| rack.window(doubt, &rtt, knobs).as_millis();
    assert_eq!(window(DOUBT, &knobs), 25);
    assert_eq!(window(Doubt { enough_sacked: true, ..DOUBT }, &knobs), 0, "three SACKed segments decide");
    assert_eq!(window(Doubt { recovers: true, ..DOUBT }, &knobs), 0);
    let seen = Doubt { reordering_seen: true, recovers: true, enough_sacked: true };
    assert_eq!(window(seen, &knobs), 25, "who has seen reordering waits");
    let patient = Knobs { tcp_recovery: 1 | NO_DUPTHRESH, ..Knobs::default() };
    assert_eq!(window(Doubt { enough_sacked: true, ..DOUBT }, &patient), 25, "tcp_recovery 4");
}

#[test]
fn each_round_with_a_duplicate_adds_a_quarter_for_sixteen_recoveries() {
    let (mut rack, knobs, rtt) = (Rack::new(Seq(0)), Knobs::default(), rtt(100));
    let duplicate = |rack: &mut Rack, sent_when: u32, delivered: u32, knobs: &Knobs| {
        rack.duplicate_seen = true;
        rack.adapt(Some(sent_when), delivered, knobs);
        rack.window(Doubt { reordering_seen: true, ..DOUBT }, &rtt, knobs).as_millis()
    };
    assert_eq!(duplicate(&mut rack, 1, 10, &knobs), 50);
    assert_eq!(duplicate(&mut rack, 9, 12, &knobs), 50, "that was sent before the window grew");
    assert_eq!(duplicate(&mut rack, 10, 20, &knobs), 75);
    assert_eq!(duplicate(&mut rack, 20, 30, &knobs), 100);
    assert_eq!(duplicate(&mut rack, 30, 40, &knobs), 100, "no longer than a round trip");
    for _ in 0..PERSISTENCE {
        assert!(rack.steps > 1);
        rack.recovery_ended();
    }
    rack.adapt(Some(40), 41, &knobs);
    assert_eq!(rack.steps, 1);
    let rigid = Knobs { tcp_recovery: 1 | STATIC_WINDOW, ..Knobs::default() };
    assert_eq!(duplicate(&mut rack, 50, 60, &rigid), 25, "tcp_recovery 2");
}

#[test]
fn what_left_a_window_before_what_arrived_is_lost() {
    let rtt = rtt(100);
    let mut board = Scoreboard::new(Seq(0));
    board.push(run(0, 2, at(0)));
    board.push(run(2000, 1, at(20)));
    board.push(run(3000, 1, at(30)));
    let mut rack = Rack::new(Seq(0));
    board.mark_sacked(2);
    rack.arrived(&run(3000, 1, at(30)), at(130), &rtt);
    let quarter = Duration::from_millis(25);
    let (wait, again) = rack.detect(&mut board, quarter, at(130));
    assert_eq!((wait, again), (Some(Duration::from_millis(15)), 0), "the second has 15 ms left");
    assert_eq!(board.flight().lost, 2, "the first burst is overdue");
    let (wait, _) = rack.detect(&mut board, quarter, at(145));
    assert_eq!((wait, board.flight().lost), (None, 3));
    board.leave_again(0, false, at(145), 1);
    assert_eq!(rack.detect(&mut board, quarter, at(400)), (None, 0), "sent after what arrived");
    board.push(run(4000, 1, at(160)));
    rack.arrived(&run(4000, 1, at(160)), at(260), &rtt);
    assert_eq!(rack.detect(&mut board, Duration::ZERO, at(260)).1, 2, "lost once more");
}

#[test]
fn a_copy_that_cannot_have_arrived_so_soon_says_nothing() {
    let rtt = rtt(100);
    let mut rack = Rack::new(Seq(0));
    let mut again = run(0, 1, at(0));
    again.set(EVER_AGAIN);
    rack.arrived(&again, at(99), &rtt);
    assert!(!rack.advanced);
    rack.arrived(&again, at(100), &rtt);
    assert!(rack.advanced);
}
