//! Side-by-side benchmarks: lastack and its peers in one run, interleaved, with ratios. See `--help`.

mod cpu;
mod eyes;
mod flat_cost;
mod hot_path;
mod memory;
mod pairs;
mod report;
mod rig;
mod smol;
mod svg;
mod tun;
mod vtcp;

use clap::Parser;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures lastack beside its peers and prints ratios, never a bare time.
#[derive(Parser)]
struct Arguments {
    /// Which benchmark.
    #[command(subcommand)]
    benchmark: Benchmark,
    /// Rounds that count; one more runs first.
    #[arg(long, default_value_t = 9, global = true)]
    rounds: usize,
    /// Writes every sample to this file, as JSON.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// Draws the medians, least and largest samples to this file, as SVG.
    #[arg(long, global = true)]
    svg: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// Short connections, requests and bulk against smoltcp and pktkit, in memory: CPU time.
    Memory,
    /// Bulk and requests over TUN through `lastack serve`, against the kernel over loopback: wall clock. Needs root.
    Tun,
    /// CPU per short connection beside idle ones, against none and against smoltcp.
    FlatCost,
    /// `lastack ss` and `lastack states` against ss and netstat, over very many sockets in a namespace of its own: wall clock.
    /// Needs root.
    Eyes {
        /// Established sockets, each held by a process.
        #[arg(long, default_value_t = 180_000)]
        sockets: u32,
        /// TIME_WAIT beside them.
        #[arg(long, default_value_t = 60_000)]
        time_wait: u32,
    },
    /// Part of `eyes`: holds both ends of connections to an address until stdin ends.
    #[command(hide = true)]
    HoldConnections {
        /// On loopback.
        address: std::net::Ipv4Addr,
        /// How many.
        connections: u32,
    },
    /// Part of `eyes`: runs a program and prints how many KiB of memory it had at most.
    #[command(hide = true)]
    PeakMemory {
        /// It, and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
    /// Walks one hot path so many times and prints nothing: for a counter of instructions to watch.
    HotPath {
        /// Which.
        path: hot_path::HotPath,
        /// How often.
        times: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let rounds = arguments.rounds.max(1);
    let (report, holds) = match arguments.benchmark {
        Benchmark::HotPath { path, times } => {
            hot_path::walk(path, times);
            return ExitCode::SUCCESS;
        }
        Benchmark::HoldConnections { address, connections } => return eyes::hold::run(address, connections),
        Benchmark::PeakMemory { command } => return eyes::memory::print(&command),
        Benchmark::Eyes { sockets, time_wait } => match eyes::run(rounds, sockets, time_wait) {
            Ok(result) => {
                eyes::print(&result);
                let holds = result.holds();
                (result.report, holds)
            }
            Err(why) => {
                eprintln!("skipped: eyes: not run: {why}");
                return ExitCode::SUCCESS;
            }
        },
        Benchmark::FlatCost => {
            let result = flat_cost::run(rounds);
            flat_cost::print(&result);
            let holds = result.holds();
            (result.report, holds)
        }
        Benchmark::Memory => shown(memory::run(rounds)),
        Benchmark::Tun => match tun::run(rounds) {
            Ok(report) => shown(report),
            Err(why) => {
                eprintln!("skipped: tun: not run: {why}");
                return ExitCode::SUCCESS;
            }
        },
    };
    for (path, text) in [(&arguments.json, json(&report)), (&arguments.svg, svg::draw(&report))] {
        if let Err(error) = path.as_deref().map_or(Ok(()), |path: &Path| std::fs::write(path, text)) {
            eprintln!(
                "lastack-bench: writing {}: {error}",
                path.as_deref().unwrap_or(Path::new("")).display()
            );
            return ExitCode::from(2);
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a report that has no bound to keep.
fn shown(report: Report) -> (Report, bool) {
    println!("{report}");
    (report, true)
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("names and numbers are JSON") + "\n"
}
