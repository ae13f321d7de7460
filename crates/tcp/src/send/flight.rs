//! What is in flight, counted for whoever watches. Decides nothing.

use super::recovery::{Recovery, RecoveryState};
use super::scoreboard::Scoreboard;
use lastack_wire::Seq;

/// Octets between SEND.UNA and SEND.NXT by what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Selectively acknowledged.
    pub(crate) sacked: u32,
    /// Segments that duplicate acknowledgments stand for.
    pub(crate) duplicates: u16,
    /// Believed lost, sent again or not.
    pub(crate) lost: u32,
    /// Sent again.
    pub(crate) retransmitted: u32,
}

impl Recovery {
    /// The state as Linux names it.
    pub(crate) fn state(&self) -> RecoveryState {
        self.state
    }

    /// What is in flight.
    pub(crate) fn flight(&self, una: Seq) -> Flight {
        self.board.flight(una)
    }
}

impl Scoreboard {
    fn flight(&self, una: Seq) -> Flight {
        let again = self.retransmitted_end();
        Flight {
            sacked: self.sacked_octets(),
            duplicates: self.duplicates(),
            lost: self.holes(una, self.lost_end().max(una)),
            retransmitted: self.holes(una, again.max(una)),
        }
    }

    /// Octets of `[from, to)` that no block covers.
    fn holes(&self, from: Seq, to: Seq) -> u32 {
        from.distance_to(to).saturating_sub(self.sacked_octets() - self.sacked_above(to))
    }
}
