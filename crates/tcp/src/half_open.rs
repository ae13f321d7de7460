//! A listener's request in SYN-RECEIVED (RFC 9293 section 3.10.7.4, "SYN-RECEIVED STATE", and 3.5).
//!
//! A small record: no addresses, no buffers, no deadline; the table that holds it keeps those. The connection is
//! made when the third segment comes. Not here: simultaneous open, which is an [`crate::ActiveOpen`], and the queues.

use crate::clock::{AnswerLimit, echoed_rtt, tick, tsval};
use crate::closed::reset_for;
use crate::connection::{Connection, Established, FirstAck};
use crate::cookie::{Remembered, stamp};
use crate::handshake::{
    BareAck, Offer, echo_of_record, first_space, first_window, in_window, paws_rejects, peer_window, send_mss,
};
use crate::knobs::SocketOptions;
use crate::state::HALF_OPEN;
use crate::{Arrival, Codepoint, Instant, Knobs, Output, Segment, Seq};
use lastack_observe::{Cause, Counter, DropReason, ResetReason, State};
use lastack_wire::tcp::{Flags, Header, Timestamps};
use std::time::Duration;

pub(crate) mod fast_open;
#[cfg(test)]
mod tests;
mod timeouts;

pub use timeouts::deferred_timeouts;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct HalfOpen {
    iss: Seq,
    irs: Seq,
    ts_recent: u32,
    /// Clock tick of the first SYN-ACK.
    answered_at: u32,
    /// What is beyond the tick, in units of 4 microseconds.
    answered_beyond: u8,
    /// From the first SYN-ACK to the last, in ticks; the largest value stands for any longer time.
    answered_for: u16,
    answers: AnswerLimit,
    our_mss: u16,
    peer_mss: u16,
    window: u16,
    /// Window shifts: ours in the upper four bits, the peer's in the lower.
    shifts: u8,
    timeouts: u8,
    agreed: Agreed,
}

const _: () = assert!(size_of::<HalfOpen>() <= 32, "the stack adds 24 octets and has 56");

/// What both SYNs offered, and whether the SYN-ACK went out more than once.
#[derive(Clone, Copy, Debug, Default)]
struct Agreed(u8);

impl Agreed {
    const TIMESTAMPS: u8 = 1;
    const SACK: u8 = 2;
    const WINDOW_SCALE: u8 = 4;
    const RETRANSMITTED: u8 = 8;
    /// A bare third segment came and TCP_DEFER_ACCEPT let it pass by.
    const DEFERRED: u8 = 16;
    const ECN: u8 = 32;

