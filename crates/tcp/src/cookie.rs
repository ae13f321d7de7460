//! SYN cookies: the initial sequence number of a SYN-ACK that says all that a request would keep (RFC 4987 section 3.6).
//!
//! Theory of operation: the number is `hash(flow) + irs`, plus the minute in the upper eight bits, plus 24 bits of
//! `hash(flow, minute)` and the place in a table of MSS. The third segment brings it back; a cookie of this or the last minute
//! counts, so it lives 60 to 120 s (TIMELINES T20d). Window scale, SACK and ECN travel in the low six bits of the timestamp,
//! if the peer sends timestamps, else they are lost (T20b, T20f).
//! Not here: when cookies are sent and believed; that is the listener's.

use crate::clock::tick;
use crate::isn::{Secret, Use, keyed};
use crate::{Arrival, Instant, Knobs, Seq};
use lastack_observe::Flow;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A listener without an overflow for longer than this believes no cookie: none that it sent can be valid (T20e).
pub const COOKIE_LIFE: Duration = Duration::from_secs(120);

/// How long a secret makes cookies.
const SECRET_LIFE: Duration = Duration::from_secs(3600);

const MINUTE_MS: u64 = 60_000;

/// What MSS a cookie can say (T20c), rising; IPv6 has longer headers and larger common links.
const MSS_IPV4: [u16; 4] = [536, 1300, 1440, 1460];
const MSS_IPV6: [u16; 4] = [1220, 1420, 1440, 8940];

/// The place stands in the upper two of 24 bits: were it in the lower two, as Linux's is, a segment whose number is up to
/// three too high (its octets were lost or overtaken) would bring a cookie of another place, and the octets would never be
/// missed.
const PLACE_SHIFT: u32 = 22;

/// Low bits of the timestamp that carry options.
const STAMP_BITS: u32 = 0x3f;
const STAMP_SCALE: u32 = 0x0f;
const STAMP_SACK: u32 = 0x10;
const STAMP_ECN: u32 = 0x20;

/// The secrets that make and check cookies: the present one, and the one before it, so that a change loses no handshake.
#[derive(Clone, Debug)]
pub struct CookieSecrets {
    present: Secret,
    last: Option<Secret>,
    /// When `present` began to be used.
    since: Option<Instant>,
}

/// What a cookie and its timestamp remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The peer's MSS, rounded down to one of four.
    pub mss: u16,
    /// Both sides send timestamps.
    pub timestamps: bool,
    /// Both sides permitted SACK.
    pub sack: bool,
    /// The peer's window shift, when both sides scale.
    pub window_scale: Option<u8>,
    /// Both sides know ECN.
    pub ecn: bool,
}

impl CookieSecrets {
    /// Begins with one secret.
    pub fn new(secret: Secret) -> CookieSecrets {
        CookieSecrets { present: secret, last: None, since: None }
    }

    /// True when the present secret has served long enough: [`CookieSecrets::rotate`].
    pub fn is_old(&mut self, now: Instant) -> bool {
        now.since(*self.since.get_or_insert(now)) >= SECRET_LIFE
    }

    /// From now on cookies are made with `secret`; those made with the one before are still believed.
    pub fn rotate(&mut self, secret: Secret, now: Instant) {
        self.last = Some(std::mem::replace(&mut self.present, secret));
        self.since = Some(now);
    }

    /// The sequence number that answers a SYN with number `irs` and this MSS.
    pub fn mint(&self, flow: &Flow, irs: Seq, peer_mss: u16, now: Instant) -> Seq {
        let place = table(flow).iter().rposition(|&mss| mss <= peer_mss).unwrap_or(0) as u32;
        let minute = minute(now);
        let low = fresh(&self.present, flow, minute).wrapping_add(place << PLACE_SHIFT) & 0x00ff_ffff;
        irs + lasting(&self.present, flow).wrapping_add(minute << 24).wrapping_add(low)
    }

    /// What the cookie that `arrival` acknowledges remembered; `None` when it is none of ours, or too old, or says what the
    /// knobs do not allow any more.
    pub fn check(
        &self,
        flow: &Flow,
        arrival: &Arrival,
        ts_offset: u32,
        knobs: &Knobs,
        now: Instant,
    ) -> Option<Remembered> {
        let (irs, iss) = (arrival.header.seq - 1, arrival.header.ack - 1);
        let number = iss.0.wrapping_sub(irs.0);
        let secrets = [Some(&self.present), self.last.as_ref()];
        let place = secrets.into_iter().flatten().find_map(|secret| place_in(secret, flow, number, now))?;
        let mss = table(flow)[place];
        let Some(stamps) = arrival.header.options.timestamps else {
            return Some(Remembered { mss, timestamps: false, sack: false, window_scale: None, ecn: false });
        };
        let bits = stamps.echo.wrapping_sub(ts_offset);
        let scale = bits & STAMP_SCALE;
        let (sack, scales) = (bits & STAMP_SACK != 0, scale != STAMP_SCALE);
        let allowed =
            knobs.tcp_timestamps != 0 && (knobs.tcp_sack || !sack) && (knobs.tcp_window_scaling || !scales);
        allowed.then_some(Remembered {
            mss,
            timestamps: true,
            sack,
            window_scale: scales.then_some(scale as u8),
            ecn: bits & STAMP_ECN != 0 && knobs.tcp_ecn != 0,
        })
    }
}

/// The clock of a cookie's TSval: not later than `now`, with the options in its low bits.
pub(crate) fn stamp(now: Instant, sack: bool, window_scale: Option<u8>, ecn: bool) -> u32 {
    let scale = window_scale.map_or(STAMP_SCALE, u32::from);
    let bits = scale | if sack { STAMP_SACK } else { 0 } | if ecn { STAMP_ECN } else { 0 };
    let stamped = tick(now) & !STAMP_BITS | bits;
    if stamped > tick(now) { stamped.wrapping_sub(STAMP_BITS + 1) } else { stamped }
}

fn table(flow: &Flow) -> &'static [u16; 4] {
    if flow.local.is_ipv4() { &MSS_IPV4 } else { &MSS_IPV6 }
}

fn minute(now: Instant) -> u32 {
    (now.as_millis() / MINUTE_MS) as u32
}

fn lasting(secret: &Secret, flow: &Flow) -> u32 {
    keyed(secret, flow, Use::Cookie, 0)
}

fn fresh(secret: &Secret, flow: &Flow, minute: u32) -> u32 {
    keyed(secret, flow, Use::CookieMinute, minute)
}

fn place_in(secret: &Secret, flow: &Flow, number: u32, now: Instant) -> Option<usize> {
    let rest = number.wrapping_sub(lasting(secret, flow));
    let age = minute(now).wrapping_sub(rest >> 24) & 0xff;
    let minted = minute(now).wrapping_sub(age);
    let place = rest.wrapping_sub(fresh(secret, flow, minted)) & 0x00ff_ffff;
    let exact = place.trailing_zeros() >= PLACE_SHIFT;
    (age < 2 && exact).then_some((place >> PLACE_SHIFT) as usize)
}
