//! Echo, errors, fragments, and packets that are not for us.

use crate::raw::{PEER, Raw, segment, syn};
use crate::world::{address, ip, ipv6, text};
use bytes::Bytes;
use lastack_stack::observe::{Counter, State};
use lastack_stack::wire::icmp::{Echo, Message, Problem};
use lastack_stack::wire::packet::{self, BuildOptions};
use lastack_stack::wire::tcp::Flags;
use lastack_stack::wire::{Frame, Packet, Protocol, icmpv4, ipv4};
use lastack_stack::{Knobs, SocketError};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

fn icmp_of(frame: &Frame) -> Option<Message> {
    let parsed = packet::parse(&frame.data).ok().filter(|parsed| parsed.protocol == Protocol::ICMPV4)?;
    icmpv4::parse(&frame.data[parsed.payload]).ok()
}

fn cut(packet: &Packet, piece: usize, ident: u16) -> Vec<Frame> {
    let whole = packet.to_frame().data;
    let (header, range) = ipv4::Header::parse(&whole).expect("we made it");
    let payload = whole.slice(range);
    let cut = |offset: usize| {
        let part = payload.slice(offset..payload.len().min(offset + piece));
        let more_fragments = offset + piece < payload.len();
        let fragment_offset = offset as u16;
        let header = ipv4::Header { ident, more_fragments, fragment_offset, dont_fragment: false, ..header };
        Frame::plain([&header.emit(part.len())[..], &part[..]].concat())
    };
    (0..payload.len()).step_by(piece).map(cut).collect()
}

#[test]
fn echo_is_answered_also_in_fragments() {
    let mut raw = Raw::new();
    let data = Bytes::from(vec![7; 3000]);
    let echo = Echo { ident: 9, sequence: 1 };
    let request = packet::echo_request(PEER, ip(0), echo, data, BuildOptions::default());
    raw.world.inject(0, request.to_frame());
    let mut fragments = cut(&request, 1000, 77);
    fragments.reverse();
    for fragment in fragments {
        raw.world.inject(0, fragment);
    }
    let replies = raw.frames();
    assert_eq!(raw.world.counter(0, Counter::IpReasmOKs), 1);
    assert_eq!(replies.iter().map(|frame| frame.data.len()).collect::<Vec<_>>(), [1500, 1500, 68].repeat(2));
    assert_eq!(raw.world.counter(0, Counter::IpFragOKs), 2);
    assert_eq!(raw.world.counter(0, Counter::IpFragCreates), 6);
    let mut again = Vec::new();
    for reply in &replies[..3] {
        let parsed = packet::parse(&reply.data).expect("a packet");
        assert_eq!(parsed.fragment.map(|fragment| usize::from(fragment.offset)), Some(again.len()));
        again.extend_from_slice(&reply.data[parsed.payload]);
    }
    assert_eq!(icmpv4::parse(&again), Ok(Message::EchoReply(echo)));
    assert_eq!(again[8..], [7; 3000]);
}

#[test]
fn a_packet_that_stays_incomplete_is_reported_after_30_seconds() {
    let mut raw = Raw::new();
    let echo = Echo { ident: 9, sequence: 1 };
    let request = packet::echo_request(PEER, ip(0), echo, vec![7; 3000].into(), BuildOptions::default());
    let fragments = cut(&request, 1000, 77);
    raw.world.inject(0, fragments[0].clone());
    raw.world.run(Duration::from_millis(29_999));
    assert!(raw.frames().is_empty());
    raw.world.run_ms(1);
    let error = raw.frames().pop().and_then(|frame| icmp_of(&frame));
    assert!(
        matches!(error, Some(Message::Error { problem: Problem::TimeExceeded { code: 1 }, .. })),
        "{error:?}"
    );
}

