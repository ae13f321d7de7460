use super::*;

#[test]
fn every_state_reads_back_under_each_of_its_names() {
    for state in State::ALL {
        for name in [state.name().to_owned(), state.ss_name().to_owned(), state.name().to_lowercase()] {
            assert_eq!(name.parse(), Ok(state), "{name}");
        }
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(json, format!("\"{}\"", state.name()), "JSON has the kernel's name");
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    }
    assert_eq!("closed".parse(), Ok(State::Closed));
    assert_eq!("syn-received".parse(), Ok(State::SynRecv));
    assert_eq!("Fin-Wait_2".parse(), Ok(State::FinWait2));
}

#[test]
fn what_is_no_state_is_named_in_the_error() {
    let error = "BOUND".parse::<State>().unwrap_err();
    assert_eq!(error.to_string(), "there is no TCP state \"BOUND\"");
    assert!("".parse::<State>().is_err());
    let long = "x".repeat(1000).parse::<State>().unwrap_err().to_string();
    assert!(long.len() < 100, "an error repeats a bounded part of the input");
}

#[test]
fn names_keep_to_a_column() {
    assert_eq!(format!("{:<12}|", State::SynSent), "SYN_SENT    |");
}
