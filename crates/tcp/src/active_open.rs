//! An active open: SYN-SENT, and the SYN-RECEIVED of a simultaneous open (RFC 9293 sections 3.5, 3.10.7.3 and
//! 3.10.7.4).
//!
//! Not here: the SYN-RECEIVED of a listener, which is a [`crate::HalfOpen`], and everything after the handshake.

use crate::clock::{AnswerLimit, echoed_rtt, tsval};
use crate::closed::reset_for;
use crate::connection::{Connection, Established, FirstAck};
use crate::handshake::{
    BareAck, FIRST_TIMEOUT_SECONDS, Offer, first_space, paws_rejects, peer_window, send_mss,
};
use crate::knobs::SocketOptions;
use crate::send::rto::RTO_INITIAL;
use crate::state::ACTIVE_OPEN;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use lastack_observe::{Cause, Counter, DropReason, EventKind, ResetReason, State, TcpInfo, Unreachable};
use lastack_wire::tcp::{Flags, Header, Timestamps};
use std::time::Duration;

mod fast_open;
mod syn_received;
mod syn_sent;
#[cfg(test)]
mod tests;

pub use fast_open::{FastOpenAttempt, FastOpenNews};

/// One active open.
#[derive(Clone, Debug)]
pub struct ActiveOpen {
    state: State,
    iss: Seq,
    ts_offset: u32,
    offer: Offer,
    /// Octets that we offer.
    window: u32,
    /// What the peer's SYN brought, once one came.
    peer: Option<Peer>,
    /// TS.Recent of the TIME_WAIT that was taken over; the SYN echoes it, as Linux's does.
    inherited_ts: u32,
    /// When connect() was called; give-up times count from here.
    opened: Instant,
    /// When the last SYN left; `None` before the first.
    sent: Option<Instant>,
    deadline: Instant,
    /// The timer's present length.
    timeout: Duration,
    retransmits: u8,
    /// The SYN went once more before its time, for the path did not take it.
    sent_early: bool,
    /// A SYN (or SYN-ACK) is to be sent.
    due: bool,
    /// A SYN asks for ECN. An answer to an earlier one that did still counts.
    asks_ecn: bool,
    answers: AnswerLimit,
    /// What the segment that completed the handshake demands.
    first_ack: FirstAck,
    /// A write waits, so data are near.
    write_waits: bool,
    /// What an ICMP message ended it with.
    unreachable: Option<Unreachable>,
    /// The SYN asks for Fast Open, or brings octets.
    fast_open: Option<Box<fast_open::Attempt>>,
}

/// What the peer's SYN brought.
#[derive(Clone, Copy, Debug)]
struct Peer {
    irs: Seq,
    offer: Offer,
    ts_recent: u32,
    window: u16,
}

impl Peer {
    fn of_syn(header: &Header) -> Peer {
        Peer {
            irs: header.seq,
            offer: Offer::of_peer(header),
            ts_recent: header.options.timestamps.map_or(0, |ts| ts.value),
            window: header.window,
        }
    }
}

/// What the caller does with the open after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ActiveVerdict {
    /// It goes on.
    Keep,
    /// The handshake is done: [`ActiveOpen::establish`].
    Establish,
    /// It is over; the change was reported. `Refused` is ECONNREFUSED, `Reset` ECONNRESET, `TimedOut` ETIMEDOUT,
    /// `Unreachable` what [`ActiveOpen::unreachable`] says.
    Fail(Cause),
}

impl ActiveOpen {
    /// connect(): a SYN is due at once. `mss` is what the path takes.
    pub fn new(
        iss: Seq,
        ts_offset: u32,
        mss: u16,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
    ) -> ActiveOpen {
        // Asked for only by 1; 2 agrees when it is asked.
        let offer = Offer { ecn: knobs.tcp_ecn == 1, ..Offer::ours(mss, options, knobs) };
        let timeout = Duration::from_secs(u64::from(FIRST_TIMEOUT_SECONDS));
        ActiveOpen {
            state: State::SynSent,
            iss,
            ts_offset,
            offer,
            window: first_space(offer.mss, false, options, knobs),
            peer: None,
            inherited_ts: 0,
            opened: now,
            sent: None,
            deadline: now + timeout,
            timeout,
            retransmits: 0,
            sent_early: false,
            due: true,
            asks_ecn: offer.ecn,
            answers: AnswerLimit::default(),
            first_ack: FirstAck::Now,
            write_waits: false,
            unreachable: None,
            fast_open: None,
        }
    }

    /// The flow was in TIME_WAIT, and this was its TS.Recent. That the peer has timestamps is known, so the first window
    /// counts in the segments that they leave (Linux 6.18, measured: 65160).
    pub fn inherit(&mut self, ts_recent: u32, options: &SocketOptions, knobs: &Knobs) {
        self.inherited_ts = ts_recent;
        self.window = first_space(self.offer.mss, true, options, knobs);
    }

