//! Every Rust file opens with `//!`: what it is, and what it is not. Tests beside their file and build scripts need not.

use super::Finding;
use crate::tree::Source;

pub(super) fn check(source: &Source) -> Option<Finding> {
    let name = source.path.rsplit('/').next().unwrap_or(&source.path);
    if name == "tests.rs" || name == "build.rs" || source.text.starts_with("//!") {
        return None;
    }
    Some(Finding::new(source, 1, "the file does not open with `//!`: say what it is and what it is not"))
}
