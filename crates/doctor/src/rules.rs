//! The rules: one file per family, one entry here per rule.

mod accept;
mod close_wait;
mod closing;
mod descriptors;
mod machine;
mod ports;
mod settings;
mod silent;
mod syn;
#[cfg(test)]
pub(crate) mod testing;
mod time_wait;
mod traffic;
mod windows;

use crate::case::Case;
use crate::{Finding, Threshold};

/// What a rule needs to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// At least two looks.
    Looks,
    /// The sockets themselves.
    Rows,
    /// /proc/net/snmp and netstat, or a stack's counters.
    Counters,
    /// TCP_INFO of the sockets.
    Info,
    /// Every process' descriptors.
    Processes,
    /// /proc/net/sockstat.
    SocketUse,
    /// This sysctl.
    Sysctl(&'static str),
    /// The files that set sysctls.
    SysctlFiles,
}

impl Source {
    /// In words.
    pub fn name(self) -> String {
        match self {
            Source::Looks => "two looks".to_owned(),
            Source::Rows => "sockets".to_owned(),
            Source::Counters => "counters".to_owned(),
            Source::Info => "TCP_INFO".to_owned(),
            Source::Processes => "descriptors of processes".to_owned(),
            Source::SocketUse => "sockstat".to_owned(),
            Source::Sysctl(name) => name.to_owned(),
            Source::SysctlFiles => "files that set sysctls".to_owned(),
        }
    }
}

/// To which targets a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// The kernel and lastack stacks.
    Both,
    /// The kernel only: a stack has nothing of the kind.
    Kernel,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its id; it never changes its meaning.
    pub id: &'static str,
    /// What it finds.
    pub finds: &'static str,
    /// To what it applies.
    pub targets: Targets,
    /// Without which it may miss something.
    pub sources: &'static [Source],
    /// The numbers that decide.
    pub thresholds: &'static [Threshold],
    pub(crate) judge: fn(&Case<'_>) -> Vec<Finding>,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    close_wait::LEAK,
    close_wait::PILE,
    close_wait::AGELESS,
    time_wait::PORTS,
    time_wait::HARMLESS,
    time_wait::TABLE,
    syn::FLOOD,
    syn::SMALL,
    accept::SLOW,
    accept::BURSTS,
    accept::CAPPED,
    descriptors::PROCESS,
    descriptors::MACHINE,
    machine::ORPHANS,
    machine::MEMORY,
    machine::CONNTRACK,
    closing::HALF_CLOSED,
    closing::ORPHANED,
    closing::STUCK,
    silent::ONE_SIDED,
    silent::GONE,
    windows::PEERS,
    windows::OURS,
    traffic::RETRANSMISSION,
    traffic::IDLE,
    ports::PARITY,
    ports::COLLISIONS,
    settings::RECYCLE,
    settings::BUCKETS,
    settings::FIN_TIMEOUT,
    settings::COOKIES,
    settings::TIMESTAMPS,
    settings::UNKNOWN,
    settings::DIFFERENT,
    settings::ABORT,
];
