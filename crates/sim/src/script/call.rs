//! System calls: `accept(3, ..., ...) = 4`, `0.1...0.2 read(4, ..., 100) = -1 ECONNRESET (Connection reset by peer)`.

use super::ast::{Call, Value, When};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl<'a> Parser<'a> {
    pub(super) fn call(&mut self) -> Parsed<Call> {
        let mut returns = None;
        if self.peek() == Some(&Token::Ellipsis) {
            self.advance();
            let relative = self.take_sign('+');
            let end = self.microseconds()?;
            returns = Some(if relative { When::After(end) } else { When::At(end) });
        }
        let name = self.word()?.to_owned();
        self.need_sign('(')?;
        let arguments = self.values(')')?;
        let (mut result, mut errno) = (None, None);
        if self.take_sign('=') {
            if self.peek() == Some(&Token::Ellipsis) || self.at_sign('*') {
                self.advance();
            } else {
                result = Some(self.signed()?);
            }
            if result == Some(-1) {
                errno = self.errno_name();
            }
            self.note();
        }
        Ok(Call { name, arguments, returns, result, errno })
    }

    fn errno_name(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.starts_with('E') => {
                let name = (*word).to_owned();
                self.advance();
                Some(name)
            }
            _ => None,
        }
    }

    /// The tool's own remark in parentheses, as `strace` writes it.
    fn note(&mut self) {
        if !self.at_sign('(') {
            return;
        }
        while self.peek().is_some() && !self.take_sign(')') {
            self.advance();
        }
    }

    fn values(&mut self, close: char) -> Parsed<Vec<Value>> {
        let mut values = Vec::new();
        while !self.take_sign(close) {
            if !values.is_empty() {
                self.need_sign(',')?;
            }
            values.push(self.value()?);
        }
        Ok(values)
    }

    pub(super) fn value(&mut self) -> Parsed<Value> {
        match self.peek() {
            Some(Token::Ellipsis) => {
                self.advance();
                Ok(Value::Any)
            }
            Some(Token::Sign('[')) => {
                self.advance();
                Ok(Value::List(self.values(']')?))
            }
            Some(Token::Sign('{')) => {
                self.advance();
                self.fields()
            }
            Some(Token::Text(text)) => {
                let text = (*text).to_owned();
                self.advance();
                Ok(Value::Text(text))
            }
            Some(Token::Word(_)) => self.words_or_apply(),
            _ => Ok(Value::Number(self.signed()?)),
        }
    }

    fn fields(&mut self) -> Parsed<Value> {
        let mut fields = Vec::new();
        while !self.take_sign('}') {
            if !fields.is_empty() {
                self.need_sign(',')?;
            }
            let named =
                matches!(self.peek(), Some(Token::Word(_))) && self.peek_second() == Some(&Token::Sign('='));
            let name = if named { self.word()?.to_owned() } else { fields.len().to_string() };
            if named {
                self.need_sign('=')?;
            }
            fields.push((name, self.value()?));
        }
        Ok(Value::Fields(fields))
    }

    fn words_or_apply(&mut self) -> Parsed<Value> {
        let first = self.word()?.to_owned();
        if self.take_sign('(') {
            return Ok(Value::Apply(first, self.values(')')?));
        }
        let mut words = vec![first];
        while self.take_sign('|') {
            words.push(self.word()?.to_owned());
        }
        Ok(Value::Words(words))
    }

    pub(super) fn signed(&mut self) -> Parsed<i64> {
        let negative = self.take_sign('-');
        let number: i64 = self.number()?;
        Ok(if negative { -number } else { number })
    }
}
