//! Proportional rate reduction: how fast the window goes down while a recovery lasts (RFC 6937, and draft-ietf-tcpm-prr-rfc6937bis
//! as Linux does it since 6.0).
//!
//! While more is in flight than the threshold, one leaves for each that arrives, scaled by the reduction; below it as many
//! as arrive, and one more for each acknowledgment that shows progress without new losses.

/// See the module. All are segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prr {
    /// The window before the reduction.
    pub(super) before: u32,
    /// Delivered since it began.
    delivered: u32,
    /// Sent since it began.
    out: u32,
}

impl Prr {
    /// A reduction begins with a window of `cwnd`.
    pub(super) fn begin(cwnd: u32) -> Prr {
        Prr { before: cwnd, delivered: 0, out: 0 }
    }

    /// `segments` were sent, for the first time or again.
    pub(super) fn sent(&mut self, segments: u32) {
        self.out = self.out.saturating_add(segments);
    }

    /// The window after an acknowledgment that told of `delivered` segments; None: as it is. `progress`: SEND.UNA moved on,
    /// and nothing was found lost.
    pub(super) fn window(
        &mut self,
        delivered: u32,
        progress: bool,
        in_flight: u32,
        ssthresh: u32,
    ) -> Option<u32> {
        if delivered == 0 || self.before == 0 {
            return None;
        }
        self.delivered = self.delivered.saturating_add(delivered);
        let (total, out) = (i64::from(self.delivered), i64::from(self.out));
        let room = i64::from(ssthresh) - i64::from(in_flight);
        let send = if room < 0 {
            (i64::from(ssthresh) * total + i64::from(self.before) - 1) / i64::from(self.before) - out
        } else {
            ((total - out).max(i64::from(delivered)) + i64::from(progress)).min(room)
        };
        // The first retransmission of a recovery does not wait.
        let send = send.max(i64::from(self.out == 0));
        Some((i64::from(in_flight) + send).clamp(0, i64::from(u32::MAX)) as u32)
    }
}

#[cfg(test)]
mod tests;
