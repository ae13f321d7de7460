//! How our segments look: numbers, window, options, and the bare ones (ACK, challenge, probe, RST) that leave at once
//! (RFC 9293 sections 3.1 and 3.10.7.4, RFC 7323 section 3, RFC 2018 section 4).

use super::{Connection, Turn};
use crate::clock::tsval;
use crate::receive::Reports;
use crate::{Arrival, Segment, Seq};
use lastack_observe::{Counter, DropReason, ResetReason};
use lastack_wire::tcp::{Flags, Header, Options, SackBlock, Timestamps};

/// Octets of the timestamps option with its padding.
pub(super) const TIMESTAMPS_LEN: u16 = 12;
/// Octets of the SACK option's head with its padding, and of each block.
const SACK_HEAD_LEN: u16 = 4;
const SACK_BLOCK_LEN: u16 = 8;
/// Blocks that fit 40 octets of options, with and without timestamps.
const SACK_BLOCKS: usize = 4;
const SACK_BLOCKS_WITH_TIMESTAMPS: usize = 3;
/// The least payload Linux accepts (`tcp_min_snd_mss` less the options).
const PAYLOAD_MIN: u16 = 8;
/// Windows up to this are not halved for the segment size (Linux's TCP_MSS_DEFAULT).
pub(super) const SMALL_WINDOW: u32 = 536;

/// Payload of a segment, of which two must fit the peer's window (Linux tcp_bound_to_half_wnd).
pub(super) fn within_half(mss: u16, window: u32) -> u16 {
    let half = if window > SMALL_WINDOW { window / 2 } else { window };
    if half == 0 { mss } else { mss.min(u16::try_from(half).unwrap_or(u16::MAX).max(68)) }
}

impl Connection {
    /// The header of a segment that leaves now: it acknowledges all that was received and offers the window anew.
    pub(super) fn header(&mut self, seq: Seq, flags: Flags, turn: &mut Turn) -> Header {
        let nxt = self.receive.nxt;
        let window = self.select_window(turn);
        let mut options = Options {
            timestamps: self
                .timestamps
                .then(|| Timestamps { value: tsval(turn.now, self.ts_offset), echo: self.ts_recent }),
            ..Options::default()
        };
        let blocks_max = self.sack_blocks_max();
        if let Some(incoming) = &mut self.incoming {
            options.sack = incoming.reassembly.sack_blocks(blocks_max);
        }
        self.release_incoming();
        self.segments_out = self.segments_out.wrapping_add(1);
        Header {
            seq,
            ack: nxt,
            flags: flags.with(Flags::ACK).with(self.ecn.echo()),
            window,
            urgent: 0,
            options,
        }
    }

    /// The window field; what it says is offered from now on.
    fn select_window(&mut self, turn: &mut Turn) -> u16 {
        let (nxt, charge, segment) = (self.receive.nxt, self.receive_charge(), self.ack.segment());
        if self.ack.lacks_memory() {
            self.receive.predicted = false;
            self.receive.window.close(nxt);
            return 0;
        }
        if self.receive.window.is_half_full(charge) {
            self.ack.leave_quick_mode();
        }
        let shrinks = turn.knobs.tcp_shrink_window;
        let window = self.receive.window.select(nxt, charge, segment, shrinks, turn.out);
        if window == 0 {
            self.receive.predicted = false;
        }
        window
    }

    /// Blocks that fit a segment; none when SACK was not agreed on.
    fn sack_blocks_max(&self) -> usize {
        match (self.sack, self.timestamps) {
            (false, _) => 0,
            (true, true) => SACK_BLOCKS_WITH_TIMESTAMPS,
            (true, false) => SACK_BLOCKS,
        }
    }

    /// Octets of options in the next segment.
    fn options_len(&self) -> u16 {
        let timestamps = if self.timestamps { TIMESTAMPS_LEN } else { 0 };
        let blocks = match &self.incoming {
            Some(incoming) => incoming.reassembly.sack_len(self.sack_blocks_max()) as u16,
            None => 0,
        };
        timestamps + if blocks == 0 { 0 } else { SACK_HEAD_LEN + SACK_BLOCK_LEN * blocks }
    }

