//! What one look at a target saw: sockets, counts, counters, settings, processes, and what could not be read. No logic.
//!
//! The form is stable: later versions of the same number only add fields, readers pass over what they do not know, and what an
//! older writer left out is empty. Another number is another form and is refused by name.

use crate::{Census, Holder, SocketRow};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::SocketAddr;

#[cfg(test)]
mod tests;

/// The form this code writes and reads.
pub const SCHEMA: &str = "lastack.snapshot/1";

/// Says that what follows has the form of [`SCHEMA`]; anything else is an error when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Schema;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCHEMA)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Schema, D::Error> {
        let found = String::deserialize(deserializer)?;
        if found == SCHEMA {
            return Ok(Schema);
        }
        let found: String = found.chars().take(60).filter(|sign| !sign.is_control()).collect();
        Err(D::Error::custom(format!("its form is \"{found}\", and this lastack reads \"{SCHEMA}\"")))
    }
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The Linux kernel, in one network namespace.
    Kernel {
        /// As `uname -r` tells it.
        #[serde(default)]
        release: String,
        /// The namespace as the user named it; None is the user's own.
        #[serde(default)]
        namespace: Option<String>,
    },
    /// A lastack stack.
    Stack {
        /// Its name.
        name: String,
        /// Its device.
        #[serde(default)]
        device: String,
    },
}

impl Default for Target {
    fn default() -> Target {
        Target::Kernel { release: String::new(), namespace: None }
    }
}

/// One look.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The form; the first field, so that it is read first.
    pub schema: Schema,
    /// When: milliseconds since 1970, UTC.
    pub taken_ms: u64,
    /// At what.
    pub target: Target,
    /// How many flows and listeners are in each state. It counts also what [`Snapshot::rows_left_out`] counts.
    #[serde(default)]
    pub census: Census,
    /// Sockets, each with its holders as far as they could be seen.
    #[serde(default)]
    pub rows: Vec<SocketRow>,
    /// Sockets beyond the bound of rows.
    #[serde(default)]
    pub rows_left_out: u64,
    /// True when the tables changed while they were read: some sockets may be missing or there twice.
    #[serde(default)]
    pub interrupted: bool,
    /// Local ends that are listened on.
    #[serde(default)]
    pub listeners: Vec<ListenerFacts>,
    /// Counters under nstat's names; empty when they could not be read.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// sockstat; None when it could not be read.
    #[serde(default)]
    pub socket_use: Option<SocketUse>,
    /// Running values by their names; a name that could not be read is not there.
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
    /// What the files say that set sysctls at boot, in the order in which they are applied.
    #[serde(default)]
    pub sysctl_lines: Vec<SysctlLine>,
    /// Processes that hold sockets of the target.
    #[serde(default)]
    pub processes: Vec<ProcessFacts>,
    /// What could not be read, and why.
    #[serde(default)]
    pub unread: Vec<Unread>,
}

/// One local end that is listened on, by one socket or by several (SO_REUSEPORT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerFacts {
    /// Where.
    pub local: SocketAddr,
    /// Sockets that listen here.
    pub sockets: u32,
    /// Connections in the accept queues, of all its sockets.
    pub queue: u64,
    /// Room in them.
    pub backlog: u64,
    /// Connections that full queues refused since the sockets listen; None where nobody counts them.
    #[serde(default)]
    pub drops: Option<u64>,
    /// Its flows by state; SYN_RECV are its half-open ones.
    pub flows: Census,
    /// Who holds its sockets, as far as it could be seen.
    #[serde(default)]
    pub holders: Vec<Holder>,
}

/// The TCP lines of /proc/net/sockstat. `inuse` and `time_wait` are the namespace's, the others the whole machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SocketUse {
    /// Sockets of every protocol of the namespace.
    pub sockets: u64,
    /// IPv4 sockets that are bound or connected.
    pub inuse: u64,
    /// IPv6 sockets that are bound or connected.
    pub inuse6: u64,
    /// TIME_WAIT.
    pub time_wait: u64,
    /// Orphans of the machine.
    pub orphans: u64,
    /// TCP sockets of the machine.
    pub allocated: u64,
    /// Memory of all TCP sockets of the machine, in pages.
    pub memory_pages: u64,
}

/// One line of a file that sets sysctls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysctlLine {
    /// The file.
    pub path: String,
    /// The line's number, from one.
    pub number: u32,
    /// The name with dots.
    pub name: String,
    /// The value as it was written.
    pub value: String,
    /// True when this kernel has a sysctl of that name.
    pub known: bool,
}

/// One process that holds sockets of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Its id.
    pub pid: u32,
    /// Its name, control characters replaced.
    pub name: String,
    /// Open descriptors.
    pub descriptors: u32,
    /// How many it may have (RLIMIT_NOFILE, the soft one); None when there is no limit or it could not be read.
    #[serde(default)]
    pub descriptors_max: Option<u64>,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// What kind of thing.
    pub source: UnreadSource,
    /// How many of them.
    pub count: u64,
    /// Why, and what to do about it.
    pub why: String,
}

/// A kind of thing that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadSource {
    /// Descriptors of processes: some sockets have no known owner.
    Processes,
    /// Who holds some sockets: no process that can be seen does.
    Owners,
    /// Sockets beyond the bound of rows, or answers that made no sense.
    Sockets,
    /// Counters.
    Counters,
    /// sockstat.
    SocketUse,
    /// Files that set sysctls.
    SysctlFiles,
}
