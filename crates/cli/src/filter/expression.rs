//! Expressions over the two ends of a socket.

use super::FilterError;
use super::lexer::Words;
use crate::values::Cidr;
use lastack::observe::SocketRow;
use std::cmp::Ordering;
use std::net::SocketAddr;

/// Parentheses and negations inside each other: reading one deeper would use up the program's own stack some day.
const DEPTH_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Host { end: End, network: Option<Cidr>, port: Option<u16> },
    Port { end: End, comparison: Comparison, port: u16 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Local,
    Remote,
}

impl End {
    fn of(self, row: &SocketRow) -> SocketAddr {
        match self {
            End::Local => row.flow.local,
            End::Remote => row.flow.remote,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn named(word: &str) -> Option<Comparison> {
        Some(match word {
            "=" | "==" | "eq" => Comparison::Equal,
            "!=" | "ne" | "neq" => Comparison::NotEqual,
            "<" | "lt" => Comparison::Less,
            "<=" | "le" | "leq" => Comparison::LessOrEqual,
            ">" | "gt" => Comparison::Greater,
            ">=" | "ge" | "geq" => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Expression {
    pub(super) fn holds(&self, row: &SocketRow) -> bool {
        match self {
            Expression::Or(any) => any.iter().any(|one| one.holds(row)),
            Expression::And(all) => all.iter().all(|one| one.holds(row)),
            Expression::Not(one) => !one.holds(row),
            Expression::Host { end, network, port } => {
                let there = end.of(row);
                network.is_none_or(|network| network.contains(there.ip()))
                    && port.is_none_or(|port| port == there.port())
            }
            Expression::Port { end, comparison, port } => comparison.holds(end.of(row).port().cmp(port)),
        }
    }
}

/// The rest of the words as one expression; `None` when there are none.
pub(super) fn parse(
    words: &mut Words<'_>,
    service: &dyn Fn(&str) -> Option<u16>,
) -> Result<Option<Expression>, FilterError> {
    if words.peek().is_none() {
        return Ok(None);
    }
    let mut parser = Parser { words, service, depth: 0 };
    let expression = parser.any()?;
    match parser.words.next() {
        None => Ok(Some(expression)),
        Some(word) => Err(FilterError(format!("\"{word}\" has nothing before it to belong to"))),
    }
}

struct Parser<'a, 'b> {
    words: &'a mut Words<'b>,
    service: &'a dyn Fn(&str) -> Option<u16>,
    depth: usize,
}

impl Parser<'_, '_> {
    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.words.take(&["or", "|", "||"]) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    /// Two tests beside each other are joined by "and".
    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.one()?];
        while self.words.take(&["and", "&", "&&"])
            || !matches!(self.words.peek(), None | Some(")" | "or" | "|" | "||"))
        {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(FilterError(format!(
                "more than {DEPTH_MAX} parentheses and negations inside each other"
            )));
        }
        let one = match self.words.next() {
            Some("(") => {
                let inner = self.any()?;
                if !self.words.take(&[")"]) {
                    return Err(FilterError("a parenthesis is not closed".to_owned()));
                }
                Ok(inner)
            }
            Some("not" | "!") => Ok(Expression::Not(Box::new(self.one()?))),
            Some("src") => self.host(End::Local),
            Some("dst") => self.host(End::Remote),
            Some("sport") => self.port(End::Local),
            Some("dport") => self.port(End::Remote),
            Some("state" | "exclude") => {
                Err(FilterError("states come first, before src, dst, sport and dport".to_owned()))
            }
            Some(word) => Err(FilterError(format!(
                "\"{word}\" is not understood: src, dst, sport, dport, not and parentheses are"
            ))),
            None => Err(FilterError("it ends where a test should come".to_owned())),
        };
        self.depth -= 1;
        one
    }

    fn host(&mut self, end: End) -> Result<Expression, FilterError> {
        let comparison = self.words.peek().and_then(Comparison::named);
        if comparison.is_some() {
            self.words.next();
        }
        let word = self.words.next().ok_or_else(|| FilterError("an address is missing".to_owned()))?;
        let (network, port) = self.condition(word)?;
        let host = Expression::Host { end, network, port };
        match comparison {
            None | Some(Comparison::Equal) => Ok(host),
            Some(Comparison::NotEqual) => Ok(Expression::Not(Box::new(host))),
            Some(_) => Err(FilterError("addresses are compared with = and != only".to_owned())),
        }
    }

    /// `ADDRESS`, `ADDRESS/PREFIX`, `ADDRESS:PORT`, `[IPV6]/PREFIX:PORT`, `:PORT`, `*:PORT`.
    fn condition(&self, word: &str) -> Result<(Option<Cidr>, Option<u16>), FilterError> {
        let (host, port) = match word.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest
                    .split_once(']')
                    .ok_or_else(|| FilterError(format!("\"{word}\": the bracket is not closed")))?;
                let (prefix, port) = rest.split_once(':').unwrap_or((rest, ""));
                (format!("{address}{prefix}"), port)
            }
            // More than one colon without brackets: an IPv6 address without a port.
            None if word.matches(':').count() > 1 => (word.to_owned(), ""),
            None => {
                let (host, port) = word.split_once(':').unwrap_or((word, ""));
                (host.to_owned(), port)
            }
        };
        let network = match host.as_str() {
            "" | "*" => None,
            host => Some(host.parse().map_err(|why| FilterError(format!("{why}; names are not looked up")))?),
        };
        let port = match port {
            "" | "*" => None,
            port => Some(self.number(port)?),
        };
        Ok((network, port))
    }

    fn port(&mut self, end: End) -> Result<Expression, FilterError> {
        let missing =
            || FilterError("after sport and dport comes =, !=, <, <=, > or >=, then a port".to_owned());
        let comparison = self.words.next().and_then(Comparison::named).ok_or_else(missing)?;
        let word = self.words.next().ok_or_else(missing)?;
        let port = self.number(word.strip_prefix(':').unwrap_or(word))?;
        Ok(Expression::Port { end, comparison, port })
    }

    fn number(&self, text: &str) -> Result<u16, FilterError> {
        let port = text.parse().ok().or_else(|| (self.service)(text));
        port.ok_or_else(|| FilterError(format!("\"{text}\" is no port and no service of /etc/services")))
    }
}
