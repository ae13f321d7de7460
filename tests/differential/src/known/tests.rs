use super::*;
use crate::compare::Field;
use crate::sequence::{AckAt, Call, PeerOptions, Profile, SeqAt, Setup, Shape, Start, Step, generate};
use lastack_observe::Counter;
use lastack_wire::tcp::Flags;

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

/// An ordinary sequence of this start and profile: steps 5 and on are these.
fn sequence(start: Start, profile: Profile, steps: &[Step]) -> Sequence {
    let peer = PeerOptions {
        isn: 0,
        mss: Some(1460),
        timestamps: None,
        sack: true,
        window_scale: Some(7),
        window: 65535,
    };
    let setup = Setup {
        start,
        ipv6: false,
        profile,
        peer,
        rcvbuf: None,
        nodelay: false,
        unread: 0,
        unacknowledged: 0,
    };
    Sequence { name: (0, 0), setup, steps: steps.to_vec() }
}

/// What explains this difference in the last step of the sequence; `beside` are others of that step.
fn kind(sequence: &Sequence, mut one: Difference, beside: &[Difference]) -> Option<&'static str> {
    one.step = sequence.all_steps().len() - 1;
    let mut found = vec![one.clone()];
    found.extend(beside.iter().map(|other| Difference { step: one.step, ..other.clone() }));
    explains(ALL, &one, &found, sequence).map(|known| known.name)
}

fn segment(flags: Flags, change: impl Fn(&mut Shape)) -> Step {
    let mut shape = Shape::plain(flags, 0, 65535);
    change(&mut shape);
    Step::Segment(shape)
}

#[test]
fn windows_of_crossed_syns_are_excused_by_their_numbers() {
    let mut crossed = sequence(Start::SynRecvSimultaneous, Profile::Default, &[segment(Flags::ACK, |_| ())]);
    let window = |kernel: &str| difference(Field::Window, "SYN_RECV", "ACK", kernel, "Some(64240)");
    assert_eq!(kind(&crossed, window("Some(63)"), &[]), None, "the peer scales");
    crossed.setup.peer.window_scale = None;
    assert_eq!(kind(&crossed, window("Some(63)"), &[]), Some("simultaneous open: windows without a scale"));
    assert_eq!(kind(&crossed, window("Some(31)"), &[]), None, "half of it is another fault");
    let plain = Sequence { setup: Setup { start: Start::Connected, ..crossed.setup.clone() }, ..crossed };
    assert_eq!(kind(&plain, window("Some(63)"), &[]), None, "nothing crossed");
}

#[test]
fn only_close_explains_a_fin_from_syn_recv() {
    let closed = |call| sequence(Start::SynRecvSimultaneous, Profile::Default, &[Step::Call(call)]);
    let fin = || difference(Field::Replies, "SYN_RECV", "close()", "[F. 1:1(0) ack 1 win 63]", "[]");
    let name = Some("simultaneous open: close() before the third segment");
    assert_eq!(kind(&closed(Call::Close), fin(), &[]), name);
    assert_eq!(kind(&closed(Call::ShutdownWrite), fin(), &[]), None);
    let reset = difference(Field::Replies, "SYN_RECV", "close()", "[R. 1:1(0) ack 1 win 63]", "[]");
    assert_eq!(kind(&closed(Call::Close), reset, &[]), None);
}

#[test]
fn an_acknowledgment_of_nothing_explains_one_octet_in_flight() {
    let nothing = |ack| {
        let step = segment(Flags::ACK, |shape| shape.ack = ack);
        sequence(Start::SynRecvSimultaneous, Profile::Default, &[step])
    };
    let queue = |kernel: &str| difference(Field::SendQueue, "SYN_RECV", "ACK", kernel, "0");
    let name = Some("simultaneous open: an acknowledgment of nothing");
    assert_eq!(kind(&nothing(AckAt::Iss(0)), queue("1"), &[]), name);
    assert_eq!(kind(&nothing(AckAt::Iss(0)), queue("2"), &[]), None);
    assert_eq!(kind(&nothing(AckAt::Next(0)), queue("1"), &[]), None);
    let timer = || difference(Field::Timer, "SYN_RECV", "ACK", "On", "Off");
    assert_eq!(kind(&nothing(AckAt::Iss(0)), timer(), &[queue("1")]), name);
    assert_eq!(kind(&nothing(AckAt::Iss(0)), timer(), &[]), None);
}

