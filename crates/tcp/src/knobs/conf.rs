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

/// Applies a whole text, line by line. What is refused changes nothing; the rest is applied.
pub fn apply<'t>(text: &'t str, knobs: &mut Knobs) -> Vec<Line<'t>> {
    text.lines().enumerate().filter_map(|(place, line)| apply_line(place + 1, line, knobs)).collect()
}

fn apply_line<'t>(number: usize, line: &'t str, knobs: &mut Knobs) -> Option<Line<'t>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return None;
    }
    let (may_fail, line) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest.trim_start()));
    let Some((name, value)) = line.split_once('=') else {
        return Some(Line { number, name: line, value: "", may_fail, result: Err(KnobError::NoAssignment) });
    };
    let (name, value) = (name.trim(), value.trim());
    let result = table::find(name).and_then(|knob| knob.write(knobs, value));
    Some(Line { number, name, value, may_fail, result })
}

/// sysctl's exit status: 1 when a line was refused.
pub fn status(lines: &[Line<'_>]) -> u8 {
    u8::from(lines.iter().any(Line::is_error))
}

/// Every knob as `name = value`, one a line, sorted: what `sysctl -a` prints and [`apply`] takes back.
pub fn print(knobs: &Knobs) -> String {
    table::all().into_iter().map(|knob| format!("{} = {}\n", knob.name, knob.read(knobs))).collect()
}
