//! Sampled mutation: of some requirements the behaviour is switched off in the source, and a proof of theirs must notice.
//!
//! The sources are copied below target/, changed there in one place, built and tested; the same proofs must pass on the copy
//! that was not changed. tests/mutations.toml has the places. That numbers in scripts are looked at is shown elsewhere, by
//! changing the scripts.

mod proof;
#[cfg(test)]
mod tests;

use super::{Item, Part, Said, hours};
use crate::requirements::Requirements;
use crate::run::Run;
use crate::tree;
use anyhow::{Context, Result, ensure};
use proof::{Proof, Verdict};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

const FILE: &str = "tests/mutations.toml";
/// Rows that are sampled, at least.
const ROWS_MIN: usize = 20;

pub(super) const PART: Part = Part {
    name: "mutations",
    about: "switched-off behaviour is noticed",
    items: || {
        let mutations = read().unwrap_or_else(|error| panic!("{error:#}"));
        let names = mutations.iter().map(|mutation| mutation.row.clone()).collect::<Vec<_>>();
        let mut items = vec![Item { name: "unchanged".to_owned(), run: Box::new(unchanged) }];
        for (name, mutation) in names.into_iter().zip(mutations) {
            items.push(Item { name, run: Box::new(move || mutation.is_noticed()) });
        }
        items
    },
    conclude: None,
};

/// One place where a behaviour can be switched off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    /// Row of docs/requirements.toml.
    row: String,
    /// One of its proofs.
    proof: String,
    file: String,
    /// What stands there, once.
    replace: String,
    /// What stands there instead.
    with: String,
}

#[derive(Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

/// The list, held against the sources and the requirements.
fn read() -> Result<Vec<Mutation>> {
    let root = tree::root();
    let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("reading {FILE}"))?;
    let List { mutation: mutations } = toml::from_str(&text).with_context(|| FILE.to_owned())?;
    let requirements = Requirements::read()?;
    for mutation in &mutations {
        let Mutation { row, proof, .. } = mutation;
        let proofs = requirements.proofs(row).with_context(|| format!("{FILE}: there is no row {row}"))?;
        ensure!(proofs.contains(proof), "{FILE}: {proof} is no proof of {row}");
        mutation.changed(&root)?;
    }
    ensure!(mutations.len() >= ROWS_MIN, "{FILE}: {} rows, fewer than {ROWS_MIN}", mutations.len());
    Ok(mutations)
}

impl Mutation {
    /// The file with the change.
    fn changed(&self, root: &Path) -> Result<String> {
        let Mutation { row, file, replace, with, .. } = self;
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("{row}: reading {file}"))?;
        let times = text.matches(replace.as_str()).count();
        ensure!(times == 1, "{FILE}: {row}: what to replace stands {times} times in {file}");
        Ok(text.replacen(replace.as_str(), with, 1))
    }

    fn is_noticed(&self) -> Result<Said> {
        println!("+ {} without its behaviour ({}), against {}", self.row, self.file, self.proof);
        let copy = copy_sources()?;
        let changed = self.changed(&tree::root())?;
        fs::write(copy.join(&self.file), changed).with_context(|| format!("changing {}", self.file))?;
        let verdict = judge(&Proof::parse(&self.proof)?, &copy)?;
        let said = |passed, line: &str| {
            Ok(Said { passed, line: format!("{}: {line}", self.proof), facts: String::new() })
        };
        match verdict {
            Verdict::Fails => said(true, "notices"),
            Verdict::Passes => said(false, "does not notice"),
            Verdict::Unknown(why) => said(false, &why),
        }
    }
}

/// Every proof of the list passes on the sources as they are.
fn unchanged() -> Result<Said> {
    let copy = copy_sources()?;
    let mutations = read()?;
    let mut bad = Vec::new();
    for mutation in &mutations {
        println!("+ {} on the sources as they are", mutation.proof);
        match judge(&Proof::parse(&mutation.proof)?, &copy)? {
            Verdict::Passes => {}
            Verdict::Fails => bad.push(format!("{} fails", mutation.proof)),
            Verdict::Unknown(why) => bad.push(format!("{}: {why}", mutation.proof)),
        }
    }
    let line = if bad.is_empty() { format!("{} proofs pass", mutations.len()) } else { bad.join("; ") };
    Ok(Said { passed: bad.is_empty(), line, facts: String::new() })
}

fn judge(proof: &Proof, copy: &Path) -> Result<Verdict> {
    let manifest = copy.join("Cargo.toml").display().to_string();
    let mut arguments = vec!["test", "--manifest-path", &manifest];
    let own = proof.arguments();
    arguments.extend(own.iter().map(String::as_str));
    let target = tree::target()?.join("acceptance").join("mutations").join("target");
    let run = Run::cargo(&arguments, hours(1)).env("CARGO_TARGET_DIR", &target.display().to_string());
    Ok(proof.verdict(&run.silent()?))
}

/// The sources as they are, below target/. What is there already and the same is left alone, so that little is built again.
fn copy_sources() -> Result<PathBuf> {
    let copy = tree::target()?.join("acceptance").join("mutations").join("sources");
    for source in tree::sources()? {
        let path = copy.join(&source.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == source.text) {
            continue;
        }
        let folder = path.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        fs::write(&path, &source.text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(copy)
}
