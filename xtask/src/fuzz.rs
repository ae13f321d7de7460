//! Builds and runs the fuzz targets of `fuzz/`.
//!
//! With the flags that cargo-fuzz uses, but without cargo-fuzz and on the pinned stable compiler: coverage comes from LLVM's
//! own passes. The C interface, which is full of pointers, has the address sanitizer as well, when the toolchain brings its
//! runtime: stable ships it and asks for RUSTC_BOOTSTRAP. In code without `unsafe` it would find little. The folder has
//! cargo-fuzz's layout, so `cargo fuzz run --sanitizer none wire` works as well.

use crate::run::{Ran, Run};
use crate::tree;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::time::Duration;

/// The targets.
pub(crate) const TARGETS: &[&str] =
    &["wire", "stack", "netlink", "proc", "sysctl", "pasted", "snapshot", INTERFACE];
/// The one with pointers.
pub(crate) const INTERFACE: &str = "interface";

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Coverage for libFuzzer: counters and traced comparisons, in our code only (`--target` keeps build scripts out).
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What the address sanitizer adds.
const SANITIZER: &str = " -Zsanitizer=address";
/// Its files do not mix with those of the other targets.
const SANITIZED: &str = "fuzz/target/sanitized";

/// Of one input, in octets. The longest seed is a little shorter.
const LENGTH_MAX: usize = 16_384;
const BUILD: Duration = Duration::from_secs(15 * 60);
/// Beyond the fuzzing itself: reading the corpus, minimising nothing.
const GRACE: Duration = Duration::from_secs(60);

/// `cargo xtask fuzz`: one target, or all.
pub(crate) fn command(target: Option<&str>, time: Duration) -> Result<bool> {
    match target {
        Some(target) => Ok(run(target, time)?.passed),
        None => all(time),
    }
}

/// Runs every target for `time`; true when none found anything.
pub(crate) fn all(time: Duration) -> Result<bool> {
    let mut clean = true;
    for target in TARGETS {
        clean &= run(target, time)?.passed;
    }
    Ok(clean)
}

/// Builds one target and runs it for `time`. An input that breaks it is kept in `fuzz/artifacts` and named.
pub(crate) fn run(target: &str, time: Duration) -> Result<Ran> {
    ensure!(TARGETS.contains(&target), "there is no fuzz target {target}; there are: {}", TARGETS.join(" "));
    let sanitized = target == INTERFACE && has_sanitizer()?;
    let files = if sanitized { SANITIZED } else { "fuzz/target" };
    let mut build = Run::cargo(
        &["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", TRIPLE, "--bin", target],
        BUILD,
    )
    .env("CARGO_TARGET_DIR", files);
    build = match sanitized {
        true => build.env("RUSTFLAGS", &format!("{FLAGS}{SANITIZER}")).env("RUSTC_BOOTSTRAP", "1"),
        false => build.env("RUSTFLAGS", FLAGS),
    };
    let built = build.shown()?;
    if !built.passed {
        return Ok(built);
    }
    let folder = tree::root().join("fuzz");
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    let program = tree::root().join(files).join(TRIPLE).join("release").join(target);
    let seeds = folder.join("seeds").join(target);
    let mut arguments = vec![
        format!("-max_total_time={}", time.as_secs()),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        format!("-max_len={LENGTH_MAX}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
        corpus.display().to_string(),
    ];
    // What is found goes to the first folder; the second holds what the repository brings to begin with.
    if seeds.is_dir() {
        arguments.push(seeds.display().to_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let with = match (target, sanitized) {
        (INTERFACE, true) => ", with the address sanitizer",
        (INTERFACE, false) => ", without the address sanitizer: the toolchain does not bring its runtime",
        _ => "",
    };
    println!("fuzz {target}: {} s{with}", time.as_secs());
    // It prints a dictionary at its end that nobody asked for.
    let ran = Run::new(&program.display().to_string(), &arguments, time + GRACE).quiet()?;
    match executed(&ran) {
        Some(inputs) if ran.passed => println!("fuzz {target}: {inputs} inputs, nothing found"),
        _ => println!("fuzz {target}: FOUND SOMETHING ({}), see above and {}", ran.why, artifacts.display()),
    }
    Ok(ran)
}

/// True when the toolchain has the sanitizer's runtime.
fn has_sanitizer() -> Result<bool> {
    let ran = Run::new("rustc", &["--print", "target-libdir", "--target", TRIPLE], GRACE).quiet()?;
    let Ok(files) = fs::read_dir(ran.stdout.trim()) else { return Ok(false) };
    Ok(files.flatten().any(|file| file.file_name().to_string_lossy().ends_with("_rt.asan.a")))
}

/// How many inputs were tried: libFuzzer tells its statistics on stderr.
pub(crate) fn executed(ran: &Ran) -> Option<u64> {
    let count = ran.stderr.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    count.trim().parse().ok()
}
