//! The doctor, run on the namespace that the test is in, and what it said.

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

/// What one run said.
pub(crate) struct Examined {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) said: String,
}

/// Runs it with `--json` and these words.
pub(crate) fn doctor(words: &[&str]) -> Examined {
    let output = Command::new(env!("CARGO_BIN_EXE_lastack"))
        .args(["doctor", "--json"])
        .args(words)
        .output()
        .expect("lastack runs");
    let said = String::from_utf8(output.stderr).expect("text");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{words:?} gives JSON: {error}; {said}"));
    Examined { code: output.status.code(), report, said }
}

impl Examined {
    /// The ids of what was found, each once.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let findings = self.report["findings"].as_array().expect("a list");
        let mut ids: Vec<&str> =
            findings.iter().map(|finding| finding["id"].as_str().expect("an id")).collect();
        ids.dedup();
        ids
    }

    pub(crate) fn found(&self, id: &str) -> bool {
        self.ids().contains(&id)
    }

    /// The first finding of this rule.
    #[track_caller]
    pub(crate) fn finding(&self, id: &str) -> &Value {
        let findings = self.report["findings"].as_array().expect("a list");
        findings
            .iter()
            .find(|finding| finding["id"] == id)
            .unwrap_or_else(|| panic!("{id} in {:#}", self.report))
    }

    /// The number of a fact.
    #[track_caller]
    pub(crate) fn fact(&self, id: &str, name: &str) -> f64 {
        let facts = self.finding(id)["evidence"].as_array().expect("a list");
        let fact = facts.iter().find(|fact| fact["name"] == name);
        fact.unwrap_or_else(|| panic!("{name} in {facts:?}"))["value"].as_f64().expect("a number")
    }

    /// That the rule blames somebody, and in which words.
    #[track_caller]
    pub(crate) fn assert_blames(&self, id: &str, kind: &str, field: &str, value: impl Into<Value>) {
        let culprits = self.finding(id)["culprits"].as_array().expect("a list");
        let value = value.into();
        let blamed = culprits.iter().any(|culprit| culprit["kind"] == kind && culprit[field] == value);
        assert!(blamed, "{id} blames {kind} {field}={value}: {culprits:?}");
    }

    /// That this very process is blamed.
    #[track_caller]
    pub(crate) fn assert_blames_us(&self, id: &str) {
        self.assert_blames(id, "process", "pid", std::process::id());
    }
}

/// Sets a sysctl of the namespace that the thread is in: which is the test's own.
pub(crate) fn set_sysctl(name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/{}", name.replace('.', "/")), value).expect("we are root in it");
}

/// A listener with a backlog of the test's choice.
pub(crate) fn listener(local: &str, backlog: i32) -> TcpListener {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    rustix::net::sockopt::set_ip_freebind(&listener, true).expect("an address that comes later");
    bind(&listener, &local.parse::<SocketAddr>().expect("an address")).expect("the port is free");
    listen(&listener, backlog).expect("it is bound");
    TcpListener::from(listener)
}
