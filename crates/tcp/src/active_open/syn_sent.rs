//! SYN-SENT (RFC 9293 section 3.10.7.3, matrix row SYN_SENT).

use super::*;

/// Linux's shortest timer: two ticks at 250 Hz.
const QUICK: Duration = Duration::from_millis(8);

impl ActiveOpen {
    pub(super) fn handle_in_syn_sent(
        &mut self,
        arrival: &Arrival,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        let flags = arrival.header.flags;
        if self.is_deferred() {
            // Nothing was sent that it could answer.
            out.dropped(DropReason::UnwantedInSynSent);
            return ActiveVerdict::Keep;
        }
        if flags.ack() {
            return self.handle_answer(arrival, now, out);
        }
        if flags.rst() || !flags.syn() {
            // Whatever does not acknowledge our SYN proves nothing (RFC 5961 section 3.2 for the RST).
            out.dropped(DropReason::UnwantedInSynSent);
            return ActiveVerdict::Keep;
        }
        self.peer = Some(Peer::of_syn(&arrival.header));
        self.state = ACTIVE_OPEN.go(self.state, Cause::SynReceived, out);
        // The timer of the SYN runs on (TIMELINES T15); a SYN that was due becomes this SYN-ACK.
        self.due = false;
        self.sent = Some(now);
        // Its number was sent before, in our SYN.
        out.reply(Segment { again: true, ..self.syn(now) });
        ActiveVerdict::Keep
    }

    fn handle_answer(&mut self, arrival: &Arrival, now: Instant, out: &mut Output) -> ActiveVerdict {
        let header = &arrival.header;
        if header.ack.le(self.iss) || header.ack.gt(self.syn_end()) {
            self.refuse(arrival, DropReason::FutureAck, out);
            // RFC 9293 says RST and nothing more. Linux sends the SYN again at once, unless it did already
            // (TIMELINES T35): the peer was in TIME_WAIT, our RST has just ended that.
            if self.retransmits == 0 {
                self.deadline = now + QUICK;
            }
            return ActiveVerdict::Keep;
        }
        if self.echoes_the_future(header, now) {
            out.count(Counter::PawsActive);
            self.refuse(arrival, DropReason::Paws, out);
            return ActiveVerdict::Keep;
        }
        if header.flags.rst() {
            return self.fail(Cause::Refused, out);
        }
        if !header.flags.syn() {
            out.dropped(DropReason::UnwantedInSynSent);
            return ActiveVerdict::Keep;
        }
        self.first_ack = FirstAck::Now;
        ActiveVerdict::Establish
    }

    /// True when the echoed timestamp is none that a SYN of ours carried.
    fn echoes_the_future(&self, header: &Header, now: Instant) -> bool {
        let Some(ts) = header.options.timestamps.filter(|ts| self.offer.timestamps && ts.echo != 0) else {
            return false;
        };
        let first = tsval(self.opened, self.ts_offset);
        ts.echo.wrapping_sub(first) > tsval(now, self.ts_offset).wrapping_sub(first)
    }

    fn refuse(&self, arrival: &Arrival, reason: DropReason, out: &mut Output) {
        out.dropped(reason);
        if let Some(reset) = reset_for(arrival) {
            out.reset(reset, ResetReason::InvalidAck);
        }
    }
}
