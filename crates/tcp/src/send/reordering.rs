//! How far segments of this connection were seen to overtake each other (Linux's tp->reordering; RFC 4653 calls the idea
//! adaptive). Three at first, tcp_max_reordering at most; a timeout after doubtful acknowledgments takes it back.
//!
//! Not here: what follows from the degree (`rack` for SACK, `alert` for duplicate acknowledgments).

use crate::{Knobs, Output, Seq};
use lastack_observe::Counter;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reordering {
    /// Segments; zero stands for the knob as long as nothing was seen.
    degree: u32,
    /// How often it was seen.
    pub(super) seen: u32,
}

impl Reordering {
    pub(super) fn new() -> Reordering {
        Reordering { degree: 0, seen: 0 }
    }

    /// The degree, in segments.
    pub(super) fn degree(&self, knobs: &Knobs) -> u32 {
        if self.degree == 0 { knobs.tcp_reordering } else { self.degree }
    }

    /// The degree that whoever has no knobs may tell.
    pub(super) fn degree_or(&self, usual: u32) -> u32 {
        if self.degree == 0 { usual } else { self.degree }
    }

    /// An octet from `low` on arrived although all up to `high` was thought to be there (Linux tcp_check_sack_reordering).
    pub(super) fn overtaken(
        &mut self,
        low: Seq,
        high: Seq,
        mss: u32,
        by: Counter,
        knobs: &Knobs,
        out: &mut Output,
    ) {
        if low.ge(high) {
            return;
        }
        let metric = low.distance_to(high);
        if u64::from(metric) > u64::from(self.degree(knobs)) * u64::from(mss) && mss > 0 {
            self.degree = metric.div_ceil(mss).min(knobs.tcp_max_reordering).max(1);
        }
        self.seen = self.seen.saturating_add(1);
        out.count(by);
    }

    /// More duplicate acknowledgments came than segments can be missing: `segments` were reordered (tcp_check_reno_reordering).
    pub(super) fn too_many_duplicates(&mut self, segments: u32, knobs: &Knobs, out: &mut Output) {
        self.degree = segments.min(knobs.tcp_max_reordering).max(1);
        self.seen = self.seen.saturating_add(1);
        out.count(Counter::RenoReorder);
    }

    /// A timeout came although many segments behind the loss had arrived: the degree was overestimated.
    pub(super) fn was_overestimated(&mut self, knobs: &Knobs) {
        self.degree = self.degree(knobs).min(knobs.tcp_reordering);
    }

    /// True when nothing was seen.
    pub(super) fn is_fresh(&self) -> bool {
        self.degree == 0 && self.seen == 0
    }
}

#[cfg(test)]
mod tests;
