//! The rules and their thresholds as Markdown tables: what docs/DOCTOR.md shows is held to this by a test.

use crate::{RULES, Targets, Threshold};
use std::fmt::Write;

#[cfg(test)]
mod tests;

/// One line per rule.
pub fn rules() -> String {
    let mut text = "| rule | finds | looks at | needs | thresholds |\n|---|---|---|---|---|\n".to_owned();
    for rule in RULES {
        let targets = match rule.targets {
            Targets::Both => "kernel, stack",
            Targets::Kernel => "kernel",
        };
        let needs: Vec<String> = rule.sources.iter().map(|source| source.name()).collect();
        let thresholds: Vec<String> =
            rule.thresholds.iter().map(|threshold| format!("`{}`", threshold.name())).collect();
        let (needs, thresholds) = (needs.join(", "), thresholds.join(", "));
        let _ = writeln!(text, "| {} | {} | {targets} | {needs} | {thresholds} |", rule.id, rule.finds);
    }
    text
}

/// One line per threshold.
pub fn thresholds() -> String {
    let mut text = "| name | default | unit | what it decides |\n|---|---|---|---|\n".to_owned();
    for threshold in Threshold::ALL {
        let (name, default) = (threshold.name(), threshold.default());
        let _ = writeln!(text, "| `{name}` | {default} | {} | {} |", threshold.unit(), threshold.meaning());
    }
    text
}
