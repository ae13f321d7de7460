//! Packets in: IP, then ICMP or TCP, then the one flow, listener or nobody that a segment is for.
//!
//! Every packet costs the same however many flows there are. Whatever is thrown away is counted and reported.

mod cookies;
mod fast_open;
mod handshake;
pub(crate) mod icmp;

use crate::flows::{FlowKind, FlowRef};
use crate::fragments::Verdict;
use crate::index::{Tuple, hash_tuple};
use crate::message::Kind;
use crate::socket::cell::Cell;
use crate::stack::Stack;
use crate::{Message, ShardId};
use lastack_observe::{Cause, Counter, DropReason, EventKind, Flow, Instant, Refusal, ResetReason};
use lastack_tcp::{Arrival, Codepoint, ListenVerdict, TimeWaitVerdict, isn, judge_in_listen, reset_for};
use lastack_wire::packet::{self, Parsed};
use lastack_wire::{Frame, ParseError, Protocol, tcp};
use rand_core::Rng;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Packets for ourselves that one call takes in, so that a flow that talks to itself cannot keep it for ever.
const LOOPBACK_PER_CALL: usize = 64;

/// What a peer takes over IPv6 that does not say (RFC 9293 section 3.7.1: the least MTU without headers).
const MSS_DEFAULT_IPV6: u16 = 1220;

impl Stack {
    /// Takes one packet from the device.
    pub fn handle_frame(&mut self, now: Instant, rng: &mut dyn Rng, frame: Frame) {
        self.now = now;
        self.out.count(Counter::IpInReceives);
        self.renew_cookie_secret(now, rng);
        self.take_frame(frame, false);
        self.drain_loopback();
    }

    /// Takes in packets that we sent to ourselves.
    pub(crate) fn drain_loopback(&mut self) {
        for _ in 0..LOOPBACK_PER_CALL {
            let Some(frame) = self.loopback.pop_front() else { break };
            self.out.count(Counter::IpInReceives);
            self.take_frame(frame, true);
        }
    }

    pub(crate) fn take_frame(&mut self, frame: Frame, looped: bool) {
        self.out.begin(self.now, Flow::NONE);
        let parsed = match packet::parse(&frame.data) {
            Ok(parsed) => parsed,
            Err(error) => {
                let bad_sum = matches!(error, ParseError::Checksum(_));
                self.out.count(Counter::IpInHdrErrors);
                self.out.dropped(if bad_sum { DropReason::BadChecksum } else { DropReason::Malformed });
                return;
            }
        };
        if let Some(reason) = self.unwanted(&parsed, looped) {
            self.out.count(Counter::IpInAddrErrors);
            return self.out.dropped(reason);
        }
        if parsed.fragment.is_none() {
            return self.deliver(parsed, frame);
        }
        match self.fragments.insert(self.now, &frame, &parsed, &mut self.out.counters) {
            Verdict::Waits => {}
            Verdict::Dropped(reason) => self.out.dropped(reason),
            Verdict::Whole(whole) => self.take_whole(whole),
        }
    }

    /// A packet that was put together: it has no fragment marks any more.
    fn take_whole(&mut self, frame: Frame) {
        match packet::parse(&frame.data) {
            Ok(parsed) if parsed.fragment.is_none() => self.deliver(parsed, frame),
            _ => self.out.dropped(DropReason::Malformed),
        }
    }

    /// Not for us, or from somebody who cannot be. Loopback addresses never come from a device (RFC 1122 section
    /// 3.2.1.3), and IPv4-mapped ones are on no wire (RFC 4942 section 2.2).
    fn unwanted(&self, parsed: &Parsed, looped: bool) -> Option<DropReason> {
        let source = parsed.source;
        let broadcast_or_mapped = match source {
            IpAddr::V4(ip) => ip.is_broadcast(),
            IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
        };
        let martian = source.is_unspecified()
            || source.is_multicast()
            || broadcast_or_mapped
            || (!looped && (source.is_loopback() || self.is_ours(source)));
        if !self.is_ours(parsed.destination) || (parsed.destination.is_loopback() && !looped) {
            Some(DropReason::NotOurs)
        } else {
            martian.then_some(DropReason::MartianSource)
        }
    }

    pub(crate) fn is_ours(&self, ip: IpAddr) -> bool {
        self.flows.slabs.addresses.contains(&ip)
    }

    fn deliver(&mut self, parsed: Parsed, frame: Frame) {
        match parsed.protocol {
            Protocol::TCP => self.deliver_tcp(&parsed, frame),
            Protocol::ICMPV4 | Protocol::ICMPV6 => self.deliver_icmp(&parsed, frame),
            _ => self.refuse_protocol(&parsed, &frame),
        }
    }

