//! SYNs that cross: what Linux does in SYN_RECV as a full socket, and the scale that it forgets to forget.

use super::case::{Case, acknowledges_nothing};
use crate::compare::Field;
use crate::sequence::{Call, Profile};
use lastack_observe::{Counter, TimerKind};

/// Linux shifts what it offers by the scale of its own SYN.
pub(super) fn window(case: &Case<'_>) -> bool {
    const SHIFT: u32 = 10;
    let shifted = case.numbers().is_some_and(|(kernel, stack)| {
        let octets = kernel << SHIFT;
        // A window that fits no field is bounded by it here, and not there.
        let bounded = stack >= 65_535 - (1 << SHIFT) && octets >= 65_535 - (1 << SHIFT);
        kernel < stack && (bounded || octets.abs_diff(stack) <= 1 << (SHIFT + 1))
    });
    case.field() == Field::Window && case.crossed() && case.peer_without_scale() && shifted
}

/// close() in SYN_RECV: Linux's FIN goes at once.
pub(super) fn close(case: &Case<'_>) -> bool {
    let here = case.state() == "SYN_RECV" && case.crossed() && case.call() == Some(Call::Close);
    let fin = |text: &str| text.starts_with("[F. 1:1(0) ") && !text.contains("; ");
    let (kernel, stack) = case.texts();
    here && match case.field() {
        Field::State | Field::End => matches!(kernel, "FIN_WAIT1" | "none") && stack == "SYN_RECV",
        Field::Replies => fin(kernel) && stack == "[]",
        Field::Counter(Counter::OutSegs | Counter::OrigDataSent) => (kernel, stack) == ("1", "0"),
        Field::SendQueue => (kernel, stack) == ("2", "1"),
        // The FIN is beyond a closed window: it waits, and the window is asked for.
        Field::Timer | Field::Later => true,
        _ => false,
    }
}

/// An acknowledgment of nothing completes the handshake on both sides; Linux's SYN stays in flight.
pub(super) fn unacknowledged(case: &Case<'_>) -> bool {
    if !case.crossed() || !case.was_sent(acknowledges_nothing) {
        return false;
    }
    let one_more = |case: &Case<'_>| {
        case.field() == Field::SendQueue && case.numbers().is_some_and(|(kernel, stack)| kernel == stack + 1)
    };
    let runs = case.texts().0 == format!("{:?}", TimerKind::On);
    match case.field() {
        Field::SendQueue => one_more(case),
        Field::Timer => runs && (case.beside(one_more) || case.earlier(one_more)),
        // A closed window leaves the next number on the SYN.
        Field::Seq => case.texts() == ("Some(0)", "Some(1)") && case.beside(one_more),
        // Its retransmission timer has the SYN-ACK to send, and not what is behind it.
        Field::Later | Field::LaterTime => case.beside(one_more) || case.earlier(one_more),
        _ => false,
    }
}

/// shutdown() before the SYN-ACK of the peer: Linux's FIN goes before the answer to it.
pub(super) fn fin_before_answer(case: &Case<'_>) -> bool {
    let shut = |call: Call| matches!(call, Call::ShutdownWrite | Call::ShutdownBoth);
    let answers = case.segment().is_some_and(|shape| shape.flags.syn() && shape.flags.ack());
    let field = matches!(case.field(), Field::Flags | Field::Options | Field::Seq);
    field && answers && case.state() == "SYN_RECV" && case.crossed() && case.was_called(shut)
}

/// Blocks in the segment that ends a handshake.
pub(super) fn blocks(case: &Case<'_>) -> bool {
    let has = case.segment().is_some_and(|shape| shape.sack != crate::sequence::SackAt::None);
    let counters =
        [Counter::DsackRecv, Counter::DsackRecvSegs, Counter::DsackIgnoredDubious, Counter::SackDiscard];
    let ends = matches!(case.state(), "SYN_SENT" | "SYN_RECV") || unacknowledged_before(case);
    has && ends && matches!(case.field(), Field::Counter(counter) if counters.contains(&counter))
}

/// The SYN is in flight still.
fn unacknowledged_before(case: &Case<'_>) -> bool {
    case.earlier(|other| other.field() == Field::SendQueue && unacknowledged(other))
}

/// A request that gets octets in a SYN-ACK of the same number.
pub(super) fn request(case: &Case<'_>) -> bool {
    let such = case.segment().is_some_and(|shape| {
        shape.flags.syn() && shape.flags.ack() && !shape.flags.rst() && (shape.len > 0 || shape.flags.fin())
    });
    let becomes = |case: &Case<'_>| case.field() == Field::State && case.texts() == ("SYN_RECV", "none");
    such && case.state() == "SYN_RECV" && !case.crossed() && case.beside(becomes)
}

/// A number beside a cookie.
pub(super) fn cookie(case: &Case<'_>) -> bool {
    let acknowledges =
        case.segment().is_some_and(|shape| shape.flags.ack() && !shape.flags.rst() && !shape.flags.syn());
    let taken = |case: &Case<'_>| {
        case.field() == Field::State && matches!(case.texts(), ("ESTABLISHED" | "CLOSE_WAIT", "none"))
    };
    let cookies = case.sequence.setup.profile == Profile::Cookies;
    cookies && acknowledges && case.state() == "none" && case.beside(taken)
}

/// A cookie with an echo of zero: Linux forgets what it adds to its clock for this peer.
pub(super) fn cookie_clock(case: &Case<'_>) -> bool {
    let silent = case.was_sent(|shape| shape.flags.ack() && shape.stamp == crate::sequence::Stamp::NoEcho);
    let cookies = case.sequence.setup.profile == Profile::Cookies;
    // An echo beside the last is judged by a clock whose lowest bits are options.
    let judged = |case: &Case<'_>| case.field() == Field::Counter(Counter::TsecrRejected);
    let echoes = case.segment().is_some_and(|shape| matches!(shape.stamp, crate::sequence::Stamp::Echo(_)));
    let rejected = echoes && case.state() == "SYN_RECV" && (judged(case) || case.beside(judged));
    cookies && (rejected || (silent && case.field() == Field::Stamp))
}

/// A bad acknowledgment of a request, while cookies are in use: Linux's listener tries it as a cookie, too.
pub(super) fn tried_as_cookie(case: &Case<'_>) -> bool {
    let acknowledges = case.segment().is_some_and(|shape| shape.flags.ack());
    let cookies = case.sequence.setup.profile == Profile::Cookies;
    cookies
        && acknowledges
        && case.state() == "SYN_RECV"
        && case.only_kernel_counts(&[Counter::SyncookiesFailed])
}
