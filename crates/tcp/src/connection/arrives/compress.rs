//! Acknowledgments of segments out of order wait for each other when many come (Linux `tcp_comp_sack_nr`,
//! `tcp_comp_sack_delay_ns`, `tcp_comp_sack_slack_ns`): a sender with SACK learns as much from one of them. RFC 5681 section
//! 4.2 wants each at once; the first three, by which it finds the loss, are. Not here: the deadline and the count
//! (`connection::ack`).

use crate::Seq;
use crate::connection::{Connection, Turn};
use std::time::Duration;

/// More blocks than a sender is sure to be told with the next acknowledgment (Linux's TCP_SACK_BLOCKS_EXPECTED).
const BLOCKS_TOLD: usize = 2;

impl Connection {
    /// The acknowledgment that is owed while something waits out of order: true when it may wait for the next.
    #[cold]
    pub(super) fn compresses(&mut self, turn: &Turn) -> bool {
        if !self.sack || self.ack.compressed() >= turn.knobs.tcp_comp_sack_nr {
            return false;
        }
        let nxt = self.receive.nxt;
        if self.incoming().told.is_early(nxt) {
            return false;
        }
        self.ack.compress(turn.now + self.compression(turn));
        true
    }

    /// How long the first of them waits: a twentieth of the round trip, but no longer than the knob says, and the slack of
    /// Linux's timer. The receiver's round trip counts, or the sender's when that is less; before the receiver knows one,
    /// nothing but the slack.
    fn compression(&self, turn: &Turn) -> Duration {
        let receivers = self.autotune.as_ref().map_or(Duration::ZERO, |autotune| autotune.measured().0);
        let round_trip = self.rtt.srtt().map_or(receivers, |senders| senders.min(receivers));
        let most = Duration::from_nanos(turn.knobs.tcp_comp_sack_delay_ns);
        (round_trip / 20).min(most) + Duration::from_nanos(turn.knobs.tcp_comp_sack_slack_ns)
    }

    /// Those that wait leave as one.
    #[cold]
    pub(in crate::connection) fn send_compressed(&mut self, turn: &mut Turn) {
        self.ack.send_compressed();
        self.send_ack(turn);
    }

    /// `[seq, end)` is about to be kept out of order. What it would push behind the blocks that every acknowledgment has
    /// room for is told before, and with that the new octets, too, are answered (Linux tcp_sack_new_ofo_skb).
    pub(super) fn tell_before(&mut self, seq: Seq, end: Seq, turn: &mut Turn) {
        if self.ack.compressed() > 0 && self.incoming().reassembly.place_of(seq, end) >= BLOCKS_TOLD {
            self.send_compressed(turn);
        }
    }
}
