//! TIME-WAIT, and the FIN-WAIT-2 of an orphan as its sub-state (RFC 9293 sections 3.6.1 and 3.10.7.4, RFC 6191,
//! RFC 1337).
//!
//! A small record: no addresses, no buffers, no deadline; the table that holds it keeps those. It never makes a new
//! connection: a better SYN gives the value [`TimeWaitVerdict::Reopen`], and the table asks the listener.

use crate::clock::AnswerLimit;
use crate::closed::reset_for;
use crate::handshake::{BareAck, echo_of_record, in_window, paws_rejects};
use crate::state::TIME_WAIT;
use crate::{Arrival, Instant, Knobs, Output, Seq};
use lastack_observe::{Cause, Counter, DropReason, ResetReason, State};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long TIME_WAIT lasts: Linux's constant (`Profile::time_wait` has another for teaching), whatever `tcp_fin_timeout` says (TIMELINES T05, T05b).
pub const TIME_WAIT_LENGTH: Duration = Duration::from_secs(60);

/// What a connection leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Remains {
    /// `TimeWait` or `FinWait2`.
    pub state: State,
    /// SND.NXT, our FIN included.
    pub snd_nxt: Seq,
    /// RCV.NXT, the peer's FIN included when it came.
    pub rcv_nxt: Seq,
    /// Receive window, octets.
    pub receive_window: u32,
    /// The window field of our last segment, as it goes on the wire.
    pub window_field: u16,
    /// TS.Recent, when both sides send timestamps.
    pub ts_recent: Option<u32>,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct TimeWait {
    snd_nxt: Seq,
    rcv_nxt: Seq,
    receive_window: u32,
    ts_recent: u32,
    answers: AnswerLimit,
    window_field: u16,
    timestamps: bool,
    fin_wait_2: bool,
    /// How long TIME_WAIT lasts with `Profile::tw_recycle`, milliseconds; zero: as long as always.
    recycle_ms: u16,
}

const _: () = assert!(size_of::<TimeWait>() <= 40);

/// A new connection of the same flow must take this initial sequence number, not a hashed one: it lies beyond all
/// that the old connection sent, as far as the largest unscaled window and the two FINs go (TIMELINES T06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsnFloor(pub Seq);

/// What the table does with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum TimeWaitVerdict {
    /// Nothing.
    Keep,
    /// Its timer starts anew with this delay.
    Restart(Duration),
    /// FIN_WAIT2 became TIME_WAIT: its timer starts anew with this delay.
    Enter(Duration),
    /// The segment is a SYN that may take the flow over. With a listener: remove the record, report the edge with
    /// [`TimeWait::reopen`], and make the request with this number. Without: [`TimeWait::acknowledge`]
    /// (TIMELINES T06l).
    Reopen(IsnFloor),
    /// It is removed; the change was reported.
    Kill(Cause),
}

impl TimeWait {
    /// Keeps what a connection leaves.
    pub fn new(remains: Remains) -> TimeWait {
        debug_assert!(matches!(remains.state, State::TimeWait | State::FinWait2));
        TimeWait {
            snd_nxt: remains.snd_nxt,
            rcv_nxt: remains.rcv_nxt,
            receive_window: remains.receive_window,
            ts_recent: remains.ts_recent.unwrap_or(0),
            answers: AnswerLimit::default(),
            window_field: remains.window_field,
            timestamps: remains.ts_recent.is_some(),
            fin_wait_2: remains.state == State::FinWait2,
            recycle_ms: 0,
        }
    }

    /// `TimeWait` or `FinWait2`.
    pub fn state(&self) -> State {
        if self.fin_wait_2 { State::FinWait2 } else { State::TimeWait }
    }

    /// True when both sides send timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    /// TIME_WAIT lasts only so long: `Profile::tw_recycle`.
    pub fn shorten(&mut self, length: Duration) {
        self.recycle_ms = u16::try_from(length.as_millis()).unwrap_or(u16::MAX).max(1);
    }

    fn length(&self, knobs: &Knobs) -> Duration {
        match self.recycle_ms {
            0 => knobs.profile.time_wait,
            millis => Duration::from_millis(millis.into()),
        }
    }

