//! One direction of a wire: loss, duplication, delay with jitter (and so reordering), a rate with a queue, corruption.
//!
//! Corruption flips single bits, or bits within a burst of at most 15: TCP's checksum must find every one of them. A
//! [`Rule`] stands before the link and decides about single packets.

use super::dice::Dice;
use bytes::Bytes;
use lastack_observe::Instant;
use std::time::Duration;

/// How a link treats packets. Chances are of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Time on the wire.
    pub delay: Duration,
    /// At most this much more, drawn for each packet: later packets may overtake.
    pub jitter: Duration,
    /// Lost packets.
    pub loss: u32,
    /// Packets that arrive twice.
    pub duplicate: u32,
    /// Packets that are held back for up to eight delays.
    pub reorder: u32,
    /// Packets with flipped bits.
    pub corrupt: u32,
    /// Octets per second; zero is without limit.
    pub rate: u64,
    /// Octets that may wait for the wire: what does not fit is lost.
    pub queue: u64,
}

impl Default for LinkOptions {
    /// A perfect wire of one millisecond.
    fn default() -> Self {
        LinkOptions {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            loss: 0,
            duplicate: 0,
            reorder: 0,
            corrupt: 0,
            rate: 0,
            queue: u64::MAX,
        }
    }
}

/// What a rule says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The link treats it as any other.
    Pass,
    /// It arrives that much later.
    Delay(Duration),
    /// It does not arrive.
    Drop,
    /// It does not arrive, and a router tells its sender so by ICMP.
    Refuse,
}

/// A packet in front of a link.
#[derive(Clone, Copy, Debug)]
pub struct Transit<'a> {
    /// When it was sent.
    pub now: Instant,
    /// The host that sent it.
    pub from: usize,
    /// The host that it goes to.
    pub to: usize,
    /// From the IP header on.
    pub octets: &'a Bytes,
}

/// Decides about packets before a link does.
pub trait Rule {
    /// The fate of one packet.
    fn judge(&mut self, packet: &Transit<'_>) -> Verdict;
}

impl<F: FnMut(&Transit<'_>) -> Verdict> Rule for F {
    fn judge(&mut self, packet: &Transit<'_>) -> Verdict {
        self(packet)
    }
}

/// One direction of a wire.
#[derive(Clone, Debug)]
pub struct Link {
    options: LinkOptions,
    /// The wire is busy with earlier packets until then.
    busy_until: Instant,
}

/// A packet that a link will deliver.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When.
    pub at: Instant,
    /// What.
    pub octets: Bytes,
    /// False when bits were flipped.
    pub intact: bool,
}

impl Link {
    /// An idle link.
    pub fn new(options: LinkOptions) -> Link {
        Link { options, busy_until: Instant::ZERO }
    }

    /// Sends a packet; what comes out at the other end goes to `deliver`.
    pub fn carry(&mut self, now: Instant, dice: &mut Dice, octets: Bytes, mut deliver: impl FnMut(Delivery)) {
        let Some(sent) = self.serialise(now, octets.len() as u64) else { return };
        if dice.chance(self.options.loss) {
            return;
        }
        let copies = 1 + usize::from(dice.chance(self.options.duplicate));
        for _ in 0..copies {
            let mut at = sent + self.options.delay;
            let jitter = self.options.jitter.as_micros() as u64;
            if jitter > 0 {
                at += dice.micros(0, jitter);
            }
            if dice.chance(self.options.reorder) {
                at += dice.micros(0, self.options.delay.as_micros() as u64 * 8);
            }
            let corrupt = dice.chance(self.options.corrupt);
            let octets = if corrupt { corrupted(dice, &octets) } else { octets.clone() };
            deliver(Delivery { at, octets, intact: !corrupt });
        }
    }

    /// When the last octet is on the wire; `None` when the queue is full.
    fn serialise(&mut self, now: Instant, octets: u64) -> Option<Instant> {
        if self.options.rate == 0 {
            return Some(now);
        }
        let begin = self.busy_until.max(now);
        let waiting = (begin.since(now).as_nanos() as u64).saturating_mul(self.options.rate) / 1_000_000_000;
        if waiting > self.options.queue {
            return None;
        }
        self.busy_until = begin + Duration::from_nanos(octets * 1_000_000_000 / self.options.rate);
        Some(self.busy_until)
    }
}

/// Flips one bit, or the two ends of a burst of at most 15 bits and some between them.
fn corrupted(dice: &mut Dice, octets: &Bytes) -> Bytes {
    let mut bad = octets.to_vec();
    let bits = bad.len() as u64 * 8;
    let flip = |octets: &mut Vec<u8>, bit: u64| octets[(bit / 8) as usize] ^= 0x80 >> (bit % 8);
    let first = dice.below(bits);
    flip(&mut bad, first);
    if dice.chance(500) {
        let width = dice.between(2, 15).min(bits - first);
        for bit in first + 1..first + width {
            if bit + 1 == first + width || dice.chance(500) {
                flip(&mut bad, bit);
            }
        }
    }
    bad.into()
}