#[test]
fn unknown_protocols_are_refused_within_a_rate() {
    let mut raw = Raw::new();
    let header = ipv4::Header {
        source: [10, 0, 0, 99].into(),
        destination: [10, 0, 0, 1].into(),
        protocol: Protocol(132),
        ttl: 64,
        traffic_class: 0,
        ident: 1,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
    };
    for _ in 0..200 {
        raw.world.inject(0, Frame::plain([&header.emit(8)[..], &[0; 8]].concat()));
    }
    let answers = raw.frames();
    assert!(matches!(
        icmp_of(&answers[0]),
        Some(Message::Error {
            problem: Problem::Unreachable { code: icmpv4::code::PROTOCOL_UNREACHABLE },
            ..
        })
    ));
    assert!(answers.len() <= 50, "{} errors in one instant", answers.len());
}

#[test]
fn what_is_not_for_us_or_broken_is_dropped_and_counted() {
    let mut raw = Raw::new();
    let good = segment(SocketAddr::new(PEER, 1), 80, &syn(1), "");
    let with = |place: usize, value: u8| {
        let mut octets = good.data.to_vec();
        octets[place] ^= value;
        Frame::plain(octets)
    };
    raw.world.inject(0, with(36, 1));
    raw.world.inject(0, with(8, 1));
    raw.world.inject(0, Frame::plain(good.data.slice(..30)));
    raw.world.inject(0, Frame::plain(Bytes::new()));
    for source in ["127.0.0.1", "10.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        let source: IpAddr = source.parse().expect("an address");
        raw.world.inject(0, segment(SocketAddr::new(source, 1), 80, &syn(1), ""));
    }
    assert!(raw.frames().is_empty());
    assert_eq!(raw.world.counter(0, Counter::InCsumErrors), 1);
    assert_eq!(raw.world.counter(0, Counter::IpInHdrErrors), 3);
    assert_eq!(raw.world.counter(0, Counter::IpInAddrErrors), 5);
    raw.world.inject(0, good);
    assert_eq!(raw.segments()[0].1.flags, Flags::RST.with(Flags::ACK));
}

#[test]
fn unreachable_ends_connect_only_when_it_quotes_our_syn() {
    let mut raw = Raw::new();
    let client = raw.world.connect(0, SocketAddr::new(PEER, 9));
    let sent = raw.frames().pop().expect("a SYN");
    let code = icmpv4::code::HOST_UNREACHABLE;
    let mut forged = sent.data.to_vec();
    forged[24] ^= 1;
    let forged = packet::unreachable(PEER, ip(0), code, &forged.into(), BuildOptions::default());
    raw.world.inject(0, forged.to_frame());
    raw.world.run_ms(1);
    assert_eq!(client.try_connected(), Err(SocketError::WouldBlock));
    assert_eq!(raw.world.counter(0, Counter::OutOfWindowIcmps), 1);
    let real = packet::unreachable(PEER, ip(0), code, &sent.data, BuildOptions::default());
    raw.world.inject(0, real.to_frame());
    raw.world.run_ms(1);
    assert_eq!(client.try_connected(), Err(SocketError::HostUnreachable));
}

/// What connect() says after an ICMP error about its SYN.
fn connect_after(problem: Problem, peer: IpAddr, ours: IpAddr) -> Result<(), SocketError> {
    let mut raw = Raw::new();
    let client = raw.world.connect(0, SocketAddr::new(peer, 9));
    let sent = raw.frames().pop().expect("a SYN");
    let error = packet::icmp_error(peer, ours, problem, &sent.data, BuildOptions::default());
    raw.world.inject(0, error.to_frame());
    raw.world.run_ms(1);
    client.try_connected()
}

#[test]
fn connect_tells_what_the_network_said() {
    let ipv4 = [
        (0, SocketError::NetworkUnreachable),
        (1, SocketError::HostUnreachable),
        (2, SocketError::ProtocolUnreachable),
        (3, SocketError::Refused),
        (5, SocketError::NotSupported),
        (7, SocketError::HostDown),
        (8, SocketError::NotOnNetwork),
        (13, SocketError::HostUnreachable),
        (99, SocketError::WouldBlock),
    ];
    for (code, error) in ipv4 {
        assert_eq!(connect_after(Problem::Unreachable { code }, PEER, ip(0)), Err(error), "code {code}");
    }
    let (peer, ours): (IpAddr, _) = ("fd00::99".parse().expect("an address"), ipv6(0));
    let ipv6 = [
        (0, SocketError::NetworkUnreachable),
        (1, SocketError::AccessDenied),
        (3, SocketError::HostUnreachable),
        (4, SocketError::Refused),
    ];
    for (code, error) in ipv6 {
        assert_eq!(connect_after(Problem::Unreachable { code }, peer, ours), Err(error), "code {code}");
    }
    let hops = Problem::TimeExceeded { code: 0 };
    assert_eq!(connect_after(hops, PEER, ip(0)), Err(SocketError::HostUnreachable));
    let header = Problem::ParameterProblem { code: 0, pointer: 20 };
    assert_eq!(connect_after(header, PEER, ip(0)), Err(SocketError::Protocol));
}

