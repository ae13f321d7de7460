//! The report as JSON, and the line below it as text.

use lastack::observe::Snapshot;
use lastack::observe::snapshot::Target;
use lastack_doctor::{RULES, Report, Severity};
use serde::Serialize;

/// The version of the JSON: it grows with every change that a reader must know of.
const SCHEMA: &str = "lastack.doctor/1";

/// What `--json` tells.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    schema: &'static str,
    target: Option<&'a Target>,
    looks: usize,
    seconds: f64,
    /// `found`, `healthy`, or `blind`: nothing found but something could not be seen.
    verdict: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a> Told<'a> {
    pub(super) fn new(looks: &'a [Snapshot], report: &'a Report, fail_on: Severity) -> Told<'a> {
        let found = report.worst().is_some_and(|worst| worst >= fail_on);
        let verdict = match (found, report.blind.is_empty()) {
            (true, _) => "found",
            (false, true) => "healthy",
            (false, false) => "blind",
        };
        let target = looks.last().map(|look| &look.target);
        Told { schema: SCHEMA, target, looks: looks.len(), seconds: seconds(looks), verdict, report }
    }
}

fn seconds(looks: &[Snapshot]) -> f64 {
    match looks {
        [first, .., last] => last.taken_ms.saturating_sub(first.taken_ms) as f64 / 1000.0,
        _ => 0.0,
    }
}

/// The last line for people.
pub(super) fn summary(looks: &[Snapshot], report: &Report) -> String {
    let seen = match looks.len() {
        1 => "one look".to_owned(),
        many => format!("{many} looks in {:.1} s", seconds(looks)),
    };
    let of = |severity| report.count(severity);
    match report.findings.len() {
        0 if report.blind.is_empty() => format!("{seen}, {} rules: nothing found", RULES.len()),
        0 => format!("{seen}, {} rules: nothing found, but not all could see", RULES.len()),
        _ => format!(
            "{seen}, {} rules: {} critical, {} warn, {} info",
            RULES.len(),
            of(Severity::Critical),
            of(Severity::Warn),
            of(Severity::Info)
        ),
    }
}
