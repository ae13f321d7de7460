//! `lastack ss` and `lastack states` beside iproute2's ss and netstat, over 240,000 sockets.

use super::{Part, hours, program};
use crate::run::Run;

pub(super) const PART: Part = Part {
    name: "eyes-speed",
    about: "ss and states against ss and netstat over 240,000 sockets",
    items: || {
        let bench = || {
            let arguments =
                ["run", "--quiet", "--release", "--package", "lastack-bench", "--", "eyes", "--rounds", "5"];
            Run::cargo(&arguments, hours(1))
        };
        vec![program(bench, "bench")]
    },
    conclude: None,
};
