//! The receive window: how much is offered, when an update is worth a segment
//! (RFC 9293 section 3.8.6; RFC 7323 section 2).
//!
//! Half of the receive buffer's memory is offered as window at first. Then the peer's segments show what part of their memory
//! is payload, as in Linux (scaling_ratio), and the offer grows as far as they use it well. All windows are in octets; only
//! [`ReceiveWindow::select`] gives the raw field. Not here: the charge itself (`ledger`), and the window and the shift of a
//! SYN (see `handshake`).

use crate::Output;
use lastack_observe::Counter;
use lastack_wire::Seq;

/// Segments from this size on let the offer grow (Linux tcp_event_data_recv).
const GROWS_FROM: u32 = 128;
/// Of 256 octets of memory, so many count as payload before a segment has shown more (TCP_DEFAULT_SCALING_RATIO).
const PART_AT_FIRST: u8 = 128;
/// The largest offer shrinks to no less (SOCK_MIN_RCVBUF / 2).
const CLAMP_MIN: u32 = 1152;

/// What a window is made of after the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// RCV.NXT (`irs + 1`).
    pub(crate) nxt: Seq,
    /// The octets of our SYN's or SYN-ACK's window.
    pub(crate) advertised: u32,
    /// Our shift.
    pub(crate) scale: u8,
    /// Buffer memory in octets.
    pub(crate) rcvbuf: u32,
    /// What we advertised, less the timestamps.
    pub(crate) mss: u16,
    /// TCP_WINDOW_CLAMP.
    pub(crate) clamp: Option<u32>,
}

/// A segment with data that was queued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    /// Its octets, known ones included.
    pub(crate) len: u32,
    /// What it is charged with, if it joined nothing.
    pub(crate) cost: u32,
    /// Memory in use, this segment included.
    pub(crate) charged: u32,
    /// What we advertised, less the timestamps; and the peer's segments as seen.
    pub(crate) mss: u16,
    pub(crate) segment: u16,
    /// What the buffer may grow to (`tcp_rmem[2]`).
    pub(crate) rcvbuf_max: u32,
}

/// The window we offer. Its right edge moves back only with `tcp_shrink_window`, or when a segment in order had to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveWindow {
    /// RCV.NXT when the window was last advertised (Linux rcv_wup).
    acked: Seq,
    /// The window advertised then; without a shift it may be more than the field holds, as in Linux.
    advertised: u32,
    /// Buffer memory in octets.
    rcvbuf: u32,
    /// Cap on the offer: grows while segments use their memory well (Linux rcv_ssthresh).
    threshold: u32,
    /// The largest offer: by the buffer, or by the application (Linux window_clamp, TCP_WINDOW_CLAMP).
    clamp: u32,
    /// Our shift.
    scale: u8,
    /// The part of memory that is payload, of 256 (Linux scaling_ratio).
    part: u8,
}

impl ReceiveWindow {
    /// The window after the handshake (Linux tcp_init_buffer_space): one segment of the buffer is kept back.
    pub(crate) fn new(from: Beginning) -> ReceiveWindow {
        let mut window = ReceiveWindow {
            acked: from.nxt,
            advertised: from.advertised,
            rcvbuf: from.rcvbuf,
            threshold: 0,
            clamp: from.clamp.unwrap_or(u32::from(u16::MAX) << from.scale),
            scale: from.scale,
            part: PART_AT_FIRST,
        };
        let (most, mss) = (window.part_of(from.rcvbuf), u32::from(from.mss));
        window.clamp = window.clamp.min(most);
        if window.clamp > 2 * mss && window.clamp + mss > most {
            window.clamp = (2 * mss).max(most.saturating_sub(mss));
        }
        window.threshold = from.advertised.min(window.clamp);
        window
    }

    /// Octets of window in so much memory.
    fn part_of(&self, memory: u32) -> u32 {
        (u64::from(memory) * u64::from(self.part) / 256) as u32
    }

    /// Memory that so much window stands for.
    pub(crate) fn memory_for(&self, window: u64) -> u64 {
        window * 256 / u64::from(self.part)
    }

    /// The part of memory that is payload, of 256.
    pub(crate) fn part(&self) -> u8 {
        self.part
    }

