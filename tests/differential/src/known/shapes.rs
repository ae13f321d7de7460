//! The matchers of the known differences.

use crate::compare::{Difference, Field};
use crate::sequence::{Profile, Sequence, Start, Step};
use lastack_observe::Counter;

/// SYNs may cross: connect() was called, and the peer sends a SYN.
pub(super) fn crosses(sequence: &Sequence) -> bool {
    let syn = |step: &Step| matches!(step, Step::Segment(shape) if shape.flags.syn());
    match sequence.setup.start {
        Start::SynRecvSimultaneous => true,
        Start::SynSent | Start::Closed => sequence.steps.iter().any(syn),
        _ => false,
    }
}

/// Window scaling is off.
pub(super) fn unscaled(sequence: &Sequence) -> bool {
    sequence.setup.peer.window_scale.is_none() || sequence.setup.profile == Profile::Bare
}

/// The same but for PSH, the window, times and clocks.
fn alike(difference: &Difference) -> bool {
    strip(&difference.kernel) == strip(&difference.stack)
}

/// A list of segments without PSH, windows, times and TSvals.
fn strip(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut skip = false;
    let all: Vec<&str> = text.split_whitespace().collect();
    for (at, word) in all.iter().enumerate() {
        let follows_number = all.get(at + 1).is_some_and(|next| *next == "ms");
        if skip || follows_number || *word == "ms" {
            skip = false;
            continue;
        }
        if *word == "win" || *word == "val" {
            skip = true;
            continue;
        }
        let word = word.trim_start_matches('[');
        words.push(if matches!(word, "P." | "FP.") { word.replace('P', "") } else { word.to_owned() });
    }
    words.join(" ")
}

fn ws_number(text: &str) -> Option<u32> {
    text.strip_prefix("Some(")?.strip_suffix(')')?.parse().ok()
}

pub(super) fn simultaneous_window(difference: &Difference, sequence: &Sequence) -> bool {
    let field = match difference.field {
        Field::Window => true,
        Field::Seq => difference.state == "SYN_RECV" && sequence.setup.peer.window < 2,
        Field::Later => alike(difference),
        _ => false,
    };
    field && crosses(sequence) && unscaled(sequence)
}

pub(super) fn simultaneous_close(difference: &Difference, sequence: &Sequence) -> bool {
    let field = matches!(
        difference.field,
        Field::Replies
            | Field::State
            | Field::End
            | Field::Options
            | Field::Window
            | Field::Seq
            | Field::Timer
            | Field::SendQueue
            | Field::Later
            | Field::Counter(Counter::OutSegs | Counter::OrigDataSent)
    );
    let closed = |step: &Step| {
        use crate::sequence::Call;
        matches!(step, Step::Call(Call::ShutdownWrite | Call::ShutdownBoth | Call::ShutdownRead))
    };
    // What was shut down during the handshake is told before the segment that completes it is worked on.
    let early = sequence.steps.iter().any(closed)
        && matches!(
            difference.field,
            Field::Flags
                | Field::Ack
                | Field::Seq
                | Field::Counter(_)
                | Field::State
                | Field::End
                | Field::Window
                | Field::Replies
                | Field::Options
        );
    let here = difference.state == "SYN_RECV" && crosses(sequence);
    here && (early || (field && difference.class.starts_with("close()")))
}

pub(super) fn simultaneous_extras(difference: &Difference, sequence: &Sequence) -> bool {
    let field = matches!(
        difference.field,
        Field::Options
            | Field::Stamp
            | Field::Sack
            | Field::Counter(
                Counter::BeyondWindow
                    | Counter::DsackOldSent
                    | Counter::DelayedAckLost
                    | Counter::PawsEstab
                    | Counter::ChallengeAck
                    | Counter::SynChallenge
                    | Counter::SackDiscard
            )
    );
    let waits = difference.field == Field::Answer && difference.class.starts_with("write(");
    // A SYN that nobody acknowledged stays in flight there.
    let flies = matches!(difference.field, Field::Timer | Field::SendQueue);
    crosses(sequence) && (flies || ((field || waits) && difference.state == "SYN_RECV"))
}

pub(super) fn request_syn_ack(difference: &Difference, sequence: &Sequence) -> bool {
    difference.state == "SYN_RECV"
        && difference.class.starts_with("SYN")
        && difference.class.contains("ACK")
        && !crosses(sequence)
}

pub(super) fn fast_path(difference: &Difference, _: &Sequence) -> bool {
    matches!(difference.field, Field::Counter(Counter::HpHits | Counter::HpAcks))
}

pub(super) fn send_buffer(difference: &Difference, sequence: &Sequence) -> bool {
    let small = sequence.setup.peer.mss.is_none_or(|mss| mss <= 1000) || sequence.setup.peer.window <= 1000;
    let writes = difference.class.starts_with("write(");
    let less = |text: &str| text.trim_start_matches("Some(").trim_end_matches(')').parse::<i64>().ok();
    let fewer = less(&difference.kernel)
        .zip(less(&difference.stack))
        .is_some_and(|(kernel, stack)| kernel < stack || (kernel > 0 && stack > 0));
    match difference.field {
        Field::Answer => small && writes && fewer,
        Field::SendQueue => small && fewer,
        Field::Replies | Field::Payload | Field::Flags => {
            small && writes && sequence.setup.peer.mss.is_some_and(|mss| mss < 200)
        }
        _ => false,
    }
}

