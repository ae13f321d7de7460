//! What `tcp_tw_recycle` remembered of each peer's address: its last timestamp. Linux before 4.12 had it, and it is what broke
//! clients behind NAT, who share an address but not a clock. Only a profile asks for it (`lastack_tcp::knobs::Profile`).

use lastack_observe::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long a timestamp is remembered (Linux TCP_PAWS_MSL).
const MEMORY: Duration = Duration::from_secs(60);
/// Addresses at a time; a further one is not remembered.
const ADDRESSES_MAX: usize = 4096;
/// A timestamp this much older is not yet old (Linux TCP_PAWS_WINDOW).
const TOLERANCE: i32 = 1;

/// The last timestamp of each address.
#[derive(Debug, Default)]
pub(crate) struct Stamps(BTreeMap<IpAddr, (u32, Instant)>);

impl Stamps {
    /// A connection with this address went to TIME_WAIT, and this was its last timestamp.
    pub(crate) fn remember(&mut self, peer: IpAddr, timestamp: u32, now: Instant) {
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&peer) {
            return;
        }
        let (last, at) = self.0.entry(peer).or_insert((timestamp, now));
        if now.since(*at) >= MEMORY || timestamp.wrapping_sub(*last) as i32 >= 0 {
            (*last, *at) = (timestamp, now);
        }
    }

    /// True when a SYN of this address with this timestamp is taken for an old duplicate.
    pub(crate) fn rejects(&self, peer: IpAddr, timestamp: u32, now: Instant) -> bool {
        self.0.get(&peer).is_some_and(|&(last, at)| {
            now.since(at) < MEMORY && last.wrapping_sub(timestamp) as i32 > TOLERANCE
        })
    }
}
