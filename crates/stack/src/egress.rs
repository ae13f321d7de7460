//! Packets out: what a segment demanded first, then flows with work, each one segment at a time, round robin.
//!
//! Nothing is queued beyond the bounded replies: who calls `poll_transmit` with a full device calls later.

use crate::flows::{FlowKind, FlowRef};
use crate::index::{Tuple, hash_tuple};
use crate::lifecycle::tell_sent;
use crate::stack::Stack;
use lastack_observe::{Counter, DropReason, Instant};
use lastack_tcp::ecn::ECT_0;
use lastack_tcp::knobs::SocketOptions;
use lastack_tcp::{Connection, Segment, TransmitLimits};
use lastack_wire::packet::{self, BuildOptions, ChecksumMode};
use lastack_wire::{Gso, Packet};
use std::net::{IpAddr, SocketAddr};

/// Of the traffic class: RFC 3168.
const ECN_BITS: u8 = 3;
const IPV4_HEADERS: u16 = 40;
const IPV6_HEADERS: u16 = 60;
/// The MTU of what we send to ourselves.
const LOOPBACK_MTU: u16 = u16::MAX;
/// Payload of a super-segment: 64 KiB with IPv6's header and the longest TCP header.
const SUPER_SEGMENT_MAX: u32 = 65_535 - 40 - 60;

/// The MSS that a path with this MTU has room for, options not counted (RFC 9293 section 3.7.1).
pub(crate) fn path_mss(mtu: u16, tuple: &Tuple) -> u16 {
    let headers = if tuple.local.is_ipv4() { IPV4_HEADERS } else { IPV6_HEADERS };
    mtu.saturating_sub(headers)
}

impl Stack {
    /// Hands at most `budget` packets to the sink: replies first, then flows with work, round robin. Says how much of the
    /// budget was used; packets to ourselves use it too. Less than `budget`: there is nothing more to send now, and when
    /// [`Stack::holds_back`] the next call has something.
    pub fn poll_transmit(&mut self, now: Instant, budget: usize, sink: &mut dyn FnMut(Packet)) -> usize {
        self.now = now;
        self.batch = self.batch.wrapping_add(1);
        self.ready.extend(self.held.drain(..));
        for used in 0..budget {
            if let Some((to, packet)) = self.packets.pop_front() {
                self.send(to, packet, sink);
            } else if let Some((tuple, segment)) = self.out.poll_reply() {
                self.emit(tuple, segment, sink);
            } else if !self.transmit_ready(sink) {
                return used;
            }
        }
        budget
    }

    /// True when `tcp_autocorking` holds back small segments that followed others in the last call of
    /// [`Stack::poll_transmit`]: call it again when the device has taken those, after the applications had their turn.
    pub fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next ready flow sends one segment. False when no flow is ready.
    fn transmit_ready(&mut self, sink: &mut dyn FnMut(Packet)) -> bool {
        while let Some(flow) = self.ready.pop_front() {
            let sent = match flow.kind() {
                FlowKind::Connection => self.transmit_connection(flow),
                FlowKind::ActiveOpen => self.transmit_active(flow),
                FlowKind::HalfOpen | FlowKind::TimeWait => None,
            };
            if let Some((tuple, segment)) = sent {
                self.emit(tuple, segment, sink);
                return true;
            }
        }
        false
    }

    fn transmit_connection(&mut self, flow: FlowRef) -> Option<(Tuple, Segment)> {
        let super_segment_max = self.super_segment_max(flow);
        let entry = self.flows.slabs.connections.get_mut(flow.slot()).filter(|entry| entry.ready)?;
        entry.ready = false;
        let behind_earlier = self.config.knobs.tcp_autocorking && entry.batch == self.batch;
        let limits = TransmitLimits { super_segment_max, behind_earlier };
        let tuple = entry.tuple;
        self.out.begin(self.now, tuple);
        let segment = entry.engine.poll_transmit(limits, &self.config.knobs, self.now, &mut self.out);
        match &segment {
            Some(segment) if !segment.payload.is_empty() => entry.batch = self.batch,
            None if behind_earlier && entry.engine.has_work() => {
                entry.ready = true;
                self.held.push(flow);
            }
            _ => {}
        }
        if !entry.engine.has_work()
            && let Some(cell) = &entry.cell
        {
            tell_sent(cell, &mut entry.engine, self.now);
        }
        self.refresh(flow);
        segment.map(|segment| (tuple, segment))
    }

    fn super_segment_max(&self, flow: FlowRef) -> u32 {
        let looped = || self.flows.tuple(flow).is_some_and(|tuple| self.is_ours(tuple.remote.ip()));
        if self.config.device.tso && !looped() { SUPER_SEGMENT_MAX } else { 0 }
    }

    fn transmit_active(&mut self, flow: FlowRef) -> Option<(Tuple, Segment)> {
        let entry = self.flows.slabs.active.get_mut(flow.slot()).filter(|entry| entry.ready)?;
        entry.ready = false;
        let tuple = entry.tuple;
        self.out.begin(self.now, tuple);
        let segment = entry.engine.poll_transmit(self.now, &self.config.knobs, &mut self.out);
        self.refresh_active(flow);
        segment.map(|segment| (tuple, segment))
    }

