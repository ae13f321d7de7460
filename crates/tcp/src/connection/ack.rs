//! When to acknowledge: at once, with the next data, or after a delay (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
//!
//! Linux's policy: quick mode at the start of a flow and after every surprise, interactive ("ping-pong") mode once
//! answers follow data, an acknowledgment for every second full segment, and a delay that follows the gaps between
//! segments. Not here: building and sending the acknowledgment.

use crate::{Instant, Output};
use lastack_observe::Counter;
use lastack_wire::tcp::Flags;
use std::time::Duration;

/// Least delay of an acknowledgment (Linux's TCP_ATO_MIN and TCP_DELACK_MIN).
const DELAY_MIN: Duration = Duration::from_millis(40);
/// Longest delay of an acknowledgment (Linux's TCP_DELACK_MAX).
const DELAY_MAX: Duration = Duration::from_millis(200);
/// Longest delay between segments of a one-way stream (Linux's HZ/2).
const DELAY_MAX_STREAM: Duration = Duration::from_millis(500);
/// Most acknowledgments that quick mode sends without delay (Linux's TCP_MAX_QUICKACKS).
const QUICK_MAX: u8 = 16;
/// Linux's timer of no delay fires at its next tick, 0 to 4 ms later at 250 Hz.
const TICK: Duration = Duration::from_millis(1);
/// First guess at the peer's segment size (Linux's TCP_MSS_DEFAULT), and the least believed (TCP_MIN_MSS).
const SEGMENT_GUESS: u16 = 536;
const SEGMENT_MIN: u16 = 88;

/// The acknowledgment state of one connection.
#[derive(Debug)]
pub(super) struct AckPolicy {
    /// When the last data arrived.
    data_at: Instant,
    /// When the delayed acknowledgment goes out; `NEVER` when none waits.
    deadline: Instant,
    /// Estimated gap between data segments, milliseconds; zero before the first.
    gap_ms: u32,
    /// Estimated payload of the peer's full segments.
    segment: u16,
    /// Payload of the last smaller segment; two alike are believed.
    last_small: u16,
    haste: Haste,
    /// Our answers follow the peer's data closely: acknowledgments wait for them.
    interactive: bool,
    /// Something received is not acknowledged.
    owed: bool,
    /// The protocol wants the next acknowledgment at once.
    urgent: bool,
    /// A small segment came (once, twice): the reader's progress is worth an acknowledgment.
    pushed: bool,
    pushed_twice: bool,
    /// A segment in order found no memory.
    memory_lacks: bool,
}

/// What the next acknowledgment changes, side by side so that one look tells that there is nothing.
#[derive(Debug, Default)]
#[repr(C)]
struct Haste {
    /// Acknowledgments that quick mode still sends at once.
    quick: u8,
    /// Acknowledgments of segments out of order that wait to be one (`tcp_comp_sack_nr`).
    compressed: u8,
}

impl Haste {
    fn is_nothing(&self) -> bool {
        u16::from_ne_bytes([self.quick, self.compressed]) == 0
    }
}

impl AckPolicy {
    pub(super) fn new(mss: u16, receive_window: u32) -> AckPolicy {
        let half = u16::try_from(receive_window / 2).unwrap_or(u16::MAX);
        AckPolicy {
            data_at: Instant::ZERO,
            deadline: Instant::NEVER,
            gap_ms: 0,
            segment: SEGMENT_GUESS.min(mss).min(half).max(SEGMENT_MIN),
            last_small: 0,
            haste: Haste::default(),
            interactive: false,
            owed: false,
            urgent: false,
            pushed: false,
            pushed_twice: false,
            memory_lacks: false,
        }
    }

    /// Data was taken in order; [`AckPolicy::measure`] knows how long the segment was.
    pub(super) fn data_arrived(&mut self, window: u32, rto: Duration, now: Instant) {
        self.owed = true;
        let gap = now.since(self.data_at);
        let gap_ms = gap.as_millis() as u32;
        let least = DELAY_MIN.as_millis() as u32;
        let rto_ms = rto.as_millis() as u32;
        if self.gap_ms == 0 {
            self.add_quick(window);
            self.gap_ms = least;
        } else if gap_ms <= least / 2 {
            self.gap_ms = self.gap_ms / 2 + least / 2;
        } else if gap_ms < self.gap_ms {
            self.gap_ms = (self.gap_ms / 2 + gap_ms).min(rto_ms);
        } else if gap > rto {
            // The sender paused and will start slowly: acknowledge its first segments at once.
            self.add_quick(window);
        }
        self.data_at = now;
    }

