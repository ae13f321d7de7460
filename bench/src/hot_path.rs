//! The paths that packets take most, one at a time and with nothing else around: `cargo xtask instructions` runs them under
//! valgrind, twice with different counts, so that the difference is the path alone.

use crate::rig::Lastack;
use bytes::Bytes;

/// Idle connections beside it: a table that is not empty.
const IDLE: usize = 100;

/// A hot path.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum HotPath {
    /// Connect, a request, a response, close.
    ShortConnection,
    /// A request and a response on an open connection.
    Request,
    /// 64 KiB one way.
    Bulk,
}

/// Walks `path` so many times.
pub(crate) fn walk(path: HotPath, times: u32) {
    let mut rig = Lastack::new(IDLE);
    let stream = rig.stream();
    let octets = Bytes::from(vec![7; 64 << 10]);
    for _ in 0..times {
        match path {
            HotPath::ShortConnection => rig.short_connection(),
            HotPath::Request => rig.request(&stream),
            HotPath::Bulk => rig.bulk(&stream, octets.clone()),
        }
    }
}
