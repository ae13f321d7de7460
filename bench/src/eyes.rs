//! The eyes beside ss and netstat, over so many sockets that speed matters: wall clock of whole programs, output thrown away.
//!
//! All in one run, interleaved, in a network namespace of the benchmark's own. TIME_WAIT ends after a minute, so what is missing
//! is made anew before each measurement.

pub(crate) mod hold;
pub(crate) mod memory;
mod time_wait;

use crate::pairs::{Case, Series, interleave};
use crate::report::{Better, Report, Table};
use crate::tun;
use hold::Holders;
use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use time_wait::TimeWaits;

/// The articles' census.
const CENSUS: &str = "netstat -an | awk '/^tcp/ {++S[$NF]} END {for(a in S) print a, S[a]}'";
/// A census of very many sockets may need so much more memory than one of few, in KiB: noise.
const MEMORY_GROWTH_MAX_KIB: i64 = 1024;

/// What may be at most, ours to theirs.
struct Bound {
    name: &'static str,
    ratio: f64,
    ratio_max: f64,
}

/// What came out.
pub(crate) struct Eyes {
    pub(crate) report: Report,
    bounds: Vec<Bound>,
    memory_kib: (i64, i64),
}

impl Eyes {
    /// Every bound is kept.
    pub(crate) fn holds(&self) -> bool {
        let (few, many) = self.memory_kib;
        self.bounds.iter().all(|bound| bound.ratio <= bound.ratio_max) && many - few <= MEMORY_GROWTH_MAX_KIB
    }
}

/// Measures all, `rounds` times each.
pub(crate) fn run(rounds: usize, sockets: u32, time_wait: u32) -> Result<Eyes, String> {
    for (program, option) in [("ss", "-V"), ("netstat", "-V"), ("awk", "-V")] {
        let there = Command::new(program).arg(option).stdout(Stdio::null()).stderr(Stdio::null()).status();
        there.map_err(|error| format!("{program}: {error}"))?;
    }
    let program = tun::serve::build()?;
    tun::enter_namespace()?;
    let few = memory::of(&program, "states")?;
    eprintln!("opening {sockets} established sockets and {time_wait} TIME_WAIT");
    let holders = Holders::start(sockets)?;
    let mut waits = TimeWaits::new(time_wait)?;
    waits.fill()?;
    let many = memory::of(&program, "states")?;
    let measured = measure(rounds, &program, waits);
    drop(holders);
    let bound = |ours: &Series, theirs: &Series, ratio_max| Bound {
        name: ours.name,
        ratio: ours.ratio_to(theirs).median,
        ratio_max,
    };
    let of = |table: usize, case: usize| &measured[table].1[case];
    let bounds = vec![
        bound(of(0, 0), of(0, 1), 0.25),
        bound(of(1, 0), of(1, 1), 0.7),
        bound(of(2, 0), of(2, 2), 0.12),
        bound(of(2, 1), of(2, 2), 0.15),
    ];
    let mut report = Report::new("eyes", &[]);
    for (title, series) in measured {
        report.tables.push(Table::new(title, Better::Lower, series));
    }
    Ok(Eyes { report, bounds, memory_kib: (few, many) })
}

/// One program, run once: seconds.
type Once = Box<dyn FnMut() -> f64>;

fn measure(rounds: usize, program: &Path, waits: TimeWaits) -> Vec<(&'static str, Vec<Series>)> {
    let waits = RefCell::new(waits);
    let own = |words: &'static str| -> Once {
        let program = program.to_owned();
        Box::new(move || through(Command::new(&program).args(words.split(' '))))
    };
    let theirs =
        |line: &'static str| -> Once { Box::new(move || through(Command::new("sh").args(["-c", line]))) };
    let table = |title: &'static str, cases: Vec<(&'static str, Once)>| {
        let waits = &waits;
        let case = |(name, mut once): (&'static str, Once)| {
            let round = move || {
                // Not measured.
                if let Err(why) = waits.borrow_mut().fill() {
                    eprintln!("{why}");
                }
                once()
            };
            Case { name, round: Box::new(round) }
        };
        (title, interleave("seconds", rounds, cases.into_iter().map(case).collect()))
    };
    vec![
        table("a census", vec![("lastack states", own("states")), ("netstat -an | awk", theirs(CENSUS))]),
        table("every socket", vec![("lastack ss -tan", own("ss -tan")), ("ss -tan", theirs("exec ss -tan"))]),
        table(
            "every socket with its processes",
            vec![
                ("lastack ss -tanp", own("ss -tanp")),
                ("lastack states --by process", own("states --by process")),
                ("ss -tanp", theirs("exec ss -tanp")),
            ],
        ),
    ]
}

/// Seconds until it has ended.
fn through(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let seconds = begun.elapsed().as_secs_f64();
    // One that failed is no measurement.
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
    seconds
}

/// Prints the tables and the ratios with their bounds.
pub(crate) fn print(result: &Eyes) {
    result.report.tables.iter().for_each(|table| print!("{table}"));
    for Bound { name, ratio, ratio_max } in &result.bounds {
        println!("{name}: {ratio:.3} of theirs (at most {ratio_max})");
    }
    let (few, many) = result.memory_kib;
    println!(
        "lastack states, peak memory: {few} KiB with few sockets, {many} KiB with all (at most {MEMORY_GROWTH_MAX_KIB} more)"
    );
    let ratios: Vec<String> =
        result.bounds.iter().map(|bound| format!("{} {:.3}", bound.name, bound.ratio)).collect();
    println!("{}; memory {:+} KiB", ratios.join(", "), many - few);
}

/// The program, with its arguments.
fn command(program: &Path, words: &str) -> Vec<String> {
    let words = words.split(' ').map(str::to_owned);
    std::iter::once(program.display().to_string()).chain(words).collect()
}
