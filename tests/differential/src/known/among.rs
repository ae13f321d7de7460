//! Matchers that look at the other differences of a sequence, too: what follows from a difference that is known.

use super::shapes::{crosses, number_in, unscaled};
use crate::compare::{Difference, Field};
use crate::sequence::{AckAt, Call, Sequence, Shape, Step};
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
