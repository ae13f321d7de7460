//! The scripts of tests/pkt through the C interface, with the result that they have in `sim`.
//!
//! What the interface does not offer (rows of flows, counters: the comments `//# state`, `gone`, `counters`) is passed over;
//! packets, times, answers and errors are all looked at, by this adapter's own eyes.

mod words;

use crate::tool::{Answer, Blocked, Raw, in_thread};
use lastack_sim::octets::{self, Ends, Seen};
use lastack_sim::runner::differences;
use lastack_sim::runner::numbers::Numbers;
use lastack_sim::script::ast::{Action, Call, Check, IcmpKind, Script, Segment, Step, When};
use lastack_stack::wire::tcp::Flags;
use libc::c_int;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use words::{Prepared, errno};

const TOLERANCE: i64 = 4_000;
const LOCAL: [&str; 2] = ["192.168.0.1:8080", "[fd3d:a0b:17d6::1]:8080"];
const REMOTE: [&str; 2] = ["192.0.2.1:8080", "[fd3d:fa7b:d17d::1]:8080"];
/// How the reason begins when the adapter has no word for what a script says: that script is not run here.
const UNKNOWN: &str = "not known to the adapter";
const CALLS: [&str; 17] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "read",
    "recv",
    "write",
    "send",
    "sendto",
    "shutdown",
    "close",
    "fcntl",
    "setsockopt",
    "getsockopt",
    "ioctl",
    "poll",
];
/// The peer's port towards a listener.
const PEER_PORT: u16 = 41_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of scripts") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ext| ext == "pkt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_script_ends_as_in_sim() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pkt");
    let (mut lines, mut good, mut apart, mut run) = (Vec::new(), 0, 0, 0);
    for path in files(&root) {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a script is text");
        let script = lastack_sim::script::parse(&name, &text).expect("a script that can be read");
        let sim = lastack_sim::runner::run(&script).is_ok();
        let here = Player::play(&script);
        let unknown = here.as_ref().is_err_and(|why| why.contains(UNKNOWN));
        apart += usize::from(sim != here.is_ok() && !unknown);
        good += usize::from(sim);
        run += usize::from(!unknown);
        let word = |passed: bool| if passed { "ok" } else { "FAILED" };
        let interface = if unknown { "-" } else { word(here.is_ok()) };
        let why = here.err().unwrap_or_default();
        lines.push(format!("{name:<56} {:<7} {interface:<9} {why}", word(sim)).trim_end().to_owned());
    }
    let all = lines.join("\n");
    println!("{:<56} {:<7} interface\n{all}", "script", "sim");
    let unknown = lines.len() - run;
    println!(
        "{} scripts: {good} pass in sim, {run} run through the interface, {unknown} cannot",
        lines.len()
    );
    assert!(run * 20 >= lines.len() * 19 && apart == 0, "{apart} of {} end differently:\n{all}", lines.len());
}

struct Player<'s> {
    script: &'s Script,
    raw: Raw,
    begun: i64,
    /// Relative times count from here.
    base: i64,
    tolerance: i64,
    numbers: Numbers,
    ends: Option<Ends>,
    /// Flows that are not under test, by number, and the numbers of the one that is and of the last that began.
    others: BTreeMap<u16, (Option<Ends>, Numbers)>,
    current: u16,
    flows: u16,
    /// What the stack sent in flows that were not under test.
    unseen: VecDeque<(i64, Vec<u8>)>,
    /// The script's descriptors and the library's.
    open: BTreeMap<i64, c_int>,
    waiting: Vec<(Blocked<Answer>, Call, i64)>,
}

