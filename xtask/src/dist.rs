//! `cargo xtask dist`: one static program for machines and containers that have nothing, with man pages and completions.
//!
//! With musl where the compiler has it; else with glibc linked in, which is as static for all that lastack does (it looks no
//! names up by glibc's plug-ins but in `--forward` and `connect`), and that is said.

mod elf;

use crate::run::Run;
use crate::tree;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MUSL: &str = "x86_64-unknown-linux-musl";
const GLIBC: &str = "x86_64-unknown-linux-gnu";
/// The program may be no larger, in octets.
const SIZE_MAX: u64 = 12_000_000;
const BUILD: Duration = Duration::from_secs(45 * 60);
const SHORT: Duration = Duration::from_secs(5 * 60);

/// Builds and says what came out.
pub(crate) fn command() -> Result<bool> {
    let folder = folder()?;
    let built = build()?;
    println!("dist: {} ({})", folder.display(), built);
    Ok(true)
}

/// Where everything is put.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(tree::target()?.join("dist"))
}

/// What was built, in one line.
pub(crate) fn build() -> Result<String> {
    let target = if has_musl()? { MUSL } else { GLIBC };
    let arguments = [
        "build",
        "--package",
        "lastack",
        "--bin",
        "lastack",
        "--profile",
        "dist",
        "--locked",
        "--target",
        target,
    ];
    let run = Run::cargo(&arguments, BUILD);
    // For musl that is the default.
    let run = if target == GLIBC { run.env("RUSTFLAGS", "-C target-feature=+crt-static") } else { run };
    let ran = run.shown()?;
    ensure!(ran.passed, "building the static program: {}", ran.why);
    let built = tree::target()?.join(target).join("dist").join("lastack");
    let program = put(&built)?;
    let octets = fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
    let size = octets.len() as u64;
    ensure!(size <= SIZE_MAX, "the program has {size} octets, {SIZE_MAX} are allowed");
    ensure!(elf::is_static(&octets), "{} asks for a dynamic linker: it is not static", program.display());
    let folder = folder()?.display().to_string();
    let generated = Run::new(&program.display().to_string(), &["generate", &folder], SHORT).quiet()?;
    ensure!(generated.passed, "lastack generate: {}", generated.why);
    let kind = match target {
        MUSL => "musl".to_owned(),
        _ => format!("glibc, since the compiler has no {MUSL}: `rustup target add {MUSL}`"),
    };
    let pages = count(&Path::new(&folder).join("man"))?;
    let completions = count(&Path::new(&folder).join("completions"))?;
    Ok(format!(
        "static, {kind}, {:.1} MB of {:.0}, {pages} man pages, completions for {completions} shells",
        size as f64 / 1e6,
        SIZE_MAX as f64 / 1e6
    ))
}

/// A folder that holds nothing of before.
fn put(built: &Path) -> Result<PathBuf> {
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let program = folder.join("lastack");
    fs::copy(built, &program).with_context(|| format!("copying {}", built.display()))?;
    Ok(program)
}

fn count(folder: &Path) -> Result<usize> {
    let count = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?.count();
    ensure!(count > 0, "{} is empty", folder.display());
    Ok(count)
}

/// Installs it when it can be had.
fn has_musl() -> Result<bool> {
    let there = || -> Result<bool> {
        let asked = Run::new("rustc", &["--print", "target-libdir", "--target", MUSL], SHORT).quiet()?;
        Ok(asked.passed && Path::new(asked.stdout.trim()).is_dir())
    };
    if there()? {
        return Ok(true);
    }
    println!("dist: the compiler has no {MUSL}; asking rustup for it");
    let added = Run::new("rustup", &["target", "add", MUSL], SHORT).shown()?;
    Ok(added.passed && there()?)
}
