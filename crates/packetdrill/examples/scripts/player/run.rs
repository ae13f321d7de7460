//! The loop over a script's steps, with the tool's sense of time.

use super::call::{Blocking, Files, Finished};
use super::code::Program;
use super::compare::{self, Ticks};
use super::flows::Flows;
use super::knobs::Knobs;
use super::raw::Raw;
use super::{Failure, Place, Setup, kernel};
use lastack_sim::octets::{self, Ends, Seen};
use lastack_sim::script::ast::{Action, Check, Icmp, IpVersion, Script, Segment, Step, When};
use std::collections::VecDeque;
use std::path::Path;

/// The tool's defaults.
const TOLERANCE_USECS: i64 = 4_000;
const TOLERANCE_MILLI_PERCENT: i64 = 12_500;
/// What it does not sleep but spins through.
const SPIN_USECS: i64 = 20;

/// When a step is due, in microseconds since the script began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) any: bool,
    /// It counts from the step before.
    pub(super) relative: bool,
}

pub(super) struct Player<'s> {
    pub(super) script: &'s Script,
    pub(super) place: Place,
    pub(super) raw: Raw,
    pub(super) begun: i64,
    pub(super) flows: Flows,
    pub(super) files: Files,
    pub(super) blocking: Option<Blocking>,
    pub(super) tolerance: i64,
    pub(super) knobs: Knobs,
    program: Program,
    /// The step before: when it was due, and whether it was a packet of the peer.
    last: Option<(i64, bool)>,
    /// Where relative times count from.
    base: i64,
    pub(super) line: usize,
    unread: VecDeque<(i64, Vec<u8>)>,
}

impl<'s> Player<'s> {
    pub(super) fn play(script: &'s Script, path: &Path, place: Place, setup: &Setup) -> Result<(), Failure> {
        let failed = |line: usize, why: String| Failure { line, why };
        let table =
            if setup.kernel { Some(kernel::open(&place).map_err(|why| failed(0, why))?) } else { None };
        let knobs = Knobs::new(script, setup.kernel).map_err(|why| failed(0, why))?;
        let raw = table.map_or_else(|| Raw::open(&place.flags(knobs.path(), &setup.flags)), Raw);
        let mut player = Player {
            script,
            flows: Flows::new(&place),
            place,
            raw,
            begun: raw.clock(),
            files: Files::default(),
            blocking: None,
            tolerance: script.tolerance_usecs.unwrap_or(TOLERANCE_USECS) + setup.slack_usecs,
            knobs,
            program: Program::new(path),
            last: None,
            base: 0,
            line: 0,
            unread: VecDeque::new(),
        };
        let played = script.steps.iter().try_for_each(|step| player.step(step));
        let played = played.and_then(|()| player.end_blocking());
        let result = match played {
            Ok(()) => player.program.run(),
            Err(why) => Err((player.line, why)),
        };
        player.files.close_all(raw);
        raw.free();
        result.map_err(|(line, why)| failed(line, why))
    }

    /// Microseconds since the script began.
    pub(super) fn now(&self) -> i64 {
        self.raw.clock() - self.begun
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        self.line = step.line;
        self.reap(false)?;
        let inbound = matches!(step.action, Action::Send(_) | Action::SendIcmp(_));
        // Packets of the peer in a row keep their own distances.
        self.base = match self.last {
            Some((due, true)) if inbound => due,
            _ => self.now(),
        };
        let due = self.due(step.when);
        self.act(step, due)?;
        self.last = Some((due.from, inbound));
        Ok(())
    }

    /// Where relative times of this step count from.
    pub(super) fn base(&self) -> i64 {
        self.base
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.place.version == IpVersion::Mapped
    }

    /// The domain of socket() where the script leaves it open.
    pub(super) fn domain(&self) -> i32 {
        if self.place.version == IpVersion::V4 { libc::AF_INET } else { libc::AF_INET6 }
    }

    fn due(&self, when: When) -> Due {
        let relative = matches!(when, When::After(_) | When::AfterBetween(..));
        let (from, to, any) = match when {
            When::Any => (self.base, self.base, true),
            When::At(at) => (at, at, false),
            When::After(by) => (self.base + by, self.base + by, false),
            When::Between(from, to) => (from, to, false),
            When::AfterBetween(from, to) => (self.base + from, self.base + to, false),
        };
        Due { from, to, any, relative }
    }

