//! Reno's growth and back-off: RFC 5681 sections 3.1 and 3.2, counting octets as RFC 3465 wants.
//!
//! Counting octets and not acknowledgments is what makes a receiver that splits its ACKs gain nothing. Unlike RFC 3465
//! one ACK may grow slow start by all it acknowledges: receivers join segments (GRO), and Linux does so too.

use super::{CongestionControl, Window};

/// Reno keeps nothing beside the shared window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reno;

impl CongestionControl for Reno {
    fn on_ack(&mut self, window: &mut Window, acked: u32, mss: u32) {
        let mss = mss.max(1);
        window.credit = window.credit.saturating_add(acked);
        if window.in_slow_start() {
            let grown = (window.credit / mss).min(window.ssthresh - window.cwnd);
            window.cwnd += grown;
            window.credit -= grown * mss;
            if window.in_slow_start() {
                return;
            }
        }
        let per_window = window.cwnd.saturating_mul(mss).max(1);
        window.cwnd += window.credit / per_window;
        window.credit %= per_window;
    }

    fn ssthresh_after_loss(&mut self, window: &Window) -> u32 {
        (window.cwnd / 2).max(2)
    }
}

#[cfg(test)]
mod tests;
