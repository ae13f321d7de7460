//! Side-by-side benchmarks: lastack and its peers in one run, interleaved, with ratios. See `--help`.

mod cpu;
mod flat_cost;
mod hot_path;
mod pairs;
mod rig;
mod smol;

use clap::Parser;
use std::path::PathBuf;
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
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// CPU per short connection beside idle ones, against none and against smoltcp.
    FlatCost,
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
    if let Benchmark::HotPath { path, times } = arguments.benchmark {
        hot_path::walk(path, times);
        return ExitCode::SUCCESS;
    }
    let result = flat_cost::run(arguments.rounds.max(1));
    flat_cost::print(&result);
    if let Some(path) = &arguments.json
        && let Err(error) = write_json(path, &result.series)
    {
        eprintln!("lastack-bench: writing {}: {error}", path.display());
        return ExitCode::from(2);
    }
    if result.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_json(path: &std::path::Path, series: &[pairs::Series]) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(series).map_err(std::io::Error::other)?;
    std::fs::write(path, text + "\n")
}
