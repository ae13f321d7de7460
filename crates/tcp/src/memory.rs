//! How scarce memory is for one connection, and what it does then: Linux's tcp_mem, seen from one socket.
//!
//! Under pressure windows and send buffers stop growing. When memory is used up, what waits out of order gives way first;
//! in-order octets are refused only while the reader has something to read, so that nobody starves. Not here: the sum over
//! all connections and its limits; those are the stack's.

use crate::Knobs;
use crate::connection::Connection;

/// Octets of a page, whatever the machine's: the unit of `tcp_mem`.
pub const PAGE: usize = 4096;

/// Segments of window that are left under pressure (Linux tcp_adjust_rcv_ssthresh).
pub(crate) const WINDOW_SEGMENTS: u32 = 4;

/// How scarce memory is for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum MemoryLevel {
    /// Nothing is short.
    #[default]
    Plenty,
    /// Grow no more.
    Pressure,
    /// There is none for this connection.
    Exhausted,
}

impl Connection {
    /// Tells how scarce memory is, before the next call.
    pub fn set_memory_level(&mut self, level: MemoryLevel) {
        self.memory = level;
    }

    /// Pages that the connection keeps alive, both directions together.
    pub fn memory_pages(&self) -> u32 {
        u32::try_from((self.send_charge() + self.receive_memory()).div_ceil(PAGE)).unwrap_or(u32::MAX)
    }

    /// What the level leaves of a send buffer of `wanted` octets: Linux does not grow it under pressure, and a writer waits
    /// when there is no memory.
    pub(crate) fn moderate_send_limit(&self, wanted: usize, knobs: &Knobs) -> usize {
        match self.memory {
            MemoryLevel::Plenty => wanted,
            MemoryLevel::Pressure => wanted.min(knobs.tcp_wmem[1] as usize),
            MemoryLevel::Exhausted => wanted.min(knobs.tcp_wmem[0] as usize),
        }
    }
}
