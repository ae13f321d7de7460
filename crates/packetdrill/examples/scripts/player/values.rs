//! Arguments of calls as numbers and octets.

use super::symbols::symbol;
use lastack_sim::script::ast::{Call, Value};
use libc::c_int;

/// A number; several constants are or-ed.
pub(super) fn number(value: &Value) -> Result<i64, String> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Words(words) => words.iter().try_fold(0, |all, word| Ok(all | one(word)?)),
        Value::Apply(name, arguments) => apply(name, arguments),
        other => Err(format!("{other:?} is no number")),
    }
}

fn one(word: &str) -> Result<i64, String> {
    let hex = word.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok());
    hex.or_else(|| word.parse().ok())
        .or_else(|| symbol(word))
        .ok_or_else(|| format!("`{word}` is no constant known here"))
}

fn apply(name: &str, arguments: &[Value]) -> Result<i64, String> {
    match (name, arguments) {
        ("htons", [Value::Number(port)]) => Ok(i64::from((*port as u16).to_be())),
        ("inet_addr", [Value::Text(text)]) => {
            let address: std::net::Ipv4Addr = text.parse().map_err(|_| format!("`{text}` is no address"))?;
            Ok(i64::from(u32::from_ne_bytes(address.octets())))
        }
        _ => Err(format!("{name}() is not known here")),
    }
}

/// A field of `{name=value, ...}`.
pub(super) fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Fields(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
        _ => None,
    }
}

pub(super) fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(list) => Ok(list),
        other => Err(format!("{other:?} is no list")),
    }
}

/// `[5]`: the one number in brackets.
pub(super) fn bracketed(value: &Value) -> Result<i64, String> {
    match list(value)? {
        [one] => number(one),
        several => Err(format!("{} values stand where one is wanted", several.len())),
    }
}

/// A text with the escapes of C, as octets.
pub(super) fn text(text: &str) -> Result<Vec<u8>, String> {
    let (mut octets, mut rest) = (Vec::new(), text.chars());
    while let Some(c) = rest.next() {
        if c != '\\' {
            octets.extend(c.to_string().into_bytes());
            continue;
        }
        octets.push(match rest.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('f') => 12,
            Some('v') => 11,
            Some('x') => {
                let two: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&two, 16).map_err(|_| format!("`{two}` is no hexadecimal octet"))?
            }
            Some(c) if c.is_ascii() => c as u8,
            _ => return Err("a text ends within an escape".to_owned()),
        });
    }
    Ok(octets)
}

/// Arguments of a call by place.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'c>(pub(super) &'c Call);

impl<'c> Arguments<'c> {
    pub(super) fn count(self) -> usize {
        self.0.arguments.len()
    }

    pub(super) fn value(self, index: usize) -> Result<&'c Value, String> {
        self.0.arguments.get(index).ok_or_else(|| format!("argument {} is missing", index + 1))
    }

    pub(super) fn number(self, index: usize) -> Result<i64, String> {
        number(self.value(index)?)
    }

    pub(super) fn int(self, index: usize) -> Result<c_int, String> {
        self.number(index).map(|number| number as c_int)
    }

    /// `...` is a buffer, 0 is none.
    pub(super) fn is_null(self, index: usize) -> Result<bool, String> {
        match self.value(index)? {
            Value::Any | Value::Text(_) => Ok(false),
            other => match number(other)? {
                0 => Ok(true),
                _ => Err(format!("a buffer is `...` or 0, not {other:?}")),
            },
        }
    }
}
