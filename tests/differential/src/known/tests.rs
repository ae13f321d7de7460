use super::*;
use crate::compare::Field;
use crate::sequence::generate;
use lastack_observe::Counter;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_known_difference_names_a_line_that_is_there() {
    for known in ALL {
        known.place(&root()).unwrap_or_else(|error| panic!("{}: {error:#}", known.name));
        assert!(!known.why.is_empty());
    }
}

#[test]
fn names_are_unique() {
    for (at, known) in ALL.iter().enumerate() {
        assert!(ALL[..at].iter().all(|before| before.name != known.name), "{}", known.name);
    }
}

fn difference(field: Field, state: &str, class: &str, kernel: &str, stack: &str) -> Difference {
    Difference {
        step: 5,
        state: state.to_owned(),
        class: class.to_owned(),
        field,
        kernel: kernel.to_owned(),
        stack: stack.to_owned(),
    }
}

#[test]
fn what_matters_is_never_excused() {
    // A reset that the other side does not send, another state, another acknowledgment: in an ordinary sequence.
    let mut sequence = generate::sequence(1, 5);
    sequence.setup.rcvbuf = None;
    sequence.steps.clear();
    let strange = [
        difference(Field::State, "ESTABLISHED", "ACK", "ESTABLISHED", "none"),
        difference(Field::Flags, "ESTABLISHED", "ACK", "R 1:1(0) win 0", ". 1:1(0) ack 1 win 64"),
        difference(Field::Ack, "ESTABLISHED", "PSH|ACK", "Some(2)", "Some(1)"),
        difference(Field::Counter(Counter::ChallengeAck), "ESTABLISHED", "SYN", "1", "0"),
        difference(Field::Answer, "ESTABLISHED", "read(100)", "Some(100)", "Some(0)"),
    ];
    for one in &strange {
        assert!(explains(ALL, one, std::slice::from_ref(one), &sequence).is_none(), "{one}");
    }
}

#[test]
fn the_fast_path_is_excused_and_joined_packets_are_not() {
    let joined = difference(Field::Counter(Counter::RcvCoalesce), "ESTABLISHED", "PSH|ACK", "1", "0");
    assert!(explains(ALL, &joined, std::slice::from_ref(&joined), &generate::sequence(1, 5)).is_none());
    let one = difference(Field::Counter(Counter::HpHits), "ESTABLISHED", "PSH|ACK", "1", "0");
    assert_eq!(
        explains(ALL, &one, std::slice::from_ref(&one), &generate::sequence(1, 5)).map(|known| known.name),
        Some("the fast path, counted")
    );
}
