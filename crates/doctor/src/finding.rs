//! One finding, as it is shown and serialized.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; nothing need be done.
    Info,
    /// It will do harm, or does a little.
    Warn,
    /// It does harm now, or within minutes.
    Critical,
}

impl Severity {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Severity, String> {
        [Severity::Info, Severity::Warn, Severity::Critical]
            .into_iter()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| "a severity is info, warn or critical".to_owned())
    }
}

/// A measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Of things that are counted.
    Count(u64),
    /// Of everything else that is a number.
    Number(f64),
    /// Of what is no number.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Count(count) => write!(f, "{count}"),
            Value::Number(number) => write!(f, "{number:.1}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Value {
        Value::Count(count)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Value {
        Value::Count(count.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        Value::Count(count as u64)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

/// One piece of evidence: a name, a value and its unit (which may be empty).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// What was measured.
    pub name: &'static str,
    /// How much.
    pub value: Value,
    /// Of what.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: &'static str,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.unit.is_empty() || self.unit == "%" { "" } else { " " };
        write!(f, "{} {}{blank}{}", self.name, self.value, self.unit)
    }
}

/// Who or what is to blame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Culprit {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// A listener.
    Listener {
        /// Its local end.
        local: SocketAddr,
    },
    /// A peer, or a network of them.
    Peer {
        /// Its address; with a port when all is about one service of it.
        peer: String,
    },
    /// Connections from one local address to one service.
    Path {
        /// The local address.
        from: IpAddr,
        /// The service.
        to: SocketAddr,
    },
    /// A setting.
    Sysctl {
        /// Its name.
        name: String,
        /// The line that sets it, as `file:line`; empty when no file does.
        #[serde(skip_serializing_if = "String::is_empty")]
        line: String,
    },
    /// The machine as a whole.
    Machine,
    /// It could not be found out.
    Unknown {
        /// Which source was missing, and why.
        missing: String,
    },
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Culprit::Process { pid, name } => write!(f, "process {name}[{pid}]"),
            Culprit::Listener { local } => write!(f, "listener {local}"),
            Culprit::Peer { peer } => write!(f, "peer {peer}"),
            Culprit::Path { from, to } => write!(f, "connections from {from} to {to}"),
            Culprit::Sysctl { name, line } if line.is_empty() => f.write_str(name),
            Culprit::Sysctl { name, line } => write!(f, "{name} ({line})"),
            Culprit::Machine => f.write_str("the whole machine"),
            Culprit::Unknown { missing } => write!(f, "unknown: {missing}"),
        }
    }
}

/// Where a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the program, or how it is run.
    Program,
    /// In the system's settings.
    System,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// What.
    pub what: String,
    /// What can go wrong by it.
    pub risk: String,
}

/// Something that is wrong, or that looks wrong and is not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which rule found it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one sentence.
    pub what: String,
    /// The numbers.
    pub evidence: Vec<Fact>,
    /// Who; never empty.
    pub culprits: Vec<Culprit>,
    /// Why it is so.
    pub why: String,
    /// What to do: in the program first, then in the system.
    pub steps: Vec<Step>,
    /// What not to do.
    pub avoid: Vec<String>,
}

impl Finding {
    /// A finding of which more is told by the methods below.
    pub fn new(id: &'static str, severity: Severity, what: impl Into<String>) -> Finding {
        Finding {
            id,
            severity,
            what: what.into(),
            evidence: Vec::new(),
            culprits: Vec::new(),
            why: String::new(),
            steps: Vec::new(),
            avoid: Vec::new(),
        }
    }

    /// One more number.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>, unit: &'static str) -> Finding {
        self.evidence.push(Fact { name, value: value.into(), unit });
        self
    }

    /// One more culprit.
    #[must_use]
    pub fn blame(mut self, culprit: Culprit) -> Finding {
        self.culprits.push(culprit);
        self
    }

    /// More culprits.
    #[must_use]
    pub fn blame_all(mut self, culprits: impl IntoIterator<Item = Culprit>) -> Finding {
        self.culprits.extend(culprits);
        self
    }

    /// Why it is so.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    /// Something to do in the program.
    #[must_use]
    pub fn in_program(mut self, what: impl Into<String>, risk: impl Into<String>) -> Finding {
        self.steps.push(Step { place: Place::Program, what: what.into(), risk: risk.into() });
        self
    }

    /// Something to do in the system.
    #[must_use]
    pub fn in_system(mut self, what: impl Into<String>, risk: impl Into<String>) -> Finding {
        self.steps.push(Step { place: Place::System, what: what.into(), risk: risk.into() });
        self
    }

    /// Something not to do.
    #[must_use]
    pub fn never(mut self, what: impl Into<String>) -> Finding {
        self.avoid.push(what.into());
        self
    }
}
