//! What serve, ss, connect and selftest do and say as root, with sudo from a user, and as a user without rights.

use super::{Item, Part, Said, hours};
use crate::run::Run;
use crate::tree;
use anyhow::{Context, Result};
use std::fs;

pub(super) const PART: Part = Part {
    name: "transcripts",
    about: "serve, ss, connect, selftest as root, with sudo, without rights",
    items: || vec![Item { name: "rights".to_owned(), run: Box::new(run) }],
    conclude: None,
};

fn run() -> Result<Said> {
    let arguments = ["test", "--release", "--package", "lastack", "--test", "interop", "--", "transcripts::"];
    let arguments: Vec<&str> = arguments.into_iter().chain(["--nocapture", "--test-threads=1"]).collect();
    let ran = Run::cargo(&arguments, hours(1)).shown()?;
    let file = tree::target()?.join("acceptance").join("transcripts.txt");
    fs::write(&file, &ran.stdout).with_context(|| format!("writing {}", file.display()))?;
    let printed = ran.stdout.lines().filter(|line| line.starts_with("==== ")).count();
    let line = match ran.skipped.first() {
        Some(why) => format!("skipped: {why}"),
        None if ran.passed => format!("{printed} transcripts, in {}", file.display()),
        None => ran.why,
    };
    Ok(Said { passed: ran.passed && ran.skipped.is_empty(), line, facts: String::new() })
}