pub(super) fn cut_of_writes(difference: &Difference, sequence: &Sequence) -> bool {
    let writes = |step: &Step| matches!(step, Step::Call(crate::sequence::Call::Write(_)));
    if !sequence.all_steps().iter().any(writes) {
        return false;
    }
    // What was cut before a window or an MSS changed: every window of the sequence counts.
    let moves = |step: &Step| matches!(step, Step::Segment(shape) if shape.window < 10_000);
    let narrow = sequence.setup.peer.window < 10_000
        || sequence.setup.peer.mss.is_some_and(|mss| mss < 200)
        || sequence.steps.iter().any(moves);
    let flags = |text: &str| text.split_whitespace().next().unwrap_or("").replace('P', "");
    match difference.field {
        Field::Flags => {
            flags(&difference.kernel).replace('F', "") == flags(&difference.stack).replace('F', "")
        }
        Field::Later if alike(difference) => true,
        Field::Replies
        | Field::Payload
        | Field::Seq
        | Field::Later
        | Field::Timer
        | Field::Counter(
            Counter::OutSegs
            | Counter::OrigDataSent
            | Counter::RetransSegs
            | Counter::FastRetrans
            | Counter::LossProbes
            | Counter::LossUndo
            | Counter::FullUndo
            | Counter::SackRecovery
            | Counter::RenoRecovery,
        ) => narrow,
        _ => false,
    }
}

pub(super) fn urgent_octet(difference: &Difference, sequence: &Sequence) -> bool {
    let urgent = |step: &Step| matches!(step, Step::Segment(shape) if shape.flags.urg());
    let one_less = difference
        .kernel
        .parse::<u32>()
        .ok()
        .zip(difference.stack.parse::<u32>().ok())
        .is_some_and(|(kernel, stack)| kernel == stack + 1);
    difference.field == Field::RecvQueue && one_less && sequence.steps.iter().any(urgent)
}

pub(super) fn short_timer(difference: &Difference, _: &Sequence) -> bool {
    let closing = matches!(
        difference.state.as_str(),
        "CLOSE_WAIT" | "LAST_ACK" | "CLOSING" | "FIN_WAIT1" | "ESTABLISHED" | "SYN_SENT"
    );
    let bare = |text: &str| {
        text == "[]" || (text.starts_with("[. ") && !text.contains(';') && text.contains("(0) ack"))
    };
    match difference.field {
        Field::Replies => closing && bare(&difference.kernel) && bare(&difference.stack),
        Field::LaterTime => closing,
        Field::Later => {
            let early = |text: &str| {
                let first = text.trim_start_matches('[').split_whitespace().next();
                first.and_then(|ms| ms.parse::<u32>().ok()).is_some_and(|ms| ms <= 15)
            };
            let alone = |text: &str| {
                text == "[]" || (text.contains(" ms . ") && !text.contains(';') && text.contains("(0) ack"))
            };
            let of_fin =
                difference.state == "CLOSE_WAIT" && alone(&difference.kernel) && alone(&difference.stack);
            closing && (of_fin || early(&difference.kernel) || early(&difference.stack))
        }
        Field::Counter(Counter::OutSegs | Counter::DelayedAcks) => {
            closing
                && matches!((difference.kernel.as_str(), difference.stack.as_str()), ("0", "1") | ("1", "0"))
        }
        _ => false,
    }
}

pub(super) fn cookie_beside(difference: &Difference, sequence: &Sequence) -> bool {
    difference.state == "none"
        && difference.class.contains("ACK")
        && sequence.setup.profile == Profile::Cookies
}

pub(super) fn ancient_acknowledgment(difference: &Difference, sequence: &Sequence) -> bool {
    use crate::sequence::AckAt;
    let far = |step: &Step| match step {
        Step::Segment(shape) => {
            shape.len > 0
                && matches!(shape.ack, AckAt::Iss(_) | AckAt::Una(i32::MIN..0) | AckAt::Next(i32::MIN..-99))
        }
        _ => false,
    };
    let field = matches!(
        difference.field,
        Field::Ack | Field::Window | Field::RecvQueue | Field::Sack | Field::Options | Field::Counter(_)
    );
    field && difference.state == "ESTABLISHED" && sequence.steps.iter().any(far)
}

pub(super) fn counted_reports(difference: &Difference, sequence: &Sequence) -> bool {
    let reports =
        |step: &Step| matches!(step, Step::Segment(shape) if shape.sack != crate::sequence::SackAt::None);
    let counted =
        matches!(difference.field, Field::Counter(Counter::DsackRecv | Counter::DsackIgnoredDubious));
    counted && sequence.steps.iter().any(reports)
}

/// A number, alone or in `Some(…)`.
pub(super) fn number_in(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| ws_number(text))
}
