//! Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 section 5.4), both a keyed hash of the flow.
//!
//! The hash is SipHash-2-4, so numbers of one flow tell nothing about another's. Linux's tick: one number per 64 ns
//! (measured, TIMELINES T19), where RFC 9293 section 3.4.1 asks for about 4 microseconds; the space then wraps in
//! 275 s, still far more than a segment lives.

use crate::{Instant, Knobs, Seq};
use lastack_observe::Flow;
use siphasher::sip::SipHasher24;
use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

#[cfg(test)]
mod tests;

/// The keys of one stack. Shown by nothing.
#[derive(Clone)]
pub struct Secret([u64; 2]);

impl Secret {
    /// Keys from a caller who has random numbers.
    pub fn new(keys: [u64; 2]) -> Secret {
        Secret(keys)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a hash is for: the same flow gives unrelated numbers for each use.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    SequenceNumber = 1,
    TimestampOffset = 2,
    Cookie = 3,
    CookieMinute = 4,
}

fn write_end(hasher: &mut SipHasher24, end: &SocketAddr) {
    match end.ip() {
        IpAddr::V4(ip) => hasher.write(&ip.octets()),
        IpAddr::V6(ip) => hasher.write(&ip.octets()),
    }
    hasher.write(&end.port().to_be_bytes());
}

pub(crate) fn keyed(secret: &Secret, flow: &Flow, purpose: Use, salt: u32) -> u32 {
    let mut hasher = SipHasher24::new_with_keys(secret.0[0], secret.0[1]);
    hasher.write(&[purpose as u8]);
    hasher.write(&salt.to_be_bytes());
    write_end(&mut hasher, &flow.local);
    write_end(&mut hasher, &flow.remote);
    hasher.finish() as u32
}

/// The initial sequence number of a connection that `flow` opens at `now`.
pub fn initial_sequence(secret: &Secret, flow: &Flow, now: Instant) -> Seq {
    let ticks = (now.0 >> 6) as u32;
    Seq(keyed(secret, flow, Use::SequenceNumber, 0).wrapping_add(ticks))
}

/// What is added to the clock in every TSval of `flow`: keyed per flow with `tcp_timestamps = 1`, else zero.
pub fn timestamp_offset(secret: &Secret, flow: &Flow, knobs: &Knobs) -> u32 {
    if knobs.tcp_timestamps == 1 { keyed(secret, flow, Use::TimestampOffset, 0) } else { 0 }
}
