//! The kernel's own TCP as the peer, with gigabytes: the same tests that CI runs with megabytes.

use super::{Part, hours, program};
use crate::run::Run;

/// Octets of each transfer, in MiB.
const MIB: &str = "1024";

pub(super) const PART: Part = Part {
    name: "interop",
    about: "1 GiB through each service, with the kernel as peer",
    items: || {
        let test = || {
            let arguments =
                ["test", "--release", "--package", "lastack", "--test", "interop", "--", "--nocapture"];
            Run::cargo(&arguments, hours(1)).env("LASTACK_INTEROP_MIB", MIB)
        };
        vec![program(test, "kernel")]
    },
    conclude: None,
};