    fn act(&mut self, step: &Step, due: Due) -> Result<(), String> {
        if let Action::Expect(segment) = &step.action {
            return self.expect(segment, due);
        }
        if let Action::Call(call) = &step.action {
            return self.call(call, due);
        }
        self.wait_for(due)?;
        match &step.action {
            Action::Send(segment) => self.send(segment),
            Action::SendIcmp(icmp) => self.send_icmp(icmp),
            Action::Set(sysctls) => self.knobs.set(sysctls),
            Action::Code(text, _) => {
                let fd = self.flows.under().ok_or("no socket is under test")?.fd;
                self.program.add(step.line, text, fd.ok_or("the socket under test is not accepted yet")?)
            }
            Action::Shell(command) if command.contains("tcp_metrics") => {
                forget_metrics();
                Ok(())
            }
            Action::Shell(command) => Err(format!("this command is not understood: {command}")),
            Action::Foreign(what) => Err(format!("{what} is not known here")),
            Action::Check(Check::Info(..)) => Err("a check of TCP_INFO is code".to_owned()),
            // lastack's own comments are none of the tool's business.
            Action::Check(_) => Ok(()),
            Action::Expect(_) | Action::Call(_) => Ok(()),
        }
    }

    /// Lets time pass until a step is due, and says when that was too late.
    pub(super) fn wait_for(&self, due: Due) -> Result<(), String> {
        loop {
            let left = due.from - self.now();
            if left <= 0 {
                break;
            }
            if left > SPIN_USECS {
                self.sleep(left - SPIN_USECS);
            }
        }
        if self.last.is_none() { Ok(()) } else { self.in_time("this step begins", due, self.now()) }
    }

    /// Longer than usleep() takes at once, too.
    fn sleep(&self, mut usecs: i64) {
        while usecs > 0 {
            let part = usecs.min(1_000_000_000);
            let _ = self.raw.usleep(part as u32);
            usecs -= part;
        }
    }

    /// The tool's tolerance grows with the distance from the step before.
    fn in_time(&self, what: &str, due: Due, at: i64) -> Result<(), String> {
        let before = self.last.map(|(due, _)| due);
        self.near(what, due, at, before)
    }

    pub(super) fn near(&self, what: &str, due: Due, at: i64, before: Option<i64>) -> Result<(), String> {
        let percent = self.script.settings.tolerance_milli_percent.unwrap_or(TOLERANCE_MILLI_PERCENT);
        let grown = before.map_or(0, |before| (due.from - before) * percent / 100_000);
        let tolerance = self.tolerance.max(grown);
        if due.any || (at >= due.from - tolerance && at <= due.to + tolerance) {
            return Ok(());
        }
        let seconds = |usecs: i64| usecs as f64 / 1e6;
        let expected = if due.from == due.to {
            format!("{:.6}", seconds(due.from))
        } else {
            format!("{:.6}~{:.6}", seconds(due.from), seconds(due.to))
        };
        Err(format!("expected {what} at {expected} s, got it at {:.6} s", seconds(at)))
    }

    fn deliver(&self, packet: &[u8]) -> Result<(), String> {
        let sent = self.raw.netdev_send(packet.as_ptr().cast(), packet.len());
        sent.map(drop).map_err(|errno| format!("netdev_send() fails with errno {errno}"))
    }

    fn send(&mut self, segment: &Segment) -> Result<(), String> {
        let scaled = self.script.settings.echo_scaled;
        let flow = self.flows.for_inbound(segment);
        let live = flow.inbound(segment, scaled)?;
        let mut ends = flow.ends;
        let (from, to) = segment.marks.ports;
        if from != 0 {
            ends.from.set_port(from);
        }
        if to != 0 {
            ends.to.set_port(to);
        }
        self.deliver(&octets::encode(ends, &live))
    }

