//! The timestamp clock (RFC 7323 section 5.4) and the tick that small records keep instead of an [`Instant`].
//!
//! Both are 32-bit milliseconds and wrap every 49.7 days; nothing that lives longer compares them.

use crate::{Instant, Knobs};
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// TSval at `now`: milliseconds, plus the flow's offset (see [`crate::isn::timestamp_offset`]).
pub fn tsval(now: Instant, offset: u32) -> u32 {
    tick(now).wrapping_add(offset)
}

/// Milliseconds since the clock's zero, modulo 2^32.
pub(crate) const fn tick(now: Instant) -> u32 {
    now.as_millis() as u32
}

/// The round trip that an echoed timestamp tells; `None` for an echo of zero and for one that we cannot have sent
/// yet.
pub(crate) fn echoed_rtt(now: Instant, offset: u32, echo: u32) -> Option<Duration> {
    let elapsed = tsval(now, offset).wrapping_sub(echo);
    (echo != 0 && elapsed <= i32::MAX as u32).then(|| Duration::from_millis(u64::from(elapsed)))
}

/// How often a flow answers segments that it does not accept: once per `tcp_invalid_ratelimit`, as Linux does
/// (TIMELINES T02d, T08c), so that two confused ends cannot keep each other busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerLimit {
    /// Tick of the last answer; tick zero is kept as one.
    last: Option<NonZeroU32>,
}

impl AnswerLimit {
    /// True when an answer may be sent now; it counts as sent.
    pub(crate) fn allows(&mut self, knobs: &Knobs, now: Instant) -> bool {
        let now = tick(now);
        let too_soon = self.last.is_some_and(|last| {
            now.wrapping_sub(last.get()) as i32 >= 0
                && now.wrapping_sub(last.get()) < knobs.tcp_invalid_ratelimit
        });
        if !too_soon {
            self.last = NonZeroU32::new(now.max(1));
        }
        !too_soon
    }
}
