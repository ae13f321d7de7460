//! State changes as the kernel makes them: the tracepoint `sock:inet_sock_set_state`, read from the raw ring buffer.
//!
//! It tells of full sockets only: TIME_WAIT never appears (FIN_WAIT2 becomes CLOSE as the small record takes over), a passive
//! open appears when the third segment of the handshake comes. It tells of every network namespace; `matching` finds ours.

mod format;
mod instance;
mod matching;
mod page;
mod record;
#[cfg(test)]
mod tests;

use crate::{Diag, Error};
use instance::Instance;
use lastack_observe::{Flow, State};
use matching::Matcher;
use rustix::io::Errno;
use std::time::Duration;

/// Pages of each processor that one drain reads at most.
const PAGES: usize = 256;

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When, on the machine's monotonic clock.
    pub at: Duration,
    /// The kernel's number of the socket, while it lives.
    pub(crate) socket: u64,
    /// Both ends; the local port of a connection that just begins may be zero.
    pub flow: Flow,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
}

/// Why there is no tracepoint to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// This process may not.
    #[error("tracefs: {0} (it needs root, outside of a container)")]
    NotPermitted(Errno),
    /// The kernel has none.
    #[error("this kernel has no tracefs (CONFIG_TRACING)")]
    NoTracefs,
    /// The kernel is older than 4.16, or built without.
    #[error("this kernel has no tracepoint sock:inet_sock_set_state")]
    NoTracepoint,
    /// The kernel describes it in a way that this program does not know.
    #[error("the tracepoint's format is not understood")]
    NotUnderstood,
    /// Something else.
    #[error("{0}: {1}")]
    Failed(&'static str, Errno),
}

/// What the tracepoint could not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Missed {
    /// Changes that the kernel's buffers had no room for.
    pub lost: u64,
    /// Changes of sockets that were gone before it was known in which namespace they were.
    pub unmatched: u64,
    /// Records and pages that could not be read.
    pub unreadable: u64,
}

/// The tracepoint, on, for the sockets of the network namespace that the thread is in.
#[derive(Debug)]
pub struct Tracepoint {
    instance: Instance,
    matcher: Matcher,
    memory: Vec<u8>,
    changes: Vec<Change>,
    missed: Missed,
}

impl Tracepoint {
    /// Turns it on.
    ///
    /// # Errors
    /// When it may not be had; then [`crate::changes`] samples.
    pub fn open(diag: Diag) -> Result<Tracepoint, Unavailable> {
        let instance = Instance::open()?;
        let matcher = Matcher::new(diag);
        let (memory, changes) = (Vec::new(), Vec::new());
        Ok(Tracepoint { instance, matcher, memory, changes, missed: Missed::default() })
    }

    /// Hands the changes of this namespace since the last call to `each`, in the order of time; false when more may be there.
    ///
    /// # Errors
    /// When the buffers cannot be read.
    pub fn drain(&mut self, each: &mut dyn FnMut(&Change)) -> Result<bool, Error> {
        let Tracepoint { instance, matcher, memory, changes, missed } = self;
        changes.clear();
        let (page, record) = (instance.page, instance.record);
        let all = instance.pages(memory, PAGES, &mut |octets| {
            let whole = page.records(octets, &mut |time, octets| match record.read(time, octets) {
                Some(change) => changes.push(change),
                None => missed.unreadable += 1,
            });
            missed.unreadable += u64::from(!whole);
        });
        let all = all.map_err(Error::Trace)?;
        let lost = instance.lost();
        if lost > missed.lost {
            missed.lost = lost;
            matcher.forget();
        }
        // Each processor's records come in order; those of several do not.
        changes.sort_by_key(|change| change.at);
        for change in changes.drain(..) {
            matcher.judge(change, each)?;
        }
        matcher.end_of_batch();
        missed.unmatched = matcher.unmatched();
        Ok(all)
    }

    /// What it could not tell so far.
    pub fn missed(&self) -> Missed {
        self.missed
    }
}

/// Both files as Linux 6.18 has them.
const RECORDED_FORMAT: &str = include_str!("trace/recorded/format.txt");
const RECORDED_PAGE: &str = include_str!("trace/recorded/header_page.txt");

/// Any octets as a format, a page and a record. For fuzzing.
pub(crate) fn read_any(octets: &[u8]) {
    let (text, page) = octets.split_at(octets.len() / 2);
    let text = String::from_utf8_lossy(text);
    let formats = [text.as_ref(), RECORDED_FORMAT];
    let layouts = formats.map(record::RecordLayout::parse);
    for header in [text.as_ref(), RECORDED_PAGE] {
        let Some(layout) = page::PageLayout::parse(header) else { continue };
        layout.records(page, &mut |time, octets| {
            for record in layouts.iter().flatten() {
                record.read(time, octets);
            }
        });
    }
    instance::lost(&text);
    instance::owner(&text);
}
