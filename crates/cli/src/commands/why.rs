//! `lastack why`: what people ask about TCP's connections, answered with Linux's truth, what is often told instead, the
//! situation to play and the test that proves it. Here only: find the topic and print it; the answers are in files of their own.

mod closing;
mod names;
mod opening;
#[cfg(test)]
mod tests;
mod text;

use crate::Verdict;
use crate::options::WhyOptions;
use anyhow::{Result, bail};
use serde::Serialize;
use std::io::{self, Write};

/// The version of the JSON: it grows with every change that a reader must know of.
const SCHEMA: &str = "lastack.why/1";

/// One question with its answer.
#[derive(Debug, Serialize)]
struct Topic {
    /// On the command line.
    name: &'static str,
    question: &'static str,
    /// What Linux does.
    linux: &'static str,
    /// What is often told and wrong, or not true any more.
    told: &'static str,
    /// Those of the requirements that it corrects.
    claims: &'static [&'static str],
    /// Words after `lastack lab`.
    lab: &'static [&'static str],
    /// Files, or `file::test`.
    proof: &'static [&'static str],
}

/// The order in which they are best read: the questions of every interview first, as they are usually asked.
const TOPICS: &[&Topic] = &[
    &opening::HANDSHAKE,
    &opening::WHY_THREE,
    &opening::HALF_OPEN,
    &opening::ISN,
    &opening::DATA_IN_HANDSHAKE,
    &opening::THIRD_ACK_LOST,
    &opening::SYN_FLOOD,
    &closing::WHY_FOUR,
    &closing::TWO_MSL,
    &closing::TIME_WAIT,
    &closing::TIME_WAIT_MANY,
    &closing::CLOSE_WAIT_MANY,
    &opening::SYN_QUEUE,
    &opening::CONNECT_TIMEOUT,
    &closing::TIME_WAIT_COUNT,
    &closing::TW_RECYCLE,
    &closing::KEEPALIVE,
    &opening::STATES,
    &opening::ACCEPT_QUEUE,
    &closing::TW_REUSE,
    &closing::FIN_TIMEOUT,
    &closing::FILES,
    &closing::PORTS,
    &closing::LINGER,
];

/// Prints the answer, or the list of topics.
pub(crate) fn run(options: &WhyOptions) -> Result<Verdict> {
    run_to(options, &mut io::stdout().lock())
}

fn run_to(options: &WhyOptions, out: &mut dyn Write) -> Result<Verdict> {
    let wanted = options.topic.join(" ");
    let topics = if wanted.is_empty() { TOPICS.to_vec() } else { vec![find(&wanted)?] };
    if options.json {
        let report = serde_json::json!({ "schema": SCHEMA, "topics": topics });
        writeln!(out, "{report:#}")?;
    } else if options.markdown {
        write!(out, "{}", text::markdown(&topics))?;
    } else if !wanted.is_empty() {
        topics.iter().try_for_each(|topic| write!(out, "{}", text::answer(topic)))?;
    } else {
        write!(out, "{}", text::list(&topics))?;
    }
    Ok(Verdict::Fine)
}

/// By name, number, or the claim that it corrects.
fn find(wanted: &str) -> Result<&'static Topic> {
    if let Some(topic) = names::find(TOPICS, wanted) {
        return Ok(topic);
    }
    let near = names::nearest(TOPICS, wanted);
    if near.is_empty() {
        bail!("there is no topic \"{wanted}\": `lastack why` lists them");
    }
    bail!("there is no topic \"{wanted}\"; near it: {}; `lastack why` lists all", near.join(", "));
}
