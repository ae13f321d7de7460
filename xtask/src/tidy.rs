//! `cargo xtask tidy`: the rules of the house that no compiler checks. One file per rule; a rule gets sources and returns
//! findings, so its test can hand it a source that breaks it.

mod arrows;
mod exceptions;
mod lengths;
mod openings;
mod paths;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use crate::tree::{self, Source};
use anyhow::Result;
use exceptions::Exceptions;
use std::fmt;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From one; zero stands for the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn new(source: &Source, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: source.path.clone(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: {}", self.path, self.line, self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Prints what is wrong; true when nothing is.
pub(crate) fn command() -> Result<bool> {
    let sources = tree::sources()?;
    let findings = check(&sources);
    for finding in &findings {
        println!("tidy: {finding}");
    }
    let rust = sources.iter().filter(|source| source.ends_with(".rs")).count();
    println!("tidy: {} findings in {} files, {rust} of them Rust", findings.len(), sources.len());
    Ok(findings.is_empty())
}

fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = arrows::check(sources);
    let (exceptions, mistakes) = Exceptions::read(sources);
    findings.extend(mistakes);
    findings.extend(lengths::check(sources, exceptions));
    findings.extend(openings::check(sources));
    for source in sources {
        findings.extend(paths::check(source));
        if source.ends_with(".rs") {
            findings.extend(words::check(source));
        }
    }
    findings.sort();
    findings
}
