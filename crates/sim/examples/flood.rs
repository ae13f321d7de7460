//! A SYN flood in virtual time: `flood cookies|nothing|syn-proxy SYNS CLIENTS`. Prints one line, and what is not as it must
//! be; exit code 1 then.

use lastack_sim::flood::{Defence, FloodOptions, run_flood};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// How long the flood lasts.
const LENGTH: Duration = Duration::from_secs(60);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, syns, clients] = &words[..] else {
        return Err("usage: flood cookies|nothing|syn-proxy SYNS CLIENTS".into());
    };
    let defence = Defence::ALL.into_iter().find(|defence| defence.name() == kind);
    let defence = defence.ok_or("cookies, nothing or syn-proxy is meant")?;
    let (syns, clients) = (syns.parse()?, clients.parse()?);
    let report = run_flood(FloodOptions { defence, syns, clients, length: LENGTH, seed: 1 });
    println!("{report}");
    Ok(if report.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
