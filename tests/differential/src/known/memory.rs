//! What the memory of Linux's packets decides: joining them, the fast path, a window by a segment more or less.

use super::case::Case;
use crate::compare::Field;
use crate::sequence::{AckAt, Call, SeqAt, Shape};
use lastack_observe::Counter;

/// Octets joined to the last packet, or not.
pub(super) fn coalescing(case: &Case<'_>) -> bool {
    let octets = case.segment().is_some_and(|shape| shape.len > 0 || shape.flags.fin());
    case.field() == Field::Counter(Counter::RcvCoalesce) && octets
}

/// Linux's header prediction foresees it: in order, with octets.
fn foreseen(shape: &Shape) -> bool {
    shape.flags.ack() && !shape.flags.syn() && !shape.flags.fin() && !shape.flags.rst() && shape.len > 0
}

/// Octets are taken on the fast path while the socket has the memory for them at hand, and else on the slow one.
pub(super) fn fast_path(case: &Case<'_>) -> bool {
    let Some(shape) = case.segment() else { return false };
    let counted = matches!(case.field(), Field::Counter(Counter::HpHits | Counter::HpAcks));
    case.state() == "ESTABLISHED" && foreseen(&shape) && counted
}

/// An acknowledgment long past, with octets: the fast path takes them before it looks.
pub(super) fn ancient(case: &Case<'_>) -> bool {
    let past = |shape: &Shape| {
        foreseen(shape)
            && shape.seq == SeqAt::Next(0)
            && matches!(shape.ack, AckAt::Iss(_) | AckAt::Una(i32::MIN..0) | AckAt::Next(i32::MIN..0))
    };
    let Some(shape) = case.segment() else { return false };
    if case.field() == Field::Stamp && case.earlier(|other| other.field() == Field::Stamp && ancient(other)) {
        return true;
    }
    let octets = i64::from(shape.len);
    let more = |case: &Case<'_>, least: i64| {
        case.numbers().is_some_and(|(kernel, stack)| kernel.wrapping_sub(stack) as u32 == least as u32)
    };
    let taken = |case: &Case<'_>| matches!(case.field(), Field::Ack | Field::RecvQueue) && more(case, octets);
    past(&shape)
        && case.state() == "ESTABLISHED"
        && match case.field() {
            Field::Ack | Field::RecvQueue => taken(case),
            Field::Window | Field::Replies | Field::Later | Field::Counter(_) => case.beside(taken),
            // The slow path looks first, and leaves the clock as it was.
            Field::Stamp => true,
            _ => false,
        }
}

/// A window that differs by what one segment costs, where a packet's memory counts: SO_RCVBUF of a few segments, or none that
/// shows what part of it is payload.
pub(super) fn window(case: &Case<'_>) -> bool {
    let brought = case.was_sent(|shape| shape.len > 0 || shape.flags.fin());
    let unit = match (case.sequence.setup.peer.window_scale, case.sequence.setup.rcvbuf) {
        (_, Some(_)) => 1460,
        (None, None) => 1460,
        (Some(_), None) => 3,
    };
    let close = case.numbers().is_some_and(|(kernel, stack)| kernel.abs_diff(stack) <= unit);
    case.field() == Field::Window && brought && close
}

/// What follows from such a window in a later segment: it fits one and not the other, or an acknowledgment is due for one.
pub(super) fn after_window(case: &Case<'_>) -> bool {
    let differed = case.earlier(window) || case.beside(window);
    let small = case.sequence.setup.rcvbuf.is_some();
    let bare = {
        let (kernel, stack) = case.pieces();
        kernel.iter().chain(&stack).all(|piece| piece.is_bare())
    };
    let edge = case.segment().is_some_and(|shape| shape.len > 0);
    let read = matches!(case.call(), Some(Call::Read(_)));
    let counted = matches!(
        case.field(),
        Field::Counter(
            Counter::OutSegs
                | Counter::DelayedAcks
                | Counter::WantZeroWindowAdv
                | Counter::ToZeroWindowAdv
                | Counter::FromZeroWindowAdv
                | Counter::BeyondWindow
                | Counter::ZeroWindowDrop
        )
    );
    let fits_one = |case: &Case<'_>| case.field() == Field::Counter(Counter::BeyondWindow);
    if small && case.earlier(window) && edge && (fits_one(case) || case.beside(fits_one)) {
        return true;
    }
    small
        && (differed || edge || read)
        && (counted || (matches!(case.field(), Field::Replies | Field::Later) && bare))
}