    /// A segment with `len` octets of data was taken, in order or not (Linux tcp_measure_rcv_mss). `mss`: what we advertised;
    /// `options`: octets of options in every segment. True when the guess at the peer's segments was corrected upwards.
    pub(super) fn measure(&mut self, len: u32, mss: u16, options: u16, flags: Flags) -> bool {
        let (len, last) = (u16::try_from(len).unwrap_or(u16::MAX), std::mem::take(&mut self.last_small));
        if len >= self.segment {
            let news = len != self.segment;
            self.segment = len.min(mss);
            self.pushed |= flags.contains(Flags::PSH);
            return news;
        }
        // The rest of a write is smaller than the peer's segments; two alike that are none are believed.
        let rest = flags.contains(Flags::PSH) || flags.fin() || flags.urg();
        if len + options >= SEGMENT_GUESS || (len + options >= SEGMENT_MIN && !rest) {
            self.last_small = len;
            if len == last {
                self.segment = len;
                return false;
            }
        }
        self.pushed_twice |= self.pushed;
        self.pushed = true;
        false
    }

    fn add_quick(&mut self, window: u32) {
        let segments = (window / (2 * u32::from(self.segment))).max(2);
        self.haste.quick = self.haste.quick.max(u8::try_from(segments).unwrap_or(u8::MAX).min(QUICK_MAX));
    }

    /// A surprise (duplicate, gap, window probe): acknowledge this and the next ones at once.
    pub(super) fn enter_quick_mode(&mut self, window: u32) {
        self.add_quick(window);
        self.interactive = false;
        self.gap_ms = DELAY_MIN.as_millis() as u32;
    }

    /// Acknowledgments wait for our own data from now on (a FIN arrived, or the application asked).
    pub(super) fn enter_interactive_mode(&mut self) {
        self.interactive = true;
    }

    /// The window grew: the peer hears of it at once (Linux tcp_grow_window).
    pub(super) fn hurry(&mut self) {
        self.haste.quick |= 1;
    }

    /// The buffer fills: nothing is acknowledged in haste any more.
    pub(super) fn leave_quick_mode(&mut self) {
        self.haste.quick = 0;
    }

    /// A segment in order found no memory: the next acknowledgment offers nothing.
    pub(super) fn lack_memory(&mut self) {
        self.memory_lacks = true;
    }

    /// See [`AckPolicy::lack_memory`].
    pub(super) fn lacks_memory(&self) -> bool {
        self.memory_lacks
    }

    /// TCP_QUICKACK was set.
    pub(super) fn leave_interactive_mode(&mut self) {
        self.interactive = false;
    }

    /// Something received is to be acknowledged, sooner or later.
    pub(super) fn owe(&mut self) {
        self.owed = true;
    }

    /// Something received is to be acknowledged at once.
    pub(super) fn owe_now(&mut self) {
        self.owed = true;
        self.urgent = true;
    }

    /// True while something received is not acknowledged.
    pub(super) fn is_owed(&self) -> bool {
        self.owed
    }

    /// True when the acknowledgment waits for nothing but the next poll.
    pub(super) fn must_go(&self) -> bool {
        self.owed && self.urgent
    }

    /// True when the acknowledgment must not wait for a second segment.
    pub(super) fn is_due(&self) -> bool {
        (self.haste.quick > 0 && !self.interactive) || self.urgent
    }

    /// True when the application's read is reason enough to send what is owed.
    pub(super) fn is_due_after_read(&self, unacknowledged: u32, drained: bool) -> bool {
        let pushed = self.pushed_twice || (self.pushed && !self.interactive);
        self.owed && (unacknowledged > u32::from(self.segment) || (pushed && drained))
    }

