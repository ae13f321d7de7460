//! Second and fourth check: RST and SYN, both in the words of RFC 5961 sections 3.2 and 4.2.

use super::Check;
use crate::connection::{Connection, Outcome, Turn};
use crate::{Arrival, Seq};
use lastack_observe::{Cause, Counter, DropReason, State};
use std::ops::ControlFlow::{Break, Continue};

impl Connection {
    /// In the window already. Exactly at RCV.NXT it resets; elsewhere it draws a challenge.
    pub(super) fn check_reset(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        if !arrival.header.flags.rst() {
            return Continue(());
        }
        let seq = arrival.header.seq;
        if seq == self.receive.nxt || self.reset_follows_fin(seq) || self.rightmost_sack() == Some(seq) {
            return Break(self.reset_by_peer(turn));
        }
        turn.out.dropped(DropReason::InexactRst);
        self.suspect_black_hole_by_reset(turn);
        self.challenge(turn);
        Break(Outcome::Continue)
    }

    /// A peer whose FIN we took may reset with its last number before the FIN (Linux; some stacks do).
    pub(super) fn reset_follows_fin(&self, seq: Seq) -> bool {
        matches!(self.state, State::CloseWait | State::Closing | State::LastAck)
            && seq + 1 == self.receive.nxt
    }

    /// The end of the highest octets that we reported by SACK: a peer that reset there knows what we know (Linux).
    fn rightmost_sack(&self) -> Option<Seq> {
        self.incoming.as_ref().filter(|_| self.sack).and_then(|incoming| incoming.reassembly.end())
    }

    pub(super) fn reset_by_peer(&mut self, turn: &mut Turn) -> Outcome {
        self.end(Cause::Reset, turn)
    }

    /// RFC 5961 section 4.2 (RFC 9293 adopted it): whatever its number, a SYN draws a challenge. A peer that lost its
    /// state answers with the exact RST (TIMELINES T34).
    pub(super) fn check_syn(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        if arrival.header.flags.syn() {
            return Break(self.challenge_syn(turn));
        }
        Continue(())
    }

    pub(super) fn challenge_syn(&mut self, turn: &mut Turn) -> Outcome {
        if self.state == State::Established {
            turn.out.count(Counter::InErrs);
        }
        turn.out.count(Counter::SynChallenge);
        turn.out.dropped(DropReason::UnexpectedSyn);
        self.challenge(turn);
        Outcome::Continue
    }
}
