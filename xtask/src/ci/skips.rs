//! What was skipped, against `xtask/skips.txt`, what may be: a test that quietly stops running is a test that cannot fail.

#[cfg(test)]
mod tests;

use super::Outcome;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs::OpenOptions;

const FILE: &str = "xtask/skips.txt";

/// Fails when the two differ, on a machine where everything can run: one with TUN and the right to use it.
pub(super) fn compare(skipped: &[String]) -> Result<Outcome> {
    let path = crate::tree::root().join(FILE);
    let listed = std::fs::read_to_string(&path).with_context(|| format!("reading {FILE}"))?;
    let differences = differences(skipped, &listed);
    println!("\n=== skips ({} skipped)", skipped.len());
    for difference in &differences {
        println!("skips: {difference}");
    }
    Ok(if differences.is_empty() {
        Outcome::Passed
    } else if OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok() {
        Outcome::Failed(format!("{} differences to {FILE}", differences.len()))
    } else {
        Outcome::Skipped("no TUN here, so tests had to be skipped".to_owned())
    })
}

fn differences(skipped: &[String], listed: &str) -> Vec<String> {
    let skipped: BTreeSet<&str> = skipped.iter().map(String::as_str).collect();
    let listed: BTreeSet<&str> =
        listed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let news = skipped.difference(&listed).map(|line| format!("skipped and not in {FILE}: {line}"));
    let olds = listed.difference(&skipped).map(|line| format!("in {FILE} and not skipped: {line}"));
    news.chain(olds).collect()
}
