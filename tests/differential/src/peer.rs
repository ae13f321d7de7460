//! The scripted peer: it turns the places of a shape into numbers, from what it has heard. Only the kernel's run has one; the
//! stack is sent the very same numbers.

use crate::sequence::{AckAt, PeerOptions, SackAt, SeqAt, Shape, Stamp};
use crate::trace::{CLOCK_BASE, Reply, Sent};
use lastack_sim::script::ast::{Opt, Segment};

/// What the peer knows.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    options: PeerOptions,
    /// The number that the other side expects next.
    next: u32,
    /// The right edge of its window.
    edge: u32,
    /// The shift of its window, once it has told it.
    shift: u8,
    /// What was acknowledged, in the trace's scale.
    una: u32,
    /// The number after the last that the other side sent.
    heard: u32,
    /// The last TSval that was sent.
    clock: u32,
    /// The last TSval that was heard.
    echo: Option<u32>,
    /// It has heard a SYN.
    synchronized: bool,
}

impl Peer {
    /// A peer that has heard nothing.
    pub(crate) fn new(options: PeerOptions) -> Peer {
        let next = options.isn.wrapping_add(1);
        Peer {
            options,
            next,
            edge: next.wrapping_add(65_535),
            shift: 0,
            una: 1,
            heard: 1,
            clock: options.timestamps.unwrap_or(1).wrapping_sub(1),
            echo: None,
            synchronized: false,
        }
    }

    /// The segment of this shape, as it is sent now.
    pub(crate) fn send(&mut self, shape: &Shape) -> Sent {
        let start = match shape.seq {
            SeqAt::Next(by) => self.next.wrapping_add_signed(by),
            SeqAt::Edge(by) => self.edge.wrapping_add_signed(by),
            SeqAt::Isn(by) => self.options.isn.wrapping_add_signed(by),
        };
        let ack = match shape.ack {
            AckAt::Next(by) => self.heard.wrapping_add_signed(by),
            AckAt::Una(by) => self.una.wrapping_add_signed(by),
            AckAt::Iss(by) => 0u32.wrapping_add_signed(by),
        };
        let len = u32::from(shape.len);
        let segment = Segment {
            flags: shape.flags,
            start,
            len,
            ack: shape.flags.ack().then_some(ack),
            window: Some(shape.window),
            urgent: shape.flags.urg().then_some(shape.urgent),
            options: Some(self.options(shape)),
            marks: Default::default(),
        };
        if !shape.damaged {
            self.sent(&segment);
        }
        Sent { segment, damaged: shape.damaged }
    }

    fn sent(&mut self, segment: &Segment) {
        if segment.start == self.next && !segment.flags.syn() && !segment.flags.rst() {
            self.next = self.next.wrapping_add(segment.len + u32::from(segment.flags.fin()));
        }
        if let Some(ack) = segment.ack {
            let (new, sent) = (ack.wrapping_sub(self.una), self.heard.wrapping_sub(self.una));
            if new <= sent && (sent as i32) > 0 {
                self.una = ack;
            }
        }
    }

    fn options(&mut self, shape: &Shape) -> Vec<Opt> {
        let mut list = Vec::new();
        if shape.flags.syn() {
            list.extend(self.options.mss.map(Opt::Mss));
            if self.options.sack {
                list.push(Opt::SackOk);
            }
            list.extend(self.options.window_scale.map(Opt::WindowScale));
        }
        if let Some(timestamps) = self.timestamps(shape.stamp) {
            list.extend([Opt::Nop, Opt::Nop, timestamps]);
        }
        let blocks = match shape.sack {
            SackAt::None => None,
            SackAt::Tail(octets) => Some((self.heard.wrapping_sub(u32::from(octets)), self.heard)),
            SackAt::Below => Some((self.una.wrapping_sub(100), self.una.wrapping_sub(50))),
            SackAt::Beyond => Some((self.heard.wrapping_add(100), self.heard.wrapping_add(200))),
        };
        list.extend(blocks.map(|block| Opt::Sack(vec![block])));
        list
    }

    fn timestamps(&mut self, stamp: Stamp) -> Option<Opt> {
        let forced = stamp == Stamp::Forced;
        if (self.options.timestamps.is_none() && !forced) || stamp == Stamp::Missing {
            return None;
        }
        let newer = self.clock.wrapping_add(1);
        let value = match stamp {
            Stamp::Same => self.clock,
            Stamp::Older(by) => self.clock.wrapping_sub(by),
            _ => {
                self.clock = newer;
                newer
            }
        };
        let heard = self.echo.unwrap_or(0);
        let echo = match stamp {
            Stamp::NoEcho => 0,
            Stamp::Echo(by) => self.echo.unwrap_or(CLOCK_BASE).wrapping_add_signed(by),
            _ => heard,
        };
        Some(Opt::Timestamps(value, echo))
    }

    /// Takes note of what the other side sent.
    pub(crate) fn hear(&mut self, reply: &Reply) {
        let segment = &reply.segment;
        if segment.flags.rst() {
            return;
        }
        let extra = u32::from(segment.flags.syn()) + u32::from(segment.flags.fin());
        let end = segment.start.wrapping_add(segment.len).wrapping_add(extra);
        if segment.flags.syn() {
            if segment.start == 0 && !self.synchronized {
                (self.heard, self.una) = (end, 0);
            }
            self.synchronized = true;
            self.shift = 0;
        }
        if end.wrapping_sub(self.heard) as i32 > 0 {
            self.heard = end;
        }
        if let Some(ack) = segment.ack {
            self.next = ack;
            let window = u32::from(segment.window.unwrap_or(0)) << self.shift;
            self.edge = ack.wrapping_add(window);
        }
        for option in segment.options.iter().flatten() {
            match option {
                Opt::Timestamps(value, _) => self.echo = Some(*value),
                Opt::WindowScale(shift) if self.options.window_scale.is_some() => self.shift = *shift,
                _ => {}
            }
        }
    }
}
