//! Runs a script against one stack on a virtual clock: a script of ten minutes takes milliseconds.
//!
//! Every number that the script names is checked, and a segment that it does not name is a failure. Times are exact, so
//! the tolerance is small (4 ms, the tool's own default) unless the script says otherwise.

mod calls;
mod checks;
mod failure;
mod fast_open;
mod flows;
mod machine;
pub mod numbers;
mod options;
mod settings;
mod sysctl;

#[cfg(test)]
mod tests;

pub use failure::{Failure, differences};

use crate::drawing::{Diagram, Side};
use crate::octets::{self, Ends, Seen};
use crate::script::ast::{Action, Icmp, Script, Segment, Step, When};
use calls::{Descriptors, Pending};
use flows::Flows;
use lastack_observe::Instant;
use machine::Machine;
use numbers::Numbers;
use std::time::Duration;

/// What a script that passed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Steps that were run.
    pub steps: usize,
    /// Time that passed on the virtual clock.
    pub duration: Duration,
}

const ONLY_ASSERT: &str = "this code needs Python: `assert tcpi_... == ...` is all that is read here";
const ONLY_SYSCTL: &str = "only `sysctl`, `set_sysctls.py` and `echo` are read: no command is executed here";

/// The tool's default, in microseconds.
const TOLERANCE_USECS: i64 = 4_000;

/// Reads and runs a script. `name` is only used in messages.
///
/// # Errors
/// The first thing that is not as the script says, or why the script cannot be read.
pub fn run_text(name: &str, text: &str) -> Result<Passed, Failure> {
    let script = crate::script::parse(name, text).map_err(|error| Failure::unreadable(&error))?;
    run(&script)
}

/// Runs a script that was read before.
///
/// # Errors
/// The first thing that is not as the script says.
pub fn run(script: &Script) -> Result<Passed, Failure> {
    Runner::new(script)?.run()
}

/// Runs a script as [`run_text`] does and draws what happened, of one that fails up to the failure. There is no drawing of a
/// script that cannot be read.
pub fn draw_text(name: &str, text: &str) -> (Result<Passed, Failure>, Option<Diagram>) {
    let script = crate::script::parse(name, text).map_err(|error| Failure::unreadable(&error));
    let script = match script {
        Ok(script) => script,
        Err(failure) => return (Err(failure), None),
    };
    let mut runner = match Runner::new(&script) {
        Ok(runner) => runner,
        Err(failure) => return (Err(failure), None),
    };
    runner.machine.record(name);
    let result = runner.run();
    let diagram = runner.machine.recorded().map(|diagram| {
        // Who begins stands on the left.
        let begins = diagram.packets.first().is_some_and(|packet| packet.from == Side::Right);
        if begins { diagram.mirrored() } else { diagram }
    });
    (result, diagram)
}

struct Runner<'s> {
    script: &'s Script,
    machine: Machine,
    numbers: Numbers,
    descriptors: Descriptors,
    pending: Vec<Pending>,
    flows: Flows,
    /// The flow under test, as the peer sees it: from the peer to the stack.
    flow: Option<Ends>,
    /// Relative times count from here: when the last step that is not a check was done.
    base: Instant,
    tolerance: Duration,
    line: usize,
}

impl<'s> Runner<'s> {
    fn new(script: &'s Script) -> Result<Runner<'s>, Failure> {
        let mut runner = Runner {
            script,
            machine: Machine::new(sysctl::knobs(script)?),
            numbers: Numbers::default(),
            descriptors: Descriptors::default(),
            pending: Vec::new(),
            flows: Flows::default(),
            flow: None,
            base: machine::START,
            tolerance: micros(script.tolerance_usecs.unwrap_or(TOLERANCE_USECS)),
            line: 0,
        };
        runner.settle()?;
        Ok(runner)
    }

    fn run(&mut self) -> Result<Passed, Failure> {
        let steps = &self.script.steps;
        for step in steps {
            self.line = step.line;
            self.step(step)?;
        }
        self.finish()?;
        Ok(Passed { steps: steps.len(), duration: self.machine.now.since(machine::START) })
    }

    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        let window = self.resolve(step.when);
        match &step.action {
            Action::Expect(segment) => return self.expect(segment, window),
            Action::Check(check) => {
                self.advance(window.0)?;
                return self.check(check);
            }
            Action::Code(_, Some(check)) => {
                self.advance(window.0)?;
                return self.check(check);
            }
            Action::Code(_, None) => return Err(self.fail(ONLY_ASSERT)),
            Action::Shell(_) => return Err(self.fail(ONLY_SYSCTL)),
            Action::Foreign(what) => return Err(self.fail(format!("{what} is not known here"))),
            Action::Send(_) | Action::SendIcmp(_) | Action::Call(_) | Action::Set(_) => {}
        }
        if window.0 < self.machine.now && step.when != When::Any {
            return Err(
                self.fail(format!("this lies before {}, where the script is", self.clock(self.machine.now)))
            );
        }
        self.advance(window.0)?;
        let begun = self.base;
        self.base = self.machine.now;
        match &step.action {
            Action::Send(segment) => self.send(segment)?,
            Action::SendIcmp(icmp) => self.send_icmp(icmp)?,
            Action::Call(call) => self.start_call(call, step.when, begun)?,
            Action::Set(sysctls) => self.set_knobs(sysctls)?,
            _ => {}
        }
        self.settle()
    }