    /// Sets TCP_WINDOW_CLAMP, or lifts it. What was offered stays offered.
    pub(crate) fn set_clamp(&mut self, clamp: Option<u32>) {
        let clamp = clamp.unwrap_or_else(|| self.part_of(self.rcvbuf)).max(CLAMP_MIN);
        if clamp < self.clamp {
            self.threshold = self.threshold.min(clamp);
        } else if clamp > self.clamp {
            self.threshold = self.threshold.max(self.advertised.min(clamp));
        }
        self.clamp = clamp;
    }

    /// True when less than a segment may still come: a reader must not wait for more.
    pub(crate) fn is_nearly_closed(&self, nxt: Seq, segment: u16) -> bool {
        self.available(nxt) <= u32::from(segment)
    }

    /// The largest offer: that of an empty buffer.
    fn full(&self) -> u32 {
        self.part_of(self.rcvbuf).min(self.clamp)
    }

    /// Our shift.
    pub(crate) fn scale(&self) -> u8 {
        self.scale
    }

    /// The window last advertised, and the cap on the next.
    pub(crate) fn advertised(&self) -> [u32; 2] {
        [self.advertised, self.threshold]
    }

    /// Buffer memory in octets (SO_RCVBUF as getsockopt tells it).
    pub(crate) fn rcvbuf(&self) -> u32 {
        self.rcvbuf
    }

    /// SO_RCVBUF. The largest offer stays as it is until segments show another part of payload (Linux).
    pub(crate) fn set_rcvbuf(&mut self, rcvbuf: u32) {
        self.rcvbuf = rcvbuf;
    }

    /// The buffer grew by itself, and the largest offer with it.
    pub(crate) fn grow_rcvbuf(&mut self, rcvbuf: u32) {
        self.rcvbuf = rcvbuf;
        self.clamp = self.part_of(rcvbuf);
    }

    /// SO_RCVLOWAT wants so many octets of window (Linux tcp_set_rcvlowat).
    pub(crate) fn make_room_for(&mut self, octets: u32, rcvbuf: u32) {
        if rcvbuf > self.rcvbuf {
            self.rcvbuf = rcvbuf;
            if self.clamp < octets {
                self.set_clamp(Some(octets));
            }
        }
    }

    /// RCV.NXT when we last sent an acknowledgment: what is above it is not acknowledged yet.
    pub(crate) fn acked(&self) -> Seq {
        self.acked
    }

    /// RCV.WND: octets that the peer may still send from `nxt` (RCV.NXT) on.
    pub(crate) fn available(&self, nxt: Seq) -> u32 {
        (self.acked + self.advertised).since(nxt).max(0) as u32
    }

    /// A segment of another size than before came, and not a smaller one: it shows how much of its memory is payload
    /// (Linux tcp_measure_rcv_mss). Its payload is `len`, its memory `cost`.
    /// Says whether that changed anything.
    pub(crate) fn learn(&mut self, len: u32, cost: u32) -> bool {
        let part = (u64::from(len) * 256 / u64::from(cost.max(1))).clamp(1, 255) as u8;
        let news = part != self.part;
        if news {
            self.part = part;
            self.set_clamp(None);
        }
        news
    }

    /// The largest offer.
    pub(crate) fn clamp(&self) -> u32 {
        self.clamp
    }

    /// In-order data was queued: the offer may grow.
    pub(crate) fn on_data(&mut self, queued: Queued) -> bool {
        queued.len >= GROWS_FROM && self.grow(queued)
    }

    /// A segment was queued, in order or not: the offer grows when its memory is well used (Linux tcp_grow_window).
    pub(crate) fn grow(&mut self, queued: Queued) -> bool {
        let room = self.clamp.min(self.space(queued.charged)).saturating_sub(self.threshold);
        if room == 0 {
            return false;
        }
        let grown = if self.part_of(queued.cost) <= queued.len {
            2 * u32::from(queued.mss)
        } else {
            self.slow_growth(queued)
        };
        if grown > 0 {
            self.threshold += grown.max(queued.len.saturating_mul(2)).min(room);
        }
        grown > 0
    }

    /// Memory is scarce: no more than so many octets are offered from now on, and the offer grows no more.
    pub(crate) fn tighten(&mut self, octets: u32) {
        self.threshold = self.threshold.min(octets);
    }

    /// More memory is charged than there is: two segments are offered at most from now on (Linux tcp_clamp_window).
    pub(crate) fn restrain(&mut self, mss: u16) {
        self.threshold = self.clamp.min(2 * u32::from(mss));
    }

