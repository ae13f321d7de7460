//! Matchers that look at the other differences of a sequence, too: what follows from a difference that is known.

use super::shapes::number_in;
use crate::compare::{Difference, Field};
use crate::sequence::{Sequence, Step};

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
