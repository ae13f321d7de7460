//! /proc/net/snmp, netstat and sockstat: the kernel's counters under nstat's names.

#[cfg(test)]
mod tests;

use crate::{Error, files};
use lastack_observe::snapshot::SocketUse;
use lastack_observe::{Counter, Counters};
use std::collections::BTreeMap;

/// Every counter the kernel has, also those that lastack does not know, of one network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KernelCounters {
    values: BTreeMap<String, u64>,
}

impl KernelCounters {
    /// Those of the thread's network namespace.
    pub fn read() -> Result<KernelCounters, Error> {
        let mut counters = KernelCounters::default();
        counters.add_text(&files::read(&files::proc_net("snmp"))?);
        counters.add_text(&files::read(&files::proc_net("netstat"))?);
        Ok(counters)
    }

    /// Adds a text in the form of both files: a line of names, then a line of values, each after its group. Lines that do not
    /// match are passed over, and so are values that are no count (MaxConn is -1).
    pub fn add_text(&mut self, text: &str) {
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((group, names)), Some((same, values))) =
                (names.split_once(':'), values.split_once(':'))
            else {
                continue;
            };
            if group != same || self.values.len() > 4096 {
                continue;
            }
            for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
                if let Ok(value) = value.parse() {
                    self.values.insert(files::plain(&format!("{group}{name}")), value);
                }
            }
        }
    }

    /// One by its name, such as `TcpExtListenDrops`; None when this kernel does not have it.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.values.get(name).copied()
    }

    /// Those that lastack knows.
    pub fn known(&self) -> Counters {
        let mut counters = Counters::default();
        for &counter in Counter::ALL {
            counters.add(counter, self.value(counter.name()).unwrap_or_default());
        }
        counters
    }

    /// Every counter by its name.
    pub fn into_values(self) -> BTreeMap<String, u64> {
        self.values
    }

    /// How much each grew since `before`; those that did not are left out.
    pub fn since(&self, before: &KernelCounters) -> Vec<(&str, u64)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.saturating_sub(before.value(name).unwrap_or(0))))
            .filter(|(_, growth)| *growth > 0)
            .collect()
    }
}

/// sockstat of the thread's network namespace.
pub fn socket_use() -> Result<SocketUse, Error> {
    let v6 = files::read(&files::proc_net("sockstat6")).unwrap_or_default();
    Ok(parse_socket_use(&format!("{}{v6}", files::read(&files::proc_net("sockstat"))?)))
}

/// From the text of /proc/net/sockstat and sockstat6; what is not there is zero.
pub fn parse_socket_use(text: &str) -> SocketUse {
    let value = |line: &str, name: &str| {
        let line = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let mut words = line.unwrap_or_default().split_whitespace();
        words.find(|word| *word == name)?;
        words.next()?.parse().ok()
    };
    let number = |line, name| value(line, name).unwrap_or_default();
    SocketUse {
        sockets: number("sockets", "used"),
        inuse: number("TCP", "inuse"),
        inuse6: number("TCP6", "inuse"),
        time_wait: number("TCP", "tw"),
        orphans: number("TCP", "orphan"),
        allocated: number("TCP", "alloc"),
        memory_pages: number("TCP", "mem"),
    }
}
