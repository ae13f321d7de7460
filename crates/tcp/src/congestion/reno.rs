//! Reno's growth and back-off: RFC 5681 sections 3.1 and 3.2, counting the segments that were acknowledged.
//!
//! Counting them and not acknowledgments is what makes a receiver that splits its ACKs gain nothing. Unlike RFC 3465
//! one ACK may grow slow start by all it acknowledges: receivers join segments (GRO), and Linux does so too.

use super::{Algorithm, Moment, Window};

/// Reno keeps nothing beside the shared window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reno;

impl Algorithm for Reno {
    fn on_ack(&mut self, window: &mut Window, acked: u32, _: &Moment) {
        let mut left = acked;
        if window.in_slow_start() {
            left = window.slow_start(acked);
        }
        if left > 0 {
            window.grow_each(window.cwnd, left);
        }
    }

    fn ssthresh_after_loss(&mut self, window: &Window) -> u32 {
        (window.cwnd / 2).max(2)
    }
}

#[cfg(test)]
mod tests;
