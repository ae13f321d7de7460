//! A proof of docs/requirements.toml as a run of `cargo test`, and what its output says of just that proof.

use crate::run::Ran;
use anyhow::{Result, bail};

/// What one run says of a proof.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passes,
    Fails,
    /// It was not run: it does not build, or has another name. Why, in words.
    Unknown(String),
}

/// A proof that cargo can run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A script, by its name below tests/pkt.
    Script(String),
    /// A test: the crate's folder, the test target (`None`: the library's own tests) and the name.
    Test { folder: String, target: Option<String>, name: String },
}

impl Proof {
    pub(super) fn parse(proof: &str) -> Result<Proof> {
        if let Some(script) = proof.strip_prefix("tests/pkt/") {
            return Ok(Proof::Script(script.to_owned()));
        }
        let Some((path, name)) = proof.split_once("::") else { bail!("{proof} is neither script nor test") };
        let parts: Vec<&str> = path.split('/').collect();
        let ["crates", folder, kind, first, ..] = parts[..] else { bail!("{path} is in no crate") };
        let target = (kind == "tests").then(|| first.trim_end_matches(".rs").to_owned());
        Ok(Proof::Test { folder: folder.to_owned(), target, name: name.to_owned() })
    }

    /// What follows `cargo test`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        match self {
            // All of them take as long as one.
            Proof::Script(_) => {
                words("--package lastack-sim --test scripts -- --nocapture --exact every_script_passes")
            }
            Proof::Test { folder, target, name } => {
                let package =
                    if folder == "cli" { "lastack".to_owned() } else { format!("lastack-{folder}") };
                let target = target.as_ref().map_or("--lib".to_owned(), |target| format!("--test {target}"));
                words(&format!("--package {package} {target} -- {name}"))
            }
        }
    }

    /// Only what is said of this very proof counts: something else may fail as well.
    pub(super) fn verdict(&self, ran: &Ran) -> Verdict {
        let says = |line: &str, begins: &str, ends: &str| match self {
            Proof::Script(script) => {
                let rest = line.strip_prefix(begins).map(str::trim_start);
                let rest = rest.and_then(|rest| rest.strip_prefix(script.as_str()));
                rest.is_some_and(|rest| rest.starts_with([':', ' ']))
            }
            Proof::Test { name, .. } => {
                let path = line.strip_prefix("test ").and_then(|line| line.strip_suffix(ends));
                let path = path.map(|path| path.trim_end_matches(" ..."));
                path.is_some_and(|path| path == name || path.ends_with(&format!("::{name}")))
            }
        };
        let line = |begins, ends| ran.stdout.lines().any(|line| says(line, begins, ends));
        if line("FAILED", " FAILED") {
            Verdict::Fails
        } else if line("ok", " ok") {
            Verdict::Passes
        } else {
            let error = ran.stderr.lines().find(|line| line.starts_with("error"));
            Verdict::Unknown(format!("was not run: {}", error.unwrap_or("no test of this name")))
        }
    }
}
