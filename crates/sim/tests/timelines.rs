//! Every measured scenario is told by a script of its name, or stands in REASONS with what proves it instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Of a hundred scenarios so many may have no script.
const REASONS_MAX_PERCENT: usize = 5;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn lines(file: &str) -> Vec<String> {
    let path = root().join("tests/pkt/timelines").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// `T20f` of `T20f.pkt` and `T20f-ecn.pkt`.
fn scripts() -> BTreeSet<String> {
    let folder = root().join("tests/pkt/timelines");
    let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let names = names.filter_map(|name| name.to_str()?.strip_suffix(".pkt").map(str::to_owned));
    names.map(|name| name.split('-').next().unwrap_or(&name).to_owned()).collect()
}

#[test]
fn every_scenario_is_a_script_or_has_its_reason() {
    let ids: Vec<String> =
        lines("IDS").iter().map(|line| line.split(' ').next().unwrap_or(line).to_owned()).collect();
    let scripts = scripts();
    let mut reasons = BTreeMap::new();
    for line in lines("REASONS") {
        let parts: Vec<&str> = line.split("; ").collect();
        let [name, why, proof] = parts[..] else { panic!("`{line}` needs a name, a reason and a proof") };
        let (file, test) = proof.split_once(' ').expect("a proof is a file and a test in it");
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{name}: no test {test} in {file}");
        assert!(why.len() > 20, "{name}: a reason says why");
        reasons.insert(name.to_owned(), why.to_owned());
    }
    let missing: Vec<&String> =
        ids.iter().filter(|id| !scripts.contains(*id) && !reasons.contains_key(*id)).collect();
    assert!(missing.is_empty(), "neither a script nor a reason: {missing:?}");
    let both: Vec<&String> = reasons.keys().filter(|id| scripts.contains(*id)).collect();
    assert!(both.is_empty(), "a script and a reason: {both:?}");
    let known: BTreeSet<&String> = ids.iter().collect();
    let unknown: Vec<&String> =
        scripts.iter().chain(reasons.keys()).filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "not in IDS: {unknown:?}");
    let share = reasons.len() * 100;
    assert!(share <= ids.len() * REASONS_MAX_PERCENT, "{} of {} have no script", reasons.len(), ids.len());
    println!("timelines: {} scenarios, {} without a script: {reasons:#?}", ids.len(), reasons.len());
}
