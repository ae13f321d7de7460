use super::*;
use proptest::prelude::*;

fn runs(segments: &[u32]) -> Runs {
    let mut runs = Runs::default();
    let mut start = Seq(0);
    for (nth, &segments) in segments.iter().enumerate() {
        let end = start + segments * 100;
        runs.push(Run::new(start, end, 100, false, Instant::from_millis(nth as u64), 0));
        start = end;
    }
    runs
}

fn spans(runs: &Runs) -> Vec<(u32, u32)> {
    runs.iter().map(|run| (run.start.0, run.end.0)).collect()
}

#[test]
fn what_leaves_at_once_is_one_run_until_a_packet_is_closed() {
    let mut runs = runs(&[2]);
    let next = |start: u32| Run::new(Seq(start), Seq(start + 100), 100, false, Instant::from_millis(0), 0);
    assert!(runs.push(next(200)));
    runs.at_mut(0).unwrap().set(CLOSED);
    assert!(!runs.push(next(300)));
    assert_eq!(spans(&runs), [(0, 300), (300, 400)]);
}

#[test]
fn blocks_cut_between_whole_segments() {
    let mut one = runs(&[5]);
    assert_eq!(one.fit(0, Seq(150), Seq(420)), Some(false), "the first two are outside: one of them in part");
    assert_eq!(spans(&one), [(0, 200), (200, 500)]);
    assert_eq!(one.fit(1, Seq(150), Seq(420)), Some(true));
    assert_eq!(spans(&one), [(0, 200), (200, 400), (400, 500)]);
    assert_eq!(one.fit(2, Seq(150), Seq(420)), Some(false), "one segment is not cut");
    assert_eq!(runs(&[5]).fit(0, Seq(0), Seq(99)), None, "less than a segment");
}

#[test]
fn a_fin_rides_on_the_last_segment() {
    let with_fin = |octets: u32| Run::new(Seq(0), Seq(octets + 1), 100, true, Instant::ZERO, 0).segments();
    assert_eq!((with_fin(0), with_fin(100), with_fin(101)), (1, 1, 2));
}

#[test]
fn no_peer_makes_the_list_long() {
    let mut runs = runs(&[20_000]);
    for nth in 0..9000u32 {
        let left = Seq(100 + nth * 200);
        let index = runs.find(left);
        // Twice: before the segment, and behind it.
        runs.fit(index, left, left + 100);
        runs.fit(runs.find(left), left, left + 100);
    }
    assert_eq!(runs.len(), CUT_RUNS_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn runs_follow_each_other_without_gaps(
        segments in prop::collection::vec(1u32..6, 1..8),
        blocks in prop::collection::vec((0u32..4000, 1u32..1500), 1..12),
        acks in prop::collection::vec(0u32..4000, 0..4),
    ) {
        let mut runs = runs(&segments);
        let end = segments.iter().sum::<u32>() * 100;
        for (left, len) in blocks {
            let (left, right) = (Seq(left), Seq(left + len));
            let mut index = runs.find(left);
            while runs.at(index).is_some_and(|run| run.start.lt(right)) {
                match runs.fit(index, left, right) {
                    None => break,
                    Some(false) => index += 1,
                    Some(true) => {
                        runs.at_mut(index).unwrap().set(SACKED);
                        index = runs.join_sacked(index) + 1;
                    }
                }
            }
        }
        for ack in acks {
            while runs.first().is_some_and(|run| run.start.lt(Seq(ack.min(end)))) {
                runs.shorten_first(Seq(ack));
            }
        }
        let spans = spans(&runs);
        prop_assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
        prop_assert!(spans.iter().all(|(start, end)| start < end));
        prop_assert!(spans.last().is_none_or(|last| last.1 == end));
    }
}
