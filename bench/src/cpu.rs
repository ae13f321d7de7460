//! CPU time of the calling thread: what a run cost, whatever else the machine was doing.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CPU time this thread has used so far.
pub(crate) fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// CPU time of this thread while `work` ran.
pub(crate) fn cost(work: impl FnOnce()) -> Duration {
    let before = thread_cpu();
    work();
    thread_cpu() - before
}
