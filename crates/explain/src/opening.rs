//! Sockets before the application has its connection: CLOSE, LISTEN, SYN_SENT, SYN_RECV, and what waits for accept().

use crate::schedule::Schedule;
use crate::words::{counted, moments, octets, repeated, span, within};
use crate::{Explanation, Rule, Rules};
use lastack_observe::{SocketRow, State};

/// What a socket may have instead of `tcp_syn_retries`.
const OWN_LIMITS: &str = "the socket's own TCP_SYNCNT or TCP_USER_TIMEOUT";

pub(crate) fn closed() -> Explanation {
    Explanation {
        why: "The socket has no connection (fresh, bound, or just ended)".to_owned(),
        end: "never changes by itself: the application must connect, listen or close".to_owned(),
        knobs: Vec::new(),
        left: None,
    }
}

/// Recv-Q is what waits for accept(), Send-Q the backlog, and one more than the backlog is admitted (TIMELINES T09c).
pub(crate) fn listen(row: &SocketRow, rules: &Rules) -> Explanation {
    let (waiting, backlog) = (row.recv_queue, row.send_queue);
    let room = u64::from(backlog) + 1;
    let mut knobs = vec![format!("listen()'s backlog {backlog} (at most {})", rules.named(Rule::Somaxconn))];
    if waiting <= backlog {
        return Explanation {
            why: format!("It waits for connections, and {waiting} of at most {room} wait for accept()"),
            end: "never ends unless the application closes it".to_owned(),
            knobs,
            left: None,
        };
    }
    knobs.push(rules.named(Rule::AbortOnOverflow));
    let third = match rules.value(Rule::AbortOnOverflow) {
        Some(0) => "third ACKs are ignored",
        Some(_) => "third ACKs are answered with RST",
        None => "third ACKs are ignored or answered with RST",
    };
    Explanation {
        why: format!(
            "Its accept queue is full, {waiting} of {room}: new SYNs are dropped and {third}, so clients wait or fail"
        ),
        end: "never ends unless the application calls accept() faster (a larger backlog only buys time)"
            .to_owned(),
        knobs,
        left: None,
    }
}

pub(crate) fn syn_sent(row: &SocketRow, rules: &Rules) -> Explanation {
    let next = within(row.timer_left);
    let mut knobs = vec![rules.named(Rule::SynRetries)];
    if rules.linear() > 0 || rules.value(Rule::SynRetries).is_none() {
        knobs.push(rules.named(Rule::SynLinearTimeouts));
    }
    knobs.push(OWN_LIMITS.to_owned());
    let why = format!(
        "Our SYN is not answered, and connect() waits for that; it was {}",
        repeated(row.retransmits)
    );
    let Some(schedule) = Schedule::of_syn(rules, false) else {
        let end =
            format!("the next timeout is {next}, and after the last one connect() fails with ETIMEDOUT");
        return Explanation { why, end, knobs, left: None };
    };
    let left = row.timer_left.and_then(|left| schedule.remaining(row.retransmits, left));
    let end = format!(
        "the next timeout is {next}; repeats leave {} s after the first, and {} after it{} connect() fails with ETIMEDOUT",
        moments(&schedule.repeats),
        span(schedule.end),
        left.map_or_else(String::new, |left| format!(", in {},", span(left)))
    );
    Explanation { why, end, knobs, left }
}

/// A whole socket, from a simultaneous open, has its own SYN in Send-Q; a listener's request has nothing there.
pub(crate) fn syn_recv(row: &SocketRow, rules: &Rules) -> Explanation {
    if is_fast_open(row) {
        fast_open(row, rules)
    } else if row.send_queue > 0 {
        simultaneous(row, rules)
    } else {
        request(row, rules)
    }
}

/// TCPI_OPT_SYN_DATA says so of the kernel's; of a stack's sockets only these have agreed on something already.
fn is_fast_open(row: &SocketRow) -> bool {
    const SYN_DATA: u8 = 32;
    match &row.host {
        Some(host) => host.info.is_some_and(|info| info.options & SYN_DATA != 0),
        None => row.negotiated.is_some(),
    }
}

fn request(row: &SocketRow, rules: &Rules) -> Explanation {
    unproven(
        row,
        rules,
        0,
        "A SYN was answered with SYN-ACK, and the ACK that completes the handshake is missing (lost, never sent by a forged \
         address, or ignored because the accept queue is full)"
            .to_owned(),
        "the request is dropped silently, sooner when the queue is more than half full",
    )
}

/// Its SYN-ACK is repeated once more than a request's.
fn fast_open(row: &SocketRow, rules: &Rules) -> Explanation {
    let unread = match row.recv_queue {
        0 => String::new(),
        unread => format!(" ({} to read)", octets(unread)),
    };
    let why = format!(
        "The SYN brought data by TCP Fast Open{unread}, and the application may read and write already, but the ACK that \
         completes the handshake is missing"
    );
    unproven(row, rules, 1, why, "the connection ends with ETIMEDOUT")
}

/// What waits for the third segment, with so many repeats more than tcp_synack_retries says.
fn unproven(row: &SocketRow, rules: &Rules, more: u32, why: String, ends: &str) -> Explanation {
    let next = within(row.timer_left);
    let schedule = Schedule::of_syn_ack(rules, more);
    let of = match &schedule {
        Some(schedule) => format!("{} of {} repeats have left", row.retransmits, schedule.repeats.len()),
        None => format!("{} have left", counted(row.retransmits.into(), "repeat")),
    };
    let left =
        schedule.zip(row.timer_left).and_then(|(schedule, left)| schedule.remaining(row.retransmits, left));
    let gone = left.map_or_else(|| "after the last one".to_owned(), |left| format!("in {}", span(left)));
    Explanation {
        why,
        end: format!("the next timeout is {next}, {of}, and {gone} {ends}"),
        knobs: vec![rules.named(Rule::SynAckRetries)],
        left,
    }
}

fn simultaneous(row: &SocketRow, rules: &Rules) -> Explanation {
    let next = within(row.timer_left);
    let remaining = Schedule::of_syn(rules, true)
        .zip(row.timer_left)
        .and_then(|(schedule, left)| schedule.remaining(row.retransmits, left));
    let gone = remaining
        .map_or_else(|| "after the last repeat".to_owned(), |left| format!("in about {}", span(left)));
    Explanation {
        why: format!(
            "Both ends sent a SYN at once (no listener is involved), and ours is not acknowledged; our SYN-ACK was {}",
            repeated(row.retransmits)
        ),
        end: format!("the next timeout is {next}, and {gone} connect() fails with ETIMEDOUT"),
        knobs: vec![rules.named(Rule::SynRetries), OWN_LIMITS.to_owned()],
        left: remaining,
    }
}

/// Complete for TCP, unknown to the application.
pub(crate) fn unaccepted(row: &SocketRow, rules: &Rules) -> Explanation {
    let finished = row.state == State::CloseWait;
    // The peer's FIN counts as one octet.
    let unread = row.recv_queue.saturating_sub(finished.into());
    let read = match unread {
        0 => String::new(),
        unread => format!(" with {} to read", octets(unread)),
    };
    let peer = if finished { ", and the peer has closed already" } else { "" };
    Explanation {
        why: format!(
            "The handshake is over, but the application, slow or busy, has not accepted the connection: it waits in the \
             listener's queue{read}{peer}"
        ),
        end: "never ends by itself: accept() takes it, the listener's close resets it, or the peer does"
            .to_owned(),
        knobs: vec![format!("listen()'s backlog (at most {})", rules.named(Rule::Somaxconn))],
        left: None,
    }
}
