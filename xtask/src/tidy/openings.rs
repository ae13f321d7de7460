//! Every Rust file opens with `//!`: what it is, and what it is not. Tests beside their file and build scripts need not; a file
//! that is only ever included by others cannot, and opens with a plain comment.

use super::Finding;
use crate::tree::Source;

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let rust = || sources.iter().filter(|source| source.ends_with(".rs"));
    let included: Vec<&str> = rust().flat_map(|source| includes(&source.text)).collect();
    rust()
        .filter(|source| {
            let name = name(&source.path);
            let comment = if included.contains(&name) { "// " } else { "//!" };
            name != "tests.rs" && name != "build.rs" && !source.text.starts_with(comment)
        })
        .map(|source| {
            Finding::new(source, 1, "the file does not open with `//!`: say what it is and what it is not")
        })
        .collect()
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The names of the files that a source includes.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    text.split("include!(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(name)
}
