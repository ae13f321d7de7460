//! Sockets that may carry data: ESTABLISHED and CLOSE_WAIT.

use crate::opening::unaccepted;
use crate::schedule::{patience, remaining_patience};
use crate::words::{counted, octets, span, times, within};
use crate::{Explanation, Rule, Rules};
use lastack_observe::{SocketRow, TimerKind};
use std::time::Duration;

pub(crate) fn established(row: &SocketRow, rules: &Rules) -> Explanation {
    match row.timer {
        TimerKind::Persist => closed_window(row, rules, &to_read(row.recv_queue)),
        TimerKind::Keepalive => {
            keepalive(row, rules, idle(row.recv_queue), "never ends while the peer answers; when it is gone,")
        }
        _ if row.send_queue > 0 => unacknowledged(row, rules, &to_read(row.recv_queue)),
        _ => Explanation {
            why: idle(row.recv_queue),
            end: format!(
                "never ends, even when the peer is gone, unless an end closes, resets or sends; SO_KEEPALIVE is off (it \
                 would notice a dead peer{})",
                keepalive_total(rules)
                    .map_or_else(String::new, |total| format!(" after {} of silence", span(total)))
            ),
            knobs: vec!["the socket's SO_KEEPALIVE".to_owned(), rules.named(Rule::KeepaliveTime)],
            left: None,
        },
    }
}

/// The peer's FIN counts as one octet to read until the application has read the end.
pub(crate) fn close_wait(row: &SocketRow, rules: &Rules) -> Explanation {
    if row.unaccepted {
        return unaccepted(row, rules);
    }
    let unread = row.recv_queue.saturating_sub(1);
    let mut why = "The peer has closed and our application has not".to_owned();
    if unread > 0 {
        why += &format!(", nor has it read the last {}", octets(unread));
    }
    if let Some(holder) = row.host.as_ref().and_then(|host| host.holders.first()) {
        why += &format!(" ({}, pid {}, holds it with descriptor {})", holder.name, holder.pid, holder.fd);
    }
    if let Some(age) = row.age {
        let least = if row.host.as_ref().is_some_and(|host| host.age_is_least) { "at least " } else { "" };
        why += &format!(", for {least}{}", span(age));
    }
    match row.timer {
        TimerKind::Persist => closed_window(row, rules, &format!(", and {}", lower(&why))),
        TimerKind::Keepalive => keepalive(row, rules, why, "only close() ends it, or, when the peer is gone,"),
        _ if row.send_queue > 0 => unacknowledged(row, rules, &format!(", and {}", lower(&why))),
        _ => Explanation {
            why,
            end: "never ends unless the application calls close() or exits, or writes and the peer resets: many of these are \
                  a fault of the application"
                .to_owned(),
            knobs: Vec::new(),
            left: None,
        },
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().collect::<String>() + chars.as_str())
}

fn to_read(unread: u32) -> String {
    match unread {
        0 => String::new(),
        unread => format!(", and {} wait to be read", octets(unread)),
    }
}

fn idle(unread: u32) -> String {
    match unread {
        0 => "The connection is open and idle: nothing to send, nothing to read".to_owned(),
        unread => format!(
            "The connection is open, nothing is to be sent, and {} wait until the application reads",
            octets(unread)
        ),
    }
}

/// Retransmission, or the tail loss probe before it.
fn unacknowledged(row: &SocketRow, rules: &Rules, also: &str) -> Explanation {
    let queued = octets(row.send_queue);
    let why = match row.retransmits {
        0 => format!("{queued} wait to be sent or acknowledged{also}"),
        sent => format!(
            "{queued} are not acknowledged although the oldest were repeated {} in a row{also}",
            times(sent)
        ),
    };
    let (when, left) = given_up(row, rules, Rule::Retries2);
    Explanation {
        why,
        end: format!(
            "an ACK ends it, else the next repeat is {}, and {when} the connection ends with ETIMEDOUT",
            within(row.timer_left),
        ),
        knobs: owned_knobs(rules),
        left,
    }
}

/// Zero-window probes (TIMELINES T17, T17b).
fn closed_window(row: &SocketRow, rules: &Rules, also: &str) -> Explanation {
    let limit = match rules.count(Rule::Retries2) {
        Some(retries) => {
            format!("{retries} unanswered in a row, about {} long,", span(patience(retries, rules)))
        }
        None => "too many unanswered in a row".to_owned(),
    };
    Explanation {
        why: format!(
            "The peer's window is closed (its application does not read): {} wait, and {} went unanswered{also}",
            octets(row.send_queue),
            counted(row.retransmits.into(), "probe")
        ),
        end: format!(
            "never ends while the peer answers; the next probe is {}, and {limit} end the connection with ETIMEDOUT",
            within(row.timer_left)
        ),
        knobs: owned_knobs(rules),
        left: None,
    }
}

/// What a connection that an application holds obeys.
pub(crate) fn owned_knobs(rules: &Rules) -> Vec<String> {
    vec![rules.named(Rule::Retries2), "the socket's own TCP_USER_TIMEOUT".to_owned()]
}

/// `in about 98 s`, when that can be told, else `about 15 min 25 s after the first repeat`.
pub(crate) fn given_up(row: &SocketRow, rules: &Rules, rule: Rule) -> (String, Option<Duration>) {
    let Some(retries) = rules.count(rule) else {
        return ("after the last repeat".to_owned(), None);
    };
    let retries = if rule == Rule::OrphanRetries && retries == 0 { ORPHAN_RETRIES } else { retries };
    let patience = patience(retries, rules);
    let left = remaining_patience(patience, row, rules);
    let when = match left {
        Some(left) => format!("in about {}", span(left)),
        None => format!("about {} after the first repeat", span(patience)),
    };
    (when, left)
}

/// What tcp_orphan_retries = 0 means.
pub(crate) const ORPHAN_RETRIES: u32 = 8;

/// Probes, and then the end (TIMELINES T16). `until` says what else ends it.
pub(crate) fn keepalive(row: &SocketRow, rules: &Rules, why: String, until: &str) -> Explanation {
    let next = within(row.timer_left);
    let unanswered = match row.retransmits {
        0 => String::new(),
        sent => format!(" ({} unanswered)", counted(sent.into(), "probe")),
    };
    let probes = rules.count(Rule::KeepaliveProbes);
    let more = probes.map(|probes| probes.saturating_sub(row.retransmits.into()));
    let left = row
        .timer_left
        .zip(rules.seconds(Rule::KeepaliveInterval).zip(more))
        .map(|(left, (interval, more))| left + interval.saturating_mul(more));
    let when = match (left, probes) {
        (Some(left), Some(probes)) => format!("in {}, after {probes} unanswered", span(left)),
        _ => "after the last unanswered".to_owned(),
    };
    Explanation {
        why,
        end: format!("{until} keepalive probes {next}{unanswered} and resets it with ETIMEDOUT {when}"),
        knobs: keepalive_knobs(rules),
        left,
    }
}

fn keepalive_knobs(rules: &Rules) -> Vec<String> {
    vec![
        rules.named(Rule::KeepaliveTime),
        rules.named(Rule::KeepaliveInterval),
        rules.named(Rule::KeepaliveProbes),
        "the socket's own TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT".to_owned(),
    ]
}

/// From the last word of a peer until its death is noticed: 7,875 s by default.
fn keepalive_total(rules: &Rules) -> Option<Duration> {
    let probing = rules.seconds(Rule::KeepaliveInterval)?.saturating_mul(rules.count(Rule::KeepaliveProbes)?);
    Some(rules.seconds(Rule::KeepaliveTime)? + probing)
}
