//! What is needed to find out that a reduction of the window was a mistake, and to take it back: by timestamps (Eifel, RFC
//! 3522), and by D-SACKs that tell of every repetition (RFC 3708), as Linux does it.
//!
//! A window once reduced may be given back until the next reduction. Not here: the window (`congestion`) and who asks.

use crate::Seq;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undo {
    /// SEND.UNA when the reduction began; None: there is nothing to take back.
    pub(super) marker: Option<Seq>,
    /// Repetitions that no D-SACK told of; None: nothing was sent again yet.
    repetitions: Option<u32>,
    /// The threshold before; zero: not to be restored.
    pub(super) ssthresh: u32,
    /// Our timestamp clock when the first repetition left; None: none did.
    pub(super) stamp: Option<u32>,
}

impl Undo {
    /// A reduction begins; `repeated` segments are on their way again already.
    pub(super) fn begin(&mut self, una: Seq, repeated: u32) {
        self.marker = Some(una);
        self.repetitions = (repeated > 0).then_some(repeated);
    }

    /// `segments` leave again at `clock`.
    pub(super) fn repeated(&mut self, segments: u32, clock: u32) {
        self.stamp = self.stamp.or(Some(clock));
        self.repetitions = Some(self.repetitions.unwrap_or(0).saturating_add(segments));
    }

    /// A D-SACK tells that `segments` came twice.
    pub(super) fn came_twice(&mut self, segments: u32) {
        if let Some(repetitions) = self.repetitions.filter(|_| self.marker.is_some()) {
            self.repetitions = Some(repetitions.saturating_sub(segments));
        }
    }

    /// Everything that was sent again came twice.
    pub(super) fn all_came_twice(&self) -> bool {
        self.marker.is_some() && self.repetitions == Some(0)
    }

    /// The echoed timestamp is older than the first repetition.
    pub(super) fn echo_is_older(&self, echo: Option<u32>) -> bool {
        match (self.stamp, echo) {
            (Some(stamp), Some(echo)) => echo != 0 && (echo.wrapping_sub(stamp) as i32) < 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
