//! The rate at which Linux would spread segments (tcp_update_pacing_rate). It sizes bursts, bounds HyStart's ack train, and
//! stands in TCP_INFO; segments are spread by it only where SO_MAX_PACING_RATE asks for that.

use super::Window;
use crate::Knobs;
use std::time::Duration;

/// Octets per second: what the window gives in a round trip, and `tcp_pacing_ss_ratio` percent of it in the first half of
/// slow start, `tcp_pacing_ca_ratio` later. [`u64::MAX`] before the first sample.
pub(crate) fn rate(window: &Window, srtt: Option<Duration>, mss: u32, flight: u32, knobs: &Knobs) -> u64 {
    let Some(srtt) = srtt else { return u64::MAX };
    let percent =
        if window.cwnd < window.ssthresh / 2 { knobs.tcp_pacing_ss_ratio } else { knobs.tcp_pacing_ca_ratio };
    let octets = u64::from(mss) * u64::from(window.cwnd.max(flight)) * u64::from(percent);
    octets * 10_000 / (srtt.as_micros() as u64).max(1)
}

#[cfg(test)]
mod tests;
