//! Explicit congestion notification: what a packet's IP header says, and what one connection remembers of it (RFC 3168).
//!
//! `tcp_ecn` says whether it is asked for or only agreed to. The handshakes carry the question in their offers, the
//! connection marks its new data, echoes marks, and tells that it has slowed down. How much it slows down is congestion
//! control's affair. Not here: AccECN (RFC 9768), which Linux's values 3 to 5 stand for.

use lastack_wire::tcp::Flags;

#[cfg(test)]
mod tests;

/// The two bits of the traffic class that mark our data: ECT(0).
pub const ECT_0: u8 = 0b10;

/// What the ECN field of an IP packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Codepoint {
    /// Its transport does not take part.
    #[default]
    NotEct,
    /// Its transport takes part: ECT(0) or ECT(1).
    Ect,
    /// A router on the way was congested.
    Ce,
}

impl Codepoint {
    /// Of a traffic class; its upper six bits say nothing.
    pub const fn of(traffic_class: u8) -> Codepoint {
        match traffic_class & 0b11 {
            0 => Codepoint::NotEct,
            0b11 => Codepoint::Ce,
            _ => Codepoint::Ect,
        }
    }
}

/// What one connection remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Ecn(u8);

impl Ecn {
    const AGREED: u8 = 1;
    /// Acknowledgments say ECE until the peer says CWR.
    const ECHOES: u8 = 2;
    /// The next new data says CWR.
    const SLOWED: u8 = 4;
    /// The peer marks its data.
    const SEEN: u8 = 8;

    pub(crate) fn new(agreed: bool) -> Ecn {
        Ecn(if agreed { Ecn::AGREED } else { 0 })
    }

    pub(crate) fn is_agreed(self) -> bool {
        self.has(Ecn::AGREED)
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Data came in a packet with this field. True when its acknowledgment must not wait: congestion begins, or an
    /// unmarked segment among marked ones is a retransmission (Linux's reading).
    pub(crate) fn on_data(&mut self, codepoint: Codepoint) -> bool {
        if !self.is_agreed() {
            return false;
        }
        let (seen, echoed) = (self.has(Ecn::SEEN), self.has(Ecn::ECHOES));
        match codepoint {
            Codepoint::NotEct => seen,
            Codepoint::Ect => {
                self.0 |= Ecn::SEEN;
                false
            }
            Codepoint::Ce => {
                self.0 |= Ecn::SEEN | Ecn::ECHOES;
                !echoed
            }
        }
    }

    /// The peer says that it has slowed down.
    pub(crate) fn on_cwr(&mut self) {
        self.0 &= !Ecn::ECHOES;
    }

    /// We have slowed down: the peer must be told.
    pub(crate) fn slowed_down(&mut self) {
        if self.is_agreed() {
            self.0 |= Ecn::SLOWED;
        }
    }

    /// That was a mistake, and the peer was not told yet.
    pub(crate) fn sped_up(&mut self) {
        self.0 &= !Ecn::SLOWED;
    }

    /// What every segment carries.
    pub(crate) fn echo(self) -> Flags {
        if self.has(Ecn::ECHOES) { Flags::ECE } else { Flags::default() }
    }

    /// What the next new data carries, once.
    pub(crate) fn take_slowed(&mut self) -> Flags {
        let slowed = self.has(Ecn::SLOWED);
        self.0 &= !Ecn::SLOWED;
        if slowed { Flags::CWR } else { Flags::default() }
    }
}
