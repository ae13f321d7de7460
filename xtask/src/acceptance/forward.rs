//! Servers and clients that everybody has, behind `lastack serve --forward`, and a browser on its page.

use super::{Item, Part, Said, hours};
use crate::ci::packages;
use crate::run::Run;
use anyhow::Result;

const LARGE: (&str, &str) = ("LASTACK_SERVICES", "large");
/// How a test tells what came out.
const MEASURED: &str = "measured: ";

pub(super) const PART: Part = Part {
    name: "forward",
    about: "nginx, iperf3, redis through --forward; a browser on the page",
    items: || {
        vec![
            measured("nginx", "services::requests::wrk_and_curl_on_nginx_see_no_failed_request", LARGE),
            measured("iperf3", "services::streams::iperf3_measures_both_ways", LARGE),
            measured("redis", "services::requests::redis_benchmark_completes", LARGE),
            measured("browser", "services::browser::a_browser_shows_the_numbers_of_the_json", LARGE),
        ]
    },
    conclude: None,
};

/// One test of `crates/cli/tests/interop`, at the size that the variable asks for.
pub(super) fn measured(name: &str, test: &'static str, size: (&'static str, &'static str)) -> Item {
    let run = move || -> Result<Said> {
        packages::install()?;
        let arguments = ["test", "--release", "--package", "lastack", "--test", "interop", "--"];
        let arguments: Vec<&str> = arguments.into_iter().chain(["--nocapture", "--exact", test]).collect();
        let ran = Run::cargo(&arguments, hours(1)).env(size.0, size.1).shown()?;
        let results: Vec<&str> =
            ran.stdout.lines().filter_map(|line| Some(line.split_once(MEASURED)?.1)).collect();
        let line = match (ran.skipped.first(), ran.passed) {
            (Some(why), _) => format!("skipped: {why}"),
            (None, true) if results.is_empty() => format!("{test} measured nothing"),
            (None, true) => results.join("; "),
            (None, false) => format!("{} in {test}", ran.why),
        };
        let passed = ran.passed && ran.skipped.is_empty() && !results.is_empty();
        Ok(Said { passed, line, facts: String::new() })
    };
    Item { name: name.to_owned(), run: Box::new(run) }
}