    /// A segment that wastes memory may still widen the window while that is far from its largest (Linux __tcp_grow_window).
    fn slow_growth(&self, queued: Queued) -> u32 {
        let (mut memory, mut window) = (self.part_of(queued.cost) / 2, self.part_of(queued.rcvbuf_max) / 2);
        while self.threshold <= window {
            if memory <= queued.len {
                return 2 * u32::from(queued.segment);
            }
            (memory, window) = (memory / 2, window / 2);
        }
        0
    }

    /// The raw window field of a segment that is about to be sent with ACK `nxt`; remembers it as advertised.
    /// `charged`: octets of memory in use; `segment`: the peer's segments as seen; `shrinks`: `tcp_shrink_window`.
    pub(crate) fn select(
        &mut self,
        nxt: Seq,
        charged: u32,
        segment: u16,
        shrinks: bool,
        out: &mut Output,
    ) -> u16 {
        let was_zero = self.advertised == 0;
        let current = self.available(nxt);
        let shrinks = shrinks && self.scale > 0;
        let mut window = self.offer(charged, segment, shrinks);
        if window < current && !shrinks {
            // RFC 9293 section 3.8.6: do not shrink. Linux rounds what is left up to the scale, and so do we.
            if window == 0 {
                out.count(Counter::WantZeroWindowAdv);
            }
            window = self.round_up(current);
        }
        // Linux keeps the edge where it wanted it, though the field may not be able to say so (tcp_select_window, measured).
        self.acked = nxt;
        self.advertised = window;
        let field = window.min(u32::from(u16::MAX) << self.scale) >> self.scale;
        match (was_zero, window == 0) {
            (false, true) => out.count(Counter::ToZeroWindowAdv),
            (true, false) => out.count(Counter::FromZeroWindowAdv),
            _ => {}
        }
        field as u16
    }

    /// A segment in order found no memory: nothing is offered, whatever was promised (Linux's ICSK_ACK_NOMEM).
    pub(crate) fn close(&mut self, nxt: Seq) {
        self.acked = nxt;
        self.advertised = 0;
    }

    /// The application has read: true when the window to be offered is at least twice the one that the peer sees, which
    /// must itself be at most half of the largest (Linux __tcp_cleanup_rbuf; stricter than RFC 9293 section 3.8.6.2.2).
    pub(crate) fn is_update_worth_sending(&self, nxt: Seq, charged: u32, segment: u16) -> bool {
        let current = self.available(nxt);
        if current.saturating_mul(2) > self.clamp {
            return false;
        }
        let offer = self.offer(charged, segment, false);
        offer != 0 && offer >= current.saturating_mul(2)
    }

    /// True when an acknowledgment now would not offer less than the last one did: the reader keeps up.
    pub(crate) fn keeps_up(&self, charged: u32, segment: u16) -> bool {
        self.offer(charged, segment, false) >= self.advertised
    }

    /// More than half of the memory is in use: nothing is acknowledged in haste any more (Linux __tcp_select_window).
    pub(crate) fn is_half_full(&self, charged: u32) -> bool {
        self.space(charged) < self.full() / 2
    }

    /// Free memory as octets of window.
    fn space(&self, charged: u32) -> u32 {
        self.part_of(self.rcvbuf.saturating_sub(charged))
    }

    /// What we would like to offer (Linux __tcp_select_window).
    fn offer(&self, charged: u32, segment: u16, shrinks: bool) -> u32 {
        let (full, allowed) = (self.full(), self.part_of(self.rcvbuf));
        let mut free = self.space(charged);
        let segment = u32::from(segment).min(full);
        if segment == 0 {
            return 0;
        }
        if shrinks {
            free = free >> self.scale << self.scale;
        }
        if free < full / 2 {
            // Less than half is free: round down, and rather offer nothing than a silly window.
            free = free >> self.scale << self.scale;
            if free < allowed / 16 || free < segment || (shrinks && free == 0) {
                return 0;
            }
        }
        if self.scale > 0 {
            return if shrinks && free <= self.threshold {
                free
            } else {
                self.round_up(free.min(self.threshold))
            };
        }
        free = free.min(self.threshold);
        // Without scaling the offer moves in whole segments, and stays where it is while it fits.
        let window = self.advertised;
        if i64::from(window) <= i64::from(free) - i64::from(segment) || window > free {
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
