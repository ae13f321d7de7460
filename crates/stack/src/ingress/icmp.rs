//! ICMP in: echo is answered, errors about what is in flight are told to its flow (RFC 5927), the rest is dropped.
//!
//! Also the errors that we send ourselves, for protocols and ports that nobody serves, within a rate.

use super::Tuple;
use crate::flows::FlowKind;
use crate::message::Kind;
use crate::stack::Stack;
use bytes::Bytes;
use lastack_observe::{Counter, DropReason, Instant};
use lastack_tcp::{ActiveVerdict, Outcome};
use lastack_wire::icmp::{self, Message, Problem, Quoted};
use lastack_wire::packet::{self, Parsed};
use lastack_wire::{Frame, Protocol, Seq, icmpv4, icmpv6};
use std::net::{IpAddr, SocketAddr};

/// Linux's `icmp_msgs_per_sec` and `icmp_msgs_burst` are 10,000 and 10,000 today, 1000 and 50 before; the older ones do.
const ERRORS_PER_SECOND: u64 = 1000;
const ERRORS_BURST: u64 = 50;
/// No path of IPv4 is believed to be narrower (Linux's `min_pmtu`), none of IPv6 is (RFC 8200 section 5).
const IPV4_MTU_LEAST: u32 = 552;
const IPV6_MTU_LEAST: u32 = 1280;

/// How many errors we may still send: a bucket that fills with time.
#[derive(Debug, Default)]
pub(crate) struct ErrorLimit {
    /// When the bucket was empty, had it been filling ever since.
    empty_at: u64,
}

impl ErrorLimit {
    fn allows(&mut self, now: Instant) -> bool {
        const COST: u64 = 1_000_000_000 / ERRORS_PER_SECOND;
        // Time starts as if the bucket were full.
        let clock = now.0 + COST * ERRORS_BURST;
        let oldest = clock - COST * ERRORS_BURST;
        let next = self.empty_at.max(oldest) + COST;
        let allowed = next <= clock;
        if allowed {
            self.empty_at = next;
        }
        allowed
    }
}

impl Stack {
    pub(super) fn deliver_icmp(&mut self, parsed: &Parsed, frame: Frame) {
        self.out.count(Counter::IpInDelivers);
        self.out.count(Counter::IcmpInMsgs);
        let data = frame.data.slice(parsed.payload.clone());
        let message = match (parsed.protocol, parsed.source, parsed.destination) {
            (Protocol::ICMPV4, IpAddr::V4(_), _) => icmpv4::parse(&data),
            (Protocol::ICMPV6, IpAddr::V6(source), IpAddr::V6(destination)) => {
                icmpv6::parse(source, destination, &data)
            }
            _ => return self.out.dropped(DropReason::UnknownProtocol),
        };
        match message {
            Err(_) => {
                self.out.count(Counter::IcmpInErrors);
                self.out.dropped(DropReason::Malformed);
            }
            Ok(Message::EchoRequest(echo)) => {
                let rest = data.slice(icmp::HEADER_LEN..);
                let options = self.ip_options();
                let reply = packet::echo_reply(parsed.destination, parsed.source, echo, rest, options);
                self.send_icmp(reply);
            }
            Ok(Message::Error { problem, quoted }) => self.handle_error(problem, quoted, frame),
            Ok(Message::EchoReply(_) | Message::Other { .. }) => {}
        }
    }

    /// An error about something that we are said to have sent.
    fn handle_error(&mut self, problem: Problem, quoted: Quoted, frame: Frame) {
        let (Protocol::TCP, Some((port, remote_port)), Some(seq)) =
            (quoted.protocol, quoted.ports, quoted.seq)
        else {
            self.out.count(Counter::IcmpInErrors);
            return self.out.dropped(DropReason::StaleIcmp);
        };
        let tuple = Tuple {
            local: SocketAddr::new(quoted.source, port),
            remote: SocketAddr::new(quoted.destination, remote_port),
        };
        let home = self.shard_of(&tuple);
        if home != self.me() {
            return self.mail_bounded(home, Kind::Frame(frame));
        }
        self.out.begin(self.now, tuple);
        let Some(flow) = self.flows.find(&tuple) else {
            self.out.count(Counter::IcmpInErrors);
            return self.out.dropped(DropReason::StaleIcmp);
        };
        match (flow.kind(), problem) {
            (FlowKind::Connection, Problem::TooBig { mtu }) => self.too_big(flow.slot(), &tuple, seq, mtu),
            (FlowKind::Connection, Problem::Unreachable { .. }) => {
                if let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) {
                    entry.engine.handle_unreachable(seq, &mut self.out);
                    self.settle(flow, Outcome::Continue);
                }
            }
            (FlowKind::ActiveOpen, Problem::Unreachable { .. }) => {
                let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
                match entry.engine.handle_unreachable(seq, &mut self.out) {
                    ActiveVerdict::Fail(cause) => self.failed(flow, cause),
                    ActiveVerdict::Keep | ActiveVerdict::Establish => {}
                }
            }
            _ => self.out.dropped(DropReason::StaleIcmp),
        }
    }

    fn too_big(&mut self, slot: u32, tuple: &Tuple, seq: Seq, mtu: u32) {
        let least = if tuple.local.is_ipv4() { IPV4_MTU_LEAST } else { IPV6_MTU_LEAST };
        let mtu = mtu.max(least);
        if mtu >= u32::from(self.config.mtu) {
            return self.out.dropped(DropReason::StaleIcmp);
        }
        let mss = crate::egress::path_mss(mtu as u16, tuple);
        let Some(entry) = self.flows.slabs.connections.get_mut(slot) else { return };
        entry.engine.handle_too_big(seq, mss, &mut self.out);
        let flow = crate::flows::FlowRef::new(FlowKind::Connection, false, slot);
        self.settle(flow, Outcome::Continue);
    }

    /// A protocol that we do not speak.
    pub(super) fn refuse_protocol(&mut self, parsed: &Parsed, frame: &Frame) {
        self.out.count(Counter::IpInUnknownProtos);
        self.out.dropped(DropReason::UnknownProtocol);
        let udp = parsed.protocol == Protocol::UDP;
        let problem = match parsed.source {
            IpAddr::V4(_) if udp => Problem::Unreachable { code: icmpv4::code::PORT_UNREACHABLE },
            IpAddr::V4(_) => Problem::Unreachable { code: icmpv4::code::PROTOCOL_UNREACHABLE },
            IpAddr::V6(_) if udp => Problem::Unreachable { code: icmpv6::code::PORT_UNREACHABLE },
            // RFC 8200 section 4: the pointer names the next header field.
            IpAddr::V6(_) => {
                Problem::ParameterProblem { code: icmpv6::code::UNKNOWN_NEXT_HEADER, pointer: 6 }
            }
        };
        self.report_error(problem, &frame.data);
    }

    /// Tells the sender of a packet what is wrong with it, within the rate.
    pub(crate) fn report_error(&mut self, problem: Problem, offending: &Bytes) {
        let Ok(parsed) = packet::parse(offending) else { return };
        if !self.icmp_limit.allows(self.now) {
            return self.out.dropped(DropReason::RateLimited);
        }
        let options = self.ip_options();
        let error = packet::icmp_error(parsed.destination, parsed.source, problem, offending, options);
        self.send_icmp(error);
    }
}
