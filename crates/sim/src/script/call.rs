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
        let (mut result, mut outcome, mut errno) = (None, None, None);
        if self.take_sign('=') {
            if self.peek() == Some(&Token::Ellipsis) || self.at_sign('*') {
                self.advance();
            } else {
                match self.value()? {
                    Value::Number(number) => result = Some(number),
                    other => outcome = Some(other),
                }
            }
            errno = self.errno_name();
            self.note();
        }
        Ok(Call { name, arguments, returns, result, outcome, errno })
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
        let first = self.one_value()?;
        if !self.at_sign('|') {
            return Ok(first);
        }
        // Constants and numbers that are or-ed together.
        let mut words = Vec::new();
        let mut next = first;
        loop {
            match next {
                Value::Words(mut more) => words.append(&mut more),
                Value::Number(number) => words.push(number.to_string()),
                _ => return Err(self.error("only numbers and constants are joined by `|`")),
            }
            if !self.take_sign('|') {
                return Ok(Value::Words(words));
            }
            next = self.one_value()?;
        }
    }

    fn one_value(&mut self) -> Parsed<Value> {
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
            Some(Token::Text(_)) => {
                let mut all = String::new();
                while let Some(Token::Text(text)) = self.peek() {
                    all.push_str(text);
                    self.advance();
                }
                // `"text"...`: the beginning of one.
                if self.peek() == Some(&Token::Ellipsis) {
                    self.advance();
                }
                Ok(Value::Text(all))
            }
            Some(Token::Word(_)) => {
                let word = self.word()?.to_owned();
                if self.take_sign('(') {
                    return Ok(Value::Apply(word, self.values(')')?));
                }
                Ok(Value::Words(vec![word]))
            }
            _ => Ok(Value::Number(self.signed()?)),
        }
    }

    /// `{name=value, name(count)=value, value}`.
    fn fields(&mut self) -> Parsed<Value> {
        let mut fields = Vec::new();
        while !self.take_sign('}') {
            if !fields.is_empty() {
                self.need_sign(',')?;
            }
            let value = self.value()?;
            let name = match &value {
                Value::Words(words) if words.len() == 1 => Some(words[0].clone()),
                Value::Apply(name, _) => Some(name.clone()),
                _ => None,
            };
            match name {
                Some(name) if self.take_sign('=') => fields.push((name, self.value()?)),
                _ => fields.push((fields.len().to_string(), value)),
            }
        }
        Ok(Value::Fields(fields))
    }

    pub(super) fn signed(&mut self) -> Parsed<i64> {
        let negative = self.take_sign('-');
        let number: i64 = self.number()?;
        Ok(if negative { -number } else { number })
    }
}
