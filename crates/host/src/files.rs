//! Reading small files of /proc and /sys: bounded, never trusted, control characters replaced.

use crate::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// More than any file that is read here has; /proc can be anything in a container.
const MAX: u64 = 1 << 20;

/// The text of a file, as far as the bound reaches.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    read_raw(path).map_err(|why| Error::File { path: path.to_owned(), why })
}

pub(crate) fn read_raw(path: &Path) -> io::Result<String> {
    let mut octets = Vec::new();
    File::open(path)?.take(MAX).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// A name that somebody else chose, safe to print: no control characters, and not endless.
pub(crate) fn plain(name: &str) -> String {
    name.trim_end_matches('\n')
        .chars()
        .take(256)
        .map(|sign| if sign.is_control() { '?' } else { sign })
        .collect()
}

/// /proc/net of the thread, not of the process: a thread that changed its namespace sees its own.
pub(crate) fn proc_net(name: &str) -> PathBuf {
    Path::new("/proc/thread-self/net").join(name)
}
