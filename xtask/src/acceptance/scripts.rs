//! Every script of `tests/pkt`: by the program as a user runs it, and a table of each with its result through both runners,
//! the simulator's and the C interface.

#[cfg(test)]
mod tests;

use super::{Item, Part, Said, hours, program};
use crate::run::Run;
use anyhow::Result;

pub(super) const PART: Part = Part {
    name: "scripts",
    about: "every script of tests/pkt",
    items: || {
        let lab = || {
            let arguments = ["run", "--quiet", "--release", "--package", "lastack", "--", "lab", "tests/pkt"];
            Run::cargo(&arguments, hours(1))
        };
        vec![program(lab, "lab"), Item { name: "runners".to_owned(), run: Box::new(runners) }]
    },
    conclude: None,
};

/// The table, as the test of the C interface prints it.
fn runners() -> Result<Said> {
    let test =
        ["--test", "interface", "--", "--nocapture", "--exact", "scripts::every_script_ends_as_in_sim"];
    let arguments: Vec<&str> =
        ["test", "--quiet", "--package", "lastack-packetdrill"].into_iter().chain(test).collect();
    let ran = Run::cargo(&arguments, hours(1)).silent()?;
    let rows = table(&ran.stdout);
    rows.iter().for_each(|row| println!("{row}"));
    let last = rows.last().copied().unwrap_or("the test printed no table");
    let line = if ran.passed { last.to_owned() } else { format!("{}: {last}", ran.why) };
    Ok(Said { passed: ran.passed && rows.len() > 2, line, facts: String::new() })
}

/// The lines from the head of the table to its sum.
fn table(stdout: &str) -> Vec<&str> {
    let is_head = |line: &&str| line.starts_with("script ") && line.ends_with("interface");
    let mut rows = Vec::new();
    for line in stdout.lines().skip_while(|line| !is_head(line)) {
        rows.push(line);
        if line.contains(" pass in sim, ") {
            break;
        }
    }
    rows
}
