//! Timers of no more than a few ticks: Linux's fire at a tick of 4 ms, so they may fire on the other side of a step.

use super::case::Case;
use crate::compare::Field;
use lastack_observe::Counter;

/// The acknowledgment of a bare FIN waits for the next tick; a step that comes before it is answered first.
pub(super) fn fin(case: &Case<'_>) -> bool {
    let closing = matches!(case.state(), "CLOSE_WAIT" | "LAST_ACK" | "CLOSING")
        || case.segment().is_some_and(|shape| shape.flags.fin());
    let (kernel, stack) = case.pieces();
    let bare = |case: &Case<'_>| {
        let (kernel, stack) = case.pieces();
        kernel.len() + stack.len() == 1 && kernel.iter().chain(&stack).all(|piece| piece.is_bare())
    };
    let moved = |case: &Case<'_>| matches!(case.field(), Field::Replies | Field::Later) && bare(case);
    closing
        && match case.field() {
            Field::Replies | Field::Later => kernel.len() + stack.len() == 1 && bare(case),
            Field::Counter(Counter::OutSegs | Counter::DelayedAcks) => {
                matches!(case.texts(), ("0", "1") | ("1", "0")) && case.beside(moved)
            }
            _ => false,
        }
}

/// The peer closed its window and opened it again: Linux's loss probe was given up meanwhile, and the timeout comes; lastack's is
/// due when the window is open.
pub(super) fn probe_given_up(case: &Case<'_>) -> bool {
    let closed = case.was_sent(|shape| shape.flags.ack() && !shape.flags.syn() && shape.window == 0);
    let timed = |case: &Case<'_>| {
        let (kernel, stack) = case.pieces();
        matches!((&kernel[..], &stack[..]), ([first], [last]) if case.field() == Field::Flags && last.start > first.start)
    };
    let field = matches!(
        case.field(),
        Field::Flags | Field::Seq | Field::Payload | Field::Stamp | Field::Later | Field::LaterTime
    );
    closed && field && (timed(case) || case.beside(timed))
}

/// A loss probe of several segments is due after two ticks: the timeout that it moves begins on another tick.
pub(super) fn probe(case: &Case<'_>) -> bool {
    let (kernel, stack) = case.texts();
    let early = |text: &str| {
        let first = text.trim_start_matches('[').split_whitespace().next();
        first.and_then(|ms| ms.parse::<u32>().ok()).is_some_and(|ms| ms <= 15)
    };
    let octets = |text: &str| !text.contains("(0) ack") || text.contains('F');
    matches!(case.field(), Field::Later | Field::LaterTime)
        && ((early(kernel) && octets(kernel)) || (early(stack) && octets(stack)))
}
