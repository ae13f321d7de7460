//! What the rules look at: the looks at one target, oldest first, and the questions that several rules ask of them.

use crate::examine::Settings;
use crate::rules::Source;
use crate::{Culprit, Threshold};
use lastack_observe::snapshot::{ListenerFacts, ProcessFacts, Target, UnreadSource};
use lastack_observe::{Flow, HostFacts, Snapshot, SocketRow, TcpInfo};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What makes a socket the same one in two looks: the kernel's cookie, and the flow where there is none.
type Identity = (u64, Flow);

pub(crate) struct Case<'a> {
    looks: &'a [Snapshot],
    /// The oldest look.
    pub(crate) first: &'a Snapshot,
    /// The newest.
    pub(crate) last: &'a Snapshot,
    pub(crate) settings: &'a Settings,
    /// Listeners of the last look by their local ends.
    listeners: HashMap<SocketAddr, &'a ListenerFacts>,
    processes: HashMap<u32, &'a ProcessFacts>,
}

impl<'a> Case<'a> {
    /// None when there is no look.
    pub(crate) fn new(looks: &'a [Snapshot], settings: &'a Settings) -> Option<Case<'a>> {
        let (first, last) = (looks.first()?, looks.last()?);
        let listeners = last.listeners.iter().map(|listener| (canonical(listener.local), listener)).collect();
        let processes = last.processes.iter().map(|process| (process.pid, process)).collect();
        Some(Case { looks, first, last, settings, listeners, processes })
    }

    pub(crate) fn looks(&self) -> &'a [Snapshot] {
        self.looks
    }

    /// The look in the middle of time.
    pub(crate) fn middle(&self) -> &'a Snapshot {
        &self.looks[self.looks.len() / 2]
    }

    /// From the first look to the last.
    pub(crate) fn seconds(&self) -> f64 {
        self.last.taken_ms.saturating_sub(self.first.taken_ms) as f64 / 1000.0
    }

    /// The same for rates: never zero.
    pub(crate) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.seconds().max(0.001)
    }

    pub(crate) fn limit(&self, threshold: Threshold) -> f64 {
        self.settings.thresholds.of(threshold)
    }

    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self.last.target, Target::Kernel { .. })
    }

    /// How much a counter grew between the first look and the last.
    pub(crate) fn growth(&self, counter: &str) -> u64 {
        let value = |look: &Snapshot| look.counters.get(counter).copied();
        match (value(self.first), value(self.last)) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => 0,
        }
    }

    /// The running value of a sysctl.
    pub(crate) fn sysctl(&self, name: &str) -> Option<&'a str> {
        self.last.sysctls.get(name).map(String::as_str)
    }

    /// Its numbers, of which most have one.
    pub(crate) fn numbers(&self, name: &str) -> Vec<i64> {
        let words = self.sysctl(name).unwrap_or_default().split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.numbers(name).first().copied()
    }

    /// The sockets of the last look that pass, and that passed in every look before.
    pub(crate) fn stayed(&self, passes: impl Fn(&SocketRow) -> bool) -> Vec<&'a SocketRow> {
        let mut rows: Vec<&SocketRow> = self.last.rows.iter().filter(|row| passes(row)).collect();
        for look in &self.looks[..self.looks.len() - 1] {
            if rows.is_empty() {
                break;
            }
            let before = identities(look, &passes);
            rows.retain(|row| before.contains(&identity(row)));
        }
        rows
    }

    /// The listener that a flow with this local end came from.
    pub(crate) fn listener(&self, local: SocketAddr) -> Option<&'a ListenerFacts> {
        let local = canonical(local);
        let any4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), local.port());
        let any6 = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), local.port());
        let ends = if local.is_ipv4() { [local, any4, any6] } else { [local, any6, any6] };
        ends.iter().find_map(|end| self.listeners.get(end)).copied()
    }

    /// Who is to blame for what an application does, or does not do, with this socket.
    pub(crate) fn holder(&self, row: &SocketRow) -> Culprit {
        let held = row.host.as_deref().and_then(|host| host.holders.first());
        if let Some(holder) = held {
            return Culprit::Process { pid: holder.pid, name: holder.name.clone() };
        }
        if let Some(listener) = self.listener(row.flow.local) {
            return Culprit::Listener { local: listener.local };
        }
        match self.missing(Source::Processes) {
            Some(missing) => Culprit::Unknown { missing },
            None => Culprit::Peer { peer: canonical(row.flow.remote).to_string() },
        }
    }

    /// The processes that hold a listener; itself where they are not known.
    pub(crate) fn holders(&self, listener: &ListenerFacts) -> Vec<Culprit> {
        let mut culprits: Vec<Culprit> = listener
            .holders
            .iter()
            .map(|holder| Culprit::Process { pid: holder.pid, name: holder.name.clone() })
            .collect();
        culprits.sort();
        culprits.dedup();
        culprits.truncate(4);
        culprits.insert(0, Culprit::Listener { local: listener.local });
        if let Some(missing) = self.missing(Source::Processes).filter(|_| culprits.len() == 1) {
            culprits.push(Culprit::Unknown { missing });
        }
        culprits
    }

    /// What is known of the process.
    pub(crate) fn process(&self, culprit: &Culprit) -> Option<&'a ProcessFacts> {
        let Culprit::Process { pid: wanted, .. } = culprit else { return None };
        self.processes.get(wanted).copied()
    }

    /// Rows by who holds them.
    pub(crate) fn by_holder(&self, rows: &[&'a SocketRow]) -> BTreeMap<Culprit, Vec<&'a SocketRow>> {
        let mut groups: BTreeMap<Culprit, Vec<&SocketRow>> = BTreeMap::new();
        for row in rows {
            groups.entry(self.holder(row)).or_default().push(row);
        }
        groups
    }

    /// Why a source cannot be used; None when it can.
    pub(crate) fn missing(&self, source: Source) -> Option<String> {
        let unread = |wanted: UnreadSource| {
            let found = self.last.unread.iter().find(|unread| unread.source == wanted)?;
            Some(format!("{} {} could not be read: {}", found.count, noun(wanted), found.why))
        };
        let look = self.last;
        match source {
            Source::Looks => (self.looks.len() < 2)
                .then(|| "one look only, so nothing can be seen to grow or to stay".to_owned()),
            Source::Rows => unread(UnreadSource::Sockets).or_else(|| {
                let counts_only = look.rows.is_empty() && look.census.total() > 0;
                counts_only.then(|| "there are counts only, no sockets".to_owned())
            }),
            Source::Counters => unread(UnreadSource::Counters)
                .or_else(|| look.counters.is_empty().then(|| "there are no counters".to_owned())),
            Source::Info => {
                let may_have = |row: &&SocketRow| row.state == lastack_observe::State::Established;
                let mut rows = look.rows.iter().filter(may_have).peekable();
                let none = rows.peek().is_some() && rows.all(|row| info(row).is_none());
                none.then(|| "the sockets come without TCP_INFO".to_owned())
            }
            Source::Processes => unread(UnreadSource::Processes).or_else(|| unread(UnreadSource::Owners)),
            // A stack's counters tell when its memory came under pressure.
            Source::SocketUse if !self.is_kernel() => None,
            Source::SocketUse => unread(UnreadSource::SocketUse)
                .or_else(|| look.socket_use.is_none().then(|| "there is no sockstat".to_owned())),
            Source::SysctlFiles => unread(UnreadSource::SysctlFiles),
            Source::Sysctl(name) => self.sysctl(name).is_none().then(|| {
                let machine = ["net.ipv4.tcp_mem", "net.ipv4.tcp_max_orphans"].contains(&name);
                match machine && self.is_kernel() {
                    true => format!("{name} exists in the first network namespace only: run there, with -N"),
                    false => format!("{name} could not be read"),
                }
            }),
        }
    }
}

fn noun(source: UnreadSource) -> &'static str {
    match source {
        UnreadSource::Processes => "processes",
        UnreadSource::Owners => "owners of sockets",
        UnreadSource::Sockets => "sockets",
        UnreadSource::Counters => "tables of counters",
        UnreadSource::SocketUse => "sockstat",
        UnreadSource::SysctlFiles => "files of sysctls",
    }
}

