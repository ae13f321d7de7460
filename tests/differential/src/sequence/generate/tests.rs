use super::*;
use std::collections::HashSet;

#[test]
fn the_same_number_is_the_same_sequence() {
    assert_eq!(sequence(3, 17), sequence(3, 17));
    assert_ne!(sequence(3, 17).steps, sequence(4, 17).steps);
}

#[test]
fn five_hundred_sequences_begin_everywhere_and_try_everything() {
    let all: Vec<Sequence> = (0..500).map(|index| sequence(1, index)).collect();
    let starts: HashSet<Start> = all.iter().map(|one| one.setup.start).collect();
    assert_eq!(starts.len(), Start::ALL.len());
    let profiles: HashSet<Profile> = all.iter().map(|one| one.setup.profile).collect();
    assert_eq!(profiles.len(), Profile::ALL.len());
    assert!(all.iter().all(|one| (2..=6).contains(&one.steps.len())));
    let steps: Vec<&Step> = all.iter().flat_map(|one| &one.steps).collect();
    let some = |wanted: &dyn Fn(&Step) -> bool| steps.iter().any(|step| wanted(step));
    let shape =
        |wanted: fn(&Shape) -> bool| some(&|step| matches!(step, Step::Segment(shape) if wanted(shape)));
    assert!(shape(|shape| shape.damaged) && shape(|shape| shape.sack != SackAt::None));
    assert!(shape(|shape| matches!(shape.seq, SeqAt::Edge(_))) && shape(|shape| shape.window == 0));
    assert!(shape(|shape| matches!(shape.stamp, Stamp::Older(_))) && shape(|shape| shape.len > 1000));
    assert!(some(&|step| matches!(step, Step::Wait(_))) && some(&|step| *step == Step::Call(Call::Abort)));
    let near_wrap = |one: &&Sequence| one.setup.peer.isn > u32::MAX - 3000;
    assert!(all.iter().filter(near_wrap).count() > 50);
    assert!(all.iter().filter(|one| one.setup.ipv6).count() > 100);
}
