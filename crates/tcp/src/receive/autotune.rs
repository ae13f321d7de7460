//! Dynamic right-sizing: the receive buffer grows to what a round trip delivers, so that the window is never what limits
//! a long fat path (Linux tcp_rcv_space_adjust and tcp_rcvbuf_grow; `tcp_moderate_rcvbuf`).
//!
//! Measures the receiver's round trip from echoed timestamps and from how long a whole window takes to arrive, and counts
//! what the application reads in that time. Not here: the buffer, which never becomes smaller.

use crate::Instant;
use lastack_wire::Seq;
use std::time::Duration;

/// One connection's measurement. Made when the first full segment arrives.
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
    /// The window being timed ends here, and when it began; `None` before the first data.
    window: Option<(Seq, Instant)>,
}

impl Autotune {
    /// Begins with the first octet's number; `expected`: what a round trip delivers at first.
    pub(crate) fn new(first: Seq, expected: u32) -> Autotune {
        // The measurement began with the handshake: longer ago than any round trip that is known now.
        Autotune { since: Instant::ZERO, from: first, best: expected, rtt_8_us: 0, echo: 0, window: None }
    }

    /// In-order data moved RCV.NXT to `nxt`; `window` octets were offered last; `timestamps`: our clock and the
    /// TSecr, when they were negotiated and the segment was a full one; `drained`: nothing waited to be read before it.
    pub(crate) fn on_data(
        &mut self,
        nxt: Seq,
        window: u32,
        timestamps: Option<(u32, u32)>,
        drained: bool,
        now: Instant,
    ) {
        // One sample per echo: later segments of a burst only show how long the burst is.
        if let Some((clock, echo)) = timestamps.filter(|&(_, echo)| echo != self.echo) {
            self.echo = echo;
            let elapsed = clock.wrapping_sub(echo);
            if elapsed < 1 << 30 {
                self.smooth(Duration::from_millis(u64::from(elapsed.max(1))), drained);
            }
        }
        match self.window {
            Some((end, _)) if nxt.lt(end) => {}
            begun => {
                if let Some((_, since)) = begun {
                    // A window takes at least a round trip: an upper bound, so only the least counts.
                    let took = micros(now.since(since)).max(1).saturating_mul(8);
                    self.rtt_8_us = if self.rtt_8_us == 0 { took } else { self.rtt_8_us.min(took) };
                }
                self.window = Some((nxt + window, now));
            }
        }
    }

    /// The application has read up to `read`, and RCV.NXT is `nxt`. Once per round trip: what was read in it, when that is
    /// more than in the best one.
    pub(crate) fn on_read(&mut self, read: Seq, nxt: Seq, now: Instant) -> Option<u32> {
        if self.rtt_8_us == 0 || micros(now.since(self.since)) < self.rtt_8_us >> 3 {
            return None;
        }
        // The measurement may have begun ahead of what was read; what still waits was not read in time.
        let copied = read.since(self.from).max(0).saturating_sub(read.distance_to(nxt) as i32).max(0) as u32;
        self.since = now;
        self.from = read;
        (copied > self.best).then_some(copied)
    }

    /// Octets of window that the next round trip may need: `copied` in the last one, or the best, with `out_of_order` octets
    /// from RCV.NXT to the end of what waits out of order.
    pub(crate) fn wanted(&mut self, copied: Option<u32>, out_of_order: u32) -> u64 {
        let (copied, best) = (copied.unwrap_or(self.best), self.best);
        // Twice for losses; and a sender in slow start doubles again while we measure, in proportion to the growth seen.
        let window = u64::from(copied) * 2;
        let growth = window * u64::from(copied.saturating_sub(best)) / u64::from(best.max(1));
        self.best = copied;
        window + growth * 2 + u64::from(out_of_order)
    }

    /// The largest offer shrank to this.
    pub(crate) fn bound(&mut self, clamp: u32) {
        self.best = self.best.min(clamp);
    }

    /// The receiver's round trip, zero while it is not known, and the octets read in the best one.
    pub(crate) fn measured(&self) -> (Duration, u32) {
        (Duration::from_micros(u64::from(self.rtt_8_us >> 3)), self.best)
    }

    /// The least sample counts at once, larger ones slowly, and not while the application lags.
    fn smooth(&mut self, sample: Duration, drained: bool) {
        let sample = micros(sample).min(500_000_000);
        let known = self.rtt_8_us;
        if known == 0 || sample.saturating_mul(8) < known {
            self.rtt_8_us = sample * 8;
        } else if drained {
            self.rtt_8_us = known - (known >> 3) + sample;
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
