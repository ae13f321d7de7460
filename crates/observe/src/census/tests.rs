use super::*;

#[test]
fn changes_keep_the_total() {
    let mut census = Census::default();
    census.enter(State::Listen);
    census.enter(State::SynRecv);
    census.change(State::SynRecv, State::Established);
    census.change(State::Established, State::Established);
    assert_eq!((census.total(), census.count(State::Established), census.count(State::SynRecv)), (2, 1, 0));
    census.leave(State::Established);
    assert_eq!(census.to_string(), "LISTEN     1\n");
    let json = serde_json::to_value(census).unwrap();
    assert_eq!((&json["LISTEN"], &json["TIME_WAIT"], &json["orphans"]), (&1.into(), &0.into(), &0.into()));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "nobody was in CLOSING")]
fn nobody_can_leave_an_empty_state() {
    Census::default().leave(State::Closing);
}

#[test]
fn a_census_survives_json_and_unknown_states_do_not() {
    let mut census = Census::default();
    census.enter(State::TimeWait);
    census.orphans = 2;
    let json = serde_json::to_string(&census).unwrap();
    assert_eq!(serde_json::from_str::<Census>(&json).unwrap(), census);
    serde_json::from_str::<Census>("{\"GONE\": 1}").unwrap_err();
}
