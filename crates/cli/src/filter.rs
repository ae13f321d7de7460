//! The filter language of ss: `state X`, `exclude X`, and expressions over both ends of a socket.
//!
//! ```text
//! filter     = { "state" NAME | "exclude" NAME } [ expression ]
//! expression = any { "or" any }          any = one { [ "and" ] one }          one = [ "not" ] test | "(" expression ")"
//! test       = ("src" | "dst") [ COMPARISON ] HOST [ "/" PREFIX ] [ ":" PORT ]  |  ("sport" | "dport") COMPARISON [ ":" ] PORT
//! ```
//!
//! Works on rows, whoever made them. Not here: names of hosts; an address is written as numbers.

mod expression;
mod lexer;
mod ports;
mod states;
#[cfg(test)]
mod tests;

pub(crate) use states::States;

use expression::Expression;
use lastack::observe::SocketRow;
use std::fmt;

/// A whole filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `None`: the filter names no state, so the command's options decide.
    states: Option<States>,
    expression: Option<Expression>,
}

/// What is wrong with a filter, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilterError(String);

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the filter: {}", self.0)
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Reads a filter. `service` knows the ports of names such as `http`.
    pub(crate) fn parse(text: &str, service: &dyn Fn(&str) -> Option<u16>) -> Result<Filter, FilterError> {
        let mut words = lexer::Words::of(text);
        let states = states::parse(&mut words)?;
        let expression = expression::parse(&mut words, service)?;
        Ok(Filter { states, expression })
    }

    /// The states that pass: those it names, else `otherwise`.
    pub(crate) fn states(&self, otherwise: States) -> States {
        self.states.unwrap_or(otherwise)
    }

    /// Whether a row passes, its state apart.
    pub(crate) fn passes(&self, row: &SocketRow) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.holds(row))
    }
}
