use super::*;

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn run(start: u32, end: u32, sent_at: Instant) -> Run {
    Run::new(Seq(start), Seq(end), 100, false, sent_at, 0)
}

/// Three packets; the first left again after them.
fn four() -> (Departures, Runs) {
    let (mut departures, mut runs) = (Departures::default(), Runs::default());
    for nth in 0..3 {
        let run = run(nth * 100, nth * 100 + 100, at(u64::from(nth)));
        departures.record(run.start, run.end, run.sent_at, &runs);
        runs.push(run);
    }
    runs.at_mut(0).unwrap().sent_at = at(9);
    departures.record(Seq(0), Seq(100), at(9), &runs);
    (departures, runs)
}

fn seen(departures: &mut Departures, runs: &mut Runs, mut answer: impl FnMut(u32) -> Look) -> Vec<u32> {
    let mut seen = Vec::new();
    departures.look(runs, |run| {
        seen.push(run.start.0);
        answer(run.start.0)
    });
    seen
}

#[test]
fn the_oldest_is_first_and_each_counts_by_its_last_departure() {
    let (mut departures, mut runs) = four();
    assert_eq!(seen(&mut departures, &mut runs, |_| Look::Wait), [100, 200, 0]);
    assert_eq!(
        seen(&mut departures, &mut runs, |start| if start == 100 { Look::Done } else { Look::Stop }),
        [100, 200]
    );
    assert_eq!(seen(&mut departures, &mut runs, |_| Look::Done), [200, 0], "what is done is not seen again");
    assert!(seen(&mut departures, &mut runs, |_| Look::Done).is_empty());
}

#[test]
fn stale_records_do_not_pile_up() {
    let (mut departures, runs) = four();
    for ms in 0..10_000 {
        departures.record(Seq(0), Seq(100), at(1000 + ms), &runs);
    }
    assert!(departures.list.len() <= 2 * runs.len() + SLACK + 1, "{}", departures.list.len());
}
