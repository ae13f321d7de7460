//! Matchers that look at the other differences of a sequence, too: what follows from a difference that is known.

use super::shapes::{crosses, number_in, unscaled};
use crate::compare::{Difference, Field};
use crate::sequence::{AckAt, Call, SeqAt, Sequence, Shape, Step};
use lastack_observe::Counter;

/// The segment of a difference's step.
fn segment_of(difference: &Difference, sequence: &Sequence) -> Option<Shape> {
    match sequence.all_steps().get(difference.step) {
        Some(Step::Segment(shape)) => Some(shape.clone()),
        _ => None,
    }
}

/// Both showed another window in an earlier step.
fn window_differed(difference: &Difference, found: &[Difference]) -> bool {
    found.iter().any(|one| one.field == Field::Window && one.step < difference.step)
}

/// In this step one side found the segment beyond its window, and the other did not.
fn fits_one(difference: &Difference, found: &[Difference]) -> bool {
    let beyond = |one: &Difference| one.field == Field::Counter(Counter::BeyondWindow);
    found.iter().any(|one| one.step == difference.step && beyond(one))
}

pub(super) fn fits_one_small_window(
    difference: &Difference,
    sequence: &Sequence,
    found: &[Difference],
) -> bool {
    let reset = segment_of(difference, sequence).is_some_and(|shape| shape.flags.rst());
    let of_reset =
        reset && matches!(difference.field, Field::State | Field::End | Field::Counter(Counter::EstabResets));
    sequence.setup.rcvbuf.is_some()
        && window_differed(difference, found)
        && (of_reset || fits_one(difference, found))
}

pub(super) fn beyond_the_field(difference: &Difference, sequence: &Sequence, found: &[Difference]) -> bool {
    let at_edge = |step: usize| {
        let steps = sequence.all_steps();
        matches!(steps.get(step), Some(Step::Segment(shape)) if matches!(shape.seq, SeqAt::Edge(-1..=1)))
    };
    let refused_there = |one: &Difference| {
        one.field == Field::Counter(Counter::BeyondWindow) && one.kernel == "0" && one.stack != "0"
    };
    let first = found.iter().find(|one| refused_there(one) && at_edge(one.step));
    let Some(first) = first.filter(|_| unscaled(sequence)) else { return false };
    // What was challenged at the edge counts for the limit of the next answers.
    let of_limit = matches!(
        difference.field,
        Field::Replies
            | Field::Counter(Counter::OutSegs | Counter::ChallengeAck | Counter::AckSkippedChallenge)
    );
    first.step == difference.step || (first.step < difference.step && of_limit)
}

pub(super) fn simultaneous_numbers(
    difference: &Difference,
    sequence: &Sequence,
    found: &[Difference],
) -> bool {
    let field = matches!(
        difference.field,
        Field::Ack | Field::State | Field::End | Field::Counter(Counter::ChallengeAck)
    );
    let old = segment_of(difference, sequence)
        .is_some_and(|shape| !matches!(shape.ack, AckAt::Next(0) | AckAt::Una(0)));
    let shown = found.iter().any(|one| one.field == Field::Window && one.step <= difference.step);
    field && old && shown && crosses(sequence) && unscaled(sequence)
}

pub(super) fn old_octets_counted(difference: &Difference, sequence: &Sequence, found: &[Difference]) -> bool {
    let partly_old = segment_of(difference, sequence)
        .is_some_and(|shape| shape.len > 0 && matches!(shape.seq, SeqAt::Next(i32::MIN..0) | SeqAt::Isn(_)));
    let of_report = |one: &Difference| one.field == Field::Counter(Counter::DsackOldSent);
    let pair = |one: &Difference, kernel: &str| one.kernel == kernel && one.stack != kernel;
    let noted = |one: &Difference| of_report(one) && one.step < difference.step && pair(one, "1");
    let told = difference.stack == "1" && pair(difference, "0") && found.iter().any(noted);
    of_report(difference) && (told || (pair(difference, "1") && partly_old))
}

pub(super) fn fin_again(difference: &Difference, sequence: &Sequence, found: &[Difference]) -> bool {
    let again = |step: usize| {
        matches!(sequence.all_steps().get(step), Some(Step::Segment(shape))
            if shape.flags.fin() && matches!(shape.seq, SeqAt::Next(i32::MIN..0)))
    };
    let closed = matches!(difference.state.as_str(), "CLOSE_WAIT" | "LAST_ACK" | "CLOSING");
    let counted = |one: &Difference| {
        one.field == Field::RecvQueue && {
            let numbers = number_in(&one.kernel).zip(number_in(&one.stack));
            numbers.is_some_and(|(kernel, stack)| kernel == stack + 1)
        }
    };
    let answered = matches!(difference.field, Field::Replies | Field::Counter(Counter::OutSegs))
        && again(difference.step);
    let beside = found.iter().any(|one| one.step == difference.step && counted(one));
    let earlier = (0..=difference.step).any(again);
    closed && earlier && (counted(difference) || (answered && beside))
}

pub(super) fn urgent_octet_read(difference: &Difference, sequence: &Sequence, _: &[Difference]) -> bool {
    let urgent = |step: &Step| matches!(step, Step::Segment(shape) if shape.flags.urg() && shape.len > 0);
    let many = sequence.steps.iter().filter(|step| urgent(step)).count() as u32;
    let reads = difference.field == Field::Answer && difference.class.starts_with("read(");
    let numbers = number_in(&difference.kernel).zip(number_in(&difference.stack));
    // A reader stops at the mark, and what is behind it stays.
    let stops = difference.class.starts_with("read(")
        && many > 0
        && numbers.is_some_and(|(kernel, stack)| if reads { kernel < stack } else { kernel > stack });
    let field = reads || difference.field == Field::RecvQueue;
    let few = numbers.is_some_and(|(kernel, stack)| kernel != stack && kernel.abs_diff(stack) <= many);
    field && (stops || few)
}

pub(super) fn error_after_read(difference: &Difference, sequence: &Sequence, _: &[Difference]) -> bool {
    let steps = sequence.all_steps();
    let reset = |step: &Step| matches!(step, Step::Segment(shape) if shape.flags.rst());
    let read = |step: &Step| matches!(step, Step::Call(Call::Read(_)));
    let before = &steps[..difference.step.min(steps.len())];
    let after_reset = before.iter().skip_while(|step| !reset(step)).any(read);
    difference.field == Field::Answer
        && difference.state == "none"
        && difference.class.starts_with("getsockopt(SO_ERROR)")
        && (difference.kernel.as_str(), difference.stack.as_str()) == ("Some(104)", "Some(0)")
        && after_reset
}