    fn set(&mut self, bit: u8, on: bool) {
        self.0 |= if on { bit } else { 0 };
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What the table does with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum HalfOpenVerdict {
    /// Nothing.
    Keep,
    /// The third segment is here: [`HalfOpen::establish`], when the accept queue has room. When it has not, nothing
    /// happened yet.
    Establish,
    /// It is removed; the change was reported.
    Drop(Cause),
    /// A repeated SYN was answered with the SYN-ACK: its timer starts anew with [`HalfOpen::delay`] (TIMELINES T02d).
    Restart,
}

/// Microseconds beyond the clock's tick.
fn beyond_tick(now: Instant) -> u32 {
    (now.0 / 1000 % 1000) as u32
}

impl HalfOpen {
    /// Keeps a SYN that a listener may answer. `mss` is what the path takes, `options` are the listener's. Data in the
    /// SYN is not read (TIMELINES T24). The caller reports the edge from LISTEN with [`HalfOpen::report`].
    pub fn from_syn(
        arrival: &Arrival,
        iss: Seq,
        mss: u16,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
    ) -> HalfOpen {
        let peer = Offer::of_peer(&arrival.header);
        // A SYN that is marked itself is none that RFC 3168 section 6.1.1 knows; Linux keeps away from it.
        let marked = arrival.ecn != Codepoint::NotEct;
        let ours = Offer::ours(mss, options, knobs).answer(peer);
        let mut agreed = Agreed::default();
        agreed.set(Agreed::TIMESTAMPS, ours.timestamps);
        agreed.set(Agreed::SACK, ours.sack);
        agreed.set(Agreed::WINDOW_SCALE, ours.window_scale.is_some());
        agreed.set(Agreed::ECN, ours.ecn && !marked);
        HalfOpen {
            iss,
            irs: arrival.header.seq,
            ts_recent: arrival.header.options.timestamps.map_or(0, |ts| ts.value),
            answered_at: tick(now),
            answered_beyond: (beyond_tick(now) / 4) as u8,
            answered_for: 0,
            answers: AnswerLimit::default(),
            our_mss: ours.mss,
            peer_mss: peer.mss,
            window: first_window(ours.mss, ours.timestamps, options, knobs),
            shifts: ours.window_scale.unwrap_or(0) << 4 | peer.window_scale.unwrap_or(0),
            timeouts: 0,
            agreed,
        }
    }

    /// The request that a cookie stands for; it is complete, and [`HalfOpen::establish`] is next. When the SYN-ACK left is
    /// forgotten: only an echoed timestamp tells the round trip (TIMELINES T39).
    pub fn from_cookie(
        arrival: &Arrival,
        remembered: Remembered,
        mss: u16,
        options: &SocketOptions,
        knobs: &Knobs,
    ) -> HalfOpen {
        let Remembered { mss: peer_mss, timestamps, sack, window_scale, ecn } = remembered;
        let ours = Offer::ours(mss, options, knobs);
        let mut agreed = Agreed(Agreed::RETRANSMITTED);
        agreed.set(Agreed::TIMESTAMPS, timestamps);
        agreed.set(Agreed::SACK, sack);
        agreed.set(Agreed::WINDOW_SCALE, window_scale.is_some());
        agreed.set(Agreed::ECN, ecn);
        HalfOpen {
            iss: arrival.header.ack - 1,
            irs: arrival.header.seq - 1,
            ts_recent: arrival.header.options.timestamps.map_or(0, |ts| ts.value),
            answered_at: 0,
            answered_beyond: 0,
            answered_for: u16::MAX,
            answers: AnswerLimit::default(),
            our_mss: ours.mss,
            peer_mss,
            // Linux counts in segments of the peer here, and the timestamps not at all (measured).
            window: first_window(peer_mss, false, options, knobs),
            shifts: ours.window_scale.unwrap_or(0) << 4 | window_scale.unwrap_or(0),
            timeouts: 0,
            agreed,
        }
    }

    /// Reports that the request exists.
    pub fn report(&self, out: &mut Output) {
        HALF_OPEN.go(State::Listen, Cause::SynReceived, out);
    }

    /// The SYN-ACK: only options that the SYN offered (TIMELINES T02, T39).
    pub fn syn_ack(&self, ts_offset: u32, now: Instant) -> Segment {
        self.syn_ack_with(self.offer(), tsval(now, ts_offset))
    }

    /// The SYN-ACK of a request that is not kept: its sequence number is a cookie, its timestamp carries what the
    /// cookie cannot; without timestamps the other options are lost (TIMELINES T20b, T20f).
    pub fn cookie_syn_ack(&self, ts_offset: u32, now: Instant) -> Segment {
        let offer = self.offer();
        if !offer.timestamps {
            return self.syn_ack_with(Offer { sack: false, window_scale: None, ecn: false, ..offer }, 0);
        }
        let peer_scale = offer.window_scale.map(|_| self.shifts & 0x0f);
        self.syn_ack_with(offer, stamp(now, offer.sack, peer_scale, offer.ecn).wrapping_add(ts_offset))
    }

    fn offer(&self) -> Offer {
        Offer {
            mss: self.our_mss,
            timestamps: self.agreed.has(Agreed::TIMESTAMPS),
            sack: self.agreed.has(Agreed::SACK),
            window_scale: self.agreed.has(Agreed::WINDOW_SCALE).then_some(self.our_shift()),
            ecn: self.agreed.has(Agreed::ECN),
        }
    }

    fn syn_ack_with(&self, offer: Offer, tsval: u32) -> Segment {
        Segment {
            header: Header {
                seq: self.iss,
                ack: self.irs + 1,
                flags: Flags::SYN.with(Flags::ACK).with(if offer.ecn {
                    Flags::ECE
                } else {
                    Flags::default()
                }),
                window: self.window,
                options: offer.options(Timestamps { value: tsval, echo: self.ts_recent }),
                ..Header::default()
            },
            ..Segment::default()
        }
    }

    /// A segment of this flow arrived.
    pub fn handle_segment(
        &mut self,
        arrival: &Arrival,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> HalfOpenVerdict {
        let header = &arrival.header;
        let flags = header.flags;
        let paws = self.agreed.has(Agreed::TIMESTAMPS) && paws_rejects(arrival, self.ts_recent, 0);
        if header.seq == self.irs && flags.syn() && !flags.ack() && !flags.rst() && !paws {
            return self.answer_syn_again(ts_offset, knobs, now, out);
        }
        if flags.rst() {
            return self.handle_reset(arrival, paws, ts_offset, knobs, now, out);
        }
        if flags.ack() && header.ack != self.iss + 1 {
            // RFC 9293 checks the sequence number first; Linux the acknowledgment (matrix, SYN_RECV); so do we.
            out.dropped(DropReason::FutureAck);
            reset(arrival, ResetReason::InvalidAck, out);
            return HalfOpenVerdict::Keep;
        }
        let strange_echo = self.echoes_no_syn_ack(arrival, ts_offset);
        if paws || strange_echo || !in_window(arrival, self.irs + 1, u32::from(self.window)) {
            if paws {
                out.count(Counter::PawsEstab);
            } else if strange_echo {
                out.count(Counter::TsecrRejected);
            }
            self.refuse_number(arrival, paws || strange_echo, ts_offset, knobs, now, out);
            return HalfOpenVerdict::Keep;
        }
        if flags.syn() {
            reset(arrival, ResetReason::InvalidSyn, out);
            return drop_request(Cause::InvalidSyn, out);
        }
        if !flags.ack() {
            out.dropped(DropReason::NoAck);
            return HalfOpenVerdict::Keep;
        }
        HalfOpenVerdict::Establish
    }

    /// TS.Recent of the connection (RFC 7323 section 4.3). A segment that makes none, because the accept queue is full, leaves
    /// the request's as it was (Linux 6.18, measured).
    fn ts_recent_with(&self, third: &Arrival) -> u32 {
        let in_order = third.header.options.timestamps.filter(|_| third.header.seq.le(self.irs + 1));
        in_order.map_or(self.ts_recent, |ts| ts.value)
    }

    fn answer_syn_again(
        &mut self,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> HalfOpenVerdict {
        if !self.answers.allows(knobs, now) {
            out.count(Counter::AckSkippedSynRecv);
            out.dropped(DropReason::RateLimited);
            return HalfOpenVerdict::Keep;
        }
        self.repeat_syn_ack(ts_offset, now, out);
        HalfOpenVerdict::Restart
    }

    fn repeat_syn_ack(&mut self, ts_offset: u32, now: Instant, out: &mut Output) {
        self.agreed.set(Agreed::RETRANSMITTED, true);
        let elapsed = tick(now).wrapping_sub(self.answered_at);
        self.answered_for = u16::try_from(elapsed).unwrap_or(u16::MAX);
        out.count(Counter::SynRetrans);
        out.count(Counter::RetransSegs);
        out.event(lastack_observe::EventKind::Retransmitted { seq: self.iss.0, len: 1 });
        out.reply(self.syn_ack(ts_offset, now));
    }

    /// RFC 5961 section 3.2: exact, or challenged, or nothing.
    fn handle_reset(
        &mut self,
        arrival: &Arrival,
        paws: bool,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> HalfOpenVerdict {
        if paws {
            out.count(Counter::PawsEstab);
            out.dropped(DropReason::Paws);
        } else if self.echoes_no_syn_ack(arrival, ts_offset) {
            out.count(Counter::TsecrRejected);
            out.dropped(DropReason::Paws);
        } else if arrival.header.seq == self.irs + 1 {
            return drop_request(Cause::Reset, out);
        } else if in_window(arrival, self.irs + 1, u32::from(self.window)) {
            out.dropped(DropReason::InexactRst);
            if self.answers.allows(knobs, now) {
                out.count(Counter::ChallengeAck);
                self.acknowledge(ts_offset, now, out);
            } else {
                out.count(Counter::AckSkippedChallenge);
            }
        } else {
            out.dropped(DropReason::OutOfWindowRst);
        }
        HalfOpenVerdict::Keep
    }

    /// True when the segment echoes a timestamp that none of our SYN-ACKs carried: a blind guess (Linux 6.18, measured).
    fn echoes_no_syn_ack(&self, arrival: &Arrival, ts_offset: u32) -> bool {
        let first = self.answered_at.wrapping_add(ts_offset);
        let longest =
            if self.answered_for == u16::MAX { u32::MAX >> 1 } else { u32::from(self.answered_for) };
        self.agreed.has(Agreed::TIMESTAMPS)
            && arrival
                .header
                .options
                .timestamps
                .is_some_and(|ts| ts.echo != 0 && ts.echo.wrapping_sub(first) > longest)
    }

    fn refuse_number(
        &mut self,
        arrival: &Arrival,
        timestamps: bool,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        out.dropped(if timestamps { DropReason::Paws } else { DropReason::OutOfWindow });
        let limited = arrival.is_empty() || arrival.header.flags.syn();
        if limited && !self.answers.allows(knobs, now) {
            out.count(Counter::AckSkippedSynRecv);
            return;
        }
        self.acknowledge(ts_offset, now, out);
    }

    fn acknowledge(&self, ts_offset: u32, now: Instant, out: &mut Output) {
        let ack = BareAck {
            seq: self.iss + 1,
            ack: self.irs + 1,
            window: self.window >> self.our_shift(),
            ts_recent: echo_of_record(self.agreed.has(Agreed::TIMESTAMPS), self.ts_recent),
        };
        out.reply(ack.segment(ts_offset, now));
    }

    fn our_shift(&self) -> u8 {
        self.shifts >> 4
    }

    /// Timeouts so far.
    pub fn timeouts(&self) -> u8 {
        self.timeouts
    }

    /// Time since the first SYN-ACK, in whole milliseconds.
    pub fn age(&self, now: Instant) -> Duration {
        Duration::from_millis(u64::from(tick(now).wrapping_sub(self.answered_at)))
    }

    /// True before the first timeout: Linux's "young", which a crowded queue spares.
    pub fn is_young(&self) -> bool {
        self.timeouts == 0
    }

    /// The MSS that the peer's SYN gave.
    pub fn peer_mss(&self) -> u16 {
        self.peer_mss
    }

    /// The same request with another initial sequence number of ours.
    pub fn with_iss(self, iss: Seq) -> HalfOpen {
        HalfOpen { iss, ..self }
    }

    /// Our initial sequence number.
    pub fn iss(&self) -> Seq {
        self.iss
    }

    /// Removes the request for a reason of the caller's: `AbortOnOverflow`, `ListenerClosed`,
    /// `Unreachable`, `DeviceLost`.
    pub fn abandon(self, cause: Cause, out: &mut Output) {
        HALF_OPEN.go(State::SynRecv, cause, out);
    }

    /// Makes the connection. `arrival` is the segment whose verdict was [`HalfOpenVerdict::Establish`]; the caller then
    /// hands it to [`Connection::handle_segment`].
    pub fn establish(
        self,
        arrival: &Arrival,
        ts_offset: u32,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Connection {
        HALF_OPEN.go(State::SynRecv, Cause::SynAcked, out);
        out.count(Counter::PassiveOpens);
        let mut seed = self.seed(arrival, ts_offset, now);
        self.widen(&mut seed, options, knobs);
        Connection::new(seed, options, knobs, now)
    }

    /// The window of the SYN-ACK was more than its field can say.
    fn widen(&self, seed: &mut Established, options: &SocketOptions, knobs: &Knobs) {
        if self.window == u16::MAX {
            seed.receive_window = first_space(self.our_mss, seed.timestamps, options, knobs);
        }
    }

    fn seed(&self, arrival: &Arrival, ts_offset: u32, now: Instant) -> Established {
        let window_scale =
            self.agreed.has(Agreed::WINDOW_SCALE).then_some((self.shifts & 0x0f, self.our_shift()));
        Established {
            iss: self.iss,
            irs: self.irs,
            send_mss: send_mss(self.our_mss, self.peer_mss),
            our_mss: self.our_mss,
            send_window: peer_window(&arrival.header, window_scale.map(|(peer, _)| peer)),
            receive_window: u32::from(self.window),
            window_scale,
            timestamps: self.agreed.has(Agreed::TIMESTAMPS),
            sack: self.agreed.has(Agreed::SACK),
            ecn: self.agreed.has(Agreed::ECN),
            ts_offset,
            ts_recent: self.ts_recent_with(arrival),
            rtt: self.round_trip(arrival, ts_offset, now),
            cautious: self.timeouts > 1 && !self.echoes_first_syn_ack(arrival, ts_offset),
            segments_in: 1,
            segments_out: 0,
            sent_again: self.timeouts,
            first_ack: FirstAck::NotOwed,
        }
    }

    /// The peer answers our first SYN-ACK: it was late and not lost (Linux tcp_try_undo_spurious_syn).
    fn echoes_first_syn_ack(&self, arrival: &Arrival, ts_offset: u32) -> bool {
        let first = self.answered_at.wrapping_add(ts_offset);
        let timestamps = arrival.header.options.timestamps;
        self.agreed.has(Agreed::TIMESTAMPS) && timestamps.is_some_and(|ts| ts.echo == first)
    }

    /// From the SYN-ACK when it went out once, else from the echoed timestamp (Karn; TIMELINES T39).
    fn round_trip(&self, arrival: &Arrival, ts_offset: u32, now: Instant) -> Option<Duration> {
        if !self.agreed.has(Agreed::RETRANSMITTED) {
            let ticks = tick(now).wrapping_sub(self.answered_at);
            let micros = u64::from(ticks) * 1000 + u64::from(beyond_tick(now));
            return Some(Duration::from_micros(micros.saturating_sub(u64::from(self.answered_beyond) * 4)));
        }
        let echo = arrival.header.options.timestamps.filter(|_| self.agreed.has(Agreed::TIMESTAMPS))?;
        echoed_rtt(now, ts_offset, echo.echo)
    }
}

fn reset(arrival: &Arrival, reason: ResetReason, out: &mut Output) {
    if let Some(segment) = reset_for(arrival) {
        out.reset(segment, reason);
    }
}

fn drop_request(cause: Cause, out: &mut Output) -> HalfOpenVerdict {
    out.count(Counter::EmbryonicRsts);
    out.count(Counter::AttemptFails);
    HALF_OPEN.go(State::SynRecv, cause, out);
    HalfOpenVerdict::Drop(cause)
}
