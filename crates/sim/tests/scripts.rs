//! Every script under tests/pkt passes, and every number that it expects is really looked at.

use lastack_sim::runner::{self, Failure};
use lastack_sim::script::{self, Script};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pkt")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of scripts") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ext| ext == "pkt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn scripts() -> Vec<Script> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a script is text");
        script::parse(&name_of(path), &text).unwrap_or_else(|error| panic!("{error}"))
    };
    files(&root()).iter().map(read).collect()
}

#[test]
fn every_script_passes() {
    let mut failures: Vec<Failure> = Vec::new();
    let mut out = std::io::stdout();
    let all = scripts();
    for script in &all {
        let line = match runner::run(script) {
            Ok(passed) => format!(
                "ok      {} ({:.3} s, {} steps)",
                script.name,
                passed.duration.as_secs_f64(),
                passed.steps
            ),
            Err(failure) => {
                let line = format!("FAILED  {failure}");
                failures.push(failure);
                line
            }
        };
        writeln!(out, "{line}").expect("stdout");
    }
    assert!(failures.is_empty(), "{} of {} scripts fail", failures.len(), all.len());
}

#[test]
fn the_same_script_twice_ends_the_same() {
    for script in scripts().iter().take(10) {
        assert_eq!(runner::run(script), runner::run(script), "{}", script.name);
    }
}

/// About ten thousand numbers: a script in which one can be changed looks at less than it says.
#[test]
fn a_changed_number_makes_its_script_fail() {
    let all: Vec<Script> = scripts().into_iter().filter(|script| runner::run(script).is_ok()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(50);
    let (mut numbers, mut unseen) = (0, Vec::new());
    for script in &all {
        let expected = script::expectations(script);
        assert!(!expected.is_empty(), "{} expects nothing", script.name);
        for (index, number) in expected.iter().enumerate() {
            numbers += 1;
            let changed = script::mutate(script, index, rng.next_u32());
            if runner::run(&changed).is_ok() {
                unseen.push(format!("{}:{}: the {} could be changed", script.name, number.line, number.what));
            }
        }
    }
    assert!(unseen.is_empty(), "{} of {numbers}: {unseen:#?}", unseen.len());
    assert!(numbers > 9000, "{numbers} numbers");
}
