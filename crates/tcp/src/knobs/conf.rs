//! Files in the syntax of sysctl.conf: `name = value`, comments with `#` or `;`, a leading `-` for lines whose failure is no
//! error (sysctl.conf(5)).
//!
//! As `sysctl -p` does: what can be applied is, what cannot is named, and then the status is 1.

use super::{KnobError, Knobs, table};

#[cfg(test)]
mod tests;

/// One line that is neither blank nor a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its number in the text, from one.
    pub number: usize,
    /// The name as it was written.
    pub name: &'t str,
    /// The value as it was written.
    pub value: &'t str,
    /// The line began with `-`: its failure is no error.
    pub may_fail: bool,
    /// What became of it.
    pub result: Result<(), KnobError>,
}

impl Line<'_> {
    /// True when the line was refused and nobody said that it may be.
    pub fn is_error(&self) -> bool {
        self.result.is_err() && !self.may_fail
    }
}

/// What one line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment<'t> {
    /// The line's number in the text, from one.
    pub number: usize,
    /// The name as it was written.
    pub name: &'t str,
    /// The value as it was written; `None` when the line has no `=`.
    pub value: Option<&'t str>,
    /// The line began with `-`: its failure is no error.
    pub may_fail: bool,
}

/// The lines of a text that are neither blank nor comments.
pub fn assignments(text: &str) -> impl Iterator<Item = Assignment<'_>> {
    text.lines().enumerate().filter_map(|(place, line)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return None;
        }
        let (may_fail, line) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest.trim_start()));
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (line, None),
        };
        Some(Assignment { number: place + 1, name, value, may_fail })
    })
}

/// Applies a whole text, line by line. What is refused changes nothing; the rest is applied.
pub fn apply<'t>(text: &'t str, knobs: &mut Knobs) -> Vec<Line<'t>> {
    assignments(text).map(|assignment| apply_one(assignment, knobs)).collect()
}

fn apply_one<'t>(assignment: Assignment<'t>, knobs: &mut Knobs) -> Line<'t> {
    let Assignment { number, name, value, may_fail } = assignment;
    let result = match value {
        Some(value) => table::find(name).and_then(|knob| knob.write(knobs, value)),
        None => Err(KnobError::NoAssignment),
    };
    Line { number, name, value: value.unwrap_or(""), may_fail, result }
}

/// sysctl's exit status: 1 when a line was refused.
pub fn status(lines: &[Line<'_>]) -> u8 {
    u8::from(lines.iter().any(Line::is_error))
}

/// Every knob that takes a value as `name = value`, one a line, sorted: what `sysctl -a` prints and [`apply`] takes back.
pub fn print(knobs: &Knobs) -> String {
    let written = table::all().into_iter().filter(|knob| !knob.is_read_only());
    written.map(|knob| format!("{} = {}\n", knob.name, knob.read(knobs))).collect()
}