    /// One segment in an IP packet.
    fn emit(&mut self, tuple: Tuple, segment: Segment, sink: &mut dyn FnMut(Packet)) {
        let payload = segment.payload.len();
        let pieces = match segment.mss {
            mss if mss > 0 && payload > usize::from(mss) => payload.div_ceil(usize::from(mss)),
            _ => 1,
        };
        if !segment.again {
            self.out.counters.add(Counter::OutSegs, pieces as u64);
        }
        let gso = (pieces > 1).then_some(Gso { size: segment.mss });
        let looped = self.is_ours(tuple.remote.ip());
        let unfinished = looped || self.config.device.checksum_offload;
        let (ttl, traffic_class) = self.marks_of(&tuple);
        let options = BuildOptions {
            ttl,
            traffic_class: traffic_class | if segment.ect { ECT_0 } else { 0 },
            checksum: if unfinished { ChecksumMode::Partial } else { ChecksumMode::Full },
            gso,
            ..self.ip_options()
        };
        // IPv4 identification counts the pieces of a super-segment, too (RFC 6864 lets DF packets do as they like).
        self.ident = self.ident.wrapping_add((pieces - 1) as u16);
        let packet = packet::tcp(tuple.local, tuple.remote, &segment.header, segment.payload, options);
        self.out.count(Counter::IpOutRequests);
        if looped { self.loop_back(&packet) } else { sink(packet) }
    }

    /// TTL and traffic class that the flow's socket chose, or its listener's. Looked for only once a socket chose any.
    fn marks_of(&self, tuple: &Tuple) -> (u8, u8) {
        let default = BuildOptions::default().ttl;
        let marks = |options: &SocketOptions| (options.ttl.unwrap_or(default), options.tos & !ECN_BITS);
        let flow = if self.marked { self.flows.find(tuple) } else { None };
        let slabs = &self.flows.slabs;
        let found = flow.and_then(|flow| match flow.kind() {
            FlowKind::Connection => Some(marks(&slabs.connections.get(flow.slot())?.engine.options())),
            FlowKind::ActiveOpen => {
                Some(marks(&slabs.active.get(flow.slot())?.cell.as_ref()?.lock().options))
            }
            FlowKind::HalfOpen => {
                let (_, listener) = slabs.half.get(flow)?;
                self.listeners.get(listener).map(|listener| marks(&listener.options))
            }
            FlowKind::TimeWait => None,
        });
        found.unwrap_or((default, 0))
    }

    /// An ICMP message to whom it is for.
    fn send(&mut self, to: IpAddr, packet: Packet, sink: &mut dyn FnMut(Packet)) {
        self.out.count(Counter::IpOutRequests);
        if self.is_ours(to) { self.loop_back(&packet) } else { sink(packet) }
    }

    /// Queues an ICMP message, in fragments when the way takes no whole one; a full queue drops it.
    pub(crate) fn send_icmp(&mut self, to: IpAddr, packet: Packet) {
        let mtu = self.mtu_to(to);
        let pieces = if packet.len() <= usize::from(mtu) {
            vec![packet]
        } else {
            // RFC 7739: nobody outside must be able to guess it.
            let anybody = SocketAddr::new(to, 0);
            let base = hash_tuple(self.shard_key, &Tuple { local: anybody, remote: anybody }) as u32;
            match packet::fragments(&packet, mtu, base.wrapping_add(u32::from(self.ident))) {
                Some(pieces) => pieces,
                None => {
                    self.out.count(Counter::IpFragFails);
                    return self.out.dropped(DropReason::TooBig);
                }
            }
        };
        if self.packets.len() + pieces.len() > self.config.limits.replies {
            self.out.count(Counter::OutputFull);
            return self.out.dropped(DropReason::OutputFull);
        }
        if pieces.len() > 1 {
            self.out.count(Counter::IpFragOKs);
            self.out.counters.add(Counter::IpFragCreates, pieces.len() as u64);
        }
        self.out.count(Counter::IcmpOutMsgs);
        self.packets.extend(pieces.into_iter().map(|piece| (to, piece)));
    }

    /// Queues a packet for ourselves; a full queue drops it, and TCP repairs that.
    fn loop_back(&mut self, packet: &Packet) {
        if self.loopback.len() >= self.config.limits.loopback {
            self.out.count(Counter::OutputFull);
            return self.out.dropped(DropReason::OutputFull);
        }
        self.loopback.push_back(packet.to_frame());
    }

    /// TTL and the rest, with the next identification.
    pub(crate) fn ip_options(&mut self) -> BuildOptions {
        self.ident = self.ident.wrapping_add(1);
        BuildOptions { ident: self.ident, ..BuildOptions::default() }
    }

    /// The MTU of the way to a peer.
    /// A connection that begins heeds what routers told others of its path. What we advertise does not change by it: that is
    /// what we can receive (RFC 9293 section 3.7.1, and newer Linux; 6.18 advertises less, measured).
    pub(crate) fn heed_path(&self, engine: &mut Connection, tuple: &Tuple) {
        let remote = tuple.remote.ip();
        if let Some(mtu) = self.paths.mtu_to(remote, self.now).filter(|_| !self.is_ours(remote)) {
            engine.limit_path(path_mss(mtu, tuple));
        }
    }

    pub(crate) fn mtu_to(&self, peer: IpAddr) -> u16 {
        if self.is_ours(peer) { LOOPBACK_MTU } else { self.config.mtu }
    }
}
