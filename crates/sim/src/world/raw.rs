//! A stranger on the network: it speaks TCP by hand and rarely does what is expected of it.
//!
//! It knows the numbers of the segments that it sees, so what it sends is mostly in window: resets, second SYNs, data after
//! the end, SYN for SYN. Nothing that it does may harm an orderly conversation of others.

use super::dice::Dice;
use crate::octets::{Ends, Seen, encode};
use crate::script::ast::{Opt, Segment};
use lastack_wire::tcp::Flags;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The stranger's address.
pub(super) const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1));

/// One flow as the stranger remembers it.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Its own next number.
    next: u32,
    /// What it has seen of the other's.
    seen: u32,
    /// Answers it still gives: two stacks must not chat for ever.
    patience: u8,
    /// How it likes to be.
    mood: Mood,
}

/// How a stranger treats one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It acknowledges everything and closes when it is closed.
    Polite,
    /// It says nothing.
    Mute,
    /// Any of the things below, at any time.
    Odd,
}

/// The stranger.
#[derive(Debug, Default)]
pub(super) struct Stranger {
    flows: BTreeMap<(SocketAddr, SocketAddr), Memory>,
    ports: u16,
}

impl Stranger {
    /// It begins a flow of its own: a SYN.
    pub(super) fn knock(&mut self, to: SocketAddr, dice: &mut Dice) -> Vec<u8> {
        self.ports = self.ports.wrapping_add(1);
        let ends = Ends { from: SocketAddr::new(STRANGER, 1024 + self.ports), to };
        let next = dice.below(1 << 32) as u32;
        let mood = dice.pick(&[Mood::Polite, Mood::Mute, Mood::Odd, Mood::Odd]);
        let patience = dice.below(30) as u8;
        self.flows.insert((ends.from, to), Memory { next: next.wrapping_add(1), seen: 0, patience, mood });
        encode(ends, &segment(Flags::SYN, next, None, 0))
    }

    /// A packet for it arrives; it may answer.
    pub(super) fn hears(&mut self, seen: &Seen, dice: &mut Dice) -> Vec<Vec<u8>> {
        let ends = Ends { from: seen.ends.to, to: seen.ends.from };
        let fresh = Memory {
            next: dice.below(1 << 32) as u32,
            seen: 0,
            patience: dice.below(30) as u8,
            mood: dice.pick(&[Mood::Polite, Mood::Mute, Mood::Odd, Mood::Odd]),
        };
        let memory = self.flows.entry((ends.from, ends.to)).or_insert(fresh);
        let flags = seen.segment.flags;
        let octets = seen.segment.len + u32::from(flags.syn()) + u32::from(flags.fin());
        memory.seen = seen.segment.start.wrapping_add(octets);
        if memory.patience == 0 || flags.rst() {
            return Vec::new();
        }
        memory.patience -= 1;
        let answers = memory.answer(flags, octets, dice);
        answers.iter().map(|segment| encode(ends, segment)).collect()
    }

    /// Out of the blue, something for one of its flows.
    pub(super) fn speaks(&mut self, dice: &mut Dice) -> Option<(SocketAddr, Vec<u8>)> {
        let nth = dice.below(self.flows.len().max(1) as u64) as usize;
        let (&(from, to), memory) = self.flows.iter_mut().nth(nth)?;
        let segment = memory.odd(dice);
        Some((to, encode(Ends { from, to }, &segment)))
    }
}

impl Memory {
    fn answer(&mut self, flags: Flags, octets: u32, dice: &mut Dice) -> Vec<Segment> {
        if flags.syn() && !flags.ack() {
            return vec![self.answer_syn(dice)];
        }
        match self.mood {
            Mood::Mute => Vec::new(),
            Mood::Polite if octets == 0 => Vec::new(),
            Mood::Polite => {
                let fin = if flags.fin() || dice.chance(100) { Flags::FIN } else { Flags::default() };
                let reply = segment(Flags::ACK.with(fin), self.next, Some(self.seen), 0);
                self.next = self.next.wrapping_add(u32::from(fin.fin()));
                vec![reply]
            }
            Mood::Odd => vec![self.odd(dice)],
        }
    }

    fn answer_syn(&mut self, dice: &mut Dice) -> Segment {
        let isn = self.next;
        match dice.below(6) {
            // SYN for SYN: a simultaneous open.
            0 | 1 => segment(Flags::SYN, isn, None, 0),
            2 => segment(Flags::RST.with(Flags::ACK), 0, Some(self.seen), 0),
            3 => segment(Flags::ACK, isn, Some(self.seen.wrapping_sub(9)), 0),
            _ => {
                self.next = isn.wrapping_add(1);
                segment(Flags::SYN.with(Flags::ACK), isn, Some(self.seen), 0)
            }
        }
    }

    fn odd(&mut self, dice: &mut Dice) -> Segment {
        let (next, ack) = (self.next, Some(self.seen));
        match dice.below(14) {
            0..=4 => segment(Flags::ACK, next, ack, 0),
            5 | 6 => {
                let len = dice.between(1, 600) as u32;
                self.next = next.wrapping_add(len);
                segment(Flags::ACK.with(Flags::PSH), next, ack, len)
            }
            7 => {
                self.next = next.wrapping_add(1);
                segment(Flags::FIN.with(Flags::ACK), next, ack, 0)
            }
            // A FIN that does not acknowledge ours.
            8 => segment(Flags::FIN.with(Flags::ACK), next, Some(self.seen.wrapping_sub(1)), 0),
            9 => segment(Flags::RST, next, None, 0),
            10 => segment(Flags::SYN, next, None, 0),
            11 => segment(Flags::SYN.with(Flags::ACK), next.wrapping_sub(1), ack, 0),
            12 => segment(Flags::ACK, next.wrapping_sub(dice.below(3000) as u32), ack, 0),
            _ => segment(Flags::ACK, next, Some(self.seen.wrapping_add(dice.below(3000) as u32)), 0),
        }
    }
}

fn segment(flags: Flags, start: u32, ack: Option<u32>, len: u32) -> Segment {
    let flags = if ack.is_some() { flags.with(Flags::ACK) } else { flags };
    let options = if flags.syn() { vec![Opt::Mss(1460)] } else { Vec::new() };
    Segment {
        flags,
        start,
        len,
        ack,
        window: Some(20_000),
        urgent: None,
        options: Some(options),
        marks: Default::default(),
    }
}
