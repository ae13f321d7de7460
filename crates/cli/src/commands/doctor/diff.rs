//! `lastack doctor --diff BEFORE AFTER`: what a deploy changed.

use super::super::snapshot;
use super::settings;
use crate::Verdict;
use crate::options::DoctorOptions;
use anyhow::Result;
use lastack::observe::Snapshot;
use lastack_doctor::diff::{Difference, diff, text};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// The version of the JSON.
const SCHEMA: &str = "lastack.doctor-diff/1";

#[derive(Serialize)]
struct Told<'a> {
    schema: &'static str,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// Exit status as for one target: new findings decide.
pub(super) fn run(options: &DoctorOptions, before: &Path, after: &Path) -> Result<Verdict> {
    let settings = settings(options)?;
    let difference = diff(&load(before)?, &load(after)?, &settings);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if options.json {
        let told = Told { schema: SCHEMA, difference: &difference };
        serde_json::to_writer_pretty(&mut out, &told).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(text::full(&difference).as_bytes())?;
    }
    out.flush()?;
    Ok(match difference.worst().filter(|worst| *worst >= options.fail_on) {
        Some(_) => Verdict::Found,
        None if difference.blind.is_empty() => Verdict::Fine,
        None => Verdict::Blind,
    })
}

/// Names the file's target on stderr.
fn load(path: &Path) -> Result<Vec<Snapshot>> {
    let mut looks = snapshot::load(path)?;
    looks.sort_by_key(|look| look.taken_ms);
    if let Some(look) = looks.last() {
        eprintln!("{}: {}", path.display(), snapshot::describe(look));
    }
    Ok(looks)
}
