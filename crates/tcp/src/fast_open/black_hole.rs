//! Networks that swallow SYNs with data, or what follows them (RFC 7413 section 4.1.3.1; Linux's
//! `tcp_fastopen_blackhole_timeout_sec`): clients stop using Fast Open for a while, and longer each time.

use crate::{Instant, Knobs};
use std::time::Duration;

/// The pause grows to this many doublings.
const DOUBLINGS_MAX: u32 = 6;

/// How often something was swallowed of late. One per stack: the network near us is the usual culprit.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlackHole {
    times: u32,
    last: Instant,
}

impl BlackHole {
    /// Something was swallowed: true when that begins a pause, which `tcp_fastopen_blackhole_timeout_sec = 0` forbids.
    pub fn suspect(&mut self, knobs: &Knobs, now: Instant) -> bool {
        if knobs.tcp_fastopen_blackhole_timeout_sec == 0 {
            return false;
        }
        self.times = self.times.saturating_add(1);
        self.last = now;
        true
    }

    /// True during a pause.
    pub fn is_paused(&self, knobs: &Knobs, now: Instant) -> bool {
        if knobs.tcp_fastopen_blackhole_timeout_sec == 0 || self.times == 0 {
            return false;
        }
        let first = Duration::from_secs(u64::from(knobs.tcp_fastopen_blackhole_timeout_sec));
        now.since(self.last) < first.saturating_mul(1 << (self.times - 1).min(DOUBLINGS_MAX))
    }

    /// True when the next Fast Open is a trial: should it bring data through, all is forgotten.
    pub fn is_on_trial(&self) -> bool {
        self.times > 0
    }

    /// Fast Open works, or an operator has set the knob anew.
    pub fn forget(&mut self) {
        self.times = 0;
    }
}
