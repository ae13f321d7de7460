//! When what is not answered is repeated, and when it is given up (nominal times of TIMELINES T01, T02, T03, T15b, T18).

use crate::{Rule, Rules};
use std::time::Duration;

/// The first timeout of a SYN or a SYN-ACK (RFC 6298 section 2.1).
const FIRST: Duration = Duration::from_secs(1);
/// No knob allows more repeats of a SYN: 127 and 255.
const REPEATS_MAX: usize = 400;

/// More doublings of the least timeout pass every longest timeout.
const DOUBLINGS_MAX: u8 = 20;
/// One tick of Linux's clock.
const TICK_US: u128 = 4000;

/// When repeats leave, and when it is over, both since the first segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) repeats: Vec<Duration>,
    pub(crate) end: Duration,
}

impl Schedule {
    /// Of a connect() in SYN_SENT, or past it (no linear phase) with `crossed`. Linux gives up when the repeats are used
    /// up, or when as much time has passed as `tcp_syn_retries` doublings take.
    pub(crate) fn of_syn(rules: &Rules, crossed: bool) -> Option<Schedule> {
        let retries = rules.count(Rule::SynRetries)?;
        let linear = if crossed { 0 } else { rules.linear() };
        let limit = doublings(FIRST, retries, rules.rto_max());
        let used_up = (retries + linear) as usize;
        let (mut repeats, mut timeout, mut at) = (Vec::new(), FIRST, FIRST);
        while repeats.len() < used_up.min(REPEATS_MAX) && (repeats.is_empty() || at < limit) {
            repeats.push(at);
            if repeats.len() > linear as usize {
                timeout = (timeout * 2).min(rules.rto_max());
            }
            at += timeout;
        }
        Some(Schedule { repeats, end: at })
    }

    /// Of a listener's SYN-ACK.
    pub(crate) fn of_syn_ack(rules: &Rules) -> Option<Schedule> {
        let retries = rules.count(Rule::SynAckRetries)?;
        let (mut repeats, mut timeout, mut at) = (Vec::new(), FIRST, FIRST);
        while repeats.len() < (retries as usize).min(REPEATS_MAX) {
            repeats.push(at);
            timeout = (timeout * 2).min(rules.rto_max());
            at += timeout;
        }
        Some(Schedule { repeats, end: at })
    }

    /// How long it still takes, when so many repeats have left and the next timeout is due in `left`.
    pub(crate) fn remaining(&self, sent: u8, left: Duration) -> Option<Duration> {
        let due = self.repeats.get(usize::from(sent)).copied();
        let due = due.or((usize::from(sent) == self.repeats.len()).then_some(self.end))?;
        Some(self.end - due + left)
    }
}

/// A timeout and so many doublings of it.
fn doublings(first: Duration, retries: u32, longest: Duration) -> Duration {
    let (mut timeout, mut sum) = (first, Duration::ZERO);
    for _ in 0..=retries.min(REPEATS_MAX as u32) {
        sum += timeout;
        timeout = (timeout * 2).min(longest);
    }
    sum
}

/// How long after the first retransmission a connection is given up: as long as `retries` doublings of the least timeout
/// take (Linux tcp_model_timeout): 924.6 s for 15.
pub(crate) fn patience(retries: u32, rules: &Rules) -> Duration {
    doublings(rules.rto_min(), retries, rules.rto_max())
}

/// How long it still takes until a connection is given up that was retransmitted `sent` times in a row, whose timeout is
/// `rto` now, its doublings included, and fires in `left`. None when the timeout is at its longest: how it got there is not
/// known any more.
pub(crate) fn remaining_patience(
    patience: Duration,
    rules: &Rules,
    sent: u8,
    rto: Duration,
    left: Duration,
) -> Option<Duration> {
    if !(1..DOUBLINGS_MAX).contains(&sent) || rto.is_zero() || rto >= rules.rto_max() {
        return None;
    }
    let base = rto / (1 << sent);
    // The first retransmission left one base timeout before the first doubled one began.
    let mut since_first = base * ((2 << sent) - 2);
    let (mut timeout, mut remaining) = (rto, left);
    while ticked(since_first, base) < patience {
        timeout = (timeout * 2).min(rules.rto_max());
        since_first += timeout;
        remaining += timeout;
    }
    Some(remaining)
}

/// A time as Linux's clock of 250 Hz counts it, which rounds every timeout up: whether one more timeout is waited for
/// depends on just that (TIMELINES T03, T18c).
fn ticked(time: Duration, base: Duration) -> Duration {
    let whole = (base.as_micros() + 1).div_ceil(TICK_US) * TICK_US;
    let micros = time.as_micros() * whole / base.as_micros().max(1);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
