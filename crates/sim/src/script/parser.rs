//! The grammar's frame: a cursor over tokens, the preamble, times, and which kind of step follows.

use super::ScriptError;
use super::ast::{Action, Script, Settings, Step, When};
use super::lexer::{Token, tokens};
use std::ops::Range;

/// A cursor over the tokens of a script.
pub(super) struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    tokens: Vec<(Token<'a>, Range<usize>)>,
    next: usize,
}

pub(super) type Parsed<T> = Result<T, ScriptError>;

impl<'a> Parser<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Parsed<Parser<'a>> {
        Parser::over(name, text, 0..text.len())
    }

    /// A parser of a part of `text`, so that messages still show the place in the whole.
    pub(super) fn over(name: &'a str, text: &'a str, part: Range<usize>) -> Parsed<Parser<'a>> {
        let shift = part.start;
        let mut parser = Parser { name, text, tokens: Vec::new(), next: 0 };
        match tokens(&text[part]) {
            Ok(found) => {
                parser.tokens =
                    found.into_iter().map(|(t, at)| (t, at.start + shift..at.end + shift)).collect();
                Ok(parser)
            }
            Err(at) => Err(parser.error_at(at.start + shift, "this begins no word of the language")),
        }
    }

    pub(super) fn script(mut self, defines: &[(&'a str, &'a str)]) -> Parsed<Script> {
        let mut script = Script {
            name: self.name.to_owned(),
            tolerance_usecs: None,
            ipv6: false,
            settings: Settings::default(),
            defaults: None,
            zeros: Vec::new(),
            sysctls: Vec::new(),
            steps: Vec::new(),
        };
        for (name, value) in defines {
            self.replace(name, value);
        }
        while let Some(token) = self.peek().cloned() {
            let line = self.line();
            match token {
                Token::Option(option) => self.option(option, &mut script)?,
                Token::Command(command) => self.command(command, line, When::After(0), &mut script)?,
                Token::LineComment(_) => script.steps.push(self.our_comment()?),
                _ => {
                    let when = self.when()?;
                    if let Some(Token::Command(command)) = self.peek().cloned() {
                        self.command(command, line, when, &mut script)?;
                        continue;
                    }
                    let (when, action) = self.action(when)?;
                    script.steps.push(Step { line, when, action });
                }
            }
        }
        Ok(script)
    }

    fn our_comment(&mut self) -> Parsed<Step> {
        let (line, at) = (self.line(), self.span());
        self.next += 1;
        let mut inner = Parser::over(self.name, self.text, at.start + 3..at.end)?;
        let when = if inner.at_sign('+') { inner.when()? } else { When::After(0) };
        let check = inner.check()?;
        inner.finish()?;
        Ok(Step { line, when, action: Action::Check(check) })
    }

    /// A time; none means "at once".
    pub(super) fn when(&mut self) -> Parsed<When> {
        if self.take_sign('*') {
            return Ok(When::Any);
        }
        let relative = self.take_sign('+');
        if !relative && !matches!(self.peek(), Some(Token::Number(_))) {
            return Ok(When::After(0));
        }
        let first = self.microseconds()?;
        if !self.take_sign('~') {
            return Ok(if relative { When::After(first) } else { When::At(first) });
        }
        if self.take_sign('+') != relative {
            return Err(self.error("both ends of a range are relative, or none is"));
        }
        let second = self.microseconds()?;
        Ok(if relative { When::AfterBetween(first, second) } else { When::Between(first, second) })
    }

    fn action(&mut self, when: When) -> Parsed<(When, Action)> {
        match self.peek() {
            Some(Token::Sign('<')) => {
                self.next += 1;
                Ok((when, self.inbound()?))
            }
            Some(Token::Sign('>')) => {
                self.next += 1;
                Ok((when, self.outbound()?))
            }
            Some(Token::Code(code)) => {
                let (code, at) = (*code, self.span());
                self.next += 1;
                let inner = at.start + 2..at.start + 2 + code.len();
                let check = Parser::over(self.name, self.text, inner).and_then(Parser::code);
                Ok((when, Action::Code(code.to_owned(), check.ok())))
            }
            Some(Token::Ellipsis) | Some(Token::Word(_)) => Ok((when, Action::Call(self.call()?))),
            _ => Err(self.expected("`<`, `>`, a system call or `%{`")),
        }
    }

    // The cursor.

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    pub(super) fn peek_second(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.next + 1).map(|(token, _)| token)
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// From here on each word `name` is these words.
    pub(super) fn substitute(&mut self, name: &str, by: &[Token<'a>]) {
        let rest = self.tokens.split_off(self.next);
        for (token, span) in rest {
            if token == Token::Word(name) {
                self.tokens.extend(by.iter().map(|new| (new.clone(), span.clone())));
            } else {
                self.tokens.push((token, span));
            }
        }
    }

    /// Place of the next token, or of the end.
    pub(super) fn span(&self) -> Range<usize> {
        match self.tokens.get(self.next) {
            Some((_, span)) => span.clone(),
            None => self.tokens.last().map_or(0..0, |(_, span)| span.end..span.end),
        }
    }

    pub(super) fn line(&self) -> usize {
        self.text[..self.span().start].matches('\n').count() + 1
    }

    pub(super) fn at_sign(&self, sign: char) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    pub(super) fn take_sign(&mut self, sign: char) -> bool {
        let found = self.at_sign(sign);
        self.next += usize::from(found);
        found
    }

    pub(super) fn need_sign(&mut self, sign: char) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(&Token::Word(word));
        self.next += usize::from(found);
        found
    }

    pub(super) fn need_word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    pub(super) fn word(&mut self) -> Parsed<&'a str> {
        match self.peek() {
            Some(&Token::Word(word)) => {
                self.next += 1;
                Ok(word)
            }
            _ => Err(self.expected("a word")),
        }
    }

    /// A whole number that fits its type.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Parsed<T> {
        let parsed = match self.peek() {
            Some(Token::Number(text)) => text.parse::<u64>().ok(),
            Some(Token::Hex(text)) => u64::from_str_radix(&text[2..], 16).ok(),
            _ => return Err(self.expected("a number")),
        };
        let number = parsed.and_then(|n| T::try_from(n).ok());
        let number =
            number.ok_or_else(|| self.error("this is no whole number of the size this field has"))?;
        self.next += 1;
        Ok(number)
    }

    /// Seconds, in microseconds.
    pub(super) fn microseconds(&mut self) -> Parsed<i64> {
        let Some(Token::Number(text)) = self.peek() else {
            return Err(self.expected("a time in seconds"));
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut digits = fraction.to_owned();
        digits.truncate(6);
        while digits.len() < 6 {
            digits.push('0');
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(i64::MAX / 2_000_000) };
        let micros = whole.saturating_mul(1_000_000) + digits.parse::<i64>().unwrap_or(0);
        self.next += 1;
        Ok(micros)
    }

    pub(super) fn finish(&self) -> Parsed<()> {
        if self.next == self.tokens.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    pub(super) fn expected(&self, what: &str) -> ScriptError {
        let seen = self.peek().map_or_else(|| "the end of the script".to_owned(), Token::to_string);
        self.error(&format!("expected {what}, found {seen}"))
    }

    pub(super) fn error(&self, message: &str) -> ScriptError {
        self.error_at(self.span().start, message)
    }

    pub(super) fn error_at(&self, offset: usize, message: &str) -> ScriptError {
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ScriptError {
            name: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: self.text[line_start..offset].chars().count() + 1,
            message: message.to_owned(),
            source: self.text[line_start..].lines().next().unwrap_or("").to_owned(),
        }
    }
}
