//! Names of ports, as /etc/services has them for TCP.

use std::collections::BTreeMap;

/// Both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    names: BTreeMap<u16, String>,
    ports: BTreeMap<String, u16>,
}

impl Services {
    /// The host's; none where it has no list.
    pub(crate) fn read() -> Services {
        Services::parse(&std::fs::read_to_string("/etc/services").unwrap_or_default())
    }

    /// `name port/tcp alias…`, `#` begins a comment. The first name of a port counts.
    pub(crate) fn parse(text: &str) -> Services {
        let mut services = Services::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
            let Some(port) = port.strip_suffix("/tcp").and_then(|port| port.parse().ok()) else { continue };
            services.names.entry(port).or_insert_with(|| name.to_owned());
            for name in std::iter::once(name).chain(words) {
                services.ports.entry(name.to_owned()).or_insert(port);
            }
        }
        services
    }

    pub(crate) fn name(&self, port: u16) -> Option<&str> {
        self.names.get(&port).map(String::as_str)
    }

    pub(crate) fn port(&self, name: &str) -> Option<u16> {
        self.ports.get(name).copied()
    }
}