    /// The application waits in a write: the third segment can wait for its data.
    pub fn await_write(&mut self) {
        self.write_waits = true;
    }

    /// The SYN, or in SYN-RECEIVED the SYN-ACK, when one is due. The first one reports the edge from CLOSED.
    pub fn poll_transmit(&mut self, now: Instant, knobs: &Knobs, out: &mut Output) -> Option<Segment> {
        if !self.due {
            return None;
        }
        self.due = false;
        let first = self.sent.replace(now).is_none();
        // Some routers drop what asks for ECN (RFC 3168 section 6.1.1.1).
        self.asks_ecn &= first || !knobs.tcp_ecn_fallback;
        let mut segment = self.syn(now);
        if first {
            out.count(Counter::ActiveOpens);
            ACTIVE_OPEN.go(State::Closed, Cause::ActiveOpen, out);
            self.open_fast(&mut segment, out);
        } else {
            segment.again = true;
            out.count(Counter::SynRetrans);
            out.count(Counter::RetransSegs);
            out.event(EventKind::Retransmitted { seq: self.iss.0, len: 1 });
        }
        Some(segment)
    }

    /// True when [`ActiveOpen::poll_transmit`] would return a segment.
    pub fn has_work(&self) -> bool {
        self.due
    }

    /// A SYN before the peer's came, a SYN-ACK with the same number after (TIMELINES T15). Its options are the SYN's
    /// own: each side has said already what it can.
    fn syn(&self, now: Instant) -> Segment {
        let ts_recent = self.peer.map_or(self.inherited_ts, |peer| peer.ts_recent);
        let options = self.offer.options(Timestamps { value: tsval(now, self.ts_offset), echo: ts_recent });
        let flags = match self.peer {
            Some(peer) if self.offer.ecn && peer.offer.ecn => Flags::SYN.with(Flags::ACK).with(Flags::ECE),
            Some(_) => Flags::SYN.with(Flags::ACK),
            None if self.asks_ecn => Flags::SYN.with(Flags::ECE).with(Flags::CWR),
            None => Flags::SYN,
        };
        Segment {
            header: Header {
                seq: self.iss,
                ack: self.peer.map_or(Seq(0), |peer| peer.irs + 1),
                flags,
                window: u16::try_from(self.window).unwrap_or(u16::MAX),
                options,
                ..Header::default()
            },
            ..Segment::default()
        }
    }

    /// A segment of this flow arrived. Octets in a SYN are not read, nor those of a SYN-ACK unless Fast Open was asked for;
    /// the peer sends them again.
    pub fn handle_segment(
        &mut self,
        arrival: &Arrival,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        match self.peer.filter(|_| self.state == State::SynRecv) {
            Some(peer) => self.handle_in_syn_received(arrival, peer, knobs, now, out),
            None => self.handle_in_syn_sent(arrival, now, out),
        }
    }

    /// The deadline passed: another SYN is due, or the peer is given up.
    ///
    /// Linux gives up when the retransmissions are used up (`tcp_syn_retries` or TCP_SYNCNT, and in SYN-SENT
    /// `tcp_syn_linear_timeouts` more), or when as much time has passed as `tcp_syn_retries` doublings take, or
    /// TCP_USER_TIMEOUT when that is set (TIMELINES T01-T01d, T15b).
    pub fn handle_timeout(
        &mut self,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        if now < self.deadline {
            return ActiveVerdict::Keep;
        }
        out.count(Counter::Timeouts);
        let retries = options.syncnt.unwrap_or(knobs.tcp_syn_retries);
        let linear = if self.state == State::SynSent { knobs.tcp_syn_linear_timeouts } else { 0 };
        let used_up = u32::from(self.retransmits) >= u32::from(retries) + u32::from(linear);
        let limit = options.user_timeout.unwrap_or_else(|| doublings(retries, knobs));
        let elapsed = now.since(self.opened);
        let given_up = used_up || (self.retransmits > 0 && elapsed >= limit);
        self.suspect_black_hole(given_up, knobs, out);
        if given_up {
            out.count(Counter::AbortOnTimeout);
            return self.fail(Cause::TimedOut, out);
        }
        if self.retransmits > 0 {
            out.count(Counter::LostRetransmit);
        }
        out.count(Counter::TimeoutRehash);
        self.retransmits = self.retransmits.saturating_add(1);
        if self.state != State::SynSent || self.retransmits > linear {
            let longest = Duration::from_millis(u64::from(knobs.tcp_rto_max_ms));
            self.timeout = (self.timeout * 2).min(longest);
        }
        let left = options.user_timeout.map(|limit| limit.saturating_sub(elapsed).max(SOON));
        self.deadline = now + left.map_or(self.timeout, |left| left.min(self.timeout));
        self.due = true;
        ActiveVerdict::Keep
    }