    fn send_icmp(&mut self, icmp: &Icmp) -> Result<(), String> {
        let flow = self.flows.under().ok_or("no socket is under test")?;
        let (start, len) = icmp.quoted.unwrap_or((0, 0));
        let quoted = Ends { from: flow.ends.to, to: flow.ends.from };
        let packet = octets::icmp_error(quoted, icmp.kind, flow.quoted(start), len);
        self.deliver(&packet)
    }

    /// The next packet of the flow under test; others are nobody's.
    fn next_packet(&mut self, wanted: &Segment) -> Result<(i64, Seen), String> {
        loop {
            let next = self.unread.pop_front().or_else(|| self.raw.receive());
            let (at, packet) = next.ok_or_else(|| format!("expected > {wanted}, got nothing"))?;
            let Some(seen) = octets::decode(&packet)? else { continue };
            if self.flows.takes(seen.ends, &seen.segment, wanted) {
                return Ok((at - self.begun, seen));
            }
        }
    }

    fn expect(&mut self, wanted: &Segment, due: Due) -> Result<(), String> {
        self.flows.expects(wanted)?;
        let (at, seen) = self.pieces(wanted)?;
        let ticks = Ticks { usecs: self.script.settings.tick_usecs.unwrap_or(0), tolerance: self.tolerance };
        let flow = self.flows.under().ok_or("no socket is under test")?;
        let wrong = compare::differences(flow, wanted, &seen, ticks);
        if !wrong.is_empty() && !self.script.settings.packets_may_differ {
            let got = self.in_script(&seen);
            return Err(format!("expected > {wanted}, got > {got} ({})", wrong.join(", ")));
        }
        self.in_time(&format!("> {wanted}"), due, at)
    }

    /// One packet, or several in a row whose octets together are as many as the script's.
    fn pieces(&mut self, wanted: &Segment) -> Result<(i64, Seen), String> {
        let (mut at, mut whole) = self.next_packet(wanted)?;
        let mut last = whole.clone();
        while whole.segment.len < wanted.len && !self.script.settings.strict_segments {
            let (later, next) = self.next_packet(wanted)?;
            if !compare::joins(&last.segment, &next.segment, wanted.len - whole.segment.len) {
                let (part, got) = (whole.segment.len, self.in_script(&next));
                return Err(format!("expected > {wanted}, got {part} octets of it and then > {got}"));
            }
            compare::join(&mut whole, &next);
            (at, last) = (later, next);
        }
        Ok((at, whole))
    }

    fn in_script(&mut self, seen: &Seen) -> String {
        self.flows.under().map_or_else(String::new, |flow| flow.outbound(&seen.segment).to_string())
    }

    /// Looks whether the call that waits has returned; `patient`: gives it a second of real time, as the tool does.
    pub(super) fn reap(&mut self, patient: bool) -> Result<(), String> {
        let Some(blocking) = &self.blocking else { return Ok(()) };
        let Some((finished, at)) = blocking.poll(patient) else { return Ok(()) };
        let Some(blocking) = self.blocking.take() else { return Ok(()) };
        let line = std::mem::replace(&mut self.line, blocking.line);
        self.judge(&blocking.call, finished)?;
        let due = Due { from: blocking.end, to: blocking.end, any: false, relative: false };
        self.near(
            &format!("{}() to return", blocking.call.name),
            due,
            at - self.begun,
            Some(blocking.started),
        )?;
        self.line = line;
        Ok(())
    }

    fn end_blocking(&mut self) -> Result<(), String> {
        self.reap(true)?;
        match &self.blocking {
            None => Ok(()),
            Some(blocking) => {
                self.line = blocking.line;
                Err(format!("{}() still waits where the script ends", blocking.call.name))
            }
        }
    }

    /// Compares what a call answered with what the script says, and learns of new descriptors.
    pub(super) fn judge(
        &mut self,
        call: &lastack_sim::script::ast::Call,
        finished: Finished,
    ) -> Result<(), String> {
        super::call::judge(call, &finished.answer)?;
        if let Some(wrong) = finished.wrong {
            return Err(wrong);
        }
        self.learn(call, &finished)
    }
}

/// `ip tcp_metrics flush`, without running it: the library hears of it as it does of every command.
fn forget_metrics() {
    // SAFETY: a C string of a command that does nothing.
    unsafe { libc::system(c": ip tcp_metrics flush all".as_ptr()) };
}
