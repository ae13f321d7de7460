//! packetdrill's script language: from text to a list of timed steps.
//!
//! Not the whole tool: scripts are never allowed to execute anything, so shell commands are only read for the sysctls
//! they would set, and embedded code is read for `assert tcpi_... == ...` alone. What lastack adds (`//# state ...`)
//! hides in comments, so the public tool runs the very same files, but for those of several clients (`//# flow N`): the
//! tool has one.

pub mod ast;
mod call;
mod check;
mod icmp;
mod lexer;
mod marks;
mod mutate;
mod packet;
mod parser;
mod settings;
mod shell;
mod text;

#[cfg(test)]
mod tests;

pub use ast::{Action, Script, Step, When};
pub use mutate::{Expectation, expectations, mutate};

use std::fmt;

/// A script that cannot be read: where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// File name, as given to [`parse`].
    pub name: String,
    /// Line, from one.
    pub line: usize,
    /// Column, from one, in characters.
    pub column: usize,
    /// What was expected and what stands there.
    pub message: String,
    /// The line itself.
    pub source: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.name, self.line, self.column, self.message)?;
        writeln!(f, "  | {}", self.source)?;
        write!(f, "  | {:>1$}", "^", self.column)
    }
}

impl std::error::Error for ScriptError {}

/// Reads a script. `name` is only used in messages.
pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
    parse_with(name, text, &[])
}

/// Reads a script with definitions from outside, as the tool's `--define NAME=value`.
pub fn parse_with(name: &str, text: &str, defines: &[(&str, &str)]) -> Result<Script, ScriptError> {
    parser::Parser::new(name, text)?.script(defines)
}
