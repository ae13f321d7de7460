//! Runs seeded worlds on every core: `worlds KIND FIRST COUNT`, KIND being `loss10`, `loss30` or `rough`. Each world runs twice and
//! must leave the same trace. A world that fails is printed with its seed; `worlds KIND SEED 1` replays it.
//!
//! Exit code 1 when a world fails. The last lines are for programs: totals, and which edges of the state tables nobody crossed.

use lastack_sim::world::Edges;
use lastack_sim::{WorldOptions, WorldReport, run_world};
use std::error::Error;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, first, count] = &words[..] else {
        return Err("usage: worlds loss10|loss30|rough FIRST COUNT".into());
    };
    let options = match kind.as_str() {
        "loss10" => WorldOptions::orderly(10),
        "loss30" => WorldOptions::orderly(30),
        "rough" => WorldOptions::rough(),
        other => return Err(format!("{other}: loss10, loss30 or rough is meant").into()),
    };
    let first: u64 = first.parse()?;
    let seeds = first..first + count.parse::<u64>()?;
    let total = run_all(seeds, options);
    total.print();
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What all worlds together did.
#[derive(Default)]
struct Total {
    worlds: u64,
    failed: u64,
    timed_out: u64,
    conversations: u64,
    octets: u64,
    packets: u64,
    edges: Edges,
}

impl Total {
    fn add(&mut self, report: &WorldReport) {
        self.worlds += 1;
        self.failed += u64::from(!report.violations.is_empty());
        self.timed_out += u64::from(report.timed_out > 0);
        self.conversations += u64::from(report.conversations);
        self.octets += report.octets;
        self.packets += report.packets;
        self.edges.merge(&report.edges);
    }

    fn print(&self) {
        for edge in self.edges.missing() {
            println!("not crossed: {:?} {:?} {:?}", edge.from, edge.cause, edge.to);
        }
        println!(
            "worlds {} failed {} timed-out {} conversations {} octets {} packets {}",
            self.worlds, self.failed, self.timed_out, self.conversations, self.octets, self.packets
        );
    }
}

fn run_all(seeds: Range<u64>, options: WorldOptions) -> Total {
    let (next, begun) = (AtomicU64::new(seeds.start), Instant::now());
    let shared = Mutex::new((Total::default(), begun));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let report = run_one(seed, options);
            let mut shared = shared.lock().expect("nobody panics while counting");
            let (total, told) = &mut *shared;
            total.add(&report);
            if !report.violations.is_empty() {
                println!("FAILED  {report}");
            }
            if told.elapsed() >= TELL {
                *told = Instant::now();
                let all = seeds.end - seeds.start;
                // Nobody may be there to read it.
                let _ =
                    writeln!(std::io::stderr(), "{} of {all} worlds, {} failed", total.worlds, total.failed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    shared.into_inner().expect("nobody panics while counting").0
}

/// One world, twice. What the engine asserts is a violation like any other.
fn run_one(seed: u64, options: WorldOptions) -> WorldReport {
    let run = || catch_unwind(AssertUnwindSafe(|| run_world(seed, options)));
    let (Ok(mut report), Ok(again)) = (run(), run()) else {
        let violations = vec!["it panicked".to_owned()];
        return WorldReport { seed, violations, ..WorldReport::default() };
    };
    if report.trace != again.trace {
        report.violations.push(format!("another trace the second time: {:016x}", again.trace));
    }
    report
}
