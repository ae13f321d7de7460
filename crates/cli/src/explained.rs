//! What explaining a socket needs: the knobs of the TCP that is looked at, and a row with its sentence for JSON.

use crate::control::client::Client;
use anyhow::Result;
use lastack::Knobs;
use lastack::observe::SocketRow;
use lastack::stack::knobs::table;
use lastack_explain::{Explanation, Rules, explain};
use lastack_host::sysctl;
use serde::Serialize;

/// The knobs of a running stack.
pub(crate) fn of_stack(client: &mut Client) -> Result<Rules> {
    let knobs = client.knobs()?;
    Ok(Rules::read(|rule| {
        let (_, value) = knobs.iter().find(|(name, _)| name == rule.name())?;
        value.parse().ok()
    }))
}

/// These.
pub(crate) fn of_knobs(knobs: &Knobs) -> Rules {
    Rules::read(|rule| table::find(rule.name()).ok()?.read(knobs).parse().ok())
}

/// The kernel's, of the thread's own network namespace.
pub(crate) fn of_kernel() -> Rules {
    Rules::read(|rule| sysctl::number(rule.name()))
}

/// A row as JSON has it.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    #[serde(flatten)]
    row: &'a SocketRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<String>,
    /// Time until it ends when nothing more is heard; absent when it never does or nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_in_ms: Option<u64>,
}

impl<'a> Told<'a> {
    /// Each of them.
    pub(crate) fn all(rows: &'a [SocketRow], rules: Option<&Rules>) -> Vec<Told<'a>> {
        rows.iter().map(|row| Told::new(row, rules)).collect()
    }

    /// With a sentence when there are rules.
    pub(crate) fn new(row: &'a SocketRow, rules: Option<&Rules>) -> Told<'a> {
        let told = rules.map(|rules| explain(row, rules));
        let left = told.as_ref().and_then(|told| told.left);
        Told {
            row,
            explain: told.as_ref().map(Explanation::to_string),
            ends_in_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
