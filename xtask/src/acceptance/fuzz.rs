//! A minute of each fuzz target; ten of the C interface, which has the pointers.

use super::{Item, Part, Said};
use crate::fuzz;
use std::time::Duration;

const TIME: Duration = Duration::from_secs(60);
const INTERFACE_TIME: Duration = Duration::from_secs(600);

pub(super) const PART: Part = Part {
    name: "fuzz",
    about: "60 s of each fuzz target, 600 s of the C interface",
    items: || fuzz::TARGETS.iter().map(|target| item(target)).collect(),
    conclude: None,
};

fn item(target: &'static str) -> Item {
    let time = if target == fuzz::INTERFACE { INTERFACE_TIME } else { TIME };
    let run = move || {
        let ran = fuzz::run(target, time)?;
        let line = match fuzz::executed(&ran) {
            Some(inputs) if ran.passed => format!("{inputs} inputs in {} s, nothing found", time.as_secs()),
            _ => format!("{}, see fuzz/artifacts/{target}", ran.why),
        };
        Ok(Said { passed: ran.passed, line, facts: String::new() })
    };
    Item { name: target.to_owned(), run: Box::new(run) }
}
