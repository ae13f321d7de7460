use super::*;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/DOCTOR.md");

#[test]
fn the_page_shows_the_rules_and_thresholds_that_there_are() {
    assert!(PAGE.contains(&rules()), "docs/DOCTOR.md should have:\n{}", rules());
    assert!(PAGE.contains(&thresholds()), "docs/DOCTOR.md should have:\n{}", thresholds());
}

#[test]
fn ids_are_unique_and_every_threshold_belongs_to_a_rule() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for threshold in Threshold::ALL {
        assert!(RULES.iter().any(|rule| rule.thresholds.contains(threshold)), "{}", threshold.name());
    }
}
