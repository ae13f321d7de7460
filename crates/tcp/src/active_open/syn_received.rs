//! SYN-RECEIVED by simultaneous open (RFC 9293 section 3.10.7.4, matrix row SYN_RECV(simultaneous open)).
//!
//! Unlike a listener's request this is a full socket: the checks are those of the synchronized states.

use super::*;
use lastack_wire::tcp::SackBlock;

/// A full socket lets TSval run backwards by one (Linux's TCP_PAWS_WINDOW), and this is one to Linux.
const TS_REPLAY: i32 = 1;

impl ActiveOpen {
    pub(super) fn handle_in_syn_received(
        &mut self,
        arrival: &Arrival,
        peer: Peer,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        let header = &arrival.header;
        let flags = header.flags;
        if !flags.ack() && !flags.rst() && !flags.syn() {
            // Before any number is looked at (Linux, measured).
            out.dropped(DropReason::NoAck);
            return ActiveVerdict::Keep;
        }
        let timestamps = self.offer.timestamps && peer.offer.timestamps;
        if timestamps && !flags.rst() && paws_rejects(arrival, peer.ts_recent, TS_REPLAY) {
            return self.handle_old_stamp(arrival, peer, knobs, now, out);
        }
        if !self.is_in_window(arrival, peer) {
            return self.handle_out_of_window(arrival, peer, knobs, now, out);
        }
        if flags.rst() {
            if header.seq == peer.irs + 1 {
                return self.fail(Cause::Reset, out);
            }
            out.dropped(DropReason::InexactRst);
            self.challenge(peer, knobs, now, out);
            return ActiveVerdict::Keep;
        }
        if flags.syn() && !self.completes(arrival, peer) {
            return self.handle_syn(peer, knobs, now, out);
        }
        if !flags.ack() {
            out.dropped(DropReason::NoAck);
            return ActiveVerdict::Keep;
        }
        // RFC 9293 wants SND.UNA < SEG.ACK; Linux takes an acknowledgment of nothing, too (matrix); we do, the peer
        // has shown that it knows our number.
        if header.ack.lt(self.iss) || header.ack.gt(self.syn_end()) {
            out.dropped(DropReason::FutureAck);
            if let Some(reset) = reset_for(arrival) {
                out.reset(reset, ResetReason::InvalidAck);
            }
            return ActiveVerdict::Keep;
        }
        if flags.syn() {
            // Linux takes a SYN that comes twice for a sign that its acknowledgment was lost (matrix).
            out.count(Counter::DelayedAckLost);
        }
        self.first_ack = if flags.syn() { FirstAck::NowWithDuplicateSyn } else { FirstAck::NotOwed };
        ActiveVerdict::Establish
    }

    /// As a full socket does: a SYN is challenged, an acknowledgment that was overtaken is dropped in silence.
    fn handle_old_stamp(
        &mut self,
        arrival: &Arrival,
        peer: Peer,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        let flags = arrival.header.flags;
        if flags.syn() {
            return self.handle_syn(peer, knobs, now, out);
        }
        out.dropped(DropReason::Paws);
        if flags.ack() && arrival.is_empty() && arrival.header.seq.lt(peer.irs + 1) {
            out.count(Counter::PawsOldAck);
            return ActiveVerdict::Keep;
        }
        out.count(Counter::PawsEstab);
        self.answer(arrival, peer, Counter::AckSkippedPaws, knobs, now, out);
        ActiveVerdict::Keep
    }

    /// Linux's sequence test of full sockets: nothing that ends before RCV.NXT, nothing that begins after the window.
    fn is_in_window(&self, arrival: &Arrival, peer: Peer) -> bool {
        let receive_next = peer.irs + 1;
        !arrival.end().lt(receive_next) && arrival.header.seq.le(receive_next + self.window)
    }

    /// The peer's SYN-ACK: it took our SYN as we took its.
    fn completes(&self, arrival: &Arrival, peer: Peer) -> bool {
        let header = &arrival.header;
        header.flags.ack()
            && header.seq == peer.irs
            && arrival.len() == 1
            && header.ack.gt(self.iss)
            && header.ack.le(self.syn_end())
    }

    fn handle_out_of_window(
        &mut self,
        arrival: &Arrival,
        peer: Peer,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) -> ActiveVerdict {
        let flags = arrival.header.flags;
        if flags.rst() {
            out.dropped(DropReason::OutOfWindowRst);
            return ActiveVerdict::Keep;
        }
        if flags.syn() {
            return self.handle_syn(peer, knobs, now, out);
        }
        if !arrival.end().lt(peer.irs + 1) {
            out.count(Counter::BeyondWindow);
        }
        out.dropped(DropReason::OutOfWindow);
        self.answer(arrival, peer, Counter::AckSkippedSeq, knobs, now, out);
        ActiveVerdict::Keep
    }

    /// RFC 5961 section 4: any other SYN is challenged.
    fn handle_syn(&mut self, peer: Peer, knobs: &Knobs, now: Instant, out: &mut Output) -> ActiveVerdict {
        out.count(Counter::SynChallenge);
        out.dropped(DropReason::UnexpectedSyn);
        self.challenge(peer, knobs, now, out);
        ActiveVerdict::Keep
    }

    fn challenge(&mut self, peer: Peer, knobs: &Knobs, now: Instant, out: &mut Output) {
        if !self.answers.allows(knobs, now) {
            out.count(Counter::AckSkippedChallenge);
            return;
        }
        if !out.take_challenge(knobs.tcp_challenge_ack_limit) {
            return out.dropped(DropReason::RateLimited);
        }
        out.count(Counter::ChallengeAck);
        out.reply(self.bare_ack(peer).segment(self.ts_offset, now));
    }

    fn answer(
        &mut self,
        arrival: &Arrival,
        peer: Peer,
        skipped: Counter,
        knobs: &Knobs,
        now: Instant,
        out: &mut Output,
    ) {
        let limited = arrival.is_empty() || arrival.header.flags.syn();
        if limited && !self.answers.allows(knobs, now) {
            out.count(skipped);
            return;
        }
        let mut segment = self.bare_ack(peer).segment(self.ts_offset, now);
        let (seq, receive_next) = (arrival.header.seq, peer.irs + 1);
        if !arrival.is_empty() && seq.lt(receive_next) {
            out.count(Counter::DelayedAckLost);
            if knobs.tcp_dsack && self.offer.answer(peer.offer).sack {
                // Octets that were never sent so: reported all the same (RFC 2883; Linux tcp_send_dupack).
                let right = arrival.end().min(receive_next);
                segment.header.options.sack.push(SackBlock { left: seq, right });
                out.count(Counter::DsackOldSent);
            }
        }
        out.reply(segment);
    }
}
