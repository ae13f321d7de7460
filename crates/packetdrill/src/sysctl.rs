//! The knobs as the namespace has them: `/proc/sys/net/...` read once, when the library is opened.
//!
//! A file that is missing (an older kernel) or says what we cannot do leaves the default.

use lastack_stack::{Knobs, knobs::table};
use std::path::Path;

/// The knobs below `root`, which is `/proc/sys`: of the calling thread's network namespace.
pub(crate) fn read_proc(root: &Path) -> Knobs {
    let mut knobs = Knobs::default();
    for knob in table::all() {
        let path = root.join(knob.name.replace('.', "/"));
        if let Ok(text) = std::fs::read_to_string(path) {
            let _ = knob.write(&mut knobs, text.trim());
        }
    }
    knobs
}

#[cfg(test)]
mod tests;
