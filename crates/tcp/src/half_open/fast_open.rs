//! Fast Open of a listener (RFC 7413 section 4.2.2): a SYN whose octets are taken makes a connection that is in SYN_RECV
//! until its third segment. The request lives on inside it, for what is said before that: [`Unproven`].
//!
//! Order of tests is that of Linux's tcp_check_req for such a socket, which is not the order of an ordinary request:
//! an acknowledgment is judged last, as data of ours may be in flight, and what would end a request leaves a socket alone.

use super::{Agreed, HalfOpen};
use crate::connection::{Connection, FirstAck};
use crate::handshake::{in_window, paws_rejects};
use crate::knobs::SocketOptions;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use lastack_observe::{Counter, DropReason, ResetReason};
use lastack_wire::tcp::{Flags, Header};
use std::time::Duration;

/// The request of a connection that waits for its third segment.
#[derive(Debug)]
pub(crate) struct Unproven {
    /// As if the SYN had ended with its octets: what it acknowledges and expects lies behind them.
    record: HalfOpen,
    /// The SYN's own number.
    irs: Seq,
}

/// What a connection in SYN_RECV does with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing; whatever it demanded was sent.
    Ignore,
    /// It says once more what it expects, and challenges.
    Acknowledge,
    /// It is over.
    Reset,
    /// This is the third segment.
    Given,
}

impl HalfOpen {
    /// The connection that begins with the SYN and its octets. The caller has reported the edge from LISTEN, and sends
    /// [`Connection::fast_open_answer`].
    pub fn open_fast(
        self,
        syn: &Arrival,
        ts_offset: u32,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Connection {
        out.count(Counter::PassiveOpens);
        let irs = self.irs;
        let record = HalfOpen { irs: irs + syn.payload.len() as u32, ..self };
        let mut seed = record.seed(syn, ts_offset, now);
        // The third segment tells the round trip.
        record.widen(&mut seed, options, knobs);
        seed.rtt = None;
        seed.first_ack = FirstAck::NotOwed;
        let mut connection = Connection::new(seed, options, knobs, now);
        connection.await_proof(Unproven { record, irs }, syn, knobs, now);
        connection
    }
}

impl Unproven {
    /// The SYN-ACK: it acknowledges the SYN's octets.
    pub(crate) fn syn_ack(&self, ts_offset: u32, now: Instant) -> Segment {
        self.record.syn_ack(ts_offset, now)
    }

    /// The number of our SYN.
    pub(crate) fn iss(&self) -> Seq {
        self.record.iss
    }

    /// A segment arrived; what we sent ends before `snd_nxt`.
    pub(crate) fn handle_segment(
        &mut self,
        arrival: &Arrival,
        snd_nxt: Seq,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Proof {
        let header = &arrival.header;
        let flags = header.flags;
        let paws =
            self.record.agreed.has(Agreed::TIMESTAMPS) && paws_rejects(arrival, self.record.ts_recent, 0);
        if header.seq == self.irs && flags.syn() && !flags.ack() && !flags.rst() && !paws {
            // The timer of the SYN-ACK runs on, unlike an ordinary request's.
            let _ = self.record.answer_syn_again(ts_offset, knobs, now, out);
            return Proof::Ignore;
        }
        let next = self.record.irs + 1;
        if paws || !in_window(arrival, next, u32::from(self.record.window)) {
            return self.refuse(arrival, paws, knobs, now, out);
        }
        if let Some(ts) = header.options.timestamps.filter(|_| header.seq.le(next)) {
            self.record.ts_recent = ts.value;
        }
        if flags.rst() {
            return self.judge_reset(header, knobs, now, out);
        }
        if flags.syn() {
            // Linux: nobody outside must be able to end a socket of an application by a forged SYN.
            out.count(Counter::AttemptFails);
            out.dropped(DropReason::UnexpectedSyn);
            super::reset(arrival, ResetReason::InvalidSyn, out);
            return Proof::Ignore;
        }
        if !flags.ack() {
            out.dropped(DropReason::NoAck);
            return Proof::Ignore;
        }
        if header.ack.le(self.record.iss) || header.ack.gt(snd_nxt) {
            out.dropped(DropReason::FutureAck);
            super::reset(arrival, ResetReason::InvalidAck, out);
            return Proof::Ignore;
        }
        Proof::Given
    }

    fn refuse(
        &mut self,
        arrival: &Arrival,
        paws: bool,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Proof {
        if paws {
            out.count(Counter::PawsEstab);
        }
        out.dropped(if paws { DropReason::Paws } else { DropReason::OutOfWindow });
        if arrival.header.flags.rst() {
            return Proof::Ignore;
        }
        let limited = arrival.is_empty() || arrival.header.flags.contains(Flags::SYN);
        if limited && !self.record.answers.allows(knobs, now) {
            out.count(Counter::AckSkippedSynRecv);
            return Proof::Ignore;
        }
        Proof::Acknowledge
    }

    /// RFC 5961 section 3.2, as for an ordinary request.
    fn judge_reset(&mut self, header: &Header, knobs: &Knobs, now: Instant, out: &mut Output) -> Proof {
        if header.seq == self.record.irs + 1 {
            return Proof::Reset;
        }
        out.dropped(DropReason::InexactRst);
        if !self.record.answers.allows(knobs, now) {
            out.count(Counter::AckSkippedChallenge);
            return Proof::Ignore;
        }
        out.count(Counter::ChallengeAck);
        Proof::Acknowledge
    }

    /// The timer fired: the SYN-ACK goes out again and the next delay is returned, or `None` after `retries` times.
    pub(crate) fn handle_timeout(
        &mut self,
        retries: u8,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Option<Duration> {
        out.count(Counter::Timeouts);
        if self.record.timeouts >= retries {
            return None;
        }
        self.record.timeouts = self.record.timeouts.saturating_add(1);
        self.record.repeat_syn_ack(ts_offset, now, out);
        Some(self.record.delay(knobs))
    }

    /// Timeouts so far.
    pub(crate) fn timeouts(&self) -> u8 {
        self.record.timeouts
    }

    /// Time to the next SYN-ACK.
    pub(crate) fn delay(&self, knobs: &Knobs) -> Duration {
        self.record.delay(knobs)
    }

    /// The handshake's round trip, when the third segment tells it.
    pub(crate) fn round_trip(&self, third: &Arrival, ts_offset: u32, now: Instant) -> Option<Duration> {
        self.record.round_trip(third, ts_offset, now)
    }

    /// The SYN-ACK was late and not lost.
    pub(crate) fn was_only_late(&self, third: &Arrival, ts_offset: u32) -> bool {
        self.record.echoes_first_syn_ack(third, ts_offset)
    }
}
