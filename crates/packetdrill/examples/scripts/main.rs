//! Runs scripts of the public packetdrill tool against lastack, through the C interface and without the tool.
//!
//! `cargo run -q -p lastack-packetdrill --example scripts -- [--mode ipv4|ipv4-mapped-ipv6|ipv6|all] [-D NAME=VALUE]
//! [--flags WORDS] [--kernel] [--slack USECS] PATH...`: each PATH is a script or a folder of them. One line for each run, a count at the end, and
//! exit status 1 when a script failed. `--kernel` plays against Linux itself, in a network namespace, as root and in real time:
//! what does a script that fails do there?
#![allow(unsafe_code)]

mod player;

use lastack_sim::script::ast::IpVersion;
use player::{Failure, Setup};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// How long a script may take in real time.
const LIMIT: Duration = Duration::from_secs(120);

const USAGE: &str =
    "usage: scripts [--mode ipv4|ipv4-mapped-ipv6|ipv6|all] [-D NAME=VALUE] [--flags WORDS] PATH...";

#[derive(Default)]
struct Wishes {
    /// `None`: all that the script's name asks for.
    version: Option<IpVersion>,
    defines: Vec<(String, String)>,
    flags: String,
    kernel: bool,
    slack_usecs: i64,
    /// This process plays one script and no more.
    alone: bool,
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let wishes = match wishes(std::env::args().skip(1)) {
        Ok(wishes) => wishes,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (mut runs, mut failed) = (0, 0);
    for path in wishes.paths.iter().flat_map(|path| scripts(path)) {
        let versions = match wishes.version {
            Some(version) => vec![version],
            None => player::versions(&path.display().to_string()),
        };
        for version in versions {
            let setup = Setup {
                version,
                defines: wishes.defines.clone(),
                flags: wishes.flags.clone(),
                kernel: wishes.kernel,
                slack_usecs: wishes.slack_usecs,
            };
            let name = format!("{} ({})", path.display(), player::version_name(version));
            runs += 1;
            let end = if wishes.kernel && !wishes.alone {
                apart(&path, &setup)
            } else {
                player::play(&path, &setup)
            };
            match end {
                Ok(()) => println!("pass {name}"),
                Err(failure) => {
                    failed += 1;
                    println!("FAIL {name}: line {}: {}", failure.line, failure.why);
                }
            }
        }
    }
    println!("{} passed, {failed} failed", runs - failed);
    ExitCode::from(u8::from(failed > 0))
}

/// A process for one script: a call that waits in the kernel for ever must not hold up the others.
fn apart(path: &Path, setup: &Setup) -> Result<(), Failure> {
    let failed = |why: String| Failure { line: 0, why };
    let mut command = Command::new(std::env::current_exe().map_err(|error| failed(error.to_string()))?);
    command.args(["--alone", "--kernel", "--mode", player::version_name(setup.version)]);
    command.args(["--slack", &setup.slack_usecs.to_string()]).arg(path).stdout(Stdio::piped());
    for (name, value) in &setup.defines {
        command.args(["-D", &format!("{name}={value}")]);
    }
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let begun = Instant::now();
    while child.try_wait().map_err(|error| failed(error.to_string()))?.is_none() {
        if begun.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(format!("it does not end within {} s", LIMIT.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let said = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    if said.starts_with("pass") {
        return Ok(());
    }
    // FAIL name (mode): line N: why
    let told = said.lines().next().and_then(|line| line.split_once("): line ")?.1.split_once(": "));
    let (line, why) = told.unwrap_or(("0", &said));
    Err(Failure { line: line.parse().unwrap_or(0), why: why.to_owned() })
}

fn wishes(mut arguments: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let mut wishes = Wishes { version: Some(IpVersion::V4), ..Wishes::default() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--mode" => {
                wishes.version = match value()?.as_str() {
                    "ipv4" => Some(IpVersion::V4),
                    "ipv4-mapped-ipv6" => Some(IpVersion::Mapped),
                    "ipv6" => Some(IpVersion::V6),
                    "all" => None,
                    other => return Err(format!("`{other}` is no mode")),
                }
            }
            "-D" | "--define" => {
                let definition = value()?;
                let (name, value) = definition.split_once('=').ok_or("a definition is NAME=VALUE")?;
                wishes.defines.push((name.to_owned(), value.to_owned()));
            }
            "--flags" => wishes.flags = value()?,
            "--kernel" => wishes.kernel = true,
            "--alone" => wishes.alone = true,
            "--slack" => {
                let usecs = value()?;
                wishes.slack_usecs = usecs.parse().map_err(|_| format!("`{usecs}` are no microseconds"))?;
            }
            "-h" | "--help" => return Err("Runs packetdrill's scripts against lastack.".to_owned()),
            other if other.starts_with('-') => return Err(format!("`{other}` is no option")),
            path => wishes.paths.push(path.into()),
        }
    }
    if wishes.paths.is_empty() { Err("no script is named".to_owned()) } else { Ok(wishes) }
}

/// The script itself, or all below a folder.
fn scripts(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "pkt"))
        .flat_map(|path| scripts(&path))
        .collect();
    found.sort();
    found
}
