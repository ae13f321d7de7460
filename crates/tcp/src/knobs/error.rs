//! Why a knob is not turned. Such a line changes nothing.

use std::fmt;

/// What is wrong with a name or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnobError {
    /// No Linux has this name (ENOENT there).
    Unknown {
        /// The name.
        name: String,
    },
    /// Linux has it, lastack does not obey it yet.
    NotImplemented {
        /// The name.
        name: String,
    },
    /// It belongs to the machine and not to a TCP stack.
    Foreign {
        /// The name.
        name: String,
    },
    /// Linux had it once.
    Removed {
        /// The name.
        name: &'static str,
        /// The first kernel without it.
        since: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// The value is no number, or not as many as are needed, or no list of ports (EINVAL in Linux).
    Malformed {
        /// The knob.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// The value is outside the range that Linux takes (EINVAL in Linux).
    OutOfRange {
        /// The knob.
        name: &'static str,
        /// What was given.
        value: String,
        /// The range, in words.
        range: String,
    },
    /// It tells and takes nothing (EACCES in Linux).
    ReadOnly {
        /// The knob.
        name: &'static str,
    },
    /// The value names something that does not exist (ENOENT in Linux).
    NoSuchName {
        /// The knob.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// The line is not `name = value`.
    NoAssignment,
}

impl KnobError {
    /// The errno that Linux's write() or open() gives; `None` where sysctl stops before.
    pub fn errno(&self) -> Option<i32> {
        const ENOENT: i32 = 2;
        const EACCES: i32 = 13;
        const EINVAL: i32 = 22;
        match self {
            KnobError::Unknown { .. } | KnobError::Removed { .. } | KnobError::NoSuchName { .. } => {
                Some(ENOENT)
            }
            KnobError::ReadOnly { .. } => Some(EACCES),
            KnobError::Malformed { .. } | KnobError::OutOfRange { .. } => Some(EINVAL),
            KnobError::NotImplemented { .. } | KnobError::Foreign { .. } | KnobError::NoAssignment => None,
        }
    }
}

impl fmt::Display for KnobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KnobError::Unknown { name } => write!(f, "{name}: no such knob"),
            KnobError::NotImplemented { name } => {
                write!(f, "{name}: not implemented (Linux has it, lastack does not obey it yet)")
            }
            KnobError::Foreign { name } => {
                write!(f, "{name}: belongs to the machine, not to a TCP stack; set it with sysctl")
            }
            KnobError::Removed { name, since, instead } => {
                write!(f, "{name}: removed in Linux {since}; {instead}")
            }
            KnobError::Malformed { name, value } => write!(f, "{name}: `{value}` is no value for it"),
            KnobError::OutOfRange { name, value, range } => {
                write!(f, "{name}: `{value}` is out of range ({range})")
            }
            KnobError::ReadOnly { name } => write!(f, "{name}: only to be read"),
            KnobError::NoSuchName { name, value } => write!(f, "{name}: there is no `{value}`"),
            KnobError::NoAssignment => f.write_str("not of the form `name = value`"),
        }
    }
}

impl std::error::Error for KnobError {}