#[test]
fn an_established_connection_remembers_the_message_until_it_times_out() {
    let mut raw = Raw::new();
    raw.world.stack(0).set_knobs(Knobs { tcp_retries2: 3, ..Knobs::default() });
    let listener = raw.world.listener(0, 80, 4);
    raw.open(1, 80);
    let (server, _) = listener.try_accept().expect("it is connected");
    assert_eq!(server.try_write(text("hello")), Ok(5));
    let sent = raw.frames().pop().expect("a segment");
    let code = icmpv4::code::NET_UNREACHABLE;
    let error = packet::unreachable(PEER, ip(0), code, &sent.data, BuildOptions::default());
    raw.world.inject(0, error.to_frame());
    raw.world.run_ms(1);
    assert_eq!(server.try_read(9), Err(SocketError::WouldBlock), "it goes on");
    raw.world.run(Duration::from_secs(60));
    assert_eq!(server.try_read(9), Err(SocketError::NetworkUnreachable));
}

#[test]
fn a_half_open_request_ends_when_its_syn_ack_cannot_get_through() {
    let codes = [(0, 0), (1, 0), (3, 1), (13, 1)];
    for (code, left) in codes {
        let mut raw = Raw::new();
        let _listener = raw.world.listener(0, 80, 4);
        raw.send(1, 80, syn(7), "");
        let sent = raw.frames().pop().expect("a SYN-ACK");
        let mut forged = sent.data.to_vec();
        forged[24] ^= 1;
        for (quoted, left) in [(forged.into(), 1), (sent.data.clone(), left)] {
            let error = packet::unreachable(PEER, ip(0), code, &quoted, BuildOptions::default());
            raw.world.inject(0, error.to_frame());
            raw.world.run_ms(1);
            assert_eq!(raw.world.count(0, State::SynRecv), left, "code {code}");
        }
    }
}

#[test]
fn an_ipv4_mapped_source_is_on_no_wire() {
    let mut raw = Raw::new();
    let _listener = raw.world.listener(0, 80, 4);
    let header = lastack_stack::wire::ipv6::Header {
        source: "::ffff:10.0.0.99".parse().expect("an address"),
        destination: "fd00::1".parse().expect("an address"),
        next_header: Protocol::TCP,
        hop_limit: 64,
        traffic_class: 0,
        flow_label: 0,
    };
    raw.world.inject(0, Frame::plain([&header.emit(20)[..], &[0; 20]].concat()));
    assert!(raw.frames().is_empty());
    assert_eq!(raw.world.counter(0, Counter::IpInAddrErrors), 1);
}

#[test]
fn too_big_makes_segments_smaller() {
    let mut raw = Raw::new();
    let listener = raw.world.listener(0, 80, 4);
    raw.open(1, 80);
    let (server, _) = listener.try_accept().expect("it is connected");
    assert_eq!(server.local_addr(), Some(address(0, 80)));
    let long: &'static str = Box::leak("x".repeat(5000).into_boxed_str());
    assert_eq!(server.try_write(text(long)), Ok(5000));
    let sent = raw.frames();
    assert_eq!(sent.iter().map(|frame| frame.data.len()).max(), Some(1500));
    let error = packet::too_big(PEER, ip(0), 1000, &sent[0].data, BuildOptions::default());
    raw.world.inject(0, error.to_frame());
    raw.world.run(Duration::from_secs(2));
    let again = raw.frames();
    assert!(!again.is_empty());
    assert!(again.iter().all(|frame| frame.data.len() <= 1000), "a packet is still too big");
}
