//! Every script of `tests/pkt`, by the program as a user runs it.

use super::{Part, hours, program};
use crate::run::Run;

pub(super) const PART: Part = Part {
    name: "scripts",
    about: "every script of tests/pkt",
    items: || {
        let lab = || {
            let arguments = ["run", "--quiet", "--release", "--package", "lastack", "--", "lab", "tests/pkt"];
            Run::cargo(&arguments, hours(1))
        };
        vec![program(lab, "lab")]
    },
    conclude: None,
};
