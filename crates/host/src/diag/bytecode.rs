//! Port filters as the small program that inet_diag runs on each socket (INET_DIAG_REQ_BYTECODE).

use std::ops::RangeInclusive;

const SOURCE_AT_LEAST: u8 = 2;
const SOURCE_AT_MOST: u8 = 3;
const REMOTE_AT_LEAST: u8 = 4;
const REMOTE_AT_MOST: u8 = 5;
/// Two operations of four octets: the comparison, and the port it compares with.
const STEP: usize = 8;

/// Sockets whose ports lie in these ranges. An empty range matches nothing and is the caller's to avoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortFilter {
    local: (u16, u16),
    remote: (u16, u16),
}

impl Default for PortFilter {
    /// Every port.
    fn default() -> PortFilter {
        PortFilter { local: (0, u16::MAX), remote: (0, u16::MAX) }
    }
}

impl PortFilter {
    /// Only these local ports.
    #[must_use]
    pub fn local(self, ports: RangeInclusive<u16>) -> PortFilter {
        PortFilter { local: (*ports.start(), *ports.end()), ..self }
    }

    /// Only these remote ports.
    #[must_use]
    pub fn remote(self, ports: RangeInclusive<u16>) -> PortFilter {
        PortFilter { remote: (*ports.start(), *ports.end()), ..self }
    }

    /// The program; empty when every socket matches. Each comparison that fails jumps four octets past the end, which is
    /// the kernel's sign for "no".
    pub(super) fn program(&self) -> Vec<u8> {
        let mut steps = Vec::new();
        for ((first, last), at_least, at_most) in
            [(self.local, SOURCE_AT_LEAST, SOURCE_AT_MOST), (self.remote, REMOTE_AT_LEAST, REMOTE_AT_MOST)]
        {
            if first > 0 {
                steps.push((at_least, first));
            }
            if last < u16::MAX {
                steps.push((at_most, last));
            }
        }
        let mut program = Vec::with_capacity(steps.len() * STEP);
        for (index, (code, port)) in steps.iter().enumerate() {
            let refused = u16::try_from((steps.len() - index) * STEP + 4).unwrap_or(u16::MAX);
            program.extend([*code, STEP as u8]);
            program.extend(refused.to_ne_bytes());
            program.extend([0, 0]);
            program.extend(port.to_ne_bytes());
        }
        program
    }
}
