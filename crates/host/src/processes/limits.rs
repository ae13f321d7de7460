//! How many descriptors a process may have: /proc/PID/limits.

use crate::files;
use std::path::Path;

/// "Max open files"; None is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The one that counts.
    pub soft: Option<u64>,
    /// What the process may raise it to.
    pub hard: Option<u64>,
}

/// That of a process; None when it is gone or may not be read.
pub fn descriptor_limit(pid: u32) -> Option<DescriptorLimit> {
    parse_limits(&files::read_raw(Path::new(&format!("/proc/{pid}/limits"))).ok()?)
}

/// From the text of /proc/PID/limits.
pub fn parse_limits(text: &str) -> Option<DescriptorLimit> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace().map(|word| match word {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    });
    Some(DescriptorLimit { soft: words.next()??, hard: words.next()?? })
}
