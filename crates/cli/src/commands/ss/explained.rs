//! What `--explain` needs: the knobs of the TCP that is looked at, and a row with its sentence for JSON.

use crate::control::client::Client;
use anyhow::Result;
use lastack::observe::SocketRow;
use lastack_explain::{Rules, explain};
use lastack_host::sysctl;
use serde::Serialize;

/// The knobs of a running stack.
pub(super) fn of_stack(client: &mut Client) -> Result<Rules> {
    let knobs = client.knobs()?;
    Ok(Rules::read(|rule| {
        let (_, value) = knobs.iter().find(|(name, _)| name == rule.name())?;
        value.parse().ok()
    }))
}

/// The kernel's, of the thread's own network namespace.
pub(super) fn of_kernel() -> Rules {
    Rules::read(|rule| sysctl::number(rule.name()))
}

/// A row as JSON has it.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    row: &'a SocketRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<String>,
}

impl<'a> Told<'a> {
    /// With a sentence when there are rules.
    pub(super) fn new(row: &'a SocketRow, rules: Option<&Rules>) -> Told<'a> {
        Told { row, explain: rules.map(|rules| explain(row, rules).to_string()) }
    }
}
