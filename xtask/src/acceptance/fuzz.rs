//! A minute of each fuzz target.

use super::{Item, Part, Said};
use crate::fuzz;
use std::time::Duration;

const TIME: Duration = Duration::from_secs(60);

pub(super) const PART: Part = Part {
    name: "fuzz",
    about: "60 s of each fuzz target",
    items: || fuzz::TARGETS.iter().map(|target| item(target)).collect(),
    conclude: None,
};

fn item(target: &'static str) -> Item {
    let run = move || {
        let ran = fuzz::run(target, TIME)?;
        // libFuzzer tells its statistics on stderr: `stat::number_of_executed_units: 123`.
        let runs = ran.stderr.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let line = match (ran.passed, runs) {
            (true, Some(runs)) => format!("{} inputs in {} s, nothing found", runs.trim(), TIME.as_secs()),
            (true, None) => "nothing found".to_owned(),
            (false, _) => format!("{}, see fuzz/artifacts/{target}", ran.why),
        };
        Ok(Said { passed: ran.passed, line, facts: String::new() })
    };
    Item { name: target.to_owned(), run: Box::new(run) }
}
