use super::*;
use crate::{Flow, State};

/// Written by the first version; every later one must read it.
const FIRST: &str = include_str!("first.json");

#[test]
fn the_first_versions_file_is_read_for_ever() {
    let snapshot: Snapshot = serde_json::from_str(FIRST).unwrap();
    assert_eq!(snapshot.rows.len(), 2);
    assert_eq!(snapshot.rows[0].state, State::CloseWait);
    assert_eq!(snapshot.rows[0].host.as_ref().unwrap().holders[0].pid, 4711);
    assert_eq!(snapshot.census.count(State::CloseWait), 1);
    assert_eq!(snapshot.listeners[0].drops, Some(3));
    assert_eq!(snapshot.unread[0].source, UnreadSource::Processes);
    let again: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
    assert_eq!(again, snapshot);
}

#[test]
fn no_field_of_the_first_form_is_lost_or_renamed() {
    let first: serde_json::Value = serde_json::from_str(FIRST).unwrap();
    let snapshot: Snapshot = serde_json::from_str(FIRST).unwrap();
    let now = serde_json::to_value(&snapshot).unwrap();
    contained(&first, &now, "");
}

/// Everything of `first` is in `now`.
fn contained(first: &serde_json::Value, now: &serde_json::Value, path: &str) {
    match (first, now) {
        (serde_json::Value::Object(first), serde_json::Value::Object(now)) => {
            for (name, value) in first {
                let path = format!("{path}.{name}");
                contained(value, now.get(name).unwrap_or_else(|| panic!("{path} is gone")), &path);
            }
        }
        (serde_json::Value::Array(first), serde_json::Value::Array(now)) => {
            assert_eq!(first.len(), now.len(), "{path}");
            first.iter().zip(now).for_each(|(first, now)| contained(first, now, path));
        }
        _ => assert_eq!(first, now, "{path}"),
    }
}

#[test]
fn another_form_is_refused_by_name() {
    let other = FIRST.replace("lastack.snapshot/1", "lastack.snapshot/2");
    let error = serde_json::from_str::<Snapshot>(&other).unwrap_err().to_string();
    assert!(error.contains("\"lastack.snapshot/2\"") && error.contains("\"lastack.snapshot/1\""), "{error}");
}

#[test]
fn what_is_left_out_is_empty_and_what_is_unknown_is_passed_over() {
    let text = r#"{"schema":"lastack.snapshot/1","taken_ms":1,"target":{"kernel":{}},"colour":"green"}"#;
    let snapshot: Snapshot = serde_json::from_str(text).unwrap();
    assert_eq!(snapshot, Snapshot { taken_ms: 1, ..Snapshot::default() });
    assert!(serde_json::from_str::<Snapshot>(r#"{"taken_ms":1,"target":{"kernel":{}}}"#).is_err());
}

#[test]
fn a_row_without_facts_of_the_host_comes_back() {
    let row = SocketRow::new(State::TimeWait, Flow::NONE);
    let snapshot = Snapshot { rows: vec![row], ..Snapshot::default() };
    let again: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
    assert_eq!(again, snapshot);
}
