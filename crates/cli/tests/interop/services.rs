//! Servers and clients that everybody has, with the kernel's TCP, through `--forward`: nginx, iperf3, redis; and a browser on
//! the status page.
//!
//! `LASTACK_SERVICES=large` makes the runs as long as the acceptance wants them; without it they are small. Lines with
//! `measured:` tell what came out.

mod browser;
mod daemon;
mod requests;
mod streams;

use crate::namespace::skip;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// How much is done.
#[derive(Clone, Copy)]
struct Size {
    seconds: u32,
    connections: u32,
    requests: u32,
    parallel: u32,
}

const LARGE: Size = Size { seconds: 20, connections: 200, requests: 2000, parallel: 50 };
const SMALL: Size = Size { seconds: 1, connections: 20, requests: 60, parallel: 10 };

fn is_large() -> bool {
    std::env::var("LASTACK_SERVICES").is_ok_and(|size| size == "large")
}

fn size() -> Size {
    if is_large() { LARGE } else { SMALL }
}

/// Whether all programs are there; else says that `test` is skipped.
fn are_here(test: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !here(program)).collect();
    if !missing.is_empty() {
        skip(test, &format!("not installed: {}", missing.join(", ")));
    }
    missing.is_empty()
}

fn measured(line: &str) {
    println!("measured: {line}");
}

/// Runs a client to its end, within `limit`, and returns what it printed; it must succeed.
fn client(limit: Duration, program: &str, arguments: &[&str]) -> String {
    let output: Output = Command::new("timeout")
        .args(["--kill-after=5", &limit.as_secs().to_string(), program])
        .args(arguments)
        .output()
        .expect("timeout of coreutils starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{printed}\n{said}", output.status);
    printed
}

/// A line of what a client printed.
fn line<'a>(printed: &'a str, with: &str) -> &'a str {
    let found = printed.lines().rfind(|line| line.contains(with));
    found.unwrap_or_else(|| panic!("no line with {with:?}: {printed}")).trim()
}

/// A folder's path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