    /// Starts the delay. True when the acknowledgment is to be sent at once instead.
    pub(super) fn delay(&mut self, srtt: Option<Duration>, now: Instant) -> bool {
        let mut delay = Duration::from_millis(u64::from(self.gap_ms));
        if delay > DELAY_MIN {
            let mut most = if self.interactive || self.pushed { DELAY_MAX } else { DELAY_MAX_STREAM };
            if let Some(srtt) = srtt {
                most = most.min(srtt.max(DELAY_MIN));
            }
            delay = delay.min(most);
        }
        delay = delay.min(DELAY_MAX);
        if delay.is_zero() {
            // No data came yet, so there is no gap to wait for: Linux's timer fires at its next tick, and whatever arrives
            // before that is acknowledged at once (measured).
            let again = self.deadline != Instant::NEVER;
            self.deadline = self.deadline.min(now + TICK);
            return again;
        }
        if self.deadline != Instant::NEVER && self.deadline <= now + delay / 4 {
            return true;
        }
        self.deadline = self.deadline.min(now + delay);
        false
    }

    /// The third acknowledgment of an active open waits for data (TIMELINES T25).
    pub(super) fn delay_longest(&mut self, window: u32, now: Instant) {
        self.owed = true;
        self.enter_quick_mode(window);
        self.data_at = now;
        self.deadline = now + DELAY_MAX;
    }

    /// When the delayed acknowledgment is due; `NEVER` when none waits.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The delay is over. True when an acknowledgment is to be sent.
    pub(super) fn delay_ended(&mut self, rto: Duration) -> bool {
        self.deadline = Instant::NEVER;
        if !self.owed {
            return false;
        }
        if self.interactive {
            self.interactive = false;
            self.gap_ms = DELAY_MIN.as_millis() as u32;
        } else {
            self.gap_ms = (self.gap_ms * 2).min(rto.as_millis() as u32);
        }
        true
    }

    /// The acknowledgment of a segment out of order waits, at most until `until`, to be one with the next ones.
    pub(super) fn compress(&mut self, until: Instant) {
        if self.haste.compressed == 0 {
            self.deadline = self.deadline.min(until);
        }
        self.haste.compressed += 1;
    }

    /// How many acknowledgments wait to be one.
    pub(super) fn compressed(&self) -> u8 {
        self.haste.compressed
    }

    /// They are sent as one, for no other reason than their own: one of them was not spared.
    pub(super) fn send_compressed(&mut self) {
        self.haste.compressed -= 1;
    }

    /// A segment with our acknowledgment left.
    #[inline]
    pub(super) fn acknowledged(&mut self, out: &mut Output) {
        if self.owed && !self.haste.is_nothing() {
            self.spend(out);
        }
        self.forget();
    }

    /// Quick mode has sent one more, or what waited to be one was spared.
    #[cold]
    fn spend(&mut self, out: &mut Output) {
        let spared = std::mem::take(&mut self.haste.compressed);
        if spared > 0 {
            out.counters.add(Counter::AckCompressed, u64::from(spared));
        }
        if self.haste.quick > 0 {
            self.haste.quick -= 1;
            if self.haste.quick == 0 {
                self.gap_ms = DELAY_MIN.as_millis() as u32;
            }
        }
    }

    /// Nothing is owed any more.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.owed = false;
        self.urgent = false;
        self.pushed = false;
        self.pushed_twice = false;
        self.memory_lacks = false;
        self.deadline = Instant::NEVER;
    }

    /// New data left: when it follows the peer's closely, the flow is interactive.
    pub(super) fn data_sent(&mut self, now: Instant) {
        if now.since(self.data_at) < Duration::from_millis(u64::from(self.gap_ms)) {
            self.interactive = true;
        }
    }

    /// Estimated gap between data segments; zero before the first.
    pub(super) fn gap(&self) -> Duration {
        Duration::from_millis(u64::from(self.gap_ms))
    }

    /// Estimated payload of the peer's full segments.
    pub(super) fn segment(&self) -> u16 {
        self.segment
    }

    /// When the last data arrived; zero before the first.
    pub(super) fn data_at(&self) -> Instant {
        self.data_at
    }
}