    /// SND.NXT: the number of any segment that this record sends.
    pub fn snd_nxt(&self) -> Seq {
        self.snd_nxt
    }

    /// A segment of this flow arrived.
    pub fn handle_segment(
        &mut self,
        arrival: &Arrival,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> TimeWaitVerdict {
        let paws = self.timestamps && paws_rejects(arrival, self.ts_recent, 0);
        if self.fin_wait_2 {
            self.handle_in_fin_wait_2(arrival, paws, ts_offset, knobs, now, out)
        } else {
            self.handle_in_time_wait(arrival, paws, ts_offset, knobs, now, out)
        }
    }

    fn handle_in_fin_wait_2(
        &mut self,
        arrival: &Arrival,
        paws: bool,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> TimeWaitVerdict {
        let flags = arrival.header.flags;
        if paws || !in_window(arrival, self.rcv_nxt, self.receive_window) {
            out.dropped(if paws { DropReason::Paws } else { DropReason::OutOfWindow });
            // RFC 9293 says a RST outside the window is dropped without an answer; Linux acknowledges it here
            // (matrix, FIN_WAIT2 orphan); we do, and the limit keeps it harmless.
            self.answer(arrival, Counter::AckSkippedFinWait2, ts_offset, knobs, now, out);
            return TimeWaitVerdict::Keep;
        }
        if flags.rst() {
            // RFC 5961 asks for the exact number; Linux takes any RST in the window here (matrix); an orphan in
            // FIN_WAIT2 has nothing to lose.
            return self.kill(Cause::Reset, out);
        }
        // One that begins before RCV.NXT passes here and is judged as what it carries besides (Linux, measured).
        if flags.syn() && arrival.header.seq.ge(self.rcv_nxt) {
            return self.refuse(arrival, Cause::InvalidSyn, out);
        }
        if !flags.ack() {
            out.dropped(DropReason::NoAck);
            return TimeWaitVerdict::Keep;
        }
        if arrival.is_empty() {
            return TimeWaitVerdict::Keep;
        }
        if arrival.end().le(self.rcv_nxt) {
            out.dropped(DropReason::Duplicate);
            return TimeWaitVerdict::Keep;
        }
        if !flags.fin() || arrival.end() != self.rcv_nxt + 1 {
            // Nobody can read data any more (TIMELINES T10).
            return self.refuse(arrival, Cause::DataAfterClose, out);
        }
        self.rcv_nxt = arrival.end();
        self.keep_timestamp(arrival);
        TIME_WAIT.go(State::FinWait2, Cause::FinReceived, out);
        self.fin_wait_2 = false;
        self.acknowledge(ts_offset, now, out);
        TimeWaitVerdict::Enter(self.length(knobs))
    }

    fn handle_in_time_wait(
        &mut self,
        arrival: &Arrival,
        paws: bool,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> TimeWaitVerdict {
        let flags = arrival.header.flags;
        let exact = arrival.header.seq == self.rcv_nxt && !paws;
        if flags.rst() {
            if paws {
                out.count(Counter::PawsTimewait);
            }
            return self.handle_reset(arrival, exact, knobs, out);
        }
        if exact && arrival.is_empty() {
            self.keep_timestamp(arrival);
            return TimeWaitVerdict::Restart(self.length(knobs));
        }
        if flags.syn() && !flags.ack() && !paws && self.is_better_syn(arrival) {
            return TimeWaitVerdict::Reopen(self.isn_floor());
        }
        if paws {
            out.count(Counter::PawsTimewait);
        }
        out.dropped(if paws { DropReason::Paws } else { DropReason::TimeWaitDuplicate });
        self.answer(arrival, Counter::AckSkippedTimeWait, ts_offset, knobs, now, out);
        // A SYN may be an old duplicate or a good one with a number below ours: it must not prolong our life
        // (TIMELINES T06, T08c).
        if paws || flags.ack() {
            return TimeWaitVerdict::Restart(self.length(knobs));
        }
        TimeWaitVerdict::Keep
    }

    /// RFC 1337: a RST that is believed ends TIME_WAIT early. Linux believes one at exactly RCV.NXT unless
    /// `tcp_rfc1337` is set (TIMELINES T08, T08b).
    fn handle_reset(
        &mut self,
        arrival: &Arrival,
        exact: bool,
        knobs: &Knobs,
        out: &mut Output,
    ) -> TimeWaitVerdict {
        if !exact {
            out.dropped(DropReason::OutOfWindowRst);
            return TimeWaitVerdict::Keep;
        }
        if knobs.tcp_rfc1337 {
            self.keep_timestamp(arrival);
            out.dropped(DropReason::Rfc1337);
            return TimeWaitVerdict::Keep;
        }
        self.kill(Cause::Reset, out)
    }

    /// A SYN that cannot be an old duplicate: a number after all that we received, or a later timestamp
    /// (RFC 1122 section 4.2.2.13, RFC 6191).
    fn is_better_syn(&self, arrival: &Arrival) -> bool {
        let later = arrival
            .header
            .options
            .timestamps
            .is_some_and(|ts| self.timestamps && (self.ts_recent.wrapping_sub(ts.value) as i32) < 0);
        later || arrival.header.seq.gt(self.rcv_nxt)
    }

    /// The number of a new connection of the same flow. Zero is passed over because Linux's tables use it for "no number".
    pub fn isn_floor(&self) -> IsnFloor {
        let seq = self.snd_nxt + 65_535 + 2;
        IsnFloor(if seq == Seq(0) { Seq(1) } else { seq })
    }

    /// TS.Recent: a new connection of the same flow begins with it.
    pub fn ts_recent(&self) -> u32 {
        self.ts_recent
    }

    /// Reports that connect() took the flow over (`tcp_tw_reuse`, TIMELINES T22).
    pub fn reuse(self, out: &mut Output) {
        out.count(Counter::TwRecycled);
        TIME_WAIT.go(self.state(), Cause::Reused, out);
    }

    /// Reports that a better SYN took the flow over.
    pub fn reopen(self, out: &mut Output) {
        TIME_WAIT.go(self.state(), Cause::Reopened, out);
    }

    /// Its timer fired: reports the end and says what ended it.
    pub fn expire(self, out: &mut Output) -> Cause {
        let cause = if self.fin_wait_2 { Cause::FinWait2Expired } else { Cause::TimeWaitExpired };
        TIME_WAIT.go(self.state(), cause, out);
        cause
    }

    /// Ends for a reason of the caller's: `DeviceLost`.
    pub fn abandon(self, cause: Cause, out: &mut Output) {
        TIME_WAIT.go(self.state(), cause, out);
    }

    /// Sends the ACK of the old connection.
    pub fn acknowledge(&self, ts_offset: u32, now: Instant, out: &mut Output) {
        let ack = BareAck {
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            window: self.window_field,
            ts_recent: echo_of_record(self.timestamps, self.ts_recent),
        };
        out.reply(ack.segment(ts_offset, now));
    }

    /// Acknowledges; what carries no octets and no FIN, and could be one half of an ACK loop, is limited.
    fn answer(
        &mut self,
        arrival: &Arrival,
        skipped: Counter,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        let limited = arrival.is_empty() || arrival.header.flags.syn();
        if limited && !self.answers.allows(knobs, now) {
            out.count(skipped);
            out.dropped(DropReason::RateLimited);
            return;
        }
        self.acknowledge(ts_offset, now, out);
    }

    fn keep_timestamp(&mut self, arrival: &Arrival) {
        if let Some(ts) = arrival.header.options.timestamps {
            self.ts_recent = ts.value;
        }
    }

    fn refuse(&self, arrival: &Arrival, cause: Cause, out: &mut Output) -> TimeWaitVerdict {
        if let Some(reset) = reset_for(arrival) {
            out.reset(reset, ResetReason::TimeWaitSocket);
        }
        self.kill(cause, out)
    }

    fn kill(&self, cause: Cause, out: &mut Output) -> TimeWaitVerdict {
        TIME_WAIT.go(self.state(), cause, out);
        TimeWaitVerdict::Kill(cause)
    }
}
