use super::*;
use crate::sequence::{Call, generate};
use lastack_observe::{State, TimerKind};
use lastack_wire::tcp::Flags;

fn reply(window: u16, stamp: u32) -> Reply {
    let segment = Segment {
        flags: Flags::ACK,
        start: 1,
        len: 0,
        ack: Some(5),
        window: Some(window),
        urgent: None,
        options: Some(vec![Opt::Nop, Opt::Nop, Opt::Timestamps(stamp, 7)]),
        marks: Default::default(),
    };
    Reply { segment, payload: vec![] }
}

/// Two steps after none that lead anywhere, the first of which is answered.
fn trace(first: Moment) -> (Sequence, Trace) {
    let mut sequence = generate::sequence(1, 0);
    sequence.steps = vec![Step::Call(Call::TakeError), Step::Call(Call::Close)];
    let second = Moment { at: Duration::from_millis(100), ..Moment::default() };
    (
        sequence,
        Trace {
            moments: vec![first, second],
            end: Duration::from_millis(400),
            end_row: None,
            timeless: false,
        },
    )
}

fn fields(kernel: Moment, stack: Moment) -> Vec<Field> {
    let (sequence, theirs) = trace(kernel);
    let (_, ours) = trace(stack);
    compare(&sequence, &theirs, &ours).into_iter().map(|difference| difference.field).collect()
}

#[test]
fn the_same_is_no_difference_and_a_clock_may_be_a_tick_off() {
    let moment = |stamp| Moment { at_once: vec![reply(64, stamp)], ..Moment::default() };
    assert_eq!(fields(moment(1000), moment(1002)), []);
    assert_eq!(fields(moment(1000), moment(1100)), [Field::Stamp]);
}

#[test]
fn each_field_is_told_by_its_name() {
    let kernel = Moment { answer: Some(0), at_once: vec![reply(64, 1)], ..Moment::default() };
    let other = Moment { answer: Some(-11), at_once: vec![reply(63, 1)], ..Moment::default() };
    assert_eq!(fields(kernel.clone(), other), [Field::Answer, Field::Window]);
    assert_eq!(fields(kernel.clone(), Moment { answer: Some(0), ..Moment::default() }), [Field::Replies]);
    let row = |state| Some(Row { state, timer: TimerKind::Off, recv_queue: 0, send_queue: 0 });
    let with_row = |state| Moment { row: row(state), ..Moment::default() };
    assert_eq!(fields(with_row(State::FinWait1), with_row(State::FinWait2)), [Field::State]);
    let counted =
        |growth| Moment { counters: Some(vec![(Counter::ChallengeAck, growth)]), ..Moment::default() };
    assert_eq!(fields(counted(1), counted(2)), [Field::Counter(Counter::ChallengeAck)]);
}

#[test]
fn a_kernel_timer_may_be_late_and_not_early() {
    let later =
        |ms: u64| Moment { later: vec![(Duration::from_millis(ms), reply(64, 1))], ..Moment::default() };
    assert_eq!(fields(later(48), later(40)), []);
    assert_eq!(fields(later(20), later(40)), [Field::LaterTime]);
    assert_eq!(fields(Moment::default(), later(5)), [Field::Later]);
    assert_eq!(
        fields(Moment::default(), later(95)),
        [],
        "the kernel may not have come to it before the next step"
    );
}
