//! Turns what a run shows (octets on the wire, events, calls) into a diagram. It only looks: nothing here decides anything.

use super::{Diagram, Moment, Packet, Side, What};
use crate::octets::{self, Seen};
use lastack_observe::{Event, EventKind, Flow, Instant};
use lastack_wire::tcp::Flags;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// More than this nobody reads: a recording ends there.
const MOMENTS_MAX: usize = 5_000;

type Way = (SocketAddr, SocketAddr);

/// What has been seen of a run so far.
#[derive(Clone, Debug)]
pub struct Recorder {
    start: Instant,
    diagram: Diagram,
    /// Initial sequence numbers, by direction.
    isns: BTreeMap<Way, u32>,
    /// What was sent, to know it when it is sent again.
    sent: BTreeSet<(Way, u32, u32)>,
}

impl Recorder {
    /// Time in the diagram counts from `start`.
    pub fn new(start: Instant, title: &str, ends: [String; 2]) -> Recorder {
        let diagram = Diagram { title: title.to_owned(), ends, ..Diagram::default() };
        Recorder { start, diagram, isns: BTreeMap::new(), sent: BTreeSet::new() }
    }

    /// Names both ends anew.
    pub fn name_ends(&mut self, ends: [String; 2]) {
        self.diagram.ends = ends;
    }

    /// A packet leaves; `lost` says that it will not arrive. Its number, when it is TCP.
    pub fn sent(&mut self, now: Instant, from: Side, octets: &[u8], lost: bool) -> Option<usize> {
        let seen = octets::decode(octets).ok().flatten()?;
        let packet = self.packet(from, &seen, lost);
        let (flow, index) = (packet.flow, self.diagram.packets.len());
        self.diagram.packets.push(packet);
        self.moment(now, from, flow, What::Sent(index));
        Some(index)
    }

    /// A packet that left before arrives.
    pub fn arrived(&mut self, now: Instant, index: usize) {
        let packet = &self.diagram.packets[index];
        let (side, flow) = (packet.from.other(), packet.flow);
        self.moment(now, side, flow, What::Arrived(index));
    }

    /// A stack told something.
    pub fn event(&mut self, side: Side, event: &Event) {
        let what = match event.kind {
            EventKind::StateChanged { from, to, cause } => What::State { from, to, cause },
            EventKind::SegmentDropped { reason } => What::Note(format!("dropped: {reason}")),
            EventKind::ConnectionRefused { reason } if self.has_just_dropped(reason.text()) => return,
            EventKind::ConnectionRefused { reason } => What::Note(format!("refused: {reason}")),
            EventKind::PeerUnreachable { .. }
            | EventKind::CookieSent
            | EventKind::FastOpenFellBack { .. }
            | EventKind::MemoryPressure { .. }
            | EventKind::PathDoubted { .. }
            | EventKind::SynFloodSuspected { .. } => What::Note(event.kind.to_string()),
            // Both are seen on the wire.
            EventKind::ResetSent { .. } | EventKind::Retransmitted { .. } => return,
        };
        self.moment(event.at, side, left_port(side, &event.flow), what);
    }

    /// The application called something; `flow` is the port at the left end, zero when it has none yet. A call that answers
    /// at once is one moment, with its answer.
    pub fn call(&mut self, now: Instant, side: Side, flow: u16, text: impl Into<String>) {
        let text = text.into();
        let at = now.since(self.start);
        if let Some(Moment { what: What::Call(asked), at: last, side: end, .. }) =
            self.diagram.moments.last_mut()
            && (*last, *end) == (at, side)
            && text.strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with(" = "))
        {
            *asked = text;
            return;
        }
        self.moment(now, side, flow, What::Call(text));
    }

    /// The diagram.
    pub fn finish(self) -> Diagram {
        self.diagram
    }

    /// A SYN that is refused is often dropped for the very same reason.
    fn has_just_dropped(&self, reason: &str) -> bool {
        let last = self.diagram.moments.last();
        last.is_some_and(
            |last| matches!(&last.what, What::Note(note) if note.strip_prefix("dropped: ") == Some(reason)),
        )
    }

    fn moment(&mut self, now: Instant, side: Side, flow: u16, what: What) {
        if self.diagram.moments.len() < MOMENTS_MAX {
            self.diagram.moments.push(Moment { at: now.since(self.start), side, flow, what });
        }
    }

    fn packet(&mut self, from: Side, seen: &Seen, lost: bool) -> Packet {
        let segment = &seen.segment;
        let way = (seen.ends.from, seen.ends.to);
        let back = (seen.ends.to, seen.ends.from);
        let span = segment.len + u32::from(segment.flags.syn()) + u32::from(segment.flags.fin());
        let is_again = span > 0 && !self.sent.insert((way, segment.start, span));
        if segment.flags.syn() && !is_again {
            self.isns.insert(way, segment.start);
        }
        // A flow that began before the recording counts from its first octet.
        let isn = *self.isns.entry(way).or_insert(segment.start.wrapping_sub(1));
        let ack = segment.ack.map(|ack| {
            let isn = *self.isns.entry(back).or_insert(ack.wrapping_sub(1));
            ack.wrapping_sub(isn)
        });
        let left = if from == Side::Left { way.0 } else { way.1 };
        Packet {
            from,
            flags: flag_names(segment.flags),
            seq: segment.start.wrapping_sub(isn),
            ack,
            len: segment.len,
            again: is_again,
            lost,
            flow: left.port(),
        }
    }
}

fn left_port(side: Side, flow: &Flow) -> u16 {
    match side {
        Side::Left => flow.local.port(),
        Side::Right => flow.remote.port(),
    }
}

fn flag_names(flags: Flags) -> String {
    let named = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::ACK, "ACK"),
        (Flags::URG, "URG"),
    ];
    let names: Vec<&str> =
        named.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
    if names.is_empty() { "no flags".to_owned() } else { names.join(",") }
}
