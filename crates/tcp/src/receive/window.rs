//! The receive window: how much is offered, when an update is worth a segment
//! (RFC 9293 section 3.8.6; RFC 7323 section 2).
//!
//! Half of the receive buffer's memory is offered as window at first, because a queue of chunks pins at most twice its
//! octets (see `chunk`). Then the peer's segments show what part of their memory is payload, as in Linux (scaling_ratio).
//! All windows are in octets; only [`ReceiveWindow::select`] gives the raw field. Not here: the charge itself, which the
//! connection sums over its queues, and the window and the shift of a SYN (see `handshake`).

use crate::Output;
use lastack_observe::Counter;
use lastack_wire::Seq;

/// Octets that may be offered out of `memory` octets of buffer.
pub(crate) fn window_of(memory: u32) -> u32 {
    memory / 2
}

/// Segments from this size on let the offer grow (Linux tcp_event_data_recv).
const GROWS_FROM: u32 = 128;

/// No segment has shown what part of its memory is payload: a half.
const UNLEARNT: u8 = 0;
/// The same, with a peer that does not scale windows.
const UNLEARNT_UNSCALED: u8 = 1;

/// Memory that Linux's buffer of a packet of so many octets costs when it comes through a TUN: the buffer's head, and a power
/// of two for the rest (measured: the windows of 6.18 follow from it).
fn memory_of(packet: usize) -> u32 {
    const SIZES: [(usize, u32); 3] = [(318, 960), (638, 1280), (1662, 2304)];
    let large = || u32::try_from(packet).unwrap_or(u32::MAX).saturating_add(832);
    SIZES.iter().find(|(most, _)| packet <= *most).map_or_else(large, |(_, memory)| *memory)
}

/// The window we offer. Never taken back: its right edge only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveWindow {
    /// RCV.NXT when the window was last advertised (Linux rcv_wup).
    acked: Seq,
    /// The window advertised then.
    advertised: u32,
    /// Buffer memory in octets.
    rcvbuf: u32,
    /// Cap on the offer: grows while segments use their memory well (Linux rcv_ssthresh).
    threshold: u32,
    /// The application's cap on the offer (TCP_WINDOW_CLAMP); `u32::MAX` without one.
    clamp: u32,
    /// The peer's segment size as seen, for silly window avoidance (Linux rcv_mss).
    segment: u16,
    /// Our shift.
    scale: u8,
    /// The part of memory that is payload, of 256 (Linux scaling_ratio), or one of the two constants.
    payload_part: u8,
}

impl ReceiveWindow {
    /// The window after the handshake. `nxt`: RCV.NXT (`irs + 1`); `advertised`: the octets of our SYN's or SYN-ACK's
    /// window; `mss`: what we advertised.
    pub(crate) fn new(nxt: Seq, advertised: u32, scale: u8, rcvbuf: u32, mss: u16) -> ReceiveWindow {
        // Linux guesses small (536) until the peer shows its segments.
        let segment = mss.min(536);
        ReceiveWindow {
            acked: nxt,
            advertised,
            rcvbuf,
            threshold: advertised,
            clamp: u32::MAX,
            segment,
            scale,
            payload_part: UNLEARNT,
        }
    }

    /// The peer does not scale windows. Then Linux keeps one segment of the buffer back (tcp_init_buffer_space): before the
    /// peer's segments have shown what memory they need, the right edge stays where the SYN put it (measured).
    pub(crate) fn unscaled(mut self, mss: u16) -> ReceiveWindow {
        self.payload_part = UNLEARNT_UNSCALED;
        self.threshold = self.threshold.min(self.limit(u32::from(mss)));
        self
    }

    /// The most that the offer may grow to.
    fn limit(&self, mss: u32) -> u32 {
        let full = self.full();
        let kept_back = self.payload_part == UNLEARNT_UNSCALED && full > 2 * mss;
        if kept_back { (full - mss).max(2 * mss) } else { full }
    }

