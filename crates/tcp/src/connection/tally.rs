//! What is counted of a connection for TCP_INFO and `ss -i`: octets and segments both ways, timeouts, and how long sending
//! waited for what (RFC 4898's counters under Linux's names).
//!
//! Decides nothing. Boxed and made by the first data, FIN or timeout: an idle connection has none.

use super::rate::DeliveryRate;
use crate::Instant;
use std::time::Duration;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Octets of data sent, those sent again included, and those sent again alone.
    pub(super) octets_sent: u64,
    pub(super) octets_again: u64,
    /// Numbers acknowledged: data, our FIN, and our SYN when we opened actively (as Linux counts).
    pub(super) octets_acked: u64,
    /// Numbers taken in order: data and the peer's FIN.
    pub(super) octets_received: u64,
    /// Segments with data.
    pub(super) data_in: u32,
    pub(super) data_out: u32,
    /// Segments sent again.
    pub(super) again: u32,
    /// Segments that the peer said (D-SACK) it had twice.
    pub(super) had_twice: u32,
    /// Segments whose acknowledgment echoed a congestion mark.
    pub(super) marked: u32,
    /// Segments that came out of order.
    pub(super) out_of_order: u32,
    pub(super) timeouts: Timeouts,
    pub(super) waits: Waits,
    pub(super) rate: DeliveryRate,
}

/// Timeouts of the retransmission timer, and the times from the first of a row to the acknowledgment that ended it.
#[derive(Debug, Default)]
pub(super) struct Timeouts {
    pub(super) total: u16,
    pub(super) rows: u16,
    /// Spent in rows that ended.
    spent: Duration,
    /// When the row that goes on began.
    since: Option<Instant>,
}

impl Timeouts {
    pub(super) fn fired(&mut self, first: bool, now: Instant) {
        if first {
            self.rows = self.rows.saturating_add(1);
            self.since = Some(now);
        }
        self.total = self.total.saturating_add(1);
    }

    pub(super) fn ended(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.spent += now.since(since);
        }
    }

    pub(super) fn spent(&self, now: Instant) -> Duration {
        self.spent + self.since.map_or(Duration::ZERO, |since| now.since(since))
    }
}

/// What keeps data from leaving (Linux's tcp_chrono). Sending goes on in all but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Wait {
    /// Nothing is queued or in flight.
    #[default]
    Idle,
    /// Nothing but the network: congestion window, Nagle, the way there and back.
    Network,
    /// The peer's window.
    Window,
    /// The send buffer: all of it is in flight, and a writer waits for room.
    Buffer,
}

/// For how long each wait lasted.
#[derive(Debug, Default)]
pub(super) struct Waits {
    now: Wait,
    since: Instant,
    network: Duration,
    window: Duration,
    buffer: Duration,
}

impl Waits {
    /// From now on this one.
    pub(super) fn enter(&mut self, wait: Wait, now: Instant) {
        if wait == self.now {
            return;
        }
        let spent = now.since(self.since);
        match self.now {
            Wait::Idle => {}
            Wait::Network => self.network += spent,
            Wait::Window => self.window += spent,
            Wait::Buffer => self.buffer += spent,
        }
        (self.now, self.since) = (wait, now);
    }

    /// Time with something to send, and of that: limited by the peer's window, and by the send buffer.
    pub(super) fn spent(&self, now: Instant) -> [Duration; 3] {
        let running = |wait: Wait| if self.now == wait { now.since(self.since) } else { Duration::ZERO };
        let window = self.window + running(Wait::Window);
        let buffer = self.buffer + running(Wait::Buffer);
        [self.network + running(Wait::Network) + window + buffer, window, buffer]
    }
}
