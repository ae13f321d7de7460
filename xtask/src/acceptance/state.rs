//! What passed, on disk: `target/acceptance/STATE.json`, where STATE names the sources' state.

use super::Said;
use crate::run::Run;
use crate::tree;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// What passed in this state of the sources.
pub(super) struct State {
    file: PathBuf,
    passed: BTreeMap<String, Passed>,
}

/// An item that passed.
#[derive(Deserialize, Serialize)]
pub(super) struct Passed {
    pub(super) line: String,
    pub(super) facts: String,
}

impl State {
    /// What is known of the sources as they are now; nothing, when `fresh`.
    pub(super) fn open(fresh: bool) -> Result<State> {
        let folder = tree::target()?.join("acceptance");
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let file = folder.join(format!("{}.json", sources()?));
        let text = if fresh { None } else { fs::read_to_string(&file).ok() };
        // A file that a crash cut short is worth nothing: begin anew.
        let passed = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(State { file, passed })
    }

    pub(super) fn passed(&self, key: &str) -> Option<&Passed> {
        self.passed.get(key)
    }

    pub(super) fn record(&mut self, key: String, said: Said) -> Result<()> {
        self.passed.insert(key, Passed { line: said.line, facts: said.facts });
        let text = serde_json::to_string_pretty(&self.passed)?;
        let new = self.file.with_extension("new");
        fs::write(&new, text).with_context(|| format!("writing {}", new.display()))?;
        fs::rename(&new, &self.file).with_context(|| format!("writing {}", self.file.display()))
    }
}

/// A name for the state of the sources: git's name of the tree that a commit of everything would have.
fn sources() -> Result<String> {
    let index = tree::target()?.join("acceptance").join("index");
    let index = index.display().to_string();
    // An index of its own, so that the developer's is left alone.
    let git = |arguments: &[&str]| {
        Run::new("git", arguments, Duration::from_secs(60)).env("GIT_INDEX_FILE", &index).quiet()
    };
    let added = git(&["add", "--all"])?;
    ensure!(added.passed, "git add, to name the state of the sources: {}", added.why);
    let tree = git(&["write-tree"])?;
    ensure!(tree.passed, "git write-tree, to name the state of the sources: {}", tree.why);
    Ok(tree.stdout.trim().to_owned())
}