    /// Octets of window in so much memory.
    fn part_of(&self, memory: u32) -> u32 {
        match self.payload_part {
            UNLEARNT | UNLEARNT_UNSCALED => window_of(memory),
            part => (u64::from(memory) * u64::from(part) / 256) as u32,
        }
    }

    /// The same with TCP_WINDOW_CLAMP.
    pub(crate) fn clamped(mut self, clamp: Option<u32>) -> ReceiveWindow {
        self.set_clamp(clamp);
        self
    }

    /// Sets or lifts TCP_WINDOW_CLAMP. What was offered stays offered.
    pub(crate) fn set_clamp(&mut self, clamp: Option<u32>) {
        self.clamp = clamp.unwrap_or(u32::MAX);
    }

    /// True when less than a segment may still come: a reader must not wait for more.
    pub(crate) fn is_nearly_closed(&self, nxt: Seq) -> bool {
        self.available(nxt) <= u32::from(self.segment)
    }

    /// The largest offer: that of an empty buffer.
    fn full(&self) -> u32 {
        self.part_of(self.rcvbuf).min(self.clamp)
    }

    /// Our shift.
    pub(crate) fn scale(&self) -> u8 {
        self.scale
    }

    /// The window as it was last advertised, and the cap on it (Linux rcv_wnd, rcv_ssthresh).
    pub(crate) fn advertised(&self) -> [u32; 2] {
        [self.advertised, self.threshold]
    }

    /// Buffer memory in octets.
    pub(crate) fn rcvbuf(&self) -> u32 {
        self.rcvbuf
    }

    /// Sets the buffer's memory (SO_RCVBUF, autotuning). The offer follows as the window is next selected.
    pub(crate) fn set_rcvbuf(&mut self, rcvbuf: u32) {
        self.rcvbuf = rcvbuf;
        if self.payload_part == UNLEARNT_UNSCALED {
            self.payload_part = UNLEARNT;
        }
        self.threshold = self.threshold.min(self.part_of(rcvbuf));
    }

    /// RCV.NXT when we last sent an acknowledgment: what is above it is not acknowledged yet.
    pub(crate) fn acked(&self) -> Seq {
        self.acked
    }

    /// RCV.WND: octets that the peer may still send from `nxt` (RCV.NXT) on.
    pub(crate) fn available(&self, nxt: Seq) -> u32 {
        (self.acked + self.advertised).since(nxt).max(0) as u32
    }

    /// A segment with `payload` octets in a packet of `packet` was queued: learns the peer's segment size and how much of its
    /// memory is payload, and lets the offer grow when memory is well used (Linux tcp_measure_rcv_mss, tcp_grow_window).
    /// `charged`: memory in use, this segment included; `rcvbuf_max`: what the buffer may grow to.
    pub(crate) fn on_data(&mut self, payload: u32, packet: usize, charged: usize, mss: u16, rcvbuf_max: u32) {
        let memory = memory_of(packet);
        if payload >= u32::from(self.segment) {
            if payload != u32::from(self.segment) {
                self.payload_part = (u64::from(payload) * 256 / u64::from(memory)).clamp(2, 255) as u8;
            }
            self.segment = payload.min(u32::from(mss)) as u16;
        }
        if payload >= GROWS_FROM {
            self.grow(payload, packet, charged, mss, rcvbuf_max);
        }
    }

    /// A segment was queued, in order or not: the offer grows when its memory is well used (Linux tcp_grow_window).
    pub(crate) fn grow(&mut self, payload: u32, packet: usize, charged: usize, mss: u16, rcvbuf_max: u32) {
        let memory = memory_of(packet);
        let room = self.limit(u32::from(mss)).min(self.space(charged)).saturating_sub(self.threshold);
        if room == 0 {
            return;
        }
        let grown = if self.part_of(memory) <= payload {
            2 * u32::from(mss)
        } else {
            self.slow_growth(payload, memory, rcvbuf_max)
        };
        if grown > 0 {
            self.threshold += grown.max(payload.saturating_mul(2)).min(room);
        }
    }

