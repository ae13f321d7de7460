use super::*;
use std::collections::BTreeSet;

/// RFC 9293 figure 5, arrow by arrow, and its note 2.
const FIGURE_5: [(State, State); 21] = [
    (State::Closed, State::Listen),
    (State::Closed, State::SynSent),
    (State::Listen, State::Closed),
    (State::Listen, State::SynRecv),
    (State::Listen, State::SynSent),
    (State::SynSent, State::Closed),
    (State::SynSent, State::SynRecv),
    (State::SynSent, State::Established),
    (State::SynRecv, State::Established),
    (State::SynRecv, State::FinWait1),
    (State::SynRecv, State::Listen),
    (State::Established, State::FinWait1),
    (State::Established, State::CloseWait),
    (State::FinWait1, State::FinWait2),
    (State::FinWait1, State::Closing),
    (State::FinWait1, State::TimeWait),
    (State::FinWait2, State::TimeWait),
    (State::Closing, State::TimeWait),
    (State::CloseWait, State::LastAck),
    (State::LastAck, State::Closed),
    (State::TimeWait, State::Closed),
];

/// Arrows of the figure that no table has.
const NOT_OURS: [(State, State, &str); 3] = [
    (
        State::FinWait1,
        State::TimeWait,
        "one segment that acknowledges our FIN and brings the peer's is taken in the steps of 3.10.7.4: FIN-WAIT-2 lies between",
    ),
    (State::Listen, State::SynSent, "sockets offer no send on a listener; connect() needs a fresh one"),
    (
        State::SynRecv,
        State::Listen,
        "a request is not its listener: it ends in CLOSED, the listener never left LISTEN",
    ),
];

/// Arrows that the figure does not have.
const NOT_IN_FIGURE: [(State, State, &str); 7] = [
    (State::SynRecv, State::Closed, "RST, and the end of the SYN-ACK's retries"),
    (State::Established, State::Closed, "RST, abort, timeouts: the figure's note 3 leaves them out"),
    (State::CloseWait, State::Closed, "as from ESTABLISHED"),
    (State::FinWait1, State::Closed, "as from ESTABLISHED; data after close()"),
    (State::FinWait2, State::Closed, "as from ESTABLISHED; an orphan's tcp_fin_timeout"),
    (State::Closing, State::Closed, "as from ESTABLISHED"),
    (State::TimeWait, State::SynRecv, "a better SYN reopens it (RFC 1122 section 4.2.2.13, RFC 6191)"),
];

#[test]
fn the_union_is_figure_5_with_named_exceptions() {
    let ours: BTreeSet<_> = EDGES.iter().map(|edge| (edge.from, edge.to)).collect();
    let mut expected: BTreeSet<_> = FIGURE_5.into_iter().collect();
    for (from, to, reason) in NOT_OURS {
        assert!(expected.remove(&(from, to)), "{from} -> {to} is not in the figure: {reason}");
    }
    for (from, to, reason) in NOT_IN_FIGURE {
        assert!(expected.insert((from, to)), "{from} -> {to} is in the figure: {reason}");
    }
    let missing: Vec<_> = expected.difference(&ours).collect();
    let extra: Vec<_> = ours.difference(&expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:?}, extra {extra:?}");
}

#[test]
fn one_state_and_one_cause_lead_to_one_state() {
    for table in TABLES {
        for (place, edge) in table.edges.iter().enumerate() {
            let again = table.edges[place + 1..].iter().any(|e| (e.from, e.cause) == (edge.from, edge.cause));
            assert!(!again, "{}: {edge:?}", table.name);
        }
    }
}

#[test]
fn each_edge_has_a_stable_index_and_stands_once() {
    for (index, edge) in EDGES.iter().enumerate() {
        assert_eq!(edge_index(edge.from, edge.cause, edge.to), Some(index));
    }
    for table in TABLES {
        for edge in table.edges {
            assert!(edge_index(edge.from, edge.cause, edge.to).is_some(), "{edge:?}");
        }
    }
    assert_eq!(edge_index(State::Closed, Cause::Reset, State::Established), None);
}

#[test]
fn every_state_can_be_entered_and_left() {
    for state in State::ALL {
        assert!(EDGES.iter().any(|edge| edge.to == state), "{state} is never entered");
        assert!(EDGES.iter().any(|edge| edge.from == state), "{state} is never left");
    }
}

#[test]
fn what_has_no_edge_is_illegal() {
    for table in TABLES {
        let states: BTreeSet<_> = table.edges.iter().map(|edge| edge.from).collect();
        let illegal: Vec<_> = table.illegal().collect();
        assert_eq!(illegal.len() + table.edges.len(), states.len() * Cause::ALL.len(), "{}", table.name);
    }
    assert!(CONNECTION.illegal().any(|pair| pair == (State::LastAck, Cause::FinReceived)));
    assert_eq!(step(&TIME_WAIT, State::TimeWait, Cause::FinReceived), None);
}

#[test]
fn going_reports_the_change() {
    let mut out = Output::new(1, 1);
    assert_eq!(CONNECTION.go(State::FinWait1, Cause::FinAcked, &mut out), State::FinWait2);
    let event = out.poll_event().map(|event| event.kind);
    let change = lastack_observe::EventKind::StateChanged {
        from: State::FinWait1,
        to: State::FinWait2,
        cause: Cause::FinAcked,
    };
    assert_eq!(event, Some(change));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "no edge from ESTABLISHED")]
fn going_where_no_edge_leads_is_a_mistake() {
    CONNECTION.go(State::Established, Cause::TimeWaitExpired, &mut Output::new(1, 1));
}

#[test]
fn the_diagram_is_the_one_reviewed() {
    insta::assert_snapshot!(dot());
}

#[test]
fn the_documentation_shows_this_diagram() {
    let shown = include_str!("../../../../docs/states.dot");
    assert_eq!(
        shown.trim_end(),
        dot().trim_end(),
        "write docs/states.dot anew, then: dot -Tsvg docs/states.dot -o docs/states.svg"
    );
}
