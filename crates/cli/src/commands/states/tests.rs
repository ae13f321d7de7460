use super::columns::Line;
use super::counters::grown;
use super::watch::{History, curve};
use super::*;
use lastack::observe::{Census, State};
use lastack_host::counters::KernelCounters;

fn census(states: &[(State, u32)]) -> Census {
    let mut census = Census::default();
    for &(state, count) in states {
        (0..count).for_each(|_| census.enter(state));
    }
    census
}

fn text(print: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    print(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn only_states_that_somebody_is_in_are_columns() {
    let line = |name: &str, cell: &str, states| Line {
        name: name.to_owned(),
        cells: vec![cell.to_owned()],
        census: census(states),
    };
    let lines = [
        line("0.0.0.0:80", "1", &[(State::Listen, 1), (State::Established, 12), (State::CloseWait, 3)]),
        line("no listener", "", &[(State::TimeWait, 200)]),
    ];
    let printed = text(|out| columns::print(&["LISTENER", "SOCKETS"], &lines, out).unwrap());
    let expected = "\
LISTENER     SOCKETS  ESTAB  TIME-WAIT  CLOSE-WAIT
0.0.0.0:80         1     12          0           3
no listener               0        200           0
";
    assert_eq!(printed, expected);
}

#[test]
fn a_curve_is_as_high_as_its_highest() {
    assert_eq!(curve(&[0, 4, 8]), "▁▄█");
    assert_eq!(curve(&[]), "");
    assert_eq!(curve(&[0, 0]), "▁▁");
    assert_eq!(curve(&[u32::MAX]), "█");
}

#[test]
fn growth_is_per_second_and_history_is_bounded() {
    let mut history = History::default();
    for count in 0..100 {
        history.add(census(&[(State::CloseWait, count)]));
    }
    let printed = text(|out| history.print(Duration::from_millis(500), out).unwrap());
    assert!(printed.starts_with("CLOSE_WAIT         99      +2.0/s  "), "{printed}");
    assert_eq!(printed.trim_end().rsplit("  ").next().unwrap().chars().count(), 30);
    assert_eq!(printed.lines().count(), 1);
}

#[test]
fn counters_that_grew_have_a_meaning() {
    let mut before = KernelCounters::default();
    before.add_text("TcpExt: ListenDrops Unheard SyncookiesSent\nTcpExt: 3 4 5\nIp: InReceives\nIp: 1\n");
    let mut now = before.clone();
    now.add_text("TcpExt: ListenDrops Unheard SyncookiesSent\nTcpExt: 5 9 5\nIp: InReceives\nIp: 2\n");
    let grown = grown(&before, &now);
    let json = serde_json::to_value(&grown).unwrap();
    assert_eq!(json[0]["name"], "TcpExtListenDrops");
    assert_eq!(json[0]["growth"], 2);
    assert!(json[0]["meaning"].as_str().is_some_and(|meaning| meaning.ends_with('.')));
    assert_eq!(json[1], serde_json::json!({ "name": "TcpExtUnheard", "growth": 5 }));
    assert_eq!(grown.len(), 2);
}

#[test]
fn changes_of_state_are_ranked_by_their_rate() {
    let counts = std::collections::BTreeMap::from([
        ((State::SynSent, State::Established), 5),
        ((State::Established, State::CloseWait), 40),
    ]);
    let printed = text(|out| transitions::lines(&counts, Duration::from_millis(500), out).unwrap());
    let expected = "  ESTABLISHED -> CLOSE_WAIT       80.0/s\n  SYN_SENT    -> ESTABLISHED      10.0/s\n";
    assert_eq!(printed, expected);
}
