//! The measured matrix of states and segments: how many of its cells the whole stack answers as Linux was measured to.

use super::{Item, Part, Said, hours};
use crate::run::Run;
use crate::tree;
use anyhow::{Context, Result};
use std::fs;

const FILES: [&str; 2] = ["with-timestamps", "without-timestamps"];

pub(super) const PART: Part = Part {
    name: "matrix",
    about: "every segment in every state",
    items: || {
        FILES.iter().map(|file| Item { name: (*file).to_owned(), run: Box::new(|| cells(file)) }).collect()
    },
    conclude: None,
};

/// The test compares every cell with the file, deviations with what they are said to be; here they are counted.
fn cells(file: &str) -> Result<Said> {
    let path = format!("tests/matrix/{file}.txt");
    let text = fs::read_to_string(tree::root().join(&path)).with_context(|| format!("reading {path}"))?;
    let lines = || text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let states = lines().filter(|line| line.starts_with('[')).count();
    let deviations: Vec<&str> = lines().filter(|line| line.starts_with("but ")).collect();
    let cells = lines().count() - states - deviations.len();
    deviations.iter().for_each(|deviation| println!("{path}: {deviation}"));
    let test = ["test", "--quiet", "--package", "lastack-stack", "--test", "stack", "--", "matrix::"];
    let ran = Run::cargo(&test, hours(1)).quiet()?;
    let equal = cells - deviations.len();
    let line = format!("{cells} cells in {states} states, {equal} as measured {}", ran.why);
    Ok(Said { passed: ran.passed, line: line.trim_end().to_owned(), facts: String::new() })
}