    /// Eff.snd.MSS (RFC 9293 section 3.7.1): the payload of a full segment with the options it carries now; at most
    /// half of the largest window the peer ever offered, so that two segments are always possible (Linux).
    pub(super) fn effective_mss(&self) -> u16 {
        // Linux halves what is left behind the timestamps; only SACK blocks make it smaller still (measured).
        let timestamps = if self.timestamps { TIMESTAMPS_LEN } else { 0 };
        let full = within_half(self.send.mss.saturating_sub(timestamps), self.send.window_max);
        full.saturating_sub(self.options_len() - timestamps).max(PAYLOAD_MIN)
    }

    /// SND.NXT, or the window's edge when the peer took its window back behind it: the number of a segment without
    /// data (Linux tcp_acceptable_seq).
    fn acceptable_seq(&self) -> Seq {
        let beyond = self.send.nxt.since(self.send.edge());
        let rounding = if self.window_scaled { 1_i32 << self.receive.window.scale() } else { 0 };
        if beyond <= 0 || beyond < rounding { self.send.nxt } else { self.send.edge() }
    }

    /// Acknowledges now.
    pub(super) fn send_ack(&mut self, turn: &mut Turn) {
        let segment = self.bare_ack(turn);
        turn.out.reply(segment);
    }

    pub(super) fn bare_ack(&mut self, turn: &mut Turn) -> Segment {
        let seq = self.acceptable_seq();
        let segment = Segment { header: self.header(seq, Flags::ACK, turn), ..Segment::default() };
        self.ack.acknowledged(turn.out);
        self.ack_first = false;
        segment
    }

    /// A probe: an acknowledgment with a number the peer has, so that it must answer (TIMELINES T16, T17).
    pub(super) fn send_probe(&mut self, counter: Counter, turn: &mut Turn) {
        let seq = self.send.una - 1;
        let segment = Segment { header: self.header(seq, Flags::ACK, turn), ..Segment::default() };
        turn.out.count(counter);
        turn.out.reply(segment);
    }

    /// RST from our own will: with ACK and the current numbers (TIMELINES T11, T12, T16).
    pub(super) fn send_reset(&mut self, reason: ResetReason, turn: &mut Turn) {
        let seq = self.acceptable_seq();
        let header = self.header(seq, Flags::RST, turn);
        turn.out.reset(Segment { header, ..Segment::default() }, reason);
    }

    /// The challenge of RFC 5961: limited per flow and per stack and second.
    pub(super) fn challenge(&mut self, turn: &mut Turn) {
        if !self.answers.allows(turn.knobs, turn.now) {
            turn.out.count(Counter::AckSkippedChallenge);
            turn.out.dropped(DropReason::RateLimited);
            return;
        }
        if turn.out.take_challenge(turn.knobs.tcp_challenge_ack_limit) {
            turn.out.count(Counter::ChallengeAck);
            self.send_ack(turn);
        } else {
            turn.out.dropped(DropReason::RateLimited);
        }
    }

    /// Answers a segment that is not acceptable with what we expect, and reports the octets that came twice. Segments
    /// without data are answered once per tcp_invalid_ratelimit, or two confused ends would answer for ever.
    pub(super) fn acknowledge_duplicate(&mut self, arrival: &Arrival, skipped: Counter, turn: &mut Turn) {
        if (arrival.is_empty() || arrival.header.flags.syn()) && !self.answers.allows(turn.knobs, turn.now) {
            turn.out.count(skipped);
            turn.out.dropped(DropReason::RateLimited);
            return;
        }
        let seq = arrival.header.seq;
        if !arrival.is_empty() && seq.lt(self.receive.nxt) {
            turn.out.count(Counter::DelayedAckLost);
            self.ack.enter_quick_mode(self.receive.usable());
            self.report_duplicate(seq, arrival.end().min(self.receive.nxt), turn);
        }
        self.send_ack(turn);
    }

    /// Octets that were received before, for the next acknowledgment's D-SACK (RFC 2883).
    pub(super) fn report_duplicate(&mut self, left: Seq, right: Seq, turn: &mut Turn) {
        if self.reports(turn).0 {
            self.incoming().reassembly.report_duplicate(SackBlock { left, right }, turn.out);
        }
    }

    pub(super) fn reports(&self, turn: &Turn) -> Reports {
        Reports(self.sack && turn.knobs.tcp_dsack)
    }
}