pub(crate) fn identity(row: &SocketRow) -> Identity {
    (row.host.as_deref().map_or(0, |host| host.cookie), row.flow)
}

/// Those of a look that pass.
pub(crate) fn identities(look: &Snapshot, passes: impl Fn(&SocketRow) -> bool) -> HashSet<Identity> {
    look.rows.iter().filter(|row| passes(row)).map(identity).collect()
}

pub(crate) fn host(row: &SocketRow) -> Option<&HostFacts> {
    row.host.as_deref()
}

pub(crate) fn info(row: &SocketRow) -> Option<&TcpInfo> {
    row.host.as_deref()?.info.as_ref()
}

/// An IPv4 address that an IPv6 socket carries is an IPv4 address.
pub(crate) fn canonical(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

/// The peers that most of these sockets have, at most three.
pub(crate) fn peers<'r>(rows: impl IntoIterator<Item = &'r SocketRow>) -> Vec<Culprit> {
    let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.flow.remote.ip().to_canonical()).or_default() += 1;
    }
    let mut counts: Vec<(IpAddr, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(ip, count)| (std::cmp::Reverse(*count), *ip));
    counts.into_iter().take(3).map(|(ip, _)| Culprit::Peer { peer: ip.to_string() }).collect()
}

/// Of a hundred; zero of nothing.
pub(crate) fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { 100.0 * part / whole } else { 0.0 }
}

impl Case<'_> {
    /// A setting as a culprit: with the line that sets it, if a file does.
    pub(crate) fn line_of(&self, name: &str) -> Culprit {
        let line = self.last.sysctl_lines.iter().rev().find(|line| line.name == name);
        let line = line.map_or_else(String::new, |line| format!("{}:{}", line.path, line.number));
        Culprit::Sysctl { name: name.to_owned(), line }
    }
}
