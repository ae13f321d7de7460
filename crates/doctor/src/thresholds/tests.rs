use super::*;
use std::collections::BTreeSet;

#[test]
fn names_are_unique_and_each_can_be_set() {
    let mut thresholds = Thresholds::default();
    let names: BTreeSet<&str> = Threshold::ALL.iter().map(|threshold| threshold.name()).collect();
    assert_eq!(names.len(), Threshold::ALL.len());
    for threshold in Threshold::ALL {
        thresholds.set(&format!("{} = 7.5", threshold.name())).unwrap();
        assert_eq!(thresholds.of(*threshold), 7.5);
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut thresholds = Thresholds::default();
    for text in ["", "close_wait.stay", "close_wait.stay=", "close_wait.stay=x", "close_wait.stay=-1", "x=1"]
    {
        assert!(thresholds.set(text).is_err(), "{text}");
    }
    assert!(thresholds.set("close_wait.stay=NaN").is_err() && thresholds.set("close_wait.stay=inf").is_err());
    assert_eq!(thresholds, Thresholds::default());
}
