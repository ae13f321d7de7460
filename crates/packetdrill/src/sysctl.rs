//! The knobs as the namespace has them: `/proc/sys/net/...`, read again before each call.
//!
//! The tool opens the library before it runs a script's first command, and runs others between the steps: what they set must
//! be seen. A script is played in virtual time, so that reading costs it nothing.
//! A file that is missing (an older kernel) or says what we cannot do leaves the default.

use crate::flags::Flags;
use lastack_stack::{Knobs, knobs::table};
use std::path::{Path, PathBuf};

/// Where knobs come from.
#[derive(Debug)]
pub(crate) struct Source {
    folder: Option<PathBuf>,
    /// Those that the flags name, over all others.
    named: Vec<(String, String)>,
}

impl Source {
    pub(crate) fn new(flags: &Flags) -> Source {
        Source { folder: flags.sysctl_folder.clone(), named: flags.knobs.clone() }
    }

    /// True when they may be others later.
    pub(crate) fn can_change(&self) -> bool {
        self.folder.is_some()
    }

    pub(crate) fn knobs(&self) -> Knobs {
        let mut knobs = self.folder.as_deref().map_or_else(Knobs::default, read_proc);
        for (name, value) in &self.named {
            if let Ok(knob) = table::find(name) {
                let _ = knob.write(&mut knobs, value);
            }
        }
        knobs
    }
}

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