    /// Memory is scarce: no more than so many octets are offered from now on, and the offer grows no more.
    pub(crate) fn tighten(&mut self, octets: u32) {
        self.threshold = self.threshold.min(octets);
    }

    /// A segment that wastes memory may still widen the window while that is far from its largest (Linux __tcp_grow_window).
    fn slow_growth(&self, payload: u32, memory: u32, rcvbuf_max: u32) -> u32 {
        let (mut memory, mut window) = (self.part_of(memory) / 2, self.part_of(rcvbuf_max) / 2);
        while self.threshold <= window {
            if memory <= payload {
                return 2 * u32::from(self.segment);
            }
            (memory, window) = (memory / 2, window / 2);
        }
        0
    }

    /// The raw window field of a segment that is about to be sent with ACK `nxt`; remembers it as advertised.
    /// `charged`: octets of memory that the receive and reassembly queues pin.
    pub(crate) fn select(&mut self, nxt: Seq, charged: usize, out: &mut Output) -> u16 {
        let was_zero = self.advertised == 0;
        let current = self.available(nxt);
        let mut window = self.offer(charged);
        if window < current {
            // RFC 9293 section 3.8.6: do not shrink. Linux rounds what is left up to the scale, and so do we.
            if window == 0 {
                out.count(Counter::WantZeroWindowAdv);
            }
            window = self.round_up(current);
        }
        // Linux keeps the edge where it wanted it, though the field may not be able to say so (tcp_select_window, measured).
        self.acked = nxt;
        self.advertised = window;
        match (was_zero, window == 0) {
            (false, true) => out.count(Counter::ToZeroWindowAdv),
            (true, false) => out.count(Counter::FromZeroWindowAdv),
            _ => {}
        }
        (window >> self.scale).min(u32::from(u16::MAX)) as u16
    }

    /// The application has read: true when the window to be offered is at least twice the one that the peer sees, which
    /// must itself be at most half of the buffer (Linux __tcp_cleanup_rbuf; stricter than RFC 9293 section 3.8.6.2.2).
    pub(crate) fn is_update_worth_sending(&self, nxt: Seq, charged: usize) -> bool {
        let current = self.available(nxt);
        if current.saturating_mul(2) > self.full() {
            return false;
        }
        let offer = self.offer(charged);
        offer != 0 && offer >= current.saturating_mul(2)
    }

    /// True when an acknowledgment now would not offer less than the last one did: the reader keeps up.
    pub(crate) fn keeps_up(&self, charged: usize) -> bool {
        self.offer(charged) >= self.advertised
    }

    /// Free memory as octets of window.
    fn space(&self, charged: usize) -> u32 {
        self.part_of(self.rcvbuf.saturating_sub(u32::try_from(charged).unwrap_or(u32::MAX)))
    }

    /// What we would like to offer (Linux __tcp_select_window).
    fn offer(&self, charged: usize) -> u32 {
        let full = self.full();
        let mut free = self.space(charged).min(full);
        let segment = u32::from(self.segment).min(full);
        if segment == 0 {
            return 0;
        }
        if free < full / 2 {
            // Less than half is free: round down, and rather offer nothing than a silly window.
            free = free >> self.scale << self.scale;
            if free < full / 16 || free < segment {
                return 0;
            }
        }
        free = free.min(self.threshold);
        if self.scale > 0 {
            return self.round_up(free);
        }
        // Without scaling the offer moves in whole segments, and stays where it is while it fits.
        let window = self.advertised;
        if window <= free.saturating_sub(segment) || window > free {
            free / segment * segment
        } else if segment == full && free > window + full / 2 {
            free
        } else {
            window
        }
    }

    fn round_up(&self, window: u32) -> u32 {
        let unit = 1u32 << self.scale;
        window.saturating_add(unit - 1) & !(unit - 1)
    }
}

const _: () = assert!(size_of::<ReceiveWindow>() <= 24);

#[cfg(test)]
mod tests;
