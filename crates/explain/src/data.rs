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
        TimerKind::Keepalive => keepalive(row, rules, &idle(row.recv_queue)),
        _ if row.send_queue > 0 => unacknowledged(row, rules, &to_read(row.recv_queue)),
        _ => Explanation {
            why: idle(row.recv_queue),
            end: format!(
                "never ends, even when the peer is gone, unless an end closes, resets or sends; SO_KEEPALIVE is off (it \
                 would notice a dead peer{})",
                keepalive_total(rules)
                    .map_or_else(String::new, |total| format!(" after {} of silence", span(total)))
            ),
            knobs: vec!["the application".to_owned()],
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
        TimerKind::Keepalive => Explanation {
            end: format!(
                "only close() ends it, or, when the peer is gone, keepalive {}",
                keepalive_end(row, rules)
            ),
            knobs: keepalive_knobs(rules),
            why,
        },
        _ if row.send_queue > 0 => unacknowledged(row, rules, &format!(", and {}", lower(&why))),
        _ => Explanation {
            why,
            end: "never ends unless the application calls close() or exits, or writes and the peer resets: many of these are \
                  a fault of the application"
                .to_owned(),
            knobs: Vec::new(),
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
    Explanation {
        why,
        end: format!(
            "an ACK ends it, else the next repeat is {}, and {} the connection ends with ETIMEDOUT",
            within(row.timer_left),
            given_up(row, rules, Rule::Retries2)
        ),
        knobs: owned_knobs(rules),
    }
}

/// Zero-window probes (TIMELINES T17, T17b).
fn closed_window(row: &SocketRow, rules: &Rules, also: &str) -> Explanation {
    let limit = match rules.count(Rule::Retries2) {
        Some(retries) => {
            format!("{retries} unanswered in a row, about {},", span(patience(retries, rules)))
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
    }
}

/// What a connection that an application holds obeys.
pub(crate) fn owned_knobs(rules: &Rules) -> Vec<String> {
    vec![rules.named(Rule::Retries2), "TCP_USER_TIMEOUT of the socket".to_owned()]
}

/// `in 98 s`, when that can be told, else `15 min 25 s after the first repeat`.
pub(crate) fn given_up(row: &SocketRow, rules: &Rules, rule: Rule) -> String {
    let Some(retries) = rules.count(rule) else {
        return "after the last repeat".to_owned();
    };
    let retries = if rule == Rule::OrphanRetries && retries == 0 { ORPHAN_RETRIES } else { retries };
    let patience = patience(retries, rules);
    let remaining = row
        .rto
        .zip(row.timer_left)
        .and_then(|(rto, left)| remaining_patience(patience, rules, row.retransmits, rto, left));
    match remaining {
        Some(remaining) => format!("in about {}", span(remaining)),
        None => format!("about {} after the first repeat", span(patience)),
    }
}

/// What tcp_orphan_retries = 0 means.
pub(crate) const ORPHAN_RETRIES: u32 = 8;

fn keepalive(row: &SocketRow, rules: &Rules, why: &str) -> Explanation {
    Explanation {
        why: why.to_owned(),
        end: format!(
            "never ends while the peer answers; when it is gone, keepalive {}",
            keepalive_end(row, rules)
        ),
        knobs: keepalive_knobs(rules),
    }
}

/// A probe, then more of them, then the end (TIMELINES T16).
pub(crate) fn keepalive_end(row: &SocketRow, rules: &Rules) -> String {
    let next = within(row.timer_left);
    let unanswered = match row.retransmits {
        0 => String::new(),
        sent => format!(" ({} unanswered)", counted(sent.into(), "probe")),
    };
    let numbers =
        (rules.count(Rule::KeepaliveProbes), rules.seconds(Rule::KeepaliveInterval), row.timer_left);
    let (Some(probes), Some(interval), Some(left)) = numbers else {
        return format!("probes {next}{unanswered} and after the last probe resets it with ETIMEDOUT");
    };
    let more = probes.saturating_sub(row.retransmits.into());
    format!(
        "probes {next}{unanswered} and resets it with ETIMEDOUT in {}, after {probes} unanswered",
        span(left + interval * more)
    )
}

pub(crate) fn keepalive_knobs(rules: &Rules) -> Vec<String> {
    vec![
        rules.named(Rule::KeepaliveTime),
        rules.named(Rule::KeepaliveInterval),
        rules.named(Rule::KeepaliveProbes),
        "their socket options".to_owned(),
    ]
}

/// From the last word of a peer until its death is noticed: 7,875 s by default.
fn keepalive_total(rules: &Rules) -> Option<Duration> {
    let probing = rules.seconds(Rule::KeepaliveInterval)? * rules.count(Rule::KeepaliveProbes)?;
    Some(rules.seconds(Rule::KeepaliveTime)? + probing)
}
