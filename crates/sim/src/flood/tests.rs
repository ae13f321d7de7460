use super::{Defence, FloodOptions, FloodReport, HALF_OPEN_MAX, run_flood};
use std::time::Duration;

fn small(defence: Defence) -> FloodReport {
    run_flood(FloodOptions { defence, syns: 20_000, clients: 40, length: Duration::from_secs(2), seed: 1 })
}

#[test]
fn every_defence_does_what_it_is_for() {
    for defence in Defence::ALL {
        let report = small(defence);
        assert_eq!(report.violations(), Vec::<String>::new(), "{report}");
        let bound = if defence == Defence::SynProxy { 0 } else { HALF_OPEN_MAX };
        assert_eq!(report.half_open_most, bound, "{report}");
    }
}

#[test]
fn the_same_seed_gives_the_same_flood() {
    assert_eq!(small(Defence::Cookies), small(Defence::Cookies));
}

/// The judge sees what is wrong: a flood that nobody withstood does not pass for one that somebody did.
#[test]
fn a_lockout_is_no_service() {
    let mut report = small(Defence::Nothing);
    report.options.defence = Defence::Cookies;
    assert!(report.violations().len() >= 4, "{report}");
}
