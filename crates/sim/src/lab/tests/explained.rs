//! What `lastack_explain` says of a stack's sockets: one in each of ten states, an orphan in FIN_WAIT2, a simultaneous open and
//! one that nobody accepted. And whether that comes true.

use super::super::stage::Stage;
use crate::drawing::Side::{Left, Right};
use lastack_explain::{Explanation, Rules, explain};
use lastack_observe::{SocketRow, State};
use lastack_stack::Socket;
use lastack_stack::knobs::table;

/// The ports at the left end, or of the left end, by which the sockets of the right end are known.
const OWNED: u16 = 40_000;
const CLOSE_WAIT: u16 = 40_001;
const HALF_CLOSED: u16 = 40_002;
const ORPHAN: u16 = 40_003;
const TIME_WAIT: u16 = 40_004;
const UNACCEPTED: u16 = 40_005;
const CLOSING: u16 = 40_006;
const LAST_ACK: u16 = 40_007;
const FIN_WAIT_1: u16 = 40_008;
const REQUEST: u16 = 40_009;
const SIMULTANEOUS: u16 = 40_010;
const NOBODY: u16 = 81;

/// A stage whose right end holds the thirteen, and what keeps them alive.
fn thirteen() -> (Stage, Vec<Socket>) {
    let mut stage = Stage::new("thirteen sockets", None);
    let listener = stage.listen(Right, 80, 5);
    let mut held = Vec::new();
    let pair = |stage: &mut Stage, port| {
        let client = stage.connect(Left, port, 80);
        stage.pass_ms(100);
        (client, stage.accept(Right, &listener).expect("nothing is lost"))
    };
    let (client, server) = pair(&mut stage, OWNED);
    held.extend([client, server]);
    let (client, server) = pair(&mut stage, CLOSE_WAIT);
    stage.write(Left, &client, 100);
    stage.close(Left, client);
    held.push(server);
    let (client, server) = pair(&mut stage, HALF_CLOSED);
    stage.shutdown(Right, &server);
    held.extend([client, server]);
    let (client, server) = pair(&mut stage, ORPHAN);
    stage.close(Right, server);
    held.push(client);
    let (client, server) = pair(&mut stage, TIME_WAIT);
    stage.close(Right, server);
    stage.pass_ms(100);
    stage.close(Left, client);
    let closing = pair(&mut stage, CLOSING);
    let (last_client, last_server) = pair(&mut stage, LAST_ACK);
    let (first_client, first_server) = pair(&mut stage, FIN_WAIT_1);
    held.push(first_client);
    let client = stage.connect(Left, UNACCEPTED, 80);
    stage.pass_ms(100);
    stage.write(Left, &client, 5);
    stage.pass_ms(100);
    held.push(client);

    // From now on only the left end's FINs and SYNs arrive.
    stage.lose(|from, segment| {
        let flags = segment.flags;
        from == Left && !flags.fin() && (!flags.syn() || flags.ack())
    });
    stage.close(Left, closing.0);
    stage.close(Right, closing.1);
    stage.close(Left, last_client);
    stage.pass_ms(100);
    stage.read(Right, &last_server);
    stage.close(Right, last_server);
    stage.pass_ms(150);
    stage.close(Right, first_server);
    held.push(stage.connect(Left, REQUEST, 80));
    held.push(stage.connect(Left, SIMULTANEOUS, SIMULTANEOUS));
    held.push(stage.connect(Right, SIMULTANEOUS, SIMULTANEOUS));
    held.push(stage.connect(Right, 50_000, NOBODY));
    held.push(listener);
    stage.pass_ms(1_500);
    (stage, held)
}

/// The right end's sockets by their remote port, and what is said of each.
fn told(stage: &mut Stage) -> Vec<(SocketRow, Explanation)> {
    let (mut rows, knobs) = stage.looked_at(Right);
    rows.sort_by_key(|row| (row.flow.remote.port(), row.flow.local.port()));
    let rules = Rules::read(|rule| table::find(rule.name()).ok()?.read(&knobs).parse().ok());
    rows.into_iter().map(|row| (explain(&row, &rules), row)).map(|(told, row)| (row, told)).collect()
}

#[test]
fn thirteen_sockets_have_thirteen_sentences() {
    let (mut stage, _held) = thirteen();
    let told = told(&mut stage);
    let text: String =
        told.iter().map(|(row, told)| format!("{} {}\n  {told}\n", row.state, row.flow.remote)).collect();
    insta::assert_snapshot!("thirteen", text);
    assert_eq!(told.len(), 13);
    for (row, told) in &told {
        let said = told.to_string();
        let left = row.timer_left.map(|left| left.as_millis());
        // The first timeout of a SYN or SYN-ACK was over after a second, a FIN's probe and timeout before.
        let (state, left) = match row.flow.remote.port() {
            0 => (State::Listen, None),
            NOBODY => (State::SynSent, Some(500)),
            OWNED | UNACCEPTED => (State::Established, None),
            CLOSE_WAIT => (State::CloseWait, None),
            HALF_CLOSED => (State::FinWait2, None),
            ORPHAN => (State::FinWait2, left),
            TIME_WAIT => (State::TimeWait, left),
            CLOSING => (State::Closing, left),
            LAST_ACK => (State::LastAck, left),
            FIN_WAIT_1 => (State::FinWait1, left),
            REQUEST => (State::SynRecv, Some(1_510)),
            _ => (State::SynRecv, Some(1_500)),
        };
        assert_eq!((row.state, row.timer_left.map(|left| left.as_millis())), (state, left), "{said}");
        assert_eq!(left.is_some(), told.left.is_some(), "{said}");
        if left.is_none() {
            assert!(told.end.starts_with("never"), "{said}");
        }
    }
}

/// Everything that is said to end at a time ends then, and what never ends is still there.
#[test]
fn what_is_said_to_end_ends_then() {
    let (mut stage, _held) = thirteen();
    let mut passed = 0;
    let mut said: Vec<(u128, SocketRow)> =
        told(&mut stage).into_iter().filter_map(|(row, told)| Some((told.left?.as_millis(), row))).collect();
    said.sort_by_key(|(left, _)| *left);
    assert_eq!(said.len(), 8, "six opens and closes that are not answered, and two that wait a minute");
    let is_there = |stage: &mut Stage, row: &SocketRow| {
        stage.looked_at(Right).0.iter().any(|now| now.flow == row.flow && now.state == row.state)
    };
    for (left, row) in said {
        let before = u64::try_from(left).unwrap().saturating_sub(50).saturating_sub(passed);
        stage.pass_ms(before);
        assert!(is_there(&mut stage, &row), "{left} ms, too early: {row}");
        stage.pass_ms(100);
        assert!(!is_there(&mut stage, &row), "{left} ms, too late: {row}");
        passed += before + 100;
    }
    let endless: Vec<State> = told(&mut stage).iter().map(|(row, _)| row.state).collect();
    assert_eq!(endless.len(), 5, "{endless:?}");
}
