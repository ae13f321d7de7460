//! SEGMENT ARRIVES in a synchronized state: the eight checks of RFC 9293 section 3.10.7.4, in order, and then what the
//! segment makes due: data, acknowledgment.
//!
//! A check that ends the segment's way breaks with the outcome; the rest read on. The third check (security and
//! compartment) has no code: like Linux we know neither.

mod acknowledgment;
mod compress;
mod fin;
mod reset;
mod sequence;
mod text;
mod urgent;

use super::{Connection, Outcome, Turn};
use crate::Arrival;
use crate::closed::reset_for;
use lastack_observe::{Cause, Counter, DropReason, ResetReason};
use std::ops::ControlFlow::{self, Break, Continue};

/// Goes on with the next check, or ends here.
pub(super) type Check = ControlFlow<Outcome>;

impl Connection {
    pub(super) fn segment_arrives(&mut self, mut arrival: Arrival, turn: &mut Turn) -> Check {
        if self.unproven.is_some() {
            self.check_proof(&arrival, turn)?;
        }
        self.check_control_bits(&arrival, turn)?;
        self.check_sequence(&arrival, turn)?;
        self.check_reset(&arrival, turn)?;
        self.check_syn(&arrival, turn)?;
        self.check_acknowledgment(&arrival, turn)?;
        self.check_urgent(&arrival, turn);
        let nxt = self.receive.nxt;
        let taken = self.take_text(&mut arrival, turn);
        self.count_received(nxt);
        taken?;
        self.acknowledge_as_due(turn);
        Continue(())
    }

    /// A segment without ACK, RST and SYN means nothing in any state that this type covers. RFC 9293 drops it in the
    /// fifth check; Linux does before the first, so it never draws an acknowledgment (TIMELINES section F).
    fn check_control_bits(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        let flags = arrival.header.flags;
        if flags.ack() || flags.rst() || flags.syn() {
            return Continue(());
        }
        turn.out.dropped(DropReason::NoAck);
        Break(Outcome::Continue)
    }

    /// Data came that nobody will read (RFC 9293 section 3.6.1, TIMELINES T10).
    fn refuse_data(&mut self, arrival: &Arrival, turn: &mut Turn) -> Check {
        turn.out.count(Counter::AbortOnData);
        Break(self.refuse(arrival, ResetReason::AbortOnData, Cause::DataAfterClose, turn))
    }

    /// RST with the number that the segment acknowledges, as if there were no connection; and then there is none.
    fn refuse(&mut self, arrival: &Arrival, reason: ResetReason, cause: Cause, turn: &mut Turn) -> Outcome {
        if let Some(reset) = reset_for(arrival) {
            turn.out.reset(reset, reason);
        }
        self.end(cause, turn)
    }

    /// The segment carries octets after RCV.NXT.
    fn brings_new_octets(&self, arrival: &Arrival) -> bool {
        !arrival.is_empty() && (arrival.end() - u32::from(arrival.header.flags.fin())).gt(self.receive.nxt)
    }

    /// More than a segment came since the last acknowledgment, and the window's edge would advance with another; or the
    /// reader waits for more (SO_RCVLOWAT). A buffer that fills ends quick mode (Linux __tcp_ack_snd_check).
    fn two_segments_are_due(&mut self) -> bool {
        if self.receive.unacknowledged() <= u32::from(self.ack.segment()) {
            return false;
        }
        if self.unread_octets() < self.options_ref().rcvlowat.unwrap_or(1) {
            return true;
        }
        let charge = self.receive_charge();
        if self.receive.window.is_half_full(charge) {
            self.ack.leave_quick_mode();
        }
        self.receive.window.keeps_up(charge, self.ack.segment())
    }

    /// Answers what is owed: at once, with data that is ready, or later.
    fn acknowledge_as_due(&mut self, turn: &mut Turn) {
        if !self.ack.is_owed() {
            return;
        }
        let due = self.two_segments_are_due()
            || self.ack.is_due()
            || if self.holds_out_of_order() {
                !self.compresses(turn)
            } else {
                self.ack.delay(self.rtt.srtt(), turn.now)
            };
        if !due {
            return;
        }
        // Data that may leave now carries it; poll_transmit sends it alone if that changes.
        if self.data_is_ready() { self.ack.owe_now() } else { self.send_ack(turn) }
    }
}
