//! The scripts of tests/pkt through the C interface, with the result that they have in `sim`.
//!
//! What the interface does not offer (rows of flows, counters: the comments `//# state`, `gone`, `counters`) is passed over;
//! packets, times, answers and errors are all looked at, by this adapter's own eyes.

use crate::tool::{Answer, Blocked, Raw, in_thread};
use lastack_sim::octets::{self, Ends};
use lastack_sim::runner::differences;
use lastack_sim::runner::numbers::Numbers;
use lastack_sim::script::ast::{Action, Call, Check, IcmpKind, Script, Segment, Step, Value, When};
use lastack_stack::SocketError;
use libc::c_int;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const TOLERANCE: i64 = 4_000;
const LOCAL: [&str; 2] = ["192.168.0.1:8080", "[fd3d:a0b:17d6::1]:8080"];
const REMOTE: [&str; 2] = ["192.0.2.1:8080", "[fd3d:fa7b:d17d::1]:8080"];
/// How the reason begins when the adapter has no word for what a script says: that script is not run here.
const UNKNOWN: &str = "not known to the adapter";
const CALLS: [&str; 15] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "read",
    "recv",
    "write",
    "send",
    "shutdown",
    "close",
    "fcntl",
    "setsockopt",
    "getsockopt",
    "ioctl",
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
    let (mut lines, mut apart, mut run) = (Vec::new(), 0, 0);
    for path in files(&root) {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a script is text");
        let script = lastack_sim::script::parse(&name, &text).expect("a script that can be read");
        let sim = lastack_sim::runner::run(&script).map(drop).map_err(|failure| failure.to_string());
        let here = Player::play(&script);
        let word = |result: &Result<(), String>| if result.is_ok() { "ok" } else { "FAILED" };
        let unknown = here.as_ref().is_err_and(|why| why.contains(UNKNOWN));
        apart += usize::from(sim.is_ok() != here.is_ok() && !unknown);
        run += usize::from(!unknown);
        let why = here.as_ref().err().cloned().unwrap_or_default();
        lines.push(format!("{name}: sim {}, interface {} {why}", word(&sim), word(&here)));
    }
    let all = lines.join("\n");
    println!("{all}");
    assert!(run >= 80 && apart == 0, "{apart} of {} end differently:\n{all}", lines.len());
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
    flows: u16,
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
            flows: 0,
            open: BTreeMap::new(),
            waiting: Vec::new(),
        };
        let played = script.steps.iter().try_for_each(|step| {
            player.step(step).map_err(|why| format!("{}:{}: {why}", script.name, step.line))
        });
        let result = played.and_then(|()| player.finish());
        raw.free();
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
            let _ = self.raw.usleep(u32::try_from(from - now).map_err(|_| "too long")?);
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
            Action::Expect(_) | Action::Check(_) => Ok(()),
        }
    }

    fn deliver(&self, packet: &[u8]) -> Result<(), String> {
        self.raw
            .netdev_send(packet.as_ptr().cast(), packet.len())
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn check(&mut self, check: &Check) -> Result<(), String> {
        if matches!(check, Check::Anew) {
            self.numbers.begin_anew();
        }
        Ok(())
    }

    fn expect(&mut self, wanted: &Segment, window: Option<(i64, i64)>) -> Result<(), String> {
        let (at, packet) = self.raw.receive().ok_or_else(|| format!("nothing came, not > {wanted}"))?;
        let seen = octets::decode(&packet)?.ok_or("not TCP")?;
        if self.ends.is_none_or(|ends| (ends.to, ends.from) != (seen.ends.from, seen.ends.to)) {
            if !seen.segment.flags.syn() {
                return Err(format!("of another flow: {}", seen.segment));
            }
            // A connect() of the stack: its port is its own choice.
            self.begin_flow(Ends { from: seen.ends.to, to: seen.ends.from });
        }
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

    fn begin_flow(&mut self, ends: Ends) {
        self.ends = Some(ends);
        self.numbers = Numbers::default();
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
                self.flows += 1;
                let peer = SocketAddr::new(remote.ip(), PEER_PORT + self.flows);
                self.begin_flow(Ends { from: peer, to: local });
            }
            ("connect", _) => self.ends = None,
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
        match self.raw.receive() {
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

fn errno(name: &str) -> Option<c_int> {
    SocketError::ALL.iter().find(|error| error.name() == name).map(|error| error.errno())
}

/// A call of a script with its arguments in numbers.
struct Prepared {
    name: String,
    fd: c_int,
    numbers: Vec<i64>,
    address: SocketAddr,
    /// The value that getsockopt() must tell.
    told: Option<i32>,
}

impl Prepared {
    fn new(
        call: &Call,
        open: &BTreeMap<i64, c_int>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Prepared, String> {
        if !CALLS.contains(&call.name.as_str()) {
            return Err(format!("{UNKNOWN}: {}()", call.name));
        }
        let mut numbers = Vec::new();
        let plain = |value: &&Value| named(value).is_none();
        for argument in call.arguments.iter().filter(plain) {
            numbers.extend(number(argument)?);
        }
        let fd = numbers.first().and_then(|fd| open.get(fd)).copied().unwrap_or(-1);
        let default = if call.name == "bind" { local } else { remote };
        let address = call.arguments.get(1).and_then(named).unwrap_or(default);
        let told = match (call.name.as_str(), call.arguments.get(3)) {
            ("getsockopt", Some(Value::List(list))) => {
                list.first().and_then(|v| number(v).ok()?.first().copied())
            }
            _ => None,
        };
        let told = told.map(|number| number as i32);
        if call.name == "socket" {
            numbers = vec![if local.is_ipv4() { 2 } else { 10 }];
        }
        Ok(Prepared { name: call.name.clone(), fd, numbers, address, told })
    }

    fn run(&self, raw: Raw) -> Answer {
        let (fd, at) = (self.fd, |index: usize| self.numbers.get(index).copied().unwrap_or(0));
        match self.name.as_str() {
            "socket" => raw.socket(at(0) as c_int, libc::SOCK_STREAM, 0),
            "bind" => raw.bind_to(fd, self.address),
            "connect" => raw.connect_to(fd, self.address),
            "listen" => raw.listen(fd, at(1) as c_int),
            "accept" => raw.accept(fd, std::ptr::null_mut(), std::ptr::null_mut()),
            "read" => raw.take(fd, at(1) as usize, 0).map(|got| got.len() as i64),
            "write" => raw.put(fd, at(1) as usize),
            "shutdown" => raw.shutdown(fd, at(1) as c_int),
            "close" => raw.close(fd),
            "fcntl" => raw.fcntl(fd, at(1) as c_int, at(2)),
            "setsockopt" => {
                let value: Vec<i32> =
                    self.numbers[3..self.numbers.len() - 1].iter().map(|n| *n as i32).collect();
                raw.set(fd, at(1) as c_int, at(2) as c_int, &value)
            }
            "getsockopt" => {
                let value = raw.option(fd, at(1) as c_int, at(2) as c_int)?;
                assert_eq!(Some(value as i32), self.told, "getsockopt() tells something else");
                Ok(0)
            }
            "recv" => raw.take(fd, at(1) as usize, at(2) as c_int).map(|got| got.len() as i64),
            "send" => {
                let octets = vec![0; at(1) as usize];
                raw.send(fd, octets.as_ptr().cast(), octets.len(), at(2) as c_int)
            }
            "ioctl" => {
                let mut number: c_int = 0;
                let answer = raw.ioctl(fd, at(1) as libc::c_ulong, (&raw mut number).cast())?;
                let told = self.numbers.get(2).is_none_or(|told| *told == i64::from(number));
                assert!(told, "ioctl() tells {number}, not {:?}", self.numbers.get(2));
                Ok(answer)
            }
            other => unreachable!("{other}() was looked up before"),
        }
    }
}

/// `{sa_family = ..., sin_port = htons(1), sin_addr = inet_addr("1.2.3.4")}`.
fn named(value: &Value) -> Option<SocketAddr> {
    let Value::Fields(fields) = value else { return None };
    let argument = |name: &str| match fields.iter().find(|(field, _)| field == name) {
        Some((_, Value::Apply(_, arguments))) => arguments.first(),
        _ => None,
    };
    let (Value::Number(port), Value::Text(ip)) = (argument("sin_port")?, argument("sin_addr")?) else {
        return None;
    };
    Some(SocketAddr::new(ip.parse().ok()?, u16::try_from(*port).ok()?))
}

/// The numbers of an argument; `...` has none.
fn number(value: &Value) -> Result<Vec<i64>, String> {
    match value {
        Value::Any => Ok(Vec::new()),
        Value::Number(number) => Ok(vec![*number]),
        Value::Words(words) => {
            let sum =
                words.iter().map(|word| constant(word)).try_fold(0, |all, one| Ok::<_, String>(all | one?));
            Ok(vec![sum?])
        }
        Value::List(list) => Ok(list.iter().map(number).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::Fields(fields) => {
            Ok(fields.iter().map(|(_, value)| number(value)).collect::<Result<Vec<_>, _>>()?.concat())
        }
        other => Err(format!("{UNKNOWN}: {other:?}")),
    }
}

fn constant(word: &str) -> Result<i64, String> {
    let known = [
        ("SOCK_STREAM", 1),
        ("SOCK_NONBLOCK", 0o4000),
        ("IPPROTO_TCP", 6),
        ("IPPROTO_IP", 0),
        ("IPPROTO_IPV6", 41),
        ("IP_TOS", 1),
        ("IP_TTL", 2),
        ("IPV6_V6ONLY", 26),
        ("SO_SNDBUF", 7),
        ("SO_RCVBUF", 8),
        ("SO_OOBINLINE", 10),
        ("SO_REUSEPORT", 15),
        ("SO_RCVLOWAT", 18),
        ("TCP_NODELAY", 1),
        ("TCP_MAXSEG", 2),
        ("TCP_CORK", 3),
        ("TCP_SYNCNT", 7),
        ("TCP_LINGER2", 8),
        ("TCP_WINDOW_CLAMP", 10),
        ("TCP_QUICKACK", 12),
        ("TCP_USER_TIMEOUT", 18),
        ("MSG_OOB", 1),
        ("MSG_PEEK", 2),
        ("MSG_DONTWAIT", 0x40),
        ("MSG_NOSIGNAL", 0x4000),
        ("SIOCINQ", 0x541b),
        ("FIONREAD", 0x541b),
        ("SIOCOUTQ", 0x5411),
        ("POLLIN", 1),
        ("POLLPRI", 2),
        ("POLLOUT", 4),
        ("POLLERR", 8),
        ("POLLHUP", 16),
        ("POLLRDHUP", 0x2000),
        ("SOL_SOCKET", 1),
        ("SO_REUSEADDR", 2),
        ("SO_ERROR", 4),
        ("SO_KEEPALIVE", 9),
        ("SO_LINGER", 13),
        ("TCP_DEFER_ACCEPT", 9),
        ("TCP_KEEPIDLE", 4),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 6),
        ("TCP_SYNCNT", 7),
        ("TCP_LINGER2", 8),
        ("TCP_USER_TIMEOUT", 18),
        ("F_GETFL", 3),
        ("F_SETFL", 4),
        ("O_RDWR", 2),
        ("O_NONBLOCK", 0o4000),
        ("SHUT_RD", 0),
        ("SHUT_WR", 1),
        ("SHUT_RDWR", 2),
    ];
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    found.or_else(|| errno(word).map(i64::from)).ok_or_else(|| format!("{UNKNOWN}: `{word}`"))
}