    /// The earliest and latest time that a `When` allows.
    fn resolve(&self, when: When) -> (Instant, Instant) {
        match when {
            When::Any => (self.machine.now, Instant::NEVER),
            When::At(at) => (machine::START + micros(at), machine::START + micros(at)),
            When::After(by) => (self.base + micros(by), self.base + micros(by)),
            When::Between(from, to) => (machine::START + micros(from), machine::START + micros(to)),
            When::AfterBetween(from, to) => (self.base + micros(from), self.base + micros(to)),
        }
    }

    /// Lets time pass until `until`; what the stack sends meanwhile waits for a step that expects it.
    fn advance(&mut self, until: Instant) -> Result<(), Failure> {
        while self.machine.step_to(until) {
            self.settle()?;
        }
        self.settle()
    }

    /// Lets the stack and the waiting calls come to rest without letting time pass.
    fn settle(&mut self) -> Result<(), Failure> {
        for _ in 0..10_000 {
            let moved = self.machine.turn();
            let answered = self.poll_pending()?;
            if !moved && !answered {
                return Ok(());
            }
        }
        Err(self.fail("the stack does not come to rest"))
    }

    fn send(&mut self, segment: &Segment) -> Result<(), Failure> {
        let flow = self.need_flow()?;
        let live = self.numbers.to_live(segment);
        self.numbers.peer_sent(&live);
        self.machine.deliver(octets::encode(flow, &live));
        Ok(())
    }

    fn send_icmp(&mut self, icmp: &Icmp) -> Result<(), Failure> {
        let flow = self.need_flow()?;
        let (start, len) = icmp.quoted.unwrap_or((1, 0));
        let quoted = Ends { from: flow.to, to: flow.from };
        let start = self.numbers.stack_to_live(start);
        self.machine.deliver(octets::icmp_error(quoted, icmp.kind, start, len));
        Ok(())
    }

    fn need_flow(&self) -> Result<Ends, Failure> {
        self.flow.ok_or_else(|| self.fail("no socket listens or connects, so there is no flow yet"))
    }

    fn expect(&mut self, wanted: &Segment, window: (Instant, Instant)) -> Result<(), Failure> {
        let latest = window.1 + self.tolerance;
        while self.next_sent().is_none() && self.machine.now < latest {
            // Without a timer nothing can happen any more.
            if latest == Instant::NEVER && self.machine.is_idle() {
                break;
            }
            if self.machine.step_to(latest) {
                self.settle()?;
            }
        }
        let next = self.next_sent().and_then(|index| self.machine.sent.remove(index));
        let Some((at, packet)) = next else {
            return Err(self.nothing_sent(wanted, window));
        };
        let seen = match octets::decode(&packet) {
            Ok(Some(seen)) => seen,
            Ok(None) => return Err(self.fail("the stack sent a packet that is not TCP")),
            Err(wrong) => return Err(self.fail(format!("the stack sent a bad packet: {wrong}"))),
        };
        let seen = self.joined(seen, wanted);
        self.compare(wanted, window, at, seen)?;
        self.base = self.base.max(at);
        Ok(())
    }

    /// The packet that an expectation looks at: the next, or the next of the flow under test when there are several.
    fn next_sent(&self) -> Option<usize> {
        if !self.flows.are_many() {
            return (!self.machine.sent.is_empty()).then_some(0);
        }
        let of_flow = |packet: &[u8]| match octets::decode(packet) {
            Ok(Some(seen)) => {
                self.flow.is_some_and(|flow| (flow.from, flow.to) == (seen.ends.to, seen.ends.from))
            }
            _ => true,
        };
        self.machine.sent.iter().position(|(_, packet)| of_flow(packet))
    }

    /// As the tool does: several segments in a row that make up the one of the script count as one.
    fn joined(&mut self, mut seen: Seen, wanted: &Segment) -> Seen {
        while seen.segment.len > 0 && seen.segment.len < wanted.len {
            let Some((_, packet)) = self.machine.sent.front() else { break };
            let Ok(Some(next)) = octets::decode(packet) else { break };
            if !seen.join(&next, wanted.len) {
                break;
            }
            self.machine.sent.pop_front();
        }
        seen
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(latest) = self.pending.iter().map(|pending| pending.window.1).max() {
            self.advance(latest + self.tolerance)?;
        }
        if let Some(pending) = self.pending.first() {
            self.line = pending.line;
            return Err(self.fail("the call did not return in time"));
        }
        match self.machine.sent.pop_front() {
            None => Ok(()),
            Some((at, packet)) => Err(self.unexpected(at, &packet)),
        }
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0) as u64)
}