    fn deliver_tcp(&mut self, parsed: &Parsed, frame: Frame) {
        let octets = frame.data.slice(parsed.payload.clone());
        let (source_port, port, mut header, header_len) = match tcp::parse(&octets) {
            Ok(parts) => parts,
            Err(_) => {
                self.count_segment();
                self.out.count(Counter::InErrs);
                return self.out.dropped(DropReason::Malformed);
            }
        };
        let tuple = Tuple {
            local: SocketAddr::new(parsed.destination, port),
            remote: SocketAddr::new(parsed.source, source_port),
        };
        let home = self.shard_of(&tuple);
        if home != self.me() {
            return self.mail_bounded(home, Kind::Frame(frame));
        }
        if header.flags.syn() && parsed.source.is_ipv6() {
            header.options.mss.get_or_insert(MSS_DEFAULT_IPV6);
        }
        // Counted where its flow lives, once.
        self.count_segment();
        let ecn = Codepoint::of(parsed.traffic_class);
        if ecn == Codepoint::Ce {
            self.out.count(Counter::InCePkts);
        }
        self.out.begin(self.now, tuple);
        if !parsed.tcp_checksum_holds(&frame.data, &frame.offload) {
            self.out.count(Counter::InCsumErrors);
            self.out.count(Counter::InErrs);
            return self.out.dropped(DropReason::BadChecksum);
        }
        if self.guarded && self.comes_from_too_far(&tuple, parsed.hop_limit) {
            self.out.count(Counter::MinTtlDrop);
            return self.out.dropped(DropReason::HopLimit);
        }
        let arrival = Arrival {
            header,
            payload: octets.slice(header_len..),
            pinned: frame.pinned,
            packet: u32::try_from(frame.data.len()).unwrap_or(u32::MAX),
            piece: frame.offload.gso.map_or(0, |gso| gso.size),
            ecn,
        };
        self.handle_arrival(tuple, arrival);
    }

    /// The segment's hop limit is below the least that its socket takes (RFC 5082; Linux does not look at requests).
    fn comes_from_too_far(&self, tuple: &Tuple, hop_limit: u8) -> bool {
        let slabs = &self.flows.slabs;
        let of_cell = |cell: Option<&Arc<Cell>>| cell.map_or(0, |cell| cell.lock().options.minttl);
        let least = match self.flows.find(tuple).map(|flow| (flow.kind(), flow.slot())) {
            Some((FlowKind::Connection, slot)) => {
                of_cell(slabs.connections.get(slot).and_then(|entry| entry.cell.as_ref()))
            }
            Some((FlowKind::ActiveOpen, slot)) => {
                of_cell(slabs.active.get(slot).and_then(|entry| entry.cell.as_ref()))
            }
            Some((FlowKind::HalfOpen | FlowKind::TimeWait, _)) => 0,
            None => {
                let found = self.listeners.find(tuple.local, hash_tuple(self.shard_key, tuple));
                found.and_then(|number| self.listeners.get(number)).map_or(0, |found| found.options.minttl)
            }
        };
        hop_limit < least
    }

    fn count_segment(&mut self) {
        self.out.count(Counter::IpInDelivers);
        self.out.count(Counter::InSegs);
    }

    /// A segment whose checksum holds, on the shard where its flow lives.
    pub(crate) fn handle_arrival(&mut self, tuple: Tuple, arrival: Arrival) {
        self.out.begin(self.now, tuple);
        let Some(flow) = self.flows.find(&tuple) else { return self.no_flow(tuple, &arrival) };
        match flow.kind() {
            FlowKind::Connection => self.deliver_to_connection(flow, arrival),
            FlowKind::HalfOpen => self.deliver_to_half_open(flow, tuple, arrival),
            FlowKind::ActiveOpen => self.deliver_to_active_open(flow, arrival),
            FlowKind::TimeWait => self.deliver_to_time_wait(flow, tuple, &arrival),
        }
    }

    pub(crate) fn deliver_to_connection(&mut self, flow: FlowRef, arrival: Arrival) {
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        let finished = entry.engine.is_peer_finished();
        if finished && entry.cell.as_ref().is_some_and(|cell| cell.lock().end_was_read) {
            entry.engine.end_was_read();
        }
        if !entry.engine.is_accepted() && entry.cell.as_ref().is_some_and(|cell| cell.lock().owned) {
            entry.engine.set_accepted();
        }
        let outcome = entry.engine.handle_segment(arrival, &self.config.knobs, self.now, &mut self.out);
        self.settle(flow, outcome);
    }

