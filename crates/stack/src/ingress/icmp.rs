//! ICMP in: echo is answered, errors about what is in flight are told to its flow (RFC 5927), the rest is dropped.
//!
//! Also the errors that we send ourselves, for protocols and ports that nobody serves, within a rate.

use super::Tuple;
use crate::flows::{FlowKind, FlowRef};
use crate::message::Kind;
use crate::socket::{IcmpError, SocketError};
use crate::stack::Stack;
use bytes::Bytes;
use lastack_observe::{Cause, Counter, DropReason, EventKind, Instant, State, Unreachable};
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

/// What a message means, whatever its family; `None` for one that says nothing of the peer, or nothing that we know.
fn reason_of(problem: Problem, v4: bool) -> Option<Unreachable> {
    let code = match problem {
        Problem::Unreachable { code } => code,
        // That fragments did not come together in time says nothing of the path (Linux icmp_unreach).
        Problem::TimeExceeded { code: icmpv4::code::FRAGMENTS_EXPIRED } if v4 => return None,
        Problem::TimeExceeded { .. } => return Some(Unreachable::HopLimit),
        Problem::ParameterProblem { .. } => return Some(Unreachable::BadHeader),
        Problem::TooBig { .. } => return None,
    };
    // RFC 1122 section 3.2.2.1 with RFC 1812 section 5.2.7.1, and RFC 4443 section 3.1.
    Some(match (v4, code) {
        (true, 0 | 6 | 9 | 11) | (false, 0) => Unreachable::Network,
        (true, 1 | 12) | (false, 2 | 3) => Unreachable::Host,
        (true, 2) => Unreachable::Protocol,
        (true, 3) | (false, 4) => Unreachable::Port,
        (true, 5) => Unreachable::SourceRoute,
        (true, 7) => Unreachable::HostUnknown,
        (true, 8) => Unreachable::HostIsolated,
        (true, 10 | 13 | 14 | 15) => Unreachable::Filtered,
        (false, 1 | 5 | 6) => Unreachable::Prohibited,
        _ => return None,
    })
}

/// Linux's choice for a half-open request: in IPv4 what says that nobody is there, in IPv6 what is "fatal".
fn ends_request(problem: Problem, v4: bool) -> bool {
    match problem {
        Problem::Unreachable { code } if v4 => code <= icmpv4::code::HOST_UNREACHABLE,
        Problem::Unreachable { code } => matches!(code, 1 | 4 | 5 | 6),
        Problem::TimeExceeded { .. } => v4,
        Problem::ParameterProblem { .. } => true,
        Problem::TooBig { .. } => false,
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
                self.send_icmp(parsed.source, reply);
            }
            Ok(Message::Error { problem, quoted }) => {
                self.handle_error(problem, quoted, parsed.source, frame)
            }
            Ok(Message::EchoReply(_) | Message::Other { .. }) => self.out.dropped(DropReason::UnwantedIcmp),
        }
    }

    /// An error about something that we are said to have sent.
    fn handle_error(&mut self, problem: Problem, quoted: Quoted, offender: IpAddr, frame: Frame) {
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
            (FlowKind::Connection | FlowKind::ActiveOpen, Problem::TooBig { mtu }) => {
                self.too_big(flow, &tuple, seq, mtu);
            }
            (FlowKind::HalfOpen, problem) => self.half_open_is_unreachable(flow, problem, seq),
            (_, problem) => match reason_of(problem, tuple.local.is_ipv4()) {
                Some(reason) => {
                    let error = SocketError::from(reason);
                    let error = IcmpError { error, problem, offender, peer: tuple.remote };
                    self.peer_is_unreachable(flow, reason, seq, error);
                }
                None => self.out.dropped(DropReason::UnwantedIcmp),
            },
        }
    }

    fn peer_is_unreachable(&mut self, flow: FlowRef, reason: Unreachable, seq: Seq, error: IcmpError) {
        match flow.kind() {
            FlowKind::Connection => {
                let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
                let waits = entry.engine.state() == State::SynRecv
                    && entry.cell.as_ref().is_some_and(|cell| !cell.lock().owned);
                let believed = entry.engine.handle_unreachable(seq, reason, &mut self.out);
                // Linux with IP_RECVERR: an error of the socket at once, and not what names a later timeout.
                let told =
                    entry.cell.as_ref().filter(|cell| believed && !waits && cell.lock().options.recverr);
                if let Some(cell) = told {
                    entry.engine.take_unreachable();
                    cell.update(|inner, wakes| {
                        inner.error = Some(error.error);
                        wakes.all();
                    });
                }
                let outcome = if believed && waits {
                    entry.engine.fail_unproven(&self.config.knobs, self.now, &mut self.out)
                } else {
                    Outcome::Continue
                };
                self.settle(flow, outcome);
            }
            FlowKind::ActiveOpen => {
                let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
                match entry.engine.handle_unreachable(seq, reason, &mut self.out) {
                    ActiveVerdict::Fail(cause) => {
                        if let Some(cell) = &entry.cell {
                            cell.lock().icmp_error = Some(error);
                        }
                        self.failed(flow, cause);
                    }
                    ActiveVerdict::Keep | ActiveVerdict::Establish => {}
                }
            }
            FlowKind::HalfOpen | FlowKind::TimeWait => self.out.dropped(DropReason::StaleIcmp),
        }
    }

    /// Linux drops a request whose SYN-ACK cannot get through, when the message quotes that SYN-ACK (tcp_req_err).
    fn half_open_is_unreachable(&mut self, flow: FlowRef, problem: Problem, seq: Seq) {
        let Some((record, _)) = self.flows.slabs.half.get(flow) else { return };
        if seq != record.iss() {
            self.out.count(Counter::OutOfWindowIcmps);
            return self.out.dropped(DropReason::StaleIcmp);
        }
        let v4 = !flow.v6();
        match reason_of(problem, v4).filter(|_| ends_request(problem, v4)) {
            Some(reason) => {
                self.out.event(EventKind::PeerUnreachable { reason });
                self.out.count(Counter::ListenDrops);
                self.abandon_half(flow, Cause::Unreachable);
            }
            None => self.out.dropped(DropReason::UnwantedIcmp),
        }
    }

    fn too_big(&mut self, flow: FlowRef, tuple: &Tuple, seq: Seq, mtu: u32) {
        let least = if tuple.local.is_ipv4() { IPV4_MTU_LEAST } else { IPV6_MTU_LEAST };
        let mtu = mtu.max(least);
        if mtu >= u32::from(self.config.mtu) {
            return self.out.dropped(DropReason::StaleIcmp);
        }
        let mss = crate::egress::path_mss(mtu as u16, tuple);
        if flow.kind() == FlowKind::ActiveOpen {
            let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
            entry.engine.handle_too_big(seq, mss, self.now, &mut self.out);
            return self.refresh_active(flow);
        }
        let Some(entry) = self.flows.slabs.connections.get_mut(flow.slot()) else { return };
        if entry.engine.handle_too_big(seq, mss, &mut self.out) {
            self.paths.learn(tuple.remote.ip(), mtu as u16, self.now);
        }
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
        self.send_icmp(parsed.source, error);
    }
}
