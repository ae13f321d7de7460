//! Matchers that look at the other differences of a sequence, too: what follows from a difference that is known.

use super::shapes::number_in;
use crate::compare::{Difference, Field};
use crate::sequence::{Sequence, Shape, Step};
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
