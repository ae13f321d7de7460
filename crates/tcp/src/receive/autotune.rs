//! Dynamic right-sizing: the receive buffer grows to what a round trip delivers, so that the window is never what limits
//! a long fat path (Linux tcp_rcv_space_adjust and tcp_rcvbuf_grow; `tcp_moderate_rcvbuf`).
//!
//! Measures the receiver's round trip from echoed timestamps, or else from how long a whole window takes to arrive, and
//! counts what the application reads in that time. A buffer never becomes smaller. Not here: a buffer that SO_RCVBUF
//! fixed; the connection does not ask then.

use crate::{Instant, Knobs};
use lastack_wire::Seq;
use std::time::Duration;

/// One connection's measurement. Made when the first data arrives.
#[derive(Debug)]
pub(crate) struct Autotune {
    /// When the current measurement of reading began, and the number read up to then.
    since: Instant,
    from: Seq,
    /// Octets read in the best round trip so far.
    best: u32,
    /// Receiver's round trip in microseconds times 8; zero: unknown.
    rtt_8_us: u32,
    /// The last TSecr that was sampled.
    echo: u32,
    /// The window being timed ends here, and when it began.
    window_end: Seq,
    window_since: Instant,
}

impl Autotune {
    /// Begins at `nxt` (RCV.NXT); `window`: octets offered; `mss`: what we advertised.
    pub(crate) fn new(nxt: Seq, window: u32, mss: u16, now: Instant) -> Autotune {
        Autotune {
            since: now,
            from: nxt,
            // Linux expects no more than an initial congestion window at first.
            best: window.min(10 * u32::from(mss)).max(1),
            rtt_8_us: 0,
            echo: 0,
            window_end: nxt + window,
            window_since: now,
        }
    }

    /// In-order data moved RCV.NXT to `nxt`; `window` octets are offered from there; `timestamps`: our clock and the
    /// TSecr, when they were negotiated and the segment was a full one.
    pub(crate) fn on_data(&mut self, nxt: Seq, window: u32, timestamps: Option<(u32, u32)>, now: Instant) {
        // One sample per echo: later segments of a burst only show how long the burst is.
        if let Some((clock, echo)) = timestamps.filter(|&(_, echo)| echo != self.echo) {
            self.echo = echo;
            let elapsed = clock.wrapping_sub(echo);
            if elapsed < 1 << 30 {
                self.smooth(Duration::from_millis(u64::from(elapsed.max(1))));
            }
        }
        if nxt.ge(self.window_end) {
            if timestamps.is_none() {
                // A window takes at least a round trip: an upper bound, so only the least counts.
                let took = micros(now.since(self.window_since));
                self.rtt_8_us = match self.rtt_8_us {
                    0 => took.saturating_mul(8).max(1),
                    known => known.min(took.saturating_mul(8).max(1)),
                };
            }
            self.window_end = nxt + window;
            self.window_since = now;
        }
    }

    /// The application has read up to `read`; `out_of_order`: octets from RCV.NXT to the end of what waits out of order.
    /// Once per round trip: the buffer's new size in octets of memory, when it should grow from `rcvbuf`.
    pub(crate) fn on_read(
        &mut self,
        read: Seq,
        out_of_order: u32,
        rcvbuf: u32,
        knobs: &Knobs,
        now: Instant,
    ) -> Option<u32> {
        if self.rtt_8_us == 0 || micros(now.since(self.since)) < self.rtt_8_us >> 3 {
            return None;
        }
        // The measurement may have begun ahead of what was read.
        let copied = read.since(self.from).max(0) as u32;
        self.since = now;
        self.from = read;
        if copied <= self.best {
            return None;
        }
        // Twice for losses; and a sender in slow start doubles again while we measure, in proportion to the growth seen.
        let window = u64::from(copied) * 2;
        let growth = window * u64::from(copied - self.best) / u64::from(self.best);
        self.best = copied;
        let wanted = (window + growth * 2 + u64::from(out_of_order)) * 2;
        let grown = wanted.min(u64::from(knobs.tcp_rmem[2])) as u32;
        (knobs.tcp_moderate_rcvbuf && grown > rcvbuf).then_some(grown)
    }

    /// The receiver's round trip, zero while it is not known, and the octets read in the best one.
    pub(crate) fn measured(&self) -> (Duration, u32) {
        (Duration::from_micros(u64::from(self.rtt_8_us >> 3)), self.best)
    }

    fn smooth(&mut self, sample: Duration) {
        let sample = micros(sample).min(500_000_000);
        self.rtt_8_us = match self.rtt_8_us {
            0 => sample * 8,
            known => known - (known >> 3) + sample,
        };
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
