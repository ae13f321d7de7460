//! How writes become packets, and what a writer may leave behind.

use super::case::{Case, Piece};
use crate::compare::Field;
use crate::sequence::{AckAt, Call, Shape};
use lastack_observe::Counter;

/// A window below two segments of some size: packets are cut smaller than the MSS when they are written.
fn is_narrow(shape: &Shape) -> bool {
    shape.window < 3000
}

fn narrow(case: &Case<'_>) -> bool {
    let peer = &case.sequence.setup.peer;
    peer.window < 3000 || peer.mss.is_some_and(|mss| mss < 200) || case.was_sent(is_narrow)
}

fn wrote(case: &Case<'_>) -> bool {
    case.was_called(|call| matches!(call, Call::Write(_)))
}

/// The octets of both sides begin at one number and go on without a gap.
fn one_stream(kernel: &[Piece], stack: &[Piece]) -> bool {
    let octets = |pieces: &[Piece]| -> Option<(u32, bool)> {
        let mut next = None;
        let mut straight = true;
        for piece in pieces.iter().filter(|piece| !piece.is_bare()) {
            straight &= next.is_none_or(|next| next == piece.start);
            next = Some(piece.end());
        }
        let first = pieces.iter().find(|piece| !piece.is_bare())?;
        Some((first.start, straight))
    };
    matches!((octets(kernel), octets(stack)), (Some((one, true)), Some((other, true))) if one == other)
}

/// Linux cuts a write by the window and the MSS of that moment, and marks packets with PSH and FIN then.
pub(super) fn cut(case: &Case<'_>) -> bool {
    if !wrote(case) {
        return false;
    }
    let (kernel, stack) = case.pieces();
    let streams = |case: &Case<'_>| {
        let (kernel, stack) = case.pieces();
        matches!(case.field(), Field::Replies | Field::Payload | Field::Later | Field::Flags)
            && (one_stream(&kernel, &stack) || case.field() == Field::Payload)
    };
    let plain = |piece: &Piece| piece.flags.replace(['P', 'F'], "");
    match case.field() {
        Field::Flags => match (&kernel[..], &stack[..]) {
            ([kernel], [stack]) => {
                let shifted = |case: &Case<'_>| matches!(case.field(), Field::Seq | Field::Payload);
                let same = kernel.start == stack.start || (narrow(case) && case.beside(shifted));
                plain(kernel) == plain(stack) && same
            }
            _ => false,
        },
        Field::Replies | Field::Later => narrow(case) && one_stream(&kernel, &stack),
        Field::Payload => narrow(case),
        Field::Seq
        | Field::Timer
        | Field::Window
        | Field::Counter(Counter::OutSegs | Counter::OrigDataSent) => narrow(case) && case.beside(streams),
        _ => false,
    }
}

/// A burst of less than a third of the window waits for more of it, when the last one left less than half a round trip ago
/// (Linux tcp_tso_should_defer): microseconds decide.
pub(super) fn deferred(case: &Case<'_>) -> bool {
    let waits = |case: &Case<'_>| {
        let (kernel, stack) = case.pieces();
        let more = stack.strip_prefix(&kernel[..]).unwrap_or_default();
        case.field() == Field::Replies
            && (1..=3).contains(&more.len())
            && more.iter().all(|piece| piece.len > 0)
    };
    let counted = matches!(case.field(), Field::Counter(Counter::OutSegs | Counter::OrigDataSent));
    wrote(case) && case.segment().is_some() && (waits(case) || (counted && case.beside(waits)))
}

/// Every packet that waits costs Linux its bookkeeping: many small ones fill the send buffer.
pub(super) fn buffer(case: &Case<'_>) -> bool {
    let filled = |case: &Case<'_>| {
        let numbers =
            case.numbers().is_some_and(|(kernel, stack)| kernel > 0 && stack > 0 && kernel != stack);
        case.field() == Field::Answer && numbers && matches!(case.call(), Some(Call::Write(_)))
    };
    let less = case.numbers().is_some_and(|(kernel, stack)| kernel != stack);
    let again = |case: &Case<'_>| {
        case.field() == Field::Answer
            && matches!(case.call(), Some(Call::Write(_)))
            && (case.texts().0 == "Some(-11)" || case.texts().1 == "Some(-11)")
    };
    narrow(case)
        && match case.field() {
            Field::Answer => filled(case) || again(case),
            Field::SendQueue => less && wrote(case),
            Field::Replies | Field::Flags | Field::Counter(Counter::OutSegs | Counter::OrigDataSent) => {
                case.beside(filled) || case.beside(again)
            }
            _ => false,
        }
}

/// A D-SACK that waited for an acknowledgment when a hole opened.
pub(super) fn forgotten_report(case: &Case<'_>) -> bool {
    let blocks =
        |text: &str| text.split_once("sack ").map(|(_, blocks)| blocks.trim_end_matches('>').to_owned());
    let (kernel, stack) = case.texts();
    let told = blocks(kernel).zip(blocks(stack));
    case.field() == Field::Options
        && told.is_some_and(|(kernel, stack)| stack.split_once(' ').is_some_and(|(_, rest)| rest == kernel))
}

/// The rest of a segment is acknowledged after a part of it.
pub(super) fn part(case: &Case<'_>) -> bool {
    let some = |shape: &Shape| {
        shape.flags.ack() && matches!(shape.ack, AckAt::Next(i32::MIN..0) | AckAt::Una(1..) | AckAt::Iss(1..))
    };
    let peer = &case.sequence.setup.peer;
    peer.sack && case.was_sent(some) && case.only_kernel_counts(&[Counter::SackReorder])
}
