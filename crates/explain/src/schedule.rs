//! When what is not answered is repeated, and when it is given up (nominal times of TIMELINES T01, T02, T03, T15b, T18).

use crate::{Rule, Rules};
use lastack_observe::SocketRow;
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

    /// Of a listener's SYN-ACK, with so many repeats more than the knob says.
    pub(crate) fn of_syn_ack(rules: &Rules, more: u32) -> Option<Schedule> {
        let retries = rules.count(Rule::SynAckRetries)? + more;
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

/// How long it still takes until a connection is given up that was retransmitted. None before the first time, and when the
/// timeout is at its longest: how it got there is not known any more.
pub(crate) fn remaining_patience(patience: Duration, row: &SocketRow, rules: &Rules) -> Option<Duration> {
    let (sent, left, rto) = (row.retransmits, row.timer_left?, row.rto?);
    if !(1..DOUBLINGS_MAX).contains(&sent) || rto.is_zero() || rto >= rules.rto_max() {
        return None;
    }
    let base = rto / (1 << sent);
    // The kernel tells whole ticks already.
    let counted = if row.host.is_some() { base } else { whole_ticks(base) };
    let scaled = |time: Duration| time.as_nanos() * counted.as_nanos() / base.as_nanos().max(1);
    // The first retransmission left one base timeout before the first doubled one began.
    let mut since_first = base * ((2 << sent) - 2);
    let (mut timeout, mut remaining) = (rto, left);
    while scaled(since_first) < patience.as_nanos() {
        timeout = (timeout * 2).min(rules.rto_max());
        since_first += timeout;
        remaining += timeout;
    }
    Some(remaining)
}

/// A timeout as Linux's clock of 250 Hz counts it, which rounds up: whether one more is waited for depends on just that
/// (TIMELINES T03, T18c).
fn whole_ticks(time: Duration) -> Duration {
    let ticks = (time.as_micros() + 1).div_ceil(TICK_US);
    Duration::from_micros(u64::try_from(ticks * TICK_US).unwrap_or(u64::MAX))
}