impl Player<'_> {
    fn play(script: &Script) -> Result<(), String> {
        let knobs: Vec<String> = script.sysctls.iter().map(flag).collect();
        let raw = Raw::open(&knobs.join(","));
        let begun = raw.clock();
        let mut player = Player {
            script,
            raw,
            begun,
            base: begun,
            tolerance: script.tolerance_usecs.unwrap_or(TOLERANCE),
            numbers: Numbers::default(),
            ends: None,
            others: BTreeMap::new(),
            current: 0,
            flows: 0,
            unseen: VecDeque::new(),
            open: BTreeMap::new(),
            waiting: Vec::new(),
        };
        let played = script.steps.iter().try_for_each(|step| {
            player.step(step).map_err(|why| format!("{}:{}: {why}", script.name, step.line))
        });
        let result = played.and_then(|()| player.finish());
        // After a failure a thread may still wait inside.
        if result.is_ok() {
            raw.free();
        }
        result
    }

    /// The earliest and latest time of a step; `None`: any.
    fn window(&self, when: When) -> Option<(i64, i64)> {
        match when {
            When::Any => None,
            When::At(at) => Some((self.begun + at, self.begun + at)),
            When::After(by) => Some((self.base + by, self.base + by)),
            When::Between(from, to) => Some((self.begun + from, self.begun + to)),
            When::AfterBetween(from, to) => Some((self.base + from, self.base + to)),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let window = self.window(step.when);
        if let Action::Expect(segment) = &step.action {
            return self.expect(segment, window);
        }
        let now = self.raw.clock();
        if let Some((from, _)) = window
            && from > now
        {
            self.sleep(from - now);
        }
        if let Action::Check(check) = &step.action {
            return self.check(check);
        }
        let begun = std::mem::replace(&mut self.base, window.map_or(now, |(from, _)| from.max(now)));
        match &step.action {
            Action::Send(segment) => {
                let live = self.numbers.to_live(segment);
                self.numbers.peer_sent(&live);
                self.deliver(&octets::encode(self.ends.ok_or("no flow")?, &live))
            }
            Action::SendIcmp(icmp) => {
                let ends = self.ends.ok_or("no flow")?;
                let (start, len) = icmp.quoted.unwrap_or((1, 0));
                let kind: IcmpKind = icmp.kind;
                let quoted = Ends { from: ends.to, to: ends.from };
                self.deliver(&octets::icmp_error(quoted, kind, self.numbers.stack_to_live(start), len))
            }
            Action::Call(call) => self.call(call, step.when, begun),
            Action::Set(_) => Err(format!("{UNKNOWN}: the interface has no way to set a sysctl later")),
            Action::Shell(_) | Action::Foreign(_) => Err(format!("{UNKNOWN}: only TCP, and no commands")),
            Action::Expect(_) | Action::Check(_) | Action::Code(..) => Ok(()),
        }
    }

    /// Longer than usleep() takes at once, too.
    fn sleep(&self, mut usecs: i64) {
        while usecs > 0 {
            let part = usecs.min(1_000_000_000);
            let _ = self.raw.usleep(part as u32);
            usecs -= part;
        }
    }

    fn deliver(&self, packet: &[u8]) -> Result<(), String> {
        self.raw
            .netdev_send(packet.as_ptr().cast(), packet.len())
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn check(&mut self, check: &Check) -> Result<(), String> {
        match check {
            Check::Anew => self.numbers.begin_anew(),
            Check::Flow(number) if *number != self.current => {
                self.park();
                self.current = *number;
                self.flows = self.flows.max(*number);
                let new = (Some(self.client(*number)), Numbers::default());
                (self.ends, self.numbers) = self.others.remove(number).unwrap_or(new);
            }
            _ => {}
        }
        Ok(())
    }

    /// The flow of a client of the listener.
    fn client(&self, number: u16) -> Ends {
        let at = |side: [&str; 2]| -> SocketAddr {
            side[usize::from(self.script.ipv6)].parse().expect("an address")
        };
        Ends { from: SocketAddr::new(at(REMOTE).ip(), PEER_PORT + number), to: at(LOCAL) }
    }

    fn park(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        self.others.insert(self.current, (self.ends.take(), numbers));
    }

    /// The next packet of the flow under test, or of a flow that nobody knows.
    fn receive(&mut self) -> Option<(i64, Vec<u8>)> {
        let known: Vec<Ends> = self.others.values().filter_map(|(ends, _)| *ends).collect();
        let fresh = self.ends.is_none();
        let elsewhere = |packet: &[u8]| match octets::decode(packet) {
            // A connect() may take the port of a flow that was before.
            Ok(Some(seen)) if seen.segment.flags == Flags::SYN && fresh => false,
            Ok(Some(seen)) => known.iter().any(|e| (e.to, e.from) == (seen.ends.from, seen.ends.to)),
            _ => false,
        };
        if let Some(at) = self.unseen.iter().position(|(_, packet)| !elsewhere(packet)) {
            return self.unseen.remove(at);
        }
        loop {
            let (at, packet) = self.raw.receive()?;
            if !elsewhere(&packet) {
                return Some((at, packet));
            }
            self.unseen.push_back((at, packet));
        }
    }

    fn expect(&mut self, wanted: &Segment, window: Option<(i64, i64)>) -> Result<(), String> {
        let (at, packet) = self.receive().ok_or_else(|| format!("nothing came, not > {wanted}"))?;
        let seen = octets::decode(&packet)?.ok_or("not TCP")?;
        if self.ends.is_none_or(|ends| (ends.to, ends.from) != (seen.ends.from, seen.ends.to)) {
            if !seen.segment.flags.syn() {
                return Err(format!("of another flow: {}", seen.segment));
            }
            // A connect() of the stack: its port is its own choice.
            self.ends = Some(Ends { from: seen.ends.to, to: seen.ends.from });
        }
        let seen = self.joined(seen, wanted);
        let live = self.numbers.in_script(&seen.segment, wanted);
        let (from, to) = window.unwrap_or((0, i64::MAX));
        let width = if to == i64::MAX { 0 } else { to - from };
        let wrong = differences(wanted, &live, ((self.tolerance + width) / 1000) as u32);
        if !wrong.is_empty() {
            return Err(format!("{wrong:?}: expected > {wanted}, seen > {live}"));
        }
        if at < from - self.tolerance || at > to.saturating_add(self.tolerance) {
            return Err(format!("> {wanted} at {} us, not {from} to {to}", at - self.begun));
        }
        self.base = self.base.max(at);
        Ok(())
    }

    /// Several segments in a row that make up the one of the script count as one.
    fn joined(&mut self, mut seen: Seen, wanted: &Segment) -> Seen {
        while seen.segment.len > 0 && seen.segment.len < wanted.len {
            let Some((at, packet)) = self.receive() else { break };
            let next = octets::decode(&packet);
            if !matches!(&next, Ok(Some(next)) if seen.join(next, wanted.len)) {
                self.unseen.push_front((at, packet));
                break;
            }
        }
        seen
    }

    fn begin_flow(&mut self) {
        self.park();
        self.flows += 1;
        self.current = self.flows;
    }

    fn call(&mut self, call: &Call, when: When, begun: i64) -> Result<(), String> {
        let at = |side: [&str; 2]| -> SocketAddr {
            side[usize::from(self.script.ipv6)].parse().expect("an address")
        };
        let (local, remote) = (at(LOCAL), at(REMOTE));
        let prepared = Prepared::new(call, &self.open, local, remote)?;
        if let Some(returns) = call.returns {
            let end = match (when, returns) {
                (When::At(_) | When::Between(..), When::At(end)) => self.begun + end,
                (_, When::At(end) | When::After(end)) => begun + end,
                _ => return Err("a call returns at one time".to_owned()),
            };
            let blocked = in_thread(self.raw, move |raw| prepared.run(raw));
            self.waiting.push((blocked, call.clone(), end));
            return Ok(());
        }
        let answer = prepared.run(self.raw);
        self.judge(call, answer)?;
        match (call.name.as_str(), answer) {
            ("listen", Ok(_)) => {
                self.begin_flow();
                self.ends = Some(self.client(self.current));
            }
            ("connect", _) => self.begin_flow(),
            // MSG_FASTOPEN connects; a refusal begins no flow.
            ("sendto", Ok(_) | Err(libc::EINPROGRESS)) => self.begin_flow(),
            ("socket" | "accept", Ok(fd)) => {
                self.open.insert(call.result.unwrap_or(fd), fd as c_int);
            }
            _ => {}
        }
        Ok(())
    }

    fn judge(&self, call: &Call, answer: Answer) -> Result<(), String> {
        let Some(expected) = call.result else { return Ok(()) };
        let errno = call.errno.as_deref().map(errno);
        let descriptor = matches!(call.name.as_str(), "socket" | "accept");
        let fits = match answer {
            Ok(number) => errno.is_none() && (number == expected || (descriptor && expected >= 0)),
            Err(seen) => expected == -1 && errno.is_none_or(|errno| errno == Some(seen)),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{}() = {expected} {:?}, seen {answer:?}", call.name, call.errno))
        }
    }

    fn finish(mut self) -> Result<(), String> {
        for (blocked, call, end) in std::mem::take(&mut self.waiting) {
            let now = self.raw.clock();
            if end > now {
                let _ = self.raw.usleep((end + self.tolerance - now) as u32);
            }
            let (answer, at) = blocked.end();
            self.judge(&call, answer)?;
            if (at - end).abs() > self.tolerance {
                return Err(format!(
                    "{}() returned at {}, not at {}",
                    call.name,
                    at - self.begun,
                    end - self.begun
                ));
            }
        }
        let end = self.raw.clock();
        match self.unseen.pop_front().or_else(|| self.raw.receive()) {
            Some((at, _)) if at <= end => Err("a packet that no step expects".to_owned()),
            _ => Ok(()),
        }
    }
}

fn flag(sysctl: &lastack_sim::script::ast::Sysctl) -> String {
    let name =
        if sysctl.name.contains('.') { sysctl.name.clone() } else { format!("net.ipv4.{}", sysctl.name) };
    format!("{name}={}", sysctl.value.replace([' ', ','], ":"))
}
