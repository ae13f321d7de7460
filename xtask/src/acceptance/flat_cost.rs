//! What a short connection costs beside many idle ones, and against smoltcp.

use super::{Part, hours, program};
use crate::run::Run;

pub(super) const PART: Part = Part {
    name: "flat-cost",
    about: "short connections beside idle ones",
    items: || {
        let bench = || {
            let arguments = ["run", "--quiet", "--release", "--package", "lastack-bench", "--", "flat-cost"];
            Run::cargo(&arguments, hours(1))
        };
        vec![program(bench, "bench")]
    },
    conclude: None,
};
