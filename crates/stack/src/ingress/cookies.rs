//! SYN cookies of a listener: when a SYN is answered with one, and when a third segment may bring one back.
//!
//! What a cookie says is in `lastack_tcp::cookie`. Order of tests and counters are Linux's (TIMELINES T20, T20e, T09d).

use super::handshake::Third;
use crate::egress::path_mss;
use crate::flows::FlowRef;
use crate::index::{Tuple, hash_tuple};
use crate::stack::Stack;
use lastack_observe::{Counter, DropReason, EventKind, Instant, Refusal, ResetReason};
use lastack_tcp::cookie::COOKIE_LIFE;
use lastack_tcp::{Arrival, HalfOpen, Secret, Seq, isn};
use rand_core::Rng;

impl Stack {
    /// Changes the secret of cookies when it has served long enough.
    pub(super) fn renew_cookie_secret(&mut self, now: Instant, rng: &mut dyn Rng) {
        if self.cookies.is_old(now) {
            self.cookies.rotate(Secret::new([rng.next_u64(), rng.next_u64()]), now);
        }
    }

    /// The queue of half-open requests is full, or cookies are always sent: false when the SYN is dropped instead.
    pub(super) fn wants_cookie(&mut self, number: u16) -> bool {
        let mode = self.config.knobs.tcp_syncookies;
        let proxy = self.listeners.get(number).is_some_and(|listener| listener.options.syn_proxy);
        let cookies = proxy || mode != 0;
        self.out.count(if cookies { Counter::ReqQFullDoCookies } else { Counter::ReqQFullDrop });
        if let Some(listener) = self.listeners.get_mut(number)
            && mode != 2
            && !proxy
            && !std::mem::replace(&mut listener.flood_told, true)
        {
            // Linux writes its log line once per listener, too.
            self.out.event(EventKind::SynFloodSuspected { cookies });
        }
        if !cookies {
            self.turn_down(DropReason::SynQueueFull, Refusal::SynQueueFull);
        }
        cookies
    }

    /// Answers a SYN and keeps nothing but the time.
    pub(super) fn answer_with_cookie(&mut self, number: u16, tuple: Tuple, arrival: &Arrival) {
        let Some(listener) = self.listeners.get_mut(number) else { return };
        listener.overflowed = Some(self.now);
        let knobs = &self.config.knobs;
        let offset = isn::timestamp_offset(&self.secret, &tuple, knobs);
        let mss = path_mss(self.config.mtu, &tuple);
        let record = HalfOpen::from_syn(arrival, Seq(0), mss, &listener.options, knobs, self.now);
        let cookie = self.cookies.mint(&tuple, arrival.header.seq, record.peer_mss(), self.now);
        let answer = record.with_iss(cookie).cookie_syn_ack(offset, self.now);
        self.out.count(Counter::SyncookiesSent);
        self.out.event(EventKind::CookieSent);
        self.out.reply(answer);
    }

    /// The listener for this flow, when it is a SYN proxy.
    pub(super) fn syn_proxy_for(&self, tuple: &Tuple) -> Option<u16> {
        let number = self.listeners.find(tuple.local, hash_tuple(self.shard_key, tuple))?;
        self.listeners.get(number).filter(|listener| listener.options.syn_proxy).map(|_| number)
    }

    /// A SYN proxy leaves a TIME_WAIT alone until a third segment proves the peer, so that a forged SYN ends nothing: true
    /// when this is it.
    pub(super) fn cookie_takes_over(&mut self, wait: FlowRef, tuple: Tuple, arrival: &Arrival) -> bool {
        let flags = arrival.header.flags;
        if !flags.ack() || flags.syn() || flags.rst() {
            return false;
        }
        let Some(number) = self.syn_proxy_for(&tuple) else { return false };
        let knobs = &self.config.knobs;
        let offset = isn::timestamp_offset(&self.secret, &tuple, knobs);
        if self.cookies.check(&tuple, arrival, offset, knobs, self.now).is_none() {
            return false;
        }
        let Some((&record, _)) = self.flows.slabs.waits.get(wait) else { return false };
        self.end_wait(wait);
        record.reopen(&mut self.out);
        self.take_cookie(number, tuple, arrival)
    }

    /// A third segment for which there is no request: true when a cookie was due, and it is dealt with.
    pub(super) fn take_cookie(&mut self, number: u16, tuple: Tuple, arrival: &Arrival) -> bool {
        let flags = arrival.header.flags;
        let Some(listener) = self.listeners.get(number) else { return false };
        let recent = listener.overflowed.is_some_and(|at| self.now.since(at) <= COOKIE_LIFE);
        let cookies = listener.options.syn_proxy || self.config.knobs.tcp_syncookies != 0;
        if !cookies || flags.syn() || flags.rst() || !recent {
            return false;
        }
        let knobs = &self.config.knobs;
        let offset = isn::timestamp_offset(&self.secret, &tuple, knobs);
        let Some(remembered) = self.cookies.check(&tuple, arrival, offset, knobs, self.now) else {
            self.out.count(Counter::SyncookiesFailed);
            self.out.dropped(DropReason::BadCookie);
            if let Some(reset) = lastack_tcp::reset_for(arrival) {
                self.out.reset(reset, ResetReason::InvalidAck);
            }
            return true;
        };
        self.out.count(Counter::SyncookiesRecv);
        let mss = path_mss(self.config.mtu, &tuple);
        let record = HalfOpen::from_cookie(arrival, remembered, mss, &listener.options, knobs);
        let arrival = arrival.clone();
        self.admit_cookie(record, Third { number, tuple, offset, arrival });
        true
    }
}
