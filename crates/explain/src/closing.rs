//! Sockets whose FIN is sent: FIN_WAIT1, FIN_WAIT2, CLOSING, LAST_ACK, TIME_WAIT.

use crate::data::{ORPHAN_RETRIES, given_up, keepalive, owned_knobs};
use crate::schedule::patience;
use crate::words::{counted, octets, repeated, span, within};
use crate::{Explanation, Rule, Rules};
use lastack_observe::{SocketRow, State, TimerKind};
use std::time::Duration;

/// Linux's TIME_WAIT, which no sysctl changes (TIMELINES T05, T05b).
const TIME_WAIT: Duration = Duration::from_secs(60);

pub(crate) fn unacknowledged_fin(row: &SocketRow, rules: &Rules) -> Explanation {
    let who = match row.state {
        State::FinWait1 => "We closed first",
        State::Closing => "Both ends closed at once",
        _ => "The peer closed first, then we did",
    };
    // Our FIN is one of them.
    let data = match row.send_queue.saturating_sub(1) {
        0 => String::new(),
        data => format!(" and {} before it", octets(data)),
    };
    let verb = if data.is_empty() { "is" } else { "are" };
    let repeated = match (row.timer, row.retransmits) {
        (TimerKind::Persist, probes) => {
            format!("the peer's window is closed, and {} went unanswered", counted(probes.into(), "probe"))
        }
        (_, sent) => format!("our FIN{data} {verb} not acknowledged, {}", repeated(sent)),
    };
    let owner = if row.orphan { "; no application holds the socket" } else { "" };
    let why = format!("{who}, and {repeated}{owner}");
    let next = within(row.timer_left);
    let answer = match row.state {
        State::FinWait1 => "an ACK of it leads to FIN_WAIT2",
        State::Closing => "an ACK of it leads to TIME_WAIT",
        _ => "an ACK of it is the end",
    };
    if !row.orphan {
        let (when, left) = given_up(row, rules, Rule::Retries2);
        let end = format!(
            "{answer}, else the next repeat is {next}, and {when} the connection ends with ETIMEDOUT"
        );
        return Explanation { why, end, knobs: owned_knobs(rules), left };
    }
    let mut knobs = vec![rules.named(Rule::OrphanRetries)];
    if rules.value(Rule::OrphanRetries) == Some(0) {
        knobs[0] += &format!(" (which means {ORPHAN_RETRIES})");
    }
    if row.timer == TimerKind::Persist {
        return Explanation { why, end: orphan_probes(row, rules), knobs, left: None };
    }
    let (when, left) = given_up(row, rules, Rule::OrphanRetries);
    let end = format!("{answer}, else the next repeat is {next}, and {when} it is forgotten silently");
    Explanation { why, end, knobs, left }
}

/// An orphan is not probed for ever, whether the peer answers or not (TIMELINES T17c, T17d).
fn orphan_probes(row: &SocketRow, rules: &Rules) -> String {
    let next = within(row.timer_left);
    let unanswered = match rules.count(Rule::OrphanRetries) {
        Some(0) => Some(ORPHAN_RETRIES),
        other => other,
    };
    match unanswered {
        Some(probes) => format!(
            "an open window lets it go on, else the next probe is {next}, and it is forgotten silently after {probes} \
             unanswered probes, about {}, or, if they are answered, when their interval reaches {}",
            span(patience(probes, rules)),
            span(rules.rto_max())
        ),
        None => format!(
            "an open window lets it go on, else the next probe is {next}, and after the last it is forgotten"
        ),
    }
}

pub(crate) fn fin_wait_2(row: &SocketRow, rules: &Rules) -> Explanation {
    let limit = || vec![rules.named(Rule::FinTimeout), "the socket's own TCP_LINGER2".to_owned()];
    if !row.orphan {
        let why = "We shut our side, the peer acknowledged it and may still send: the socket is half closed"
            .to_owned();
        if row.timer == TimerKind::Keepalive {
            let until = "the peer's FIN or our close() ends it, or, when the peer is gone,";
            return keepalive(row, rules, why, until);
        }
        let after = match rules.seconds(Rule::FinTimeout) {
            Some(limit) => format!("{} after our application's close()", span(limit)),
            None => "some time after our application's close()".to_owned(),
        };
        return Explanation {
            why,
            end: format!("never ends unless the peer closes, or, at the latest, {after}"),
            knobs: limit(),
            left: None,
        };
    }
    // What tcp_fin_timeout has beyond 60 s is spent twice: as a whole socket, on the keepalive timer, and then as the small
    // record (TIMELINES T04c).
    let surplus = rules.seconds(Rule::FinTimeout).map(|limit| limit.saturating_sub(TIME_WAIT));
    let left = match row.timer {
        TimerKind::Keepalive => row.timer_left.zip(surplus).map(|(left, surplus)| left + surplus),
        _ => row.timer_left,
    };
    Explanation {
        why: "We closed, the peer acknowledged it and has not closed; no application holds the socket, and data would be \
              answered with RST"
            .to_owned(),
        end: format!(
            "the peer's FIN leads to TIME_WAIT, else it is forgotten silently {}",
            within(left)
        ),
        knobs: limit(),
        left,
    }
}

pub(crate) fn time_wait(row: &SocketRow, rules: &Rules) -> Explanation {
    let length = rules.seconds(Rule::TwTimeout).unwrap_or(TIME_WAIT);
    let mut knobs = Vec::new();
    let constant = if rules.value(Rule::TwTimeout).is_some() {
        knobs.push(rules.named(Rule::TwTimeout));
        format!("{} in all", span(length))
    } else {
        format!("{}, a constant that tcp_fin_timeout does not change", span(length))
    };
    knobs.push(format!("{} (reuse by connect())", rules.named(Rule::TwReuse)));
    Explanation {
        why: "Both ends closed, ours first or at once: it acknowledges the peer's FIN again if that comes again, and keeps \
              old segments out of a new connection between the same ports"
            .to_owned(),
        end: format!(
            "it is forgotten {} ({constant}); a SYN from there with a newer timestamp or a higher number takes it over at \
             once, and connect() from here {}",
            within(row.timer_left),
            reuse(row, rules, length)
        ),
        knobs,
        left: row.timer_left,
    }
}

/// Whether connect() may take the ports (TIMELINES T22, T22b).
fn reuse(row: &SocketRow, rules: &Rules, length: Duration) -> String {
    let loopback = row.flow.remote.ip().to_canonical().is_loopback();
    let allowed = match rules.value(Rule::TwReuse) {
        None => return "only as tcp_tw_reuse allows".to_owned(),
        Some(0) => return "may not take the ports".to_owned(),
        Some(2) => loopback,
        Some(_) => true,
    };
    if !allowed {
        return "may not take the ports (only on loopback)".to_owned();
    }
    let delay =
        rules.count(Rule::TwReuseDelay).map_or(Duration::from_secs(1), |ms| Duration::from_millis(ms.into()));
    let age = length.saturating_sub(row.timer_left.unwrap_or(length));
    match delay.saturating_sub(age) {
        Duration::ZERO => "may take the ports when both sides sent timestamps".to_owned(),
        wait => format!("may take the ports in {} when both sides sent timestamps", span(wait)),
    }
}
