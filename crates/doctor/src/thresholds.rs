//! Every number that decides whether a rule speaks, in one table. Each can be set by its name.

use serde::Serialize;
use std::fmt;

#[cfg(test)]
mod tests;

macro_rules! thresholds {
    ($($variant:ident = $name:literal, $default:literal $unit:literal, $meaning:literal;)*) => {
        /// One number that decides.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "`meaning` tells")]
        pub enum Threshold { $($variant,)* }

        impl Threshold {
            /// Every one.
            pub const ALL: &'static [Threshold] = &[$(Threshold::$variant,)*];

            /// The name that `--set` takes.
            pub const fn name(self) -> &'static str {
                match self { $(Threshold::$variant => $name,)* }
            }

            /// Its value when nobody set it.
            pub const fn default(self) -> f64 {
                match self { $(Threshold::$variant => $default,)* }
            }

            /// Its unit.
            pub const fn unit(self) -> &'static str {
                match self { $(Threshold::$variant => $unit,)* }
            }

            /// What it decides.
            pub const fn meaning(self) -> &'static str {
                match self { $(Threshold::$variant => $meaning,)* }
            }
        }
    };
}

thresholds! {
    CloseWaitStay = "close_wait.stay", 10.0 "sockets", "CLOSE_WAIT sockets of one holder that every look found";
    CloseWaitGrowth = "close_wait.growth", 1.0 "sockets", "how many more of them the last look found than the first";
    CloseWaitPile = "close_wait.pile", 100.0 "sockets", "CLOSE_WAIT sockets of one holder that are old, growing or not";
    CloseWaitAge = "close_wait.age", 60.0 "s", "from when on a CLOSE_WAIT is old";
    CloseWaitCritical = "close_wait.critical", 1000.0 "sockets", "from here on a leak is critical";
    PortsWarn = "ports.warn", 70.0 "%", "local ports in use towards one service";
    PortsCritical = "ports.critical", 90.0 "%", "from here on it is critical";
    TimeWaitMany = "time_wait.many", 1000.0 "sockets", "TIME_WAITs that are worth a word that they are harmless";
    AcceptQueue = "accept.queue", 75.0 "%", "how full an accept queue is in every look";
    AcceptDrops = "accept.drops", 1.0 "connections", "connections that a full accept queue refused between the looks";
    SynRefused = "syn.refused", 100.0 "SYNs", "SYNs that a full half-open queue dropped or answered with a cookie between the looks";
    SynCompleted = "syn.completed", 50.0 "%", "of those how many came back: fewer is a flood, more a backlog that is too small";
    DescriptorsWarn = "descriptors.warn", 80.0 "%", "open descriptors of RLIMIT_NOFILE, and of fs.file-max";
    DescriptorsCritical = "descriptors.critical", 95.0 "%", "from here on it is critical";
    Orphans = "orphans", 75.0 "%", "orphans of tcp_max_orphans";
    Memory = "memory", 90.0 "%", "TCP's memory of where tcp_mem's pressure begins";
    Conntrack = "conntrack", 80.0 "%", "entries of nf_conntrack_max";
    FinWait2Held = "fin_wait2.held", 100.0 "sockets", "FIN_WAIT2 sockets of one holder that every look found";
    FinWait2Orphans = "fin_wait2.orphans", 1000.0 "sockets", "FIN_WAIT2 sockets that nobody holds";
    ClosingStuck = "closing.stuck", 20.0 "sockets", "sockets in LAST_ACK, CLOSING or FIN_WAIT1 whose FIN is repeated in every look";
    OneSided = "one_sided.challenges", 3.0 "SYNs", "SYNs for ESTABLISHED connections between the looks";
    SilentRetransmits = "silent.retransmits", 4.0 "timeouts", "timeouts in a row after which a peer counts as gone";
    SilentSockets = "silent.sockets", 5.0 "sockets", "connections to peers that are gone";
    ZeroWindow = "zero_window.sockets", 5.0 "sockets", "connections whose peer's window is closed in every look";
    UnreadOctets = "unread.octets", 65536.0 "octets", "Recv-Q from which on a connection counts as not read";
    UnreadSockets = "unread.sockets", 5.0 "sockets", "connections that one holder does not read in any look";
    RetransmissionPercent = "retransmission.percent", 5.0 "%", "segments that are sent again";
    RetransmissionSegments = "retransmission.segments", 200.0 "segments", "fewer sent segments between the looks prove nothing";
    IdleSockets = "idle.sockets", 1000.0 "sockets", "idle connections of one holder without keepalive";
    IdleSeconds = "idle.seconds", 3600.0 "s", "from when on a connection is idle";
    LintTimeWaits = "lint.tw_buckets", 16384.0 "sockets", "a tcp_max_tw_buckets below it was lowered by somebody";
    TimeWaitTable = "time_wait.table", 90.0 "%", "TIME_WAITs of tcp_max_tw_buckets";
}

/// The values that hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Thresholds {
    values: Vec<f64>,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { values: Threshold::ALL.iter().map(|threshold| threshold.default()).collect() }
    }
}

/// A threshold that was not set, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetError(String);

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SetError {}

impl Thresholds {
    /// The value of one.
    pub fn of(&self, threshold: Threshold) -> f64 {
        self.values[threshold as usize]
    }

    /// Sets one, told as `NAME=VALUE`.
    ///
    /// # Errors
    /// A name that does not exist, or a value that is no number from zero up.
    pub fn set(&mut self, text: &str) -> Result<(), SetError> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| SetError(format!("\"{text}\" is not NAME=VALUE")))?;
        let threshold = Threshold::ALL
            .iter()
            .find(|threshold| threshold.name() == name.trim())
            .ok_or_else(|| SetError(format!("no threshold is called \"{name}\": see --thresholds")))?;
        let value: f64 = value.trim().parse().map_err(|_| SetError(format!("\"{value}\" is no number")))?;
        if !value.is_finite() || value < 0.0 {
            return Err(SetError(format!("{name} is a number from zero up, not {value}")));
        }
        self.values[*threshold as usize] = value;
        Ok(())
    }
}
