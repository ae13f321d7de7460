//! The script's numbers and the wire's: a script counts from its own SYNs and from its own first TSval.
//!
//! The peer's numbers are the script's own, as they stand. The stack's are chosen by the stack: the first SYN (or TSval) that
//! it sends says how far the two scales lie apart.

use crate::script::ast::{Opt, Segment};
use std::collections::BTreeMap;

/// How far the script's numbers lie from the wire's.
#[derive(Debug, Default)]
pub struct Numbers {
    /// What to add to a script's number to get the stack's.
    stack: Option<u32>,
    /// The same for TSval.
    clock: Option<u32>,
    /// TSvals that the script has named, and what stood there: an echo of one is the one that was sent.
    named: BTreeMap<u32, u32>,
    /// The peer's initial sequence number.
    pub peer_isn: Option<u32>,
    /// The stack's initial sequence number, on the wire.
    pub stack_isn: Option<u32>,
}

impl Numbers {
    /// The next SYNs of both sides begin new scales; the clocks go on.
    pub fn begin_anew(&mut self) {
        (self.stack, self.stack_isn, self.peer_isn) = (None, None, None);
    }

    /// A sequence number of the stack's as it is on the wire.
    pub fn stack_to_live(&self, number: u32) -> u32 {
        number.wrapping_add(self.stack.unwrap_or(0))
    }

    /// A segment of the script's peer as it goes on the wire.
    pub fn to_live(&self, segment: &Segment) -> Segment {
        let mut live = segment.clone();
        live.ack = live.ack.map(|ack| self.stack_to_live(ack));
        for option in live.options.iter_mut().flatten() {
            match option {
                Opt::Sack(blocks) => blocks.iter_mut().for_each(|(left, right)| {
                    *left = self.stack_to_live(*left);
                    *right = self.stack_to_live(*right);
                }),
                Opt::Timestamps(_, echo) if *echo != 0 => {
                    let shifted = echo.wrapping_add(self.clock.unwrap_or(0));
                    *echo = self.named.get(echo).copied().unwrap_or(shifted);
                }
                _ => {}
            }
        }
        live
    }

    /// Remembers where the peer's numbers begin.
    pub fn peer_sent(&mut self, live: &Segment) {
        if live.flags.syn() && self.peer_isn.is_none() {
            self.peer_isn = Some(live.start);
        }
    }

    /// A segment that the stack sent in the script's numbers. `wanted` is what the script has at this place.
    pub fn in_script(&mut self, live: &Segment, wanted: &Segment) -> Segment {
        if live.flags.syn() && wanted.flags.syn() && self.stack.is_none() {
            self.stack = Some(live.start.wrapping_sub(wanted.start));
            self.stack_isn = Some(live.start);
        }
        let mut seen = live.clone();
        seen.start = live.start.wrapping_sub(self.stack.unwrap_or(0));
        let wanted_clock = clock_of(wanted);
        for option in seen.options.iter_mut().flatten() {
            if let Opt::Timestamps(value, _) = option {
                let scale =
                    *self.clock.get_or_insert_with(|| wanted_clock.map_or(0, |at| value.wrapping_sub(at)));
                if let Some(named) = wanted_clock {
                    self.named.insert(named, *value);
                }
                *value = value.wrapping_sub(scale);
            }
        }
        seen
    }

    /// The octet that the peer sends at this sequence number of its own.
    pub fn peer_octet(number: u32) -> u8 {
        number as u8
    }

    /// The octet at this place of the stream that a script's application writes.
    pub fn written_octet(place: u64) -> u8 {
        (place % 251) as u8
    }
}

fn clock_of(segment: &Segment) -> Option<u32> {
    segment.options.iter().flatten().find_map(|option| match option {
        Opt::Timestamps(value, _) => Some(*value),
        _ => None,
    })
}
