//! Our speed beside our peers' in memory and the kernel's over TUN: tables with ratios, and no bound to keep.

use super::{Item, Part, hours, program};
use crate::run::Run;

pub(super) const PART: Part = Part {
    name: "bench",
    about: "lastack beside smoltcp, pktkit and the kernel",
    items: || ["memory", "tun"].into_iter().map(benchmark).collect(),
    conclude: None,
};

fn benchmark(name: &'static str) -> Item {
    let bench = move || {
        let arguments = ["run", "--quiet", "--release", "--package", "lastack-bench", "--", name];
        Run::cargo(&arguments, hours(1))
    };
    program(bench, name)
}
