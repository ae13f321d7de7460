//! All rules over one series of looks.

use crate::case::Case;
use crate::{Finding, RULES, Rule, Severity, Targets, Thresholds};
use lastack_observe::Snapshot;
use serde::Serialize;
use std::cmp::Reverse;
use std::time::Duration;

/// What the user set.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The numbers that decide.
    pub thresholds: Thresholds,
    /// Ids of rules that are not asked.
    pub ignore: Vec<String>,
    /// How long an address translator on the way keeps a port after its connection has ended.
    pub nat_hold: Option<Duration>,
}

/// A rule that could not see all it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blind {
    /// Its id.
    pub id: &'static str,
    /// What it lacks, and why.
    pub missing: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Default)]
pub struct Report {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// In the order of the rules.
    pub blind: Vec<Blind>,
}

impl Report {
    /// How bad the worst is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// How many are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Asks every rule that applies to the target. `looks` are of one target, oldest first; of none nothing can be said.
pub fn examine(looks: &[Snapshot], settings: &Settings) -> Report {
    let mut report = Report::default();
    let Some(case) = Case::new(looks, settings) else { return report };
    let asked = |rule: &&Rule| {
        let applies = rule.targets == Targets::Both || case.is_kernel();
        applies && !settings.ignore.iter().any(|id| id == rule.id)
    };
    for rule in RULES.iter().filter(asked) {
        for missing in rule.sources.iter().filter_map(|source| case.missing(*source)) {
            report.blind.push(Blind { id: rule.id, missing });
        }
        let found = (rule.judge)(&case);
        debug_assert!(
            found.iter().all(|finding| finding.id == rule.id),
            "{} told another's finding",
            rule.id
        );
        debug_assert!(found.iter().all(|finding| !finding.culprits.is_empty()), "{} names nobody", rule.id);
        report.findings.extend(found);
    }
    report.findings.sort_by_key(|finding| (Reverse(finding.severity), finding.id));
    report
}