    /// Nobody has the tuple: a listener, or a RST (TIMELINES T33).
    pub(crate) fn no_flow(&mut self, tuple: Tuple, arrival: &Arrival) {
        let hash = hash_tuple(self.shard_key, &tuple);
        let Some(number) = self.listeners.find(tuple.local, hash) else {
            return self.refuse(arrival, ResetReason::NoSocket);
        };
        match judge_in_listen(arrival) {
            ListenVerdict::Request => self.request(number, tuple, arrival, None),
            ListenVerdict::Ignore(reason) => self.out.dropped(reason),
            ListenVerdict::Reset(_) if self.take_cookie(number, tuple, arrival) => {}
            ListenVerdict::Reset(reset) => {
                self.out.dropped(DropReason::UnwantedInListen);
                self.out.reset(reset, ResetReason::InvalidAck);
            }
        }
    }

    pub(crate) fn refuse(&mut self, arrival: &Arrival, reason: ResetReason) {
        if arrival.header.flags.syn() && !arrival.header.flags.ack() {
            self.out.event(EventKind::ConnectionRefused { reason: Refusal::NoListener });
        } else {
            self.out.dropped(DropReason::NoSocket);
        }
        if let Some(reset) = reset_for(arrival) {
            self.out.reset(reset, reason);
        }
    }

    fn deliver_to_time_wait(&mut self, flow: FlowRef, tuple: Tuple, arrival: &Arrival) {
        if self.cookie_takes_over(flow, tuple, arrival) {
            return;
        }
        let offset = isn::timestamp_offset(&self.secret, &tuple, &self.config.knobs);
        let Some(record) = self.flows.slabs.waits.get_mut(flow) else { return };
        let before = record.state();
        let verdict = record.handle_segment(arrival, offset, &self.config.knobs, self.now, &mut self.out);
        match verdict {
            TimeWaitVerdict::Keep => {}
            TimeWaitVerdict::Restart(delay) => self.flows.slabs.waits.restart(flow, self.now, delay),
            TimeWaitVerdict::Enter(delay) => {
                self.census.change(before, record.state());
                if self.config.knobs.profile.tw_recycle && record.has_timestamps() {
                    self.stamps.remember(tuple.remote.ip(), record.ts_recent(), self.now);
                }
                self.flows.slabs.waits.restart(flow, self.now, delay);
            }
            TimeWaitVerdict::Kill(_) => self.end_wait(flow),
            TimeWaitVerdict::Reopen(floor) => {
                let hash = hash_tuple(self.shard_key, &tuple);
                let Some(number) = self.listeners.find(tuple.local, hash) else {
                    // Linux acknowledges when nobody listens any more (TIMELINES T06l).
                    return record.acknowledge(offset, self.now, &mut self.out);
                };
                let record = *record;
                if self.syn_proxy_for(&tuple).is_some() {
                    return self.request(number, tuple, arrival, None);
                }
                self.end_wait(flow);
                record.reopen(&mut self.out);
                if arrival.header.flags.fin() {
                    // A listener does not take it, and the old record is gone all the same (Linux, measured).
                    return self.out.dropped(DropReason::UnwantedInListen);
                }
                self.request(number, tuple, arrival, Some(floor.0));
            }
        }
    }

    /// Which shard a flow lives on: a keyed hash that all shards share.
    pub(crate) fn shard_of(&self, tuple: &Tuple) -> ShardId {
        match self.config.shard.count {
            0 | 1 => self.me(),
            count => ShardId((hash_tuple(self.shard_key, tuple) % u64::from(count)) as u16),
        }
    }

    pub(crate) fn me(&self) -> ShardId {
        ShardId(self.config.shard.index)
    }

    /// Sends another shard what may be lost; a full mailbox drops it.
    pub(crate) fn mail_bounded(&mut self, to: ShardId, kind: Kind) {
        if self.mail.len() >= self.config.limits.mailbox {
            self.out.count(Counter::MailboxFull);
            return self.out.dropped(DropReason::MailboxFull);
        }
        self.mail.push_back((to, Message(kind)));
    }

    /// Its listener was closed since the request came.
    pub(crate) fn listener_is_gone(&self, number: u16) -> bool {
        self.listeners.get(number).is_none_or(|listener| listener.closed)
    }

    /// Ends an active open whose engine has reported why.
    pub(crate) fn failed(&mut self, flow: FlowRef, cause: Cause) {
        self.end_active(flow, cause);
    }
}
