//! The closing table: every step, how it ended and how long it took.

#[cfg(test)]
mod tests;

use super::{Outcome, Row};
use std::fmt::Write;
use std::time::Duration;

pub(super) fn draw(rows: &[Row], total: Duration) -> String {
    let mut text = String::from("\n");
    for Row { name, outcome, took } in rows {
        let (word, why) = match outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Failed(why) => ("FAILED", why.as_str()),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        let line = format!("{name:<14} {word:<8} {:>8}  {why}", minutes(*took));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let failed = rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).count();
    let _ = writeln!(text, "{} steps, {failed} failed, {} in all", rows.len(), minutes(total));
    text
}

fn minutes(took: Duration) -> String {
    format!("{}:{:02} min", took.as_secs() / 60, took.as_secs() % 60)
}
