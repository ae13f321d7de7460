//! What one acknowledgment showed, gathered while it is read (Linux's FLAG_ bits and tcp_sacktag_state).

use super::rack::sent_after;
use super::recovery::{AckFacts, TimerChange};
use super::runs::Run;
use crate::{Instant, Seq};

/// See the module.
#[derive(Debug)]
pub(super) struct Evidence {
    /// SEND.UNA moves on.
    pub(super) advanced: bool,
    /// Segments were acknowledged.
    pub(super) data_acked: bool,
    /// Segments were selectively acknowledged that were not before.
    pub(super) data_sacked: bool,
    /// A D-SACK that may be believed.
    pub(super) duplicate_reported: bool,
    /// And it tells of the tail loss probe.
    pub(super) probe_came_twice: bool,
    /// Segments that the D-SACK told of.
    pub(super) came_twice: u32,
    /// Something that was sent again is among what was acknowledged.
    pub(super) repeated_acked: bool,
    /// Something that was sent once, before the recovery began, has arrived.
    pub(super) original_arrived: bool,
    /// What was SACKed is now first and unacknowledged.
    pub(super) reneged: bool,
    /// A retransmission was found lost.
    pub(super) repeated_lost: bool,
    /// A timeout was spurious.
    pub(super) timeout_was_spurious: bool,
    /// See [`super::recovery::AckDecision`].
    pub(super) path_probe_lost: bool,
    /// ECN.
    pub(super) echo: bool,
    /// Nothing but the same number: no data, no news of a window.
    bare: bool,
    /// The lowest number that others had overtaken.
    pub(super) overtaken_from: Seq,
    /// When the first and the last of what was acknowledged, and was sent once, was sent.
    pub(super) acked_sent_at: Option<(Instant, Instant)>,
    /// The same of what was selectively acknowledged.
    pub(super) sacked_sent_at: Option<(Instant, Instant)>,
    /// Segments acknowledged.
    pub(super) segments_acked: u32,
    /// The latest departure among what was delivered, and how much had been delivered by then.
    latest: Option<(Instant, Seq, u32)>,
    pub(super) timer: TimerChange,
}

impl Evidence {
    pub(super) fn new(facts: &AckFacts) -> Evidence {
        Evidence {
            advanced: facts.ack.gt(facts.una),
            data_acked: false,
            data_sacked: false,
            duplicate_reported: false,
            probe_came_twice: false,
            came_twice: 0,
            repeated_acked: false,
            original_arrived: false,
            reneged: false,
            repeated_lost: false,
            timeout_was_spurious: false,
            path_probe_lost: false,
            echo: facts.ece,
            bare: !facts.brings_data && !facts.window_moved,
            overtaken_from: facts.nxt,
            acked_sent_at: None,
            sacked_sent_at: None,
            segments_acked: 0,
            latest: None,
            timer: TimerChange::Keep,
        }
    }

    /// `run` was delivered.
    pub(super) fn delivered(&mut self, run: &Run) {
        let later = self.latest.is_none_or(|(at, end, _)| sent_after((run.sent_at, run.end), (at, end)));
        if later {
            self.latest = Some((run.sent_at, run.end, run.delivered));
        }
    }

    /// Segments that had been delivered when the latest of what this tells of was sent.
    pub(super) fn sent_when(&self) -> Option<u32> {
        self.latest.map(|(_, _, delivered)| delivered).filter(|&delivered| delivered != 0)
    }

    /// Linux tcp_ack_is_dubious, but for the state.
    pub(super) fn is_dubious(&self) -> bool {
        (self.bare && !self.data_acked) || self.data_sacked || self.echo || self.duplicate_reported
    }

    /// It says nothing that was not known, D-SACKs apart.
    pub(super) fn is_bare(&self) -> bool {
        self.bare && !self.advanced && !self.data_acked
    }

    /// Duplicate acknowledgments that it counts for (RFC 5681 section 2): SACK is none of the conditions.
    pub(super) fn duplicates(&self) -> u32 {
        u32::from(self.is_bare() && !self.duplicate_reported)
    }
}

/// Widens `span` by `at`; departures are seen in no order.
pub(super) fn widen(span: &mut Option<(Instant, Instant)>, at: Instant) {
    *span = Some(span.map_or((at, at), |(first, _)| (first, at)));
}
