use super::*;
use lastack::observe::{Flow, Instant, Refusal};

fn said(kind: EventKind) -> Option<String> {
    let flow = Flow { local: "198.18.0.2:7".parse().unwrap(), remote: "198.18.0.1:40000".parse().unwrap() };
    line(&Event { at: Instant::ZERO, flow, kind })
}

fn changed(from: State, to: State, cause: Cause) -> Option<String> {
    said(EventKind::StateChanged { from, to, cause })
}

#[test]
fn a_whole_life_is_two_lines() {
    let life = [
        changed(State::Listen, State::SynRecv, Cause::SynReceived),
        changed(State::SynRecv, State::Established, Cause::SynAcked),
        changed(State::Established, State::CloseWait, Cause::FinReceived),
        changed(State::CloseWait, State::LastAck, Cause::Close),
        changed(State::LastAck, State::Closed, Cause::FinAcked),
    ];
    let lines: Vec<String> = life.into_iter().flatten().collect();
    assert_eq!(
        lines,
        [
            "198.18.0.1:40000 -> 198.18.0.2:7 opened",
            "198.18.0.1:40000 -> 198.18.0.2:7 closed: the peer closed first, then we did",
        ]
    );
}

#[test]
fn time_wait_is_the_end_and_its_own_end_is_silent() {
    let entered = changed(State::FinWait2, State::TimeWait, Cause::FinReceived).unwrap();
    assert!(entered.ends_with("closed: we closed first, then the peer did"), "{entered}");
    assert_eq!(changed(State::TimeWait, State::Closed, Cause::TimeWaitExpired), None);
}

#[test]
fn a_reset_and_a_refusal_say_why() {
    let reset = changed(State::Established, State::Closed, Cause::Reset).unwrap();
    assert!(reset.ends_with("closed: the peer reset the connection"), "{reset}");
    let refused = said(EventKind::ConnectionRefused { reason: Refusal::NoListener }).unwrap();
    assert!(refused.ends_with("refused: nobody listens on this port"), "{refused}");
}
