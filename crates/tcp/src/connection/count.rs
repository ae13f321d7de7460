//! What is counted where, for TCP_INFO ([`Tally`]). Decides nothing.

use super::Connection;
use super::tally::{Tally, Wait};
use crate::{Arrival, Instant, Seq};
use lastack_observe::State;

impl Connection {
    pub(super) fn tally(&mut self) -> &mut Tally {
        let octets_acked = u64::from(self.opened);
        self.tally.get_or_insert_with(|| Box::new(Tally { octets_acked, ..Tally::default() }))
    }

    /// Segments that the peer needed for this many octets: the device may have joined them.
    pub(super) fn segments_of(&self, octets: u32) -> u32 {
        octets.div_ceil(u32::from(self.receive.mss.max(1))).max(1)
    }

    pub(super) fn count_arrival(&mut self, arrival: &Arrival) {
        let octets = arrival.payload.len() as u32;
        let segments = self.segments_of(octets);
        self.segments_in = self.segments_in.wrapping_add(segments);
        if octets > 0 {
            let tally = self.tally();
            tally.data_in = tally.data_in.wrapping_add(segments);
        }
    }

    /// RCV.NXT was `before` the segment.
    pub(super) fn count_received(&mut self, before: Seq) {
        let taken = before.distance_to(self.receive.nxt);
        if taken > 0 {
            self.tally().octets_received += u64::from(taken);
        }
    }

    /// A segment with `len` octets leaves, which the device cuts into pieces of `mss`; `header()` counted one.
    pub(super) fn count_data_out(&mut self, len: u32, mss: u16) {
        if len == 0 {
            return;
        }
        let pieces = len.div_ceil(u32::from(mss.max(1)));
        self.segments_out = self.segments_out.wrapping_add(pieces - 1);
        let tally = self.tally();
        tally.data_out = tally.data_out.wrapping_add(pieces);
        tally.octets_sent += u64::from(len);
    }

    /// New numbers up to `end` left; `first`: nothing was in flight.
    pub(super) fn count_sent(&mut self, end: Seq, first: bool, now: Instant) {
        let app_limited = self.send.unsent() == 0;
        let tally = self.tally();
        tally.rate.sent(end, first, tally.octets_acked, app_limited, now);
    }

    pub(super) fn count_sent_again(&mut self, len: u32) {
        let pieces = len.div_ceil(u32::from(self.effective_mss().max(1))).max(1);
        let tally = self.tally();
        tally.again = tally.again.wrapping_add(pieces);
        tally.octets_again += u64::from(len);
        tally.rate.spoil();
    }

    /// SND.UNA moved on by `acked`; of that `marked` segments with an ECN echo.
    pub(super) fn count_acknowledged(&mut self, acked: u32, marked: u32, now: Instant) {
        let (una, least) = (self.send.una, self.rtt.least().unwrap_or_default());
        let tally = self.tally();
        tally.octets_acked += u64::from(acked);
        tally.marked = tally.marked.wrapping_add(marked);
        tally.timeouts.ended(now);
        tally.rate.acked(una, tally.octets_acked, least, now);
    }

    /// A writer found no room in the send buffer, or found some again.
    pub fn set_writer_waits(&mut self, waits: bool, now: Instant) {
        if self.writer_waits != waits {
            self.writer_waits = waits;
            self.note_wait(now);
        }
    }

    /// Notes what sending waits for from now on.
    pub(super) fn note_wait(&mut self, now: Instant) {
        let wait = self.wait();
        if wait != Wait::Idle || self.tally.is_some() {
            self.tally().waits.enter(wait, now);
        }
    }

    /// Linux's tcp_chrono, without its memory of what went before.
    fn wait(&self) -> Wait {
        if self.send.una == self.send.end || self.state == State::Closed {
            return Wait::Idle;
        }
        let (unsent, mss) = (self.send.unsent(), u32::from(self.effective_mss()));
        if unsent == 0 {
            let writes = matches!(self.state, State::Established | State::CloseWait);
            let starved = self.writer_waits && writes && self.congestion_room(mss) > 0;
            return if starved { Wait::Buffer } else { Wait::Network };
        }
        let window = self.send.usable();
        let short = window == 0 || window < (unsent - u32::from(self.fin_queued)).min(mss);
        if short && self.congestion_room(mss) > 0 { Wait::Window } else { Wait::Network }
    }
}
