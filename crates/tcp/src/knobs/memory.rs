//! What Linux makes of the machine's memory when it starts: `tcp_mem`, and the largest buffers (net/ipv4/tcp.c, tcp_init).

use super::Knobs;
use crate::memory::PAGE;

#[cfg(test)]
mod tests;

/// A sixteenth of memory is where pressure begins.
const SHARE: u64 = 16;
/// No machine is so small that TCP gets less, in pages.
const PAGES_MIN: u64 = 128;
/// Largest buffers on a machine with memory enough, octets.
const RMEM_MOST: u64 = 32 << 20;
const WMEM_MOST: u64 = 4 << 20;
/// Least of the largest buffers.
const MOST_MIN: u64 = 64 << 10;
/// Of memory, one part in so many may be in one buffer.
const BUFFER_SHARE: u64 = 128;

impl Knobs {
    /// Linux's defaults on a machine with so many octets of memory.
    pub fn for_memory(octets: u64) -> Knobs {
        let mut knobs = Knobs { tcp_mem: pages(octets), ..Knobs::default() };
        let largest = |most: u64| (octets / BUFFER_SHARE).min(most).max(MOST_MIN) as u32;
        knobs.tcp_rmem[2] = largest(RMEM_MOST).max(knobs.tcp_rmem[1]);
        knobs.tcp_wmem[2] = largest(WMEM_MOST);
        knobs
    }
}

/// Where there is plenty again, where pressure begins, and where there is no more, in pages.
fn pages(octets: u64) -> [u32; 3] {
    let pressure = (octets / PAGE as u64 / SHARE).max(PAGES_MIN);
    let plenty = pressure / 4 * 3;
    [plenty, pressure, plenty * 2].map(|pages| u32::try_from(pages).unwrap_or(i32::MAX as u32))
}
