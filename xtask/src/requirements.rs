//! `cargo xtask requirements`: every row of docs/requirements.toml with what proves it. Fails when a row has no proof or names
//! one that does not exist.
//!
//! It does not run the proofs: the tests and the scripts are run by their own steps. That a proof notices when its row's
//! behaviour is gone is what `cargo xtask acceptance mutations` samples.

#[cfg(test)]
mod tests;

use crate::tree;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FILE: &str = "docs/requirements.toml";
const MATRIX: [&str; 2] = ["tests/matrix/with-timestamps.txt", "tests/matrix/without-timestamps.txt"];
/// Where the answers of `lastack why` are.
const TOPICS: [&str; 2] =
    ["crates/cli/src/commands/why/opening.rs", "crates/cli/src/commands/why/closing.rs"];
/// How many rows of each kind there are: a row that vanished is noticed.
const ROWS: [(&str, usize); 9] = [
    ("ST", 14),
    ("HS", 24),
    ("QU", 21),
    ("CL", 17),
    ("TW", 30),
    ("PA", 25),
    ("DI", 10),
    ("QN", 17),
    ("FALSE", 25),
];

/// What kind of statement a row is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The stack or a tool does it: a script, a test or the matrix proves it.
    #[default]
    Behaviour,
    /// Advice or a definition: a text gives it.
    Text,
}

/// One requirement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    says: String,
    #[serde(default)]
    kind: Kind,
    proofs: Vec<String>,
}

/// The rows in the order of the file.
#[derive(Debug)]
pub(crate) struct Requirements {
    rows: Vec<(String, Row)>,
}

impl Requirements {
    pub(crate) fn read() -> Result<Requirements> {
        let text = fs::read_to_string(tree::root().join(FILE)).with_context(|| format!("reading {FILE}"))?;
        let requirements = Requirements::parse(&text)?;
        ensure!(!requirements.rows.is_empty(), "{FILE} has no rows");
        Ok(requirements)
    }

    /// The proofs of a row; `None`: there is no such row.
    pub(crate) fn proofs(&self, id: &str) -> Option<&[String]> {
        let (_, row) = self.rows.iter().find(|(known, _)| known == id)?;
        Some(&row.proofs)
    }

    fn parse(text: &str) -> Result<Requirements> {
        let mut found: BTreeMap<String, Row> = toml::from_str(text).with_context(|| FILE.to_owned())?;
        let heads = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
        let rows = heads.filter_map(|id| found.remove_entry(id)).collect();
        Ok(Requirements { rows })
    }

    /// What is wrong with the table itself, and with each proof.
    fn findings(&self, root: &Path) -> Vec<String> {
        let mut findings = Vec::new();
        for (prefix, count) in ROWS {
            let here = self.rows.iter().filter(|(id, _)| group(id) == prefix).count();
            if here != count {
                findings.push(format!("{here} rows {prefix}-…, not {count}"));
            }
        }
        for (id, row) in &self.rows {
            if !ROWS.iter().any(|(prefix, _)| group(id) == *prefix) {
                findings.push(format!("{id}: no rows are called so"));
            }
            if row.says.trim().is_empty() {
                findings.push(format!("{id}: says nothing"));
            }
            let shown = row.proofs.iter().any(|proof| !proof.starts_with("why:"));
            if row.proofs.is_empty() || (row.kind == Kind::Behaviour && !shown) {
                findings.push(format!("{id}: no proof"));
            }
            let missing = row.proofs.iter().filter_map(|proof| missing(proof, root));
            findings.extend(missing.map(|why| format!("{id}: {why}")));
        }
        findings
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (id, row) in &self.rows {
            text += &format!("{id:<12} {}\n", row.says);
            for proof in &row.proofs {
                text += &format!("{:<12}   {proof}\n", "");
            }
        }
        text
    }
}

/// `HS` of `HS-10`, `FALSE` of `FALSE-HS-10`.
fn group(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

/// Why a proof does not exist; `None`: it does.
fn missing(proof: &str, root: &Path) -> Option<String> {
    if let Some(topic) = proof.strip_prefix("why:") {
        return (!is_topic(topic, root)).then(|| format!("`lastack why` has no topic {topic}"));
    }
    if let Some(state) = proof.strip_prefix("matrix:") {
        let row = format!("\n[{state}]\n");
        let has = |file: &&str| fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(&row));
        return (!MATRIX.iter().all(has)).then(|| format!("the matrix has no row {state}"));
    }
    let (file, test) = proof.split_once("::").unwrap_or((proof, ""));
    let Ok(text) = fs::read_to_string(root.join(file)) else { return Some(format!("no file {file}")) };
    match test {
        "" if file.ends_with(".pkt") => None,
        "" => Some(format!("{proof} is neither a script nor a test")),
        test => (!has_test(&text, test)).then(|| format!("no test {test} in {file}")),
    }
}

/// A function of this name stands there, below an attribute that makes it a test.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.iter().enumerate().any(|(index, line)| {
        let attributes = lines[..index].iter().rev().take_while(|line| line.starts_with("#["));
        line.contains(&head) && attributes.into_iter().any(|attribute| attribute.contains("test"))
    })
}

/// `lastack why` has an answer of this name.
fn is_topic(topic: &str, root: &Path) -> bool {
    let name = format!("name: \"{topic}\"");
    TOPICS.iter().any(|file| fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(&name)))
}

/// Prints the table; true when every row has its proof.
pub(crate) fn command() -> Result<bool> {
    print!("{}", Requirements::read()?.table());
    check()
}

/// True when every row has its proof.
pub(crate) fn check() -> Result<bool> {
    let requirements = Requirements::read()?;
    let findings = requirements.findings(&tree::root());
    findings.iter().for_each(|finding| println!("requirements: {finding}"));
    let proofs: usize = requirements.rows.iter().map(|(_, row)| row.proofs.len()).sum();
    let rows = requirements.rows.len();
    println!("requirements: {rows} rows, {proofs} proofs, {} findings", findings.len());
    Ok(findings.is_empty())
}
