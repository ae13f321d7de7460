//! First check: is the sequence number acceptable? PAWS comes before it (RFC 7323 section 5, RFC 9293 section 3.10.7.4).

use super::Check;
use crate::connection::{Connection, Outcome, Turn};
use crate::{Arrival, Instant};
use lastack_observe::{Counter, DropReason, State};
use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

/// An idle flow's TS.Recent is too old to judge by (RFC 7323 section 5.5).
const TS_RECENT_AGE_MAX: Duration = Duration::from_secs(24 * 24 * 3600);
/// How far TSval may run backwards (Linux's TCP_PAWS_WINDOW): some peers' processors disagree by one tick.
const TS_REPLAY: i32 = 1;

impl Connection {
    pub(super) fn check_sequence(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        self.check_timestamp(arrival, turn)?;
        let Some(reason) = self.unacceptable(arrival) else {
            return Continue(());
        };
        if arrival.header.flags.rst() {
            if self.reset_follows_fin(arrival.header.seq) {
                return Break(self.reset_by_peer(turn));
            }
            turn.out.dropped(DropReason::OutOfWindowRst);
            return Break(Outcome::Continue);
        }
        if arrival.header.flags.syn() {
            return Break(self.challenge_syn(turn));
        }
        if reason == DropReason::BeyondWindow {
            turn.out.count(Counter::BeyondWindow);
        }
        turn.out.dropped(reason);
        self.acknowledge_duplicate(arrival, Counter::AckSkippedSeq, turn);
        Break(Outcome::Continue)
    }

    /// RFC 7323 section 5.3, R1. A segment without the option passes though the flow uses it: the RFC would drop it
    /// ("SHOULD"), Linux does not.
    fn check_timestamp(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        let Some(timestamps) = arrival.header.options.timestamps.filter(|_| self.timestamps) else {
            return Continue(());
        };
        let flags = arrival.header.flags;
        if self.timestamp_passes(timestamps.value, TS_REPLAY, turn.now)
            || flags.rst()
            || self.is_reordered_ack(arrival, timestamps.value, turn)
        {
            return Continue(());
        }
        if flags.syn() {
            return Break(self.challenge_syn(turn));
        }
        if flags.ack() && arrival.is_empty() && arrival.header.seq.lt(self.receive.nxt) {
            // RFC 7323 wants an answer; Linux gives none to an acknowledgment that was merely overtaken (measured).
            turn.out.count(Counter::PawsOldAck);
            turn.out.dropped(DropReason::Paws);
            return Break(Outcome::Continue);
        }
        turn.out.count(Counter::PawsEstab);
        turn.out.dropped(DropReason::Paws);
        self.acknowledge_duplicate(arrival, Counter::AckSkippedPaws, turn);
        Break(Outcome::Continue)
    }

    pub(super) fn timestamp_passes(&self, value: u32, replay: i32, now: Instant) -> bool {
        self.ts_recent.wrapping_sub(value) as i32 <= replay
            || now.since(self.ts_recent_at) >= TS_RECENT_AGE_MAX
            || self.ts_recent == 0
    }

    /// A pure duplicate acknowledgment that was overtaken on its way is no attack: Linux lets it pass when it is at
    /// most about one RTO older.
    fn is_reordered_ack(&self, arrival: &Arrival, value: u32, turn: &Turn) -> bool {
        let header = &arrival.header;
        let replay_ms = (self.rto(turn.knobs).as_millis() * 6 / 5) as i32;
        header.flags.ack()
            && arrival.is_empty()
            && header.seq == self.receive.nxt
            && header.ack == self.send.una
            && !self.window_may_change(arrival)
            && self.ts_recent.wrapping_sub(value) as i32 <= replay_ms
    }

    /// The four cases of RFC 9293's table, as Linux words them: the end must not lie before the last number we
    /// acknowledged, the start not beyond the window. An end beyond the window is excused while nothing waits to be
    /// read, so that a full segment passes a small window.
    fn unacceptable(&self, arrival: &Arrival) -> Option<DropReason> {
        let edge = self.receive.nxt + self.receive.usable();
        let end = arrival.end();
        if end.lt(self.receive.window.acked()) {
            return Some(DropReason::OutOfWindow);
        }
        // Linux lets a FIN stand beyond the edge, and counts the peer's FIN as something that waits to be read
        // until a reader meets it or close() throws it away.
        let octets_end = end - u32::from(arrival.header.flags.fin());
        let thrown_away = self.orphan && self.state == State::LastAck;
        let queued = self.unread_octets() > 0 || (self.peer_finished && !thrown_away && !self.end_was_read);
        if arrival.header.seq.gt(edge) || (octets_end.gt(edge) && queued) {
            return Some(DropReason::BeyondWindow);
        }
        None
    }
}