    /// When [`ActiveOpen::handle_timeout`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        (self.deadline != Instant::NEVER).then_some(self.deadline)
    }

    /// An ICMP message says that the peer cannot be reached; `quoted` is the number of the segment it quotes.
    ///
    /// RFC 1122 section 4.2.3.9 wants connect() to go on after most codes; Linux ends it whatever the code, so that an
    /// application with several addresses tries the next; so do we.
    pub fn handle_unreachable(
        &mut self,
        quoted: Seq,
        reason: Unreachable,
        out: &mut Output,
    ) -> ActiveVerdict {
        if quoted != self.iss {
            out.count(Counter::OutOfWindowIcmps);
            out.dropped(DropReason::StaleIcmp);
            return ActiveVerdict::Keep;
        }
        out.event(EventKind::PeerUnreachable { reason });
        self.unreachable = Some(reason);
        self.fail(Cause::Unreachable, out)
    }

    /// What the ICMP message said that ended it.
    pub fn unreachable(&self) -> Option<Unreachable> {
        self.unreachable
    }

    /// close(): SYN-SENT ends without a word (TIMELINES T01e). SYN-RECEIVED comes back and goes on; the caller
    /// closes the connection as soon as it is established (RFC 9293 section 3.10.4).
    pub fn close(self, out: &mut Output) -> Option<ActiveOpen> {
        if self.state == State::SynRecv {
            return Some(self);
        }
        self.end(Cause::Close, out);
        None
    }

    /// ABORT, or the end of the device: RST when the peer knows of us (RFC 9293 section 3.10.5).
    pub fn abort(mut self, cause: Cause, now: Instant, out: &mut Output) {
        if let Some(peer) = self.peer.filter(|_| cause == Cause::Abort) {
            let mut segment = self.bare_ack(peer).segment(self.ts_offset, now);
            segment.header.flags = Flags::RST.with(Flags::ACK);
            out.reset(segment, ResetReason::AbortByUser);
        }
        self.end(cause, out);
    }

    /// Reports the end; an open that never sent its SYN was never reported to exist.
    fn end(&self, cause: Cause, out: &mut Output) {
        if self.sent.is_some() {
            ACTIVE_OPEN.go(self.state, cause, out);
        }
    }

    fn fail(&mut self, cause: Cause, out: &mut Output) -> ActiveVerdict {
        out.count(Counter::AttemptFails);
        self.end(cause, out);
        ActiveVerdict::Fail(cause)
    }

    /// Offers the window in whole units of the scale, and stands by that from then on.
    fn bare_ack(&mut self, peer: Peer) -> BareAck {
        let agreed = self.offer.answer(peer.offer);
        let shift = agreed.window_scale.unwrap_or(0);
        self.window = self.window.next_multiple_of(1 << shift);
        // A number beyond a closed window is none (Linux tcp_acceptable_seq).
        let closed = peer.window == 0 && agreed.window_scale.is_none();
        BareAck {
            seq: if closed { self.iss } else { self.syn_end() },
            ack: peer.irs + 1,
            window: u16::try_from(self.window >> shift).unwrap_or(u16::MAX),
            ts_recent: agreed.timestamps.then_some(peer.ts_recent),
        }
    }

    /// `SynSent` or `SynRecv`.
    pub fn state(&self) -> State {
        self.state
    }

    /// Retransmissions so far.
    pub fn retransmits(&self) -> u8 {
        self.retransmits
    }

    /// The same with a SYN that no timer sent again.
    fn sent_again(&self) -> u8 {
        self.retransmits.saturating_add(u8::from(self.sent_early))
    }

    /// What TCP_INFO tells before there is a connection. Our SYN is what is in flight.
    pub fn info(&self, now: Instant) -> TcpInfo {
        let again = u32::from(self.sent_again());
        TcpInfo {
            retransmits: self.retransmits,
            fastopen_client_fail: self.fast_open_failure(),
            backoff: (self.timeout.as_micros() / RTO_INITIAL.as_micros()).max(1).ilog2() as u8,
            rto_us: u32::try_from(self.timeout.as_micros()).unwrap_or(u32::MAX),
            // Linux queues what a SYN brings as a packet of its own.
            unacked: match self.sent {
                Some(_) if self.syn_end() != self.iss + 1 => 2,
                sent => u32::from(sent.is_some()),
            },
            retrans: again.min(1),
            lost: again.min(1),
            total_retrans: again,
            total_rto: u16::from(self.retransmits),
            total_rto_recoveries: u16::from(self.retransmits > 0),
            rehash: u32::from(self.retransmits),
            segs_out: again + u32::from(self.sent.is_some()),
            advmss: u32::from(self.offer.mss),
            last_data_sent_ms: u32::try_from(now.since(self.opened).as_millis()).unwrap_or(u32::MAX),
            ..TcpInfo::fresh()
        }
    }

    /// Makes the connection. `arrival` is the segment whose verdict was [`ActiveVerdict::Establish`]; the caller then
    /// hands it to [`Connection::handle_segment`] unless it carries SYN, which this type has dealt with. What acknowledged
    /// nothing and was taken all the same acknowledges our SYN from here on, so that its text and its FIN count.
    pub fn establish(
        mut self,
        arrival: &mut Arrival,
        options: &SocketOptions,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> Connection {
        let cause = if arrival.header.flags.syn() { Cause::SynAckReceived } else { Cause::SynAcked };
        ACTIVE_OPEN.go(self.state, cause, out);
        if arrival.header.ack == self.iss {
            arrival.header.ack = self.iss + 1;
        }
        let attempt = self.fast_open.take();
        let mut connection = Connection::new(self.seed(arrival, options, now), options, knobs, now);
        connection.count_syn_as_acknowledged();
        if self.first_ack == FirstAck::NowWithDuplicateSyn {
            connection.report_duplicate_syn(knobs, now, out);
        }
        if let Some(peer) = self.peer {
            connection.inherit_from_crossing(peer.window.into(), self.answers);
        }
        if let Some(attempt) = attempt {
            ActiveOpen::hand_over_octets(*attempt, &mut connection, arrival, knobs, now, out);
        }
        connection
    }

    fn seed(&self, arrival: &Arrival, options: &SocketOptions, now: Instant) -> Established {
        let header = &arrival.header;
        let peer = self.peer.unwrap_or_else(|| Peer::of_syn(header));
        let agreed = self.offer.answer(peer.offer);
        let window_scale = agreed.window_scale.zip(peer.offer.window_scale).map(|(ours, its)| (its, ours));
        let patient = options.quickack == Some(false) || options.defer_accept > 0 || self.write_waits;
        let first_ack = match self.first_ack {
            FirstAck::Now if patient => FirstAck::WithData,
            other => other,
        };
        Established {
            iss: self.iss,
            irs: peer.irs,
            send_mss: send_mss(self.offer.mss, peer.offer.mss),
            our_mss: self.offer.mss,
            send_window: peer_window(header, window_scale.map(|(its, _)| its)),
            receive_window: self.window,
            window_scale,
            timestamps: agreed.timestamps,
            sack: agreed.sack,
            ecn: agreed.ecn,
            ts_offset: self.ts_offset,
            // A SYN-ACK that crosses ours is not handed on, so its timestamp counts here (RFC 7323 section 4.3).
            ts_recent: header
                .options
                .timestamps
                .filter(|_| header.flags.syn() || header.seq.le(peer.irs + 1))
                .filter(|ts| ts.value.wrapping_sub(peer.ts_recent) as i32 >= 0)
                .map_or(peer.ts_recent, |ts| ts.value),
            segments_in: 1,
            segments_out: 1 + u32::from(self.sent_again()),
            sent_again: self.sent_again(),
            rtt: self.round_trip(header, agreed.timestamps, now),
            cautious: self.sent_again() > 1 && !self.echoes_first_syn(header, agreed.timestamps),
            first_ack,
        }
    }

    /// The peer answers our first SYN: it was late and not lost (Linux tcp_try_undo_spurious_syn).
    fn echoes_first_syn(&self, header: &Header, timestamps: bool) -> bool {
        let first = tsval(self.opened, self.ts_offset);
        header.options.timestamps.is_some_and(|ts| timestamps && ts.echo == first)
    }

    /// From the SYN when it went out once, else from the echoed timestamp (Karn; TIMELINES T39).
    fn round_trip(&self, header: &Header, timestamps: bool, now: Instant) -> Option<Duration> {
        match self.sent {
            Some(sent) if self.sent_again() == 0 => Some(now.since(sent)),
            _ => {
                let echo = header.options.timestamps.filter(|_| timestamps)?;
                echoed_rtt(now, self.ts_offset, echo.echo)
            }
        }
    }
}

/// What is left for a timer whose TCP_USER_TIMEOUT has passed already: a tick of Linux's clock at 250 Hz.
const SOON: Duration = Duration::from_millis(4);

/// The time that `retries` doublings of the first timeout take, none longer than `tcp_rto_max_ms`: 127 s for 6.
fn doublings(retries: u8, knobs: &Knobs) -> Duration {
    let longest = Duration::from_millis(u64::from(knobs.tcp_rto_max_ms));
    let mut timeout = Duration::from_secs(u64::from(FIRST_TIMEOUT_SECONDS));
    let mut sum = Duration::ZERO;
    for _ in 0..=retries {
        sum += timeout;
        timeout = (timeout * 2).min(longest);
    }
    sum
}
