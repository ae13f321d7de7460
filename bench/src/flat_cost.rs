//! The case that a server lives by: what one short connection costs beside many idle ones.
//!
//! Two figures are held: ours beside 10,000 idle connections against ours beside none, and ours against smoltcp's
//! beside 1,000. CPU time of one thread, both ends of every connection in it.

use crate::cpu::cost;
use crate::pairs::{Case, interleave};
use crate::report::{Better, Report, Table};
use crate::rig::Lastack;
use crate::smol::Smoltcp;

/// Ours beside 10,000 idle connections may cost this many times ours beside none.
const FLAT_RATIO_MAX: f64 = 1.3;
/// smoltcp's cost beside 1,000 idle connections is at least this many times ours.
const PEER_RATIO_MIN: f64 = 10.0;

/// Short connections per round.
const OURS_PER_ROUND: u32 = 2000;
const PEER_PER_ROUND: u32 = 100;

/// What came out.
pub(crate) struct FlatCost {
    pub(crate) report: Report,
    flat_ratio: f64,
    peer_ratio: f64,
}

impl FlatCost {
    /// Both figures hold.
    pub(crate) fn holds(&self) -> bool {
        self.flat_ratio <= FLAT_RATIO_MAX && self.peer_ratio >= PEER_RATIO_MIN
    }
}

/// Measures all cases, `rounds` times each.
pub(crate) fn run(rounds: usize) -> FlatCost {
    eprintln!("opening 0, 10,000 and 1,000 idle connections (lastack), 1,000 (smoltcp)");
    let mut alone = Lastack::new(0);
    let mut beside_many = Lastack::new(10_000);
    let mut beside_some = Lastack::new(1000);
    let mut peer = Smoltcp::new(1000);
    let series = interleave(
        "µs CPU per connection",
        rounds,
        vec![
            case("lastack, no idle connection", OURS_PER_ROUND, || alone.short_connection()),
            case("lastack, beside 10,000 idle", OURS_PER_ROUND, || beside_many.short_connection()),
            case("lastack, beside 1,000 idle", OURS_PER_ROUND, || beside_some.short_connection()),
            case("smoltcp, beside 1,000 idle", PEER_PER_ROUND, || peer.short_connection()),
        ],
    );
    let flat_ratio = series[1].ratio_to(&series[0]).median;
    let peer_ratio = series[3].ratio_to(&series[2]).median;
    let mut report = Report::new("flat-cost", &[]);
    report.tables.push(Table::new("short connections beside idle ones", Better::Lower, series));
    FlatCost { report, flat_ratio, peer_ratio }
}

fn case<'a>(name: &'static str, connections: u32, mut one: impl FnMut() + 'a) -> Case<'a> {
    let round = move || {
        let spent = cost(|| (0..connections).for_each(|_| one()));
        spent.as_secs_f64() * 1e6 / f64::from(connections)
    };
    Case { name, round: Box::new(round) }
}

/// Prints the table and the two ratios with their bounds.
pub(crate) fn print(result: &FlatCost) {
    result.report.tables.iter().for_each(|table| print!("{table}"));
    println!("lastack beside 10,000 idle / none:      {:.2}x (at most {FLAT_RATIO_MAX}x)", result.flat_ratio);
    println!("smoltcp / lastack, beside 1,000 idle: {:.1}x (at least {PEER_RATIO_MIN}x)", result.peer_ratio);
}
