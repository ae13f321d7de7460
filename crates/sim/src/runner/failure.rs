//! What is said when a script fails: the step, and what was expected beside what was seen.

use super::{Runner, machine, micros};
use crate::octets::{self, Seen};
use crate::script::ScriptError;
use crate::script::ast::{Opt, Segment};
use lastack_observe::Instant;
use std::fmt;

/// The first thing that was not as the script says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the script.
    pub name: String,
    /// Line of the step.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What the script says, and what was seen.
    pub sides: Option<(String, String)>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line, self.message)?;
        if let Some((expected, seen)) = &self.sides {
            write!(f, "\n  expected  {expected}\n  seen      {seen}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub(super) fn unreadable(error: &ScriptError) -> Failure {
        let message = format!("{}\n  | {}\n  | {:>3$}", error.message, error.source, "^", error.column);
        Failure { name: error.name.clone(), line: error.line, message, sides: None }
    }
}

impl Runner<'_> {
    pub(super) fn fail(&self, message: impl Into<String>) -> Failure {
        Failure { name: self.script.name.clone(), line: self.line, message: message.into(), sides: None }
    }

    pub(super) fn fail_sides(
        &self,
        message: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Failure {
        Failure { sides: Some((expected.into(), seen.into())), ..self.fail(message) }
    }

    /// Seconds since the script began.
    pub(super) fn clock(&self, at: Instant) -> String {
        if at == Instant::NEVER {
            return "never".to_owned();
        }
        format!("{:.6}", at.since(machine::START).as_secs_f64())
    }

    fn window_text(&self, window: (Instant, Instant)) -> String {
        match window {
            (_, Instant::NEVER) => "any time".to_owned(),
            (from, to) if from == to => self.clock(from),
            (from, to) => format!("{}~{}", self.clock(from), self.clock(to)),
        }
    }

    pub(super) fn nothing_sent(&self, wanted: &Segment, window: (Instant, Instant)) -> Failure {
        let expected = format!("{}  > {wanted}", self.window_text(window));
        let seen = format!("{}  nothing", self.clock(self.machine.now));
        self.fail_sides("the stack sent nothing", expected, seen)
    }

    pub(super) fn unexpected(&mut self, at: Instant, packet: &[u8]) -> Failure {
        let seen = match octets::decode(packet) {
            Ok(Some(seen)) => self.numbers.in_script(&seen.segment, &seen.segment).to_string(),
            Ok(None) => "a packet that is not TCP".to_owned(),
            Err(wrong) => format!("a bad packet: {wrong}"),
        };
        let seen = format!("{}  > {seen}", self.clock(at));
        self.fail_sides("the stack sent what no step expects", "nothing", seen)
    }

    /// Compares a segment with what the script has in its place.
    pub(super) fn compare(
        &mut self,
        wanted: &Segment,
        window: (Instant, Instant),
        at: Instant,
        live: Seen,
    ) -> Result<(), Failure> {
        let seen = self.numbers.in_script(&live.segment, wanted);
        let mut wrong = Vec::new();
        let known_flow = self.flow.is_some_and(|flow| (flow.from, flow.to) == (live.ends.to, live.ends.from));
        if !known_flow {
            wrong.push(format!("flow {} to {}", live.ends.from, live.ends.to));
        }
        // The window's own width says how far the stack's clock may have moved on.
        let width = if window.1 == Instant::NEVER { micros(0) } else { window.1.since(window.0) };
        let ticks = (self.tolerance + width).as_millis() as u32;
        wrong.extend(differences(wanted, &seen, ticks).into_iter().map(str::to_owned));
        if !wanted.marks.header_fits(&live.marks) {
            wrong.push("IP header".to_owned());
        }
        if at + self.tolerance < window.0 {
            wrong.push("time (too early)".to_owned());
        } else if at > window.1 + self.tolerance {
            wrong.push("time (too late)".to_owned());
        }
        if wrong.is_empty() && !self.payload_fits(&live) {
            wrong.push("payload (the octets are not those that were written)".to_owned());
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let expected = format!("{}  > {wanted}", self.window_text(window));
        let seen = format!("{}  > {seen}", self.clock(at));
        Err(self.fail_sides(format!("differs: {}", wrong.join(", ")), expected, seen))
    }

    fn payload_fits(&self, live: &Seen) -> bool {
        let Some(isn) = self.numbers.stack_isn else { return live.payload.is_empty() };
        let begins = live.segment.start.wrapping_add(u32::from(live.segment.flags.syn()));
        let first = u64::from(begins.wrapping_sub(isn).wrapping_sub(1));
        live.payload.iter().zip(first..).all(|(octet, place)| *octet == super::Numbers::written_octet(place))
    }
}

/// The names of the fields that differ between what a script has and what was seen, both in the script's numbers. TSvals may
/// differ by some ticks.
pub fn differences(wanted: &Segment, seen: &Segment, ticks: u32) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let mut note = |differs: bool, what: &'static str| {
        if differs {
            wrong.push(what);
        }
    };
    note(wanted.flags != seen.flags, "flags");
    note(wanted.start != seen.start, "sequence number");
    note(wanted.len != seen.len, "length");
    // A script may leave the number out, also of a segment that acknowledges.
    note(wanted.ack.is_some() && wanted.ack != seen.ack, "acknowledgment number");
    note(wanted.window.is_some() && wanted.window != seen.window, "window");
    note(wanted.urgent.is_some() && wanted.urgent != seen.urgent, "urgent pointer");
    note(wanted.marks.ae != seen.marks.ae, "flag AE");
    if let Some(options) = &wanted.options {
        let seen = seen.options.as_deref().unwrap_or(&[]);
        let same = options.len() == seen.len()
            && options.iter().zip(seen).all(|(wanted, seen)| match (wanted, seen) {
                (Opt::Timestamps(value, echo), Opt::Timestamps(seen_value, seen_echo)) => {
                    let apart = value.wrapping_sub(*seen_value) as i32;
                    echo == seen_echo && apart.unsigned_abs() <= ticks
                }
                _ => wanted == seen,
            });
        note(!same, "options");
    }
    wrong
}
