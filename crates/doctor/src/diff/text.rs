//! A difference as text: what is new in full, what is gone in a line, then counts, listeners and settings.

use super::{Change, Difference};
use crate::{Finding, Report, text};
use std::fmt::Write;

/// For people.
pub fn full(difference: &Difference) -> String {
    let Difference { new, gone, still, states, listeners, settings, blind } = difference;
    let mut text = String::new();
    if !new.is_empty() {
        text.push_str("New:\n\n");
    }
    text.push_str(&text::full(&Report { findings: new.clone(), blind: blind.clone() }));
    lines(&mut text, "As before:", still);
    lines(&mut text, "Gone:", gone);
    table(&mut text, "States:", states, |change| {
        let more = i64::from(change.after) - i64::from(change.before);
        format!("{:<12} {:>8} -> {:<8} {more:+}", change.name.ss_name(), change.before, change.after)
    });
    table(&mut text, "Listeners:", listeners, |Change { name, before, after }| match (before, after) {
        (None, Some(after)) => format!("{name} is new, backlog {after}"),
        (Some(_), None) => format!("{name} is gone"),
        (before, after) => {
            format!("{name} backlog {} -> {}", before.unwrap_or_default(), after.unwrap_or_default())
        }
    });
    table(&mut text, "Settings:", settings, |Change { name, before, after }| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not read".to_owned());
        format!("{name} {} -> {}", value(before), value(after))
    });
    if text.is_empty() {
        text.push_str("Nothing differs.\n");
    }
    text
}

fn lines(text: &mut String, head: &str, findings: &[Finding]) {
    table(text, head, findings, |finding| format!("{} {:<8} {}", finding.id, finding.severity, finding.what));
}

fn table<T>(text: &mut String, head: &str, entries: &[T], line: impl Fn(&T) -> String) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(text, "{head}");
    for entry in entries {
        let _ = writeln!(text, "  {}", line(entry).trim_end());
    }
}
