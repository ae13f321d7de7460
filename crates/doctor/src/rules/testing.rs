//! A scene for the tests of rules: looks at a target, put together row by row. What is not set is healthy and known.

use crate::{Finding, Settings, examine};
use lastack_observe::snapshot::{ListenerFacts, SocketUse, SysctlLine};
use lastack_observe::{Census, Flow, HostFacts, Snapshot, SocketRow, State, TcpInfo};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) looks: Vec<Snapshot>,
    pub(crate) settings: Settings,
}

/// A value for every sysctl that some rule needs.
const HEALTHY: &[(&str, &str)] = &[
    ("fs.file-max", "1000000"),
    ("fs.file-nr", "1000 0 1000000"),
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.ip_local_port_range", "32768 60999"),
    ("net.ipv4.ip_local_reserved_ports", ""),
    ("net.ipv4.tcp_fin_timeout", "60"),
    ("net.ipv4.tcp_max_orphans", "131072"),
    ("net.ipv4.tcp_max_tw_buckets", "131072"),
    ("net.ipv4.tcp_mem", "287901 383868 575802"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_tw_reuse", "2"),
    ("net.ipv4.tcp_tw_reuse_delay", "1000"),
];

impl Scene {
    /// Three looks within four seconds at nothing.
    pub(crate) fn new() -> Scene {
        let sysctls = HEALTHY.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let look = Snapshot {
            sysctls,
            counters: [("TcpOutSegs".to_owned(), 1000)].into(),
            socket_use: Some(SocketUse::default()),
            ..Snapshot::default()
        };
        let looks = [0, 2000, 4000].map(|taken_ms| Snapshot { taken_ms, ..look.clone() });
        Scene { looks: looks.to_vec(), settings: Settings::default() }
    }

    #[must_use]
    pub(crate) fn sysctl(mut self, name: &str, value: &str) -> Scene {
        for look in &mut self.looks {
            look.sysctls.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// A socket in every look.
    #[must_use]
    pub(crate) fn row(
        self,
        state: State,
        local: &str,
        remote: &str,
        change: impl Fn(&mut SocketRow),
    ) -> Scene {
        let looks = self.looks.len();
        self.row_in(0..looks, state, local, remote, change)
    }

    /// A socket in some of the looks.
    #[must_use]
    pub(crate) fn row_in(
        mut self,
        looks: std::ops::Range<usize>,
        state: State,
        local: &str,
        remote: &str,
        change: impl Fn(&mut SocketRow),
    ) -> Scene {
        let flow = Flow { local: local.parse().unwrap(), remote: remote.parse().unwrap() };
        let mut row = SocketRow::new(state, flow);
        row.host = Some(Box::new(HostFacts { info: Some(TcpInfo::default()), ..HostFacts::default() }));
        change(&mut row);
        for look in &mut self.looks[looks] {
            look.census.enter(state);
            let mine = look.listeners.iter_mut().find(|listener| listener.local == flow.local);
            if let Some(listener) = mine {
                listener.flows.enter(state);
            }
            look.rows.push(row.clone());
        }
        self
    }

    #[must_use]
    pub(crate) fn listener(mut self, local: &str, backlog: u64) -> Scene {
        let local = local.parse().unwrap();
        for look in &mut self.looks {
            look.listeners.push(ListenerFacts {
                local,
                sockets: 1,
                queue: 0,
                backlog,
                drops: Some(0),
                flows: Census::default(),
                holders: Vec::new(),
            });
        }
        self
    }

    /// A counter that grows from zero to `growth`.
    #[must_use]
    pub(crate) fn grows(mut self, counter: &str, growth: u64) -> Scene {
        let last = self.looks.len() as u64 - 1;
        for (index, look) in self.looks.iter_mut().enumerate() {
            look.counters.insert(counter.to_owned(), growth * index as u64 / last);
        }
        self
    }

    #[must_use]
    pub(crate) fn line(mut self, name: &str, value: &str, known: bool) -> Scene {
        for look in &mut self.looks {
            let number = look.sysctl_lines.len() as u32 + 1;
            let (path, name, value) = ("/etc/sysctl.conf".to_owned(), name.to_owned(), value.to_owned());
            look.sysctl_lines.push(SysctlLine { path, number, name, value, known });
        }
        self
    }

    #[must_use]
    pub(crate) fn set(mut self, threshold: &str) -> Scene {
        self.settings.thresholds.set(threshold).unwrap();
        self
    }

    #[must_use]
    pub(crate) fn nat_hold(mut self, hold: Duration) -> Scene {
        self.settings.nat_hold = Some(hold);
        self
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let report = examine(&self.looks, &self.settings);
        assert!(report.blind.is_empty(), "a scene hides nothing: {:?}", report.blind);
        report.findings
    }
}

/// Which rules speak.
pub(crate) fn ids(scene: &Scene) -> Vec<&'static str> {
    scene.findings().iter().map(|finding| finding.id).collect()
}
