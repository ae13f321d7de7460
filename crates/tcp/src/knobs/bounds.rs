//! What Linux makes of the numbers that applications give for buffers, windows and segments (net/core/sock.c and
//! net/ipv4/tcp.c: doubling, least and largest values).
//!
//! Not here: obeying them. A socket keeps what came out, the connection obeys it.

use super::{Knobs, SocketOptions};

/// Least SO_RCVBUF: one small segment with its bookkeeping (SOCK_MIN_RCVBUF).
const RCVBUF_MIN: u32 = 2304;
/// Least SO_SNDBUF (SOCK_MIN_SNDBUF).
const SNDBUF_MIN: u32 = 2 * RCVBUF_MIN;
/// Least TCP_WINDOW_CLAMP.
const WINDOW_CLAMP_MIN: u32 = RCVBUF_MIN / 2;
/// Least and largest TCP_MAXSEG.
const MAXSEG: std::ops::RangeInclusive<u16> = 88..=32_767;

/// The knobs that bound what a socket may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferBounds {
    rmem_max: u32,
    wmem_max: u32,
    rmem_default: u32,
    wmem_default: u32,
    rmem_grown: u32,
    somaxconn: u32,
    tcp_fastopen: u32,
}

impl From<&Knobs> for BufferBounds {
    fn from(knobs: &Knobs) -> BufferBounds {
        BufferBounds {
            rmem_max: knobs.rmem_max,
            wmem_max: knobs.wmem_max,
            rmem_default: knobs.tcp_rmem[1],
            wmem_default: knobs.tcp_wmem[1],
            rmem_grown: knobs.tcp_rmem[2],
            somaxconn: knobs.somaxconn,
            tcp_fastopen: knobs.tcp_fastopen,
        }
    }
}

impl BufferBounds {
    /// What SO_RCVBUF keeps of `octets`: twice as much, the other half is for bookkeeping; at most `rmem_max` doubled.
    pub fn rcvbuf(self, octets: u32) -> u32 {
        octets.min(self.rmem_max).saturating_mul(2).clamp(RCVBUF_MIN, i32::MAX as u32)
    }

    /// What SO_SNDBUF keeps of `octets`: twice as much, at most `wmem_max` doubled.
    pub fn sndbuf(self, octets: u32) -> u32 {
        octets.min(self.wmem_max).saturating_mul(2).clamp(SNDBUF_MIN, i32::MAX as u32)
    }

    /// What SO_RCVLOWAT keeps of `octets`: at least one, and no more than the window of the buffer that the options fix,
    /// or of the largest buffer.
    pub fn rcvlowat(self, octets: u32, options: &SocketOptions) -> u32 {
        octets.min(options.rcvbuf.unwrap_or(self.rmem_grown) / 2).max(1)
    }

    /// What TCP_WINDOW_CLAMP keeps of `octets`; zero lifts it.
    pub fn window_clamp(self, octets: u32) -> Option<u32> {
        (octets > 0).then_some(octets.max(WINDOW_CLAMP_MIN))
    }

    /// What TCP_MAXSEG keeps of `octets`: `Some(None)` for zero, which lifts it, and `None` for what Linux refuses.
    pub fn maxseg(self, octets: u16) -> Option<Option<u16>> {
        match octets {
            0 => Some(None),
            octets => MAXSEG.contains(&octets).then_some(Some(octets)),
        }
    }

    /// What TCP_FASTOPEN keeps of a listener's limit: at most `somaxconn`.
    pub fn fast_open_queue(self, limit: u32) -> u32 {
        limit.min(self.somaxconn)
    }

    /// True when `tcp_fastopen` lets connect() and sendto() use Fast Open; else it is EOPNOTSUPP.
    pub fn lets_clients_fast_open(self) -> bool {
        self.tcp_fastopen & crate::fast_open::CLIENT != 0
    }

    /// SO_RCVBUF of a socket that has no connection yet.
    pub fn receive_memory(self, options: &SocketOptions) -> u32 {
        receive_memory(options, self.rmem_default)
    }

    /// SO_SNDBUF of a socket that has no connection yet.
    pub fn send_memory(self, options: &SocketOptions) -> u32 {
        options.sndbuf.unwrap_or(self.wmem_default)
    }
}

impl SocketOptions {
    /// Memory that a fresh connection may receive into: SO_RCVBUF, else `tcp_rmem[1]` or what SO_RCVLOWAT needs.
    pub(crate) fn receive_memory(&self, knobs: &Knobs) -> u32 {
        receive_memory(self, knobs.tcp_rmem[1])
    }
}

/// As Linux's tcp_set_rcvlowat: a buffer that nobody fixed holds the low-water mark, bookkeeping included.
fn receive_memory(options: &SocketOptions, default: u32) -> u32 {
    let needed = options.rcvlowat.map_or(0, |octets| octets.saturating_mul(2));
    options.rcvbuf.unwrap_or(default.max(needed))
}

#[cfg(test)]
mod tests;
