use super::*;
use crate::sequence::{Call, generate};
use lastack_wire::tcp::Flags;

fn has_reset(sequence: &Sequence) -> bool {
    sequence.steps.iter().any(|step| matches!(step, Step::Segment(shape) if shape.flags == Flags::RST))
}

#[test]
fn what_does_not_matter_goes() {
    let mut sequence = generate::sequence(1, 5);
    let reset = Shape { seq: SeqAt::Next(10), len: 0, ..Shape::plain(Flags::RST, 700, 3) };
    sequence.steps =
        vec![Step::Call(Call::TakeError), Step::Segment(reset), Step::Wait(20), Step::Call(Call::Close)];
    let small = minimise(&sequence, 1000, |candidate| Ok(has_reset(candidate))).unwrap();
    assert_eq!(small.steps, [Step::Segment(Shape::plain(Flags::RST, 0, 65_535))]);
    assert_eq!((small.setup.profile, small.setup.ipv6), (Profile::Default, false));
    assert_eq!(small.setup.start, sequence.setup.start, "where it begins is what it is about");
}

#[test]
fn tries_are_bounded_and_nothing_is_lost() {
    let sequence = generate::sequence(1, 7);
    let mut asked = 0;
    let same = minimise(&sequence, 5, |_| {
        asked += 1;
        Ok(false)
    });
    assert_eq!((same.unwrap(), asked), (sequence, 5));
}
