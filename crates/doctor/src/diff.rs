//! What a deploy changed: the findings, states, listeners and settings of a target before and after.
//!
//! A finding is the same one when the same rule blames the same listeners, services or settings. Process ids are left out of
//! that: a deploy gives every process a new one.

use crate::{Blind, Culprit, Finding, Settings, Severity, examine};
use lastack_observe::snapshot::ListenerFacts;
use lastack_observe::{Snapshot, State};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

#[cfg(test)]
mod tests;
pub mod text;

/// Everything that is not as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Default)]
pub struct Difference {
    /// Findings that were not there before, or are worse than before.
    pub new: Vec<Finding>,
    /// Findings that are there no more.
    pub gone: Vec<Finding>,
    /// Findings as before, or milder.
    pub still: Vec<Finding>,
    /// States with other counts.
    pub states: Vec<Change<State, u32>>,
    /// Listeners that came, went, or have another backlog.
    pub listeners: Vec<Change<SocketAddr, Option<u64>>>,
    /// Running settings with other values.
    pub settings: Vec<Change<String, Option<String>>>,
    /// What could not be judged after.
    pub blind: Vec<Blind>,
}

/// A thing with what it was and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change<N, V> {
    /// Which.
    pub name: N,
    /// Before.
    pub before: V,
    /// After.
    pub after: V,
}

impl Difference {
    /// How bad the worst new finding is.
    pub fn worst(&self) -> Option<Severity> {
        self.new.iter().map(|finding| finding.severity).max()
    }
}

/// Compares two series of looks at one target; each oldest first. The last look of each stands for its counts and settings.
pub fn diff(before: &[Snapshot], after: &[Snapshot], settings: &Settings) -> Difference {
    let (was, is) = (examine(before, settings), examine(after, settings));
    let mut difference = Difference { blind: is.blind, ..Difference::default() };
    let old: BTreeMap<_, Severity> =
        was.findings.iter().map(|finding| (identity(finding), finding.severity)).collect();
    let kept: BTreeSet<_> = is.findings.iter().map(identity).collect();
    difference.gone = was.findings.into_iter().filter(|finding| !kept.contains(&identity(finding))).collect();
    for finding in is.findings {
        let known = old.get(&identity(&finding)).is_some_and(|severity| *severity >= finding.severity);
        if known { difference.still.push(finding) } else { difference.new.push(finding) }
    }
    if let (Some(was), Some(is)) = (before.last(), after.last()) {
        difference.states = states(was, is);
        difference.listeners = changes(backlogs(was), backlogs(is));
        difference.settings = changes(was.sysctls.clone(), is.sysctls.clone());
    }
    difference
}

/// The rule, and what it blames that outlives a restart.
fn identity(finding: &Finding) -> (&'static str, Vec<String>) {
    let lasting = |culprit: &Culprit| match culprit {
        Culprit::Process { name, .. } => name.clone(),
        Culprit::Sysctl { name, .. } => name.clone(),
        Culprit::Unknown { .. } => String::new(),
        other => other.to_string(),
    };
    let mut names: Vec<String> = finding.culprits.iter().map(lasting).collect();
    names.sort();
    names.dedup();
    (finding.id, names)
}

fn states(was: &Snapshot, is: &Snapshot) -> Vec<Change<State, u32>> {
    let change = |(name, before)| Change { name, before, after: is.census.count(name) };
    was.census.iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Room in the queues of each listener.
fn backlogs(look: &Snapshot) -> BTreeMap<SocketAddr, u64> {
    let entry = |listener: &ListenerFacts| (listener.local, listener.backlog);
    look.listeners.iter().map(entry).collect()
}

/// What one map has and the other has not, or has otherwise.
fn changes<N: Ord, V: PartialEq + Clone>(
    was: BTreeMap<N, V>,
    mut is: BTreeMap<N, V>,
) -> Vec<Change<N, Option<V>>> {
    let mut changes: Vec<_> = was
        .into_iter()
        .filter_map(|(name, before)| {
            let after = is.remove(&name);
            let differs = after.as_ref() != Some(&before);
            differs.then_some(Change { name, before: Some(before), after })
        })
        .collect();
    changes.extend(is.into_iter().map(|(name, after)| Change { name, before: None, after: Some(after) }));
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}
