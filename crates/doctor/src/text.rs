//! A report as text: for people, and the one line that Nagios takes.

use crate::{Blind, Finding, Place, Report, Severity};
use std::fmt::Write;

#[cfg(test)]
mod tests;

/// Columns of a line.
const WIDTH: usize = 110;

/// For people: each finding with all it has, then what could not be judged.
pub fn full(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        one(finding, &mut text);
        text.push('\n');
    }
    blind(&report.blind, &mut text);
    text
}

fn one(finding: &Finding, text: &mut String) {
    let Finding { id, severity, what, evidence, culprits, why, steps, avoid } = finding;
    paragraph(text, &format!("{id} {severity:<8} "), what, 17);
    let facts: Vec<String> = evidence.iter().map(ToString::to_string).collect();
    paragraph(text, "  evidence  ", &facts.join(", "), 12);
    let culprits: Vec<String> = culprits.iter().map(ToString::to_string).collect();
    paragraph(text, "  culprit   ", &culprits.join("; "), 12);
    paragraph(text, "  why       ", why, 12);
    for (index, step) in steps.iter().enumerate() {
        let head = if index == 0 { "  do        " } else { "            " };
        let place = match step.place {
            Place::Program => "in the program",
            Place::System => "in the system",
        };
        let what = format!("{}. {place}: {} (risk: {})", index + 1, step.what, step.risk);
        paragraph(text, head, &what, 15);
    }
    for (index, avoid) in avoid.iter().enumerate() {
        let head = if index == 0 { "  do not    " } else { "            " };
        paragraph(text, head, avoid, 12);
    }
}

fn blind(blind: &[Blind], text: &mut String) {
    if blind.is_empty() {
        return;
    }
    text.push_str("Not judged, or only in part:\n");
    // One line per reason: the same one often blinds several rules.
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for Blind { id, missing } in blind {
        match reasons.iter_mut().find(|(reason, _)| reason == missing) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((missing, vec![id])),
        }
    }
    for (reason, ids) in reasons {
        paragraph(text, "  ", &format!("{}: {reason}", ids.join(" ")), 4);
    }
}

/// Words after a head, broken at the width; further lines are indented.
fn paragraph(text: &mut String, head: &str, words: &str, indent: usize) {
    let mut line = head.to_owned();
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Nagios' words for how it stands.
pub fn nagios_word(report: &Report, fail_on: Severity) -> &'static str {
    match report.worst().filter(|worst| *worst >= fail_on) {
        Some(Severity::Critical) => "CRITICAL",
        Some(_) => "WARNING",
        None if report.blind.is_empty() => "OK",
        None => "UNKNOWN",
    }
}

/// One line: how it stands, what was found, and the counts as performance data.
pub fn nagios(report: &Report, fail_on: Severity, counts: &[(&str, u64)]) -> String {
    let told: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.severity >= fail_on)
        .map(|finding| format!("{} {}", finding.id, finding.what))
        .collect();
    let told = match (told.is_empty(), report.blind.len()) {
        (false, _) => told.join("; "),
        (true, 0) => "nothing found".to_owned(),
        (true, rules) => format!("nothing found, but {rules} sources were missing"),
    };
    // A bar would begin the performance data, a line end the next line.
    let told: String =
        told.chars().map(|sign| if sign == '|' || sign.is_control() { ' ' } else { sign }).collect();
    let severities = [Severity::Critical, Severity::Warn, Severity::Info];
    let mut data: Vec<String> =
        severities.iter().map(|severity| format!("{severity}={}", report.count(*severity))).collect();
    data.extend(counts.iter().map(|(name, count)| format!("{name}={count}")));
    format!("LASTACK {} - {told} | {}", nagios_word(report, fail_on), data.join(" "))
}
