use super::*;
use crate::options::{Command, Options};
use clap::Parser;
use lastack::observe::State;

fn options(words: &[&str]) -> SsOptions {
    match Options::try_parse_from(["lastack", "ss"].iter().chain(words)).unwrap().command {
        Command::Ss(options) => options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn states_come_from_the_filter_or_the_options() {
    let states = |words: &[&str]| {
        let options = options(words);
        let filter = Filter::parse(&options.filter.join(" "), &|_| None).unwrap();
        super::pass::states(&options, &filter)
    };
    assert_eq!(states(&["-a"]), StateSet::ALL);
    assert_eq!(states(&["-l"]), StateSet::of(&[State::Listen, State::Closed]));
    assert!(!states(&[]).contains(State::TimeWait) && states(&[]).contains(State::CloseWait));
    assert_eq!(states(&["state", "time-wait"]), StateSet::of(&[State::TimeWait]));
}