#[test]
fn requests_and_cookies_are_excused_by_what_becomes_of_them() {
    let syn_ack = segment(Flags::SYN.with(Flags::ACK), |shape| {
        (shape.seq, shape.len) = (SeqAt::Isn(0), 100);
    });
    let request = sequence(Start::SynRecv, Profile::Default, &[syn_ack]);
    let flags = || difference(Field::Flags, "SYN_RECV", "SYN|ACK", ". 1:1(0) ack 1 win 9", "R 1:1(0) win 0");
    let state = |kernel: &str, stack: &str| difference(Field::State, "SYN_RECV", "SYN|ACK", kernel, stack);
    let name = Some("a request that gets data with a second SYN-ACK");
    assert_eq!(kind(&request, flags(), &[state("SYN_RECV", "none")]), name);
    assert_eq!(kind(&request, flags(), &[state("none", "SYN_RECV")]), None);
    let ack = segment(Flags::ACK, |shape| shape.ack = AckAt::Next(-1));
    let reply = || difference(Field::Replies, "none", "ACK", "[]", "[R 0:0(0) win 0]");
    let taken = || difference(Field::State, "none", "ACK", "ESTABLISHED", "none");
    let cookies = |profile| sequence(Start::SynRecv, profile, std::slice::from_ref(&ack));
    assert_eq!(kind(&cookies(Profile::Cookies), reply(), &[taken()]), Some("a cookie one beside"));
    assert_eq!(kind(&cookies(Profile::Default), reply(), &[taken()]), None);
    assert_eq!(kind(&cookies(Profile::Cookies), reply(), &[]), None);
}

#[test]
fn the_fast_path_takes_what_is_old_and_nothing_else() {
    let data = |ack| {
        let step = segment(Flags::ACK, |shape| (shape.len, shape.ack) = (100, ack));
        sequence(Start::Established, Profile::Default, &[step])
    };
    let ack = |kernel: &str| difference(Field::Ack, "ESTABLISHED", "ACK", kernel, "Some(1)");
    let name = Some("octets with an ancient acknowledgment");
    assert_eq!(kind(&data(AckAt::Iss(-1)), ack("Some(101)"), &[]), name);
    assert_eq!(kind(&data(AckAt::Iss(-1)), ack("Some(51)"), &[]), None);
    assert_eq!(kind(&data(AckAt::Next(0)), ack("Some(101)"), &[]), None);
    let hits = |state: &str| difference(Field::Counter(Counter::HpHits), state, "ACK", "1", "0");
    assert_eq!(kind(&data(AckAt::Next(0)), hits("ESTABLISHED"), &[]), Some("octets on the fast path"));
    assert_eq!(kind(&data(AckAt::Next(0)), hits("FIN_WAIT1"), &[]), None);
}

#[test]
fn a_window_is_excused_by_one_packet_and_writes_by_one_stream() {
    let mut data =
        sequence(Start::Established, Profile::Default, &[segment(Flags::ACK, |shape| shape.len = 100)]);
    let window = |kernel: &str| difference(Field::Window, "ESTABLISHED", "ACK", kernel, "Some(64)");
    assert_eq!(kind(&data, window("Some(63)"), &[]), Some("a window by one packet's memory"));
    assert_eq!(kind(&data, window("Some(60)"), &[]), None);
    let replies = |stack: &str| {
        let kernel = "[P. 1:101(100) ack 1 win 63; P. 101:201(100) ack 1 win 63]";
        difference(Field::Replies, "ESTABLISHED", "ACK", kernel, stack)
    };
    data.steps.insert(0, Step::Call(Call::Write(200)));
    assert_eq!(kind(&data, replies("[P. 1:201(200) ack 1 win 63]"), &[]), None, "a wide window");
    data.setup.peer.window = 1000;
    assert_eq!(kind(&data, replies("[P. 1:201(200) ack 1 win 63]"), &[]), Some("where writes are cut"));
    assert_eq!(kind(&data, replies("[P. 2:201(199) ack 1 win 63]"), &[]), None, "another beginning");
    assert_eq!(kind(&data, replies("[P. 1:51(50) ack 1 win 63; P. 60:201(141) ack 1 win 63]"), &[]), None);
}

#[test]
fn one_bare_acknowledgment_may_lie_on_the_other_side_of_a_tick() {
    let fin = sequence(Start::CloseWait, Profile::Default, &[segment(Flags::ACK, |_| ())]);
    let replies = |state: &str, kernel: &str| difference(Field::Replies, state, "ACK", kernel, "[]");
    let bare = "[. 1:1(0) ack 2 win 63]";
    assert_eq!(kind(&fin, replies("CLOSE_WAIT", bare), &[]), Some("the tick of a FIN's acknowledgment"));
    assert_eq!(kind(&fin, replies("ESTABLISHED", bare), &[]), None);
    let two = "[. 1:1(0) ack 2 win 63; . 1:1(0) ack 2 win 63]";
    assert_eq!(kind(&fin, replies("CLOSE_WAIT", two), &[]), None);
    assert_eq!(kind(&fin, replies("CLOSE_WAIT", "[F. 1:1(0) ack 2 win 63]"), &[]), None);
}
