//! What must be true at one moment: lastack's own comments and the smallest part of embedded code.

use super::ast::{Check, Value};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

const TIMERS: [&str; 5] = ["off", "on", "keepalive", "timewait", "persist"];

impl Parser<'_> {
    /// The text after `//#` and its time.
    pub(super) fn check(&mut self) -> Parsed<Check> {
        match self.word()? {
            "anew" => Ok(Check::Anew),
            "gone" => Ok(Check::Gone),
            "flow" => Ok(Check::Flow(self.number()?)),
            "state" => self.row(),
            "counters" => {
                let mut changes = Vec::new();
                while self.peek().is_some() {
                    let name = self.word()?.to_owned();
                    self.need_sign('=')?;
                    changes.push((name, self.signed()?));
                }
                Ok(Check::Counters(changes))
            }
            other => {
                let known = "only state, gone, counters, flow and anew are known here";
                Err(self.error(&format!("`{other}`: {known}")))
            }
        }
    }

    fn row(&mut self) -> Parsed<Check> {
        let state = self.word()?.to_owned();
        let mut timer = None;
        if let Some(&Token::Word(kind)) = self.peek() {
            if !TIMERS.contains(&kind) {
                return Err(self.expected("a timer: off, on, keepalive, timewait or persist"));
            }
            self.advance();
            let left = if self.peek().is_some() { Some(self.microseconds()?) } else { None };
            timer = Some((kind.to_owned(), left));
        }
        Ok(Check::Row { state, timer })
    }

    /// `assert tcpi_state == TCP_ESTABLISHED`; with `, message` after it, as Python allows.
    pub(super) fn code(mut self) -> Parsed<Check> {
        if !self.take_word("assert") {
            return Err(self.expected("`assert tcpi_... == ...`, the only code that is read here"));
        }
        let name = self.word()?.to_owned();
        self.need_sign('=')?;
        self.need_sign('=')?;
        let value: Value = self.value()?;
        if self.take_sign(',') {
            while self.peek().is_some() {
                self.advance();
            }
        }
        self.finish()?;
        Ok(Check::Info(name, value))
    }
}
