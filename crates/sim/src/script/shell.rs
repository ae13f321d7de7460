//! Shell commands of a script, read for the sysctls that they would set. Nothing is ever executed.
//!
//! Understood: `sysctl`, `set_sysctls.py`, `echo VALUE > /proc/sys/...`, `defaults.sh`, and `dd` of zeros; passed over: what
//! arranges devices, routes and files outside the stack.

use super::ast::{Action, Check, Script, Step, Sysctl, When};
use super::parser::{Parsed, Parser};

/// Commands that change nothing in the stack.
const HARMLESS: &[&str] = &[
    "ip", "tc", "ethtool", "ifconfig", "modprobe", "sleep", "true", "test", "sync", "rm", "mkdir", "touch",
    "cat", "grep", "nstat", "ss", "netstat",
];

enum Meaning {
    Nothing,
    Defaults(String),
    Sets(Vec<(String, String)>),
    /// A file of so many zeros.
    Zeros(String, u64),
    Unknown,
}

impl Parser<'_> {
    pub(super) fn command(
        &mut self,
        command: &str,
        line: usize,
        when: When,
        script: &mut Script,
    ) -> Parsed<()> {
        let mut sysctls = Vec::new();
        // What the kernel is to forget of peers, a stack has to forget as well.
        let mut unknown = command.contains("tcp_metrics");
        let ours = |step: &Step| matches!(step.action, Action::Check(Check::Row { .. } | Check::Flow(_)));
        let preamble = script.steps.iter().all(ours);
        let joined = command.replace("\\\n", " ");
        for part in joined.split(['\n', ';', '&']).map(str::trim) {
            match meaning(part) {
                Meaning::Nothing => {}
                Meaning::Defaults(path) if preamble => script.defaults = Some(path),
                Meaning::Defaults(_) => {}
                Meaning::Sets(set) => {
                    sysctls.extend(set.into_iter().map(|(name, value)| Sysctl { line, name, value }));
                }
                Meaning::Zeros(path, octets) => script.zeros.push((path, octets)),
                Meaning::Unknown => unknown = true,
            }
        }
        if preamble {
            script.sysctls.append(&mut sysctls);
        } else if !sysctls.is_empty() {
            script.steps.push(Step { line, when, action: Action::Set(sysctls) });
        }
        if unknown {
            script.steps.push(Step { line, when, action: Action::Shell(command.to_owned()) });
        }
        self.advance();
        Ok(())
    }
}

fn meaning(part: &str) -> Meaning {
    let words = words(part);
    // What is only redirected or commented.
    let Some(first) = words.first().filter(|first| !first.starts_with(['#', '>', '1', '2'])) else {
        return Meaning::Nothing;
    };
    let tool = first.rsplit('/').next().unwrap_or(first);
    match tool {
        "defaults.sh" => Meaning::Defaults(first.clone()),
        "sysctl" | "set_sysctls.py" => sets(&words[1..]),
        "echo" | "printf" => echo(&words[1..]),
        "dd" => zeros(&words[1..]),
        // What the tool's helper leaves to undo its work when all is over.
        _ if tool.starts_with("sysctl_restore_") => Meaning::Nothing,
        _ if HARMLESS.contains(&tool) => Meaning::Nothing,
        _ => Meaning::Unknown,
    }
}

fn sets(words: &[String]) -> Meaning {
    let mut set = Vec::new();
    for word in words {
        if word.starts_with('>') || word.starts_with("2>") {
            break;
        }
        if word.starts_with('-') {
            continue;
        }
        let Some((path, value)) = word.split_once('=') else { return Meaning::Unknown };
        set.push((dotted(path), value.to_owned()));
    }
    Meaning::Sets(set)
}

/// `echo VALUE > /proc/sys/net/...`; into any other file it is nothing to us.
fn echo(words: &[String]) -> Meaning {
    let Some(at) = words.iter().position(|word| word.starts_with('>')) else { return Meaning::Nothing };
    let target = words[at].trim_start_matches('>');
    let target = if target.is_empty() { words.get(at + 1).map_or("", String::as_str) } else { target };
    if !target.starts_with("/proc/sys/") {
        return Meaning::Nothing;
    }
    let value: Vec<&str> =
        words[..at].iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    Meaning::Sets(vec![(dotted(target), value.join(" "))])
}

/// `dd if=/dev/zero of=FILE bs=N count=N`.
fn zeros(words: &[String]) -> Meaning {
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str, default: u64| match value(name) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    match (value("if"), value("of"), number("bs", 512), number("count", 1)) {
        (Some("/dev/zero"), Some(path), Some(size), Some(count)) => {
            Meaning::Zeros(path.to_owned(), size.saturating_mul(count))
        }
        _ => Meaning::Unknown,
    }
}

fn dotted(path: &str) -> String {
    path.trim_start_matches("/proc/sys/").replace('/', ".")
}

/// The words of a command as a shell would see them: quotes hold a word together and go away, so does what follows a `#`, and
/// `$((15*1024))` is its value.
fn words(command: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in calculated(command).chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            None if c == '#' && word.is_none() => break,
            None if c.is_whitespace() => all.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    all.extend(word);
    all
}

/// Products within `$((...))`.
fn calculated(command: &str) -> String {
    let (mut done, mut rest) = (String::new(), command);
    while let Some((before, after)) = rest.split_once("$((") {
        let Some((inner, tail)) = after.split_once("))") else { break };
        let product = inner.split('*').try_fold(1_u64, |all, factor| {
            factor.trim().parse::<u64>().ok().and_then(|factor| all.checked_mul(factor))
        });
        done.push_str(before);
        done.push_str(&product.map_or_else(|| inner.to_owned(), |product| product.to_string()));
        rest = tail;
    }
    done + rest
}
