//! The urgent octet, which lastack takes out of the stream as it arrives.

use super::case::Case;
use crate::compare::Field;
use crate::sequence::Call;

/// Two urgent octets, or one that a reader stops at: a count differs by them.
pub(super) fn octet(case: &Case<'_>) -> bool {
    let steps = case.sequence.steps.iter();
    let urgent = |step: &&crate::sequence::Step| matches!(step, crate::sequence::Step::Segment(shape) if shape.flags.urg() && shape.len > 0);
    let many = steps.filter(urgent).count() as u64;
    let few = case.numbers().is_some_and(|(kernel, stack)| (1..=many).contains(&kernel.abs_diff(stack)));
    let reads = matches!(case.call(), Some(Call::Read(_)));
    few && (case.field() == Field::RecvQueue || (case.field() == Field::Answer && reads))
}
