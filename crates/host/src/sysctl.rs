//! Running values of sysctls, of the thread's own network namespace. Reads only; nothing here writes.

#[cfg(test)]
mod tests;

use crate::{Error, files};
use std::path::PathBuf;

/// The running value of `net.ipv4.tcp_fin_timeout` and the like.
pub fn value(name: &str) -> Result<String, Error> {
    files::read(&path(name)).map(|text| files::plain(&text.trim_end().replace('\t', " ")))
}

/// The same as a number; None when it is none or cannot be read.
pub fn number(name: &str) -> Option<i64> {
    value(name).ok()?.trim().parse().ok()
}

/// Whether this kernel has a sysctl of that name, in the thread's network namespace.
pub fn exists(name: &str) -> bool {
    path(name).exists()
}

/// Two numbers, such as net.ipv4.ip_local_port_range.
pub fn pair(name: &str) -> Option<(u64, u64)> {
    let text = files::read(&path(name)).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Dots are folders; a slash in a name is a dot of it (as sysctl(8) does). No name leads out of /proc/sys.
fn path(name: &str) -> PathBuf {
    let below = name
        .split('.')
        .map(|part| part.replace('/', "."))
        .filter(|part| !part.is_empty() && part != "..")
        .collect::<PathBuf>();
    PathBuf::from("/proc/sys").join(below)
}
