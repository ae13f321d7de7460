//! Fast Open of a client (RFC 7413 section 4.2.1): a SYN that asks for a cookie, or brings one and the first octets.
//!
//! Only the first SYN does; repeated ones are ordinary. Where cookies are kept, and whether Fast Open is used at all, is the
//! stack's to say.

use super::{ActiveOpen, Peer};
use crate::connection::Connection;
use crate::handshake::send_mss;
use crate::{Arrival, Instant, Knobs, Output, Segment, Seq};
use bytes::Bytes;
use lastack_observe::{Counter, DropReason, State};
use lastack_wire::Payload;
use lastack_wire::tcp::{FastOpen, FastOpenCookie};

/// Options that middleboxes may add; Linux leaves room for as many as fit.
const OPTIONS_MAX: u16 = 40;

/// What a connect() does with Fast Open.
#[derive(Clone, Debug, Default)]
pub struct FastOpenAttempt {
    /// The option of the SYN: a cookie, or the wish for one; `None`: data without a cookie.
    pub option: Option<FastOpen>,
    /// What the SYN carries; at most [`ActiveOpen::syn_room`].
    pub octets: Bytes,
    /// The first attempt after a pause (a black hole).
    pub on_trial: bool,
}

/// What a client learned of its peer, for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenNews {
    /// The MSS of the peer's SYN-ACK.
    pub mss: u16,
    /// The cookie it gave.
    pub cookie: Option<FastOpen>,
    /// The wish for a cookie was passed over, and this was its form: `true` the experiment's.
    pub ignored: Option<bool>,
}

/// An open whose SYN waits for octets, or has left.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    plan: FastOpenAttempt,
    /// The SYN waits for the application's first octets (TCP_FASTOPEN_CONNECT).
    deferred: bool,
}

impl ActiveOpen {
    /// Lets the SYN, which has not left, do as the attempt says.
    pub fn fast_open(&mut self, attempt: FastOpenAttempt) {
        self.fast_open = Some(Box::new(Attempt { plan: attempt, deferred: false }));
    }

    /// The same, but the SYN waits for [`ActiveOpen::first_octets`]; no timer runs.
    pub fn defer(&mut self, attempt: FastOpenAttempt) {
        self.due = false;
        self.deadline = Instant::NEVER;
        self.fast_open = Some(Box::new(Attempt { plan: attempt, deferred: true }));
    }

    /// True while the SYN waits for octets.
    pub fn is_deferred(&self) -> bool {
        self.fast_open.as_ref().is_some_and(|attempt| attempt.deferred)
    }

    /// The application's first octets: the SYN is due.
    pub fn first_octets(&mut self, octets: Bytes, now: Instant) {
        if let Some(attempt) = self.fast_open.as_mut().filter(|attempt| attempt.deferred) {
            attempt.deferred = false;
            attempt.plan.octets = octets;
            self.opened = now;
            self.deadline = now + self.timeout;
            self.due = true;
        }
    }

    /// Octets that a SYN may carry to a peer whose MSS was last told as `peer_mss`.
    pub fn syn_room(&self, peer_mss: Option<u16>) -> u16 {
        let mss = peer_mss.map_or(self.offer.mss, |peer| send_mss(self.offer.mss, peer));
        mss.saturating_sub(OPTIONS_MAX)
    }

    /// Adds option and octets to the first SYN.
    pub(super) fn open_fast(&self, segment: &mut Segment, out: &mut Output) {
        let Some(attempt) = &self.fast_open else { return };
        segment.header.options.fastopen = attempt.plan.option;
        if !attempt.plan.octets.is_empty() {
            segment.payload = Payload::from(attempt.plan.octets.clone());
            out.count(Counter::OrigDataSent);
        }
    }

    /// The number after all that our SYN brought.
    pub(super) fn syn_end(&self) -> Seq {
        let octets = self.fast_open.as_ref().map_or(0, |attempt| attempt.plan.octets.len());
        self.iss + 1 + octets as u32
    }

    /// What the SYN-ACK that completes the handshake says for the next time; `None` when Fast Open was not asked for.
    pub fn fast_open_news(&self, syn_ack: &Arrival) -> Option<FastOpenNews> {
        let attempt = self.fast_open.as_ref()?;
        let asked = attempt.plan.option;
        if asked.is_none() && attempt.plan.octets.is_empty() {
            return None;
        }
        let answer = syn_ack.header.options.fastopen.filter(|_| asked.is_some());
        let ignored = match asked {
            Some(asked) if asked.cookie.is_none() && self.sent_again() == 0 && answer.is_none() => {
                Some(asked.experimental)
            }
            _ => None,
        };
        Some(FastOpenNews {
            mss: Peer::of_syn(&syn_ack.header).offer.mss,
            cookie: answer.filter(|answer| answer.cookie != FastOpenCookie::NONE),
            ignored,
        })
    }

    /// Tells the new connection what became of the SYN's octets.
    pub(super) fn hand_over_octets(
        attempt: Attempt,
        connection: &mut Connection,
        arrival: &Arrival,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        let FastOpenAttempt { option, octets, on_trial } = attempt.plan;
        if option.is_none() && octets.is_empty() {
            return;
        }
        connection.asked_for_fast_open(on_trial, failure(option));
        if !octets.is_empty() {
            connection.take_syn_octets(octets, arrival.header.ack, knobs, now, out);
        }
        if arrival.header.flags.syn() {
            connection.take_syn_ack_octets(arrival, knobs, now, out);
        }
    }

    /// The network said that a segment of ours was too big; `mss` is what fits the path now. A SYN that carried octets goes
    /// again at once, without them (Linux tcp_simple_retransmit).
    pub fn handle_too_big(&mut self, quoted: Seq, mss: u16, now: Instant, out: &mut Output) {
        let in_flight = self.sent.is_some() && quoted.ge(self.iss) && quoted.lt(self.syn_end());
        if !in_flight {
            out.count(Counter::OutOfWindowIcmps);
            return out.dropped(DropReason::StaleIcmp);
        }
        if mss >= self.offer.mss {
            return out.dropped(DropReason::StaleIcmp);
        }
        self.offer.mss = mss;
        if self.state == State::SynSent && self.syn_end() != self.iss + 1 {
            self.due = true;
            self.sent_early = true;
            self.deadline = now + self.timeout;
        }
    }

    /// TCP_INFO's fastopen_client_fail.
    pub(super) fn fast_open_failure(&self) -> u8 {
        self.fast_open.as_ref().map_or(0, |attempt| failure(attempt.plan.option))
    }

    /// Linux's tcp_fastopen_active_detect_blackhole in SYN_SENT.
    pub(super) fn suspect_black_hole(&self, given_up: bool, knobs: &Knobs, out: &mut Output) {
        let asked = self
            .fast_open
            .as_ref()
            .is_some_and(|attempt| attempt.plan.option.is_some() || !attempt.plan.octets.is_empty());
        if asked && (self.retransmits == 2 || (self.retransmits < 2 && given_up)) {
            out.suspect_black_hole(knobs);
        }
    }
}

/// TCP_INFO's fastopen_client_fail of a SYN with this option: TFO_COOKIE_UNAVAILABLE when it asks for a cookie.
fn failure(option: Option<FastOpen>) -> u8 {
    u8::from(option.is_some_and(|option| option.cookie.is_none()))
}
