//! Socket options, descriptor flags and queue lengths.

use super::{Finished, Ready};
use crate::player::values::{Arguments, bracketed, field, number, text};
use lastack_sim::script::ast::Value;
use libc::{c_int, c_long, c_ulong};
use std::net::Ipv6Addr;

/// What a script sets an option to, or expects of it, as octets.
fn octets(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::List(_) => Ok((bracketed(value)? as i32).to_ne_bytes().to_vec()),
        // As long as the option may be: a text ends with a zero in the tool's memory.
        Value::Text(value) => text(value),
        Value::Apply(name, arguments) if name == "inet6_addr" => match arguments.as_slice() {
            [Value::Text(text)] => {
                let address: Ipv6Addr = text.parse().map_err(|_| format!("`{text}` is no address"))?;
                Ok(address.octets().to_vec())
            }
            _ => Err("inet6_addr() takes a text".to_owned()),
        },
        Value::Fields(_) => fields(value),
        other => Err(format!("an option cannot be {other:?}")),
    }
}

fn fields(value: &Value) -> Result<Vec<u8>, String> {
    let word = |name: &str| field(value, name).map(number).transpose();
    if let (Some(onoff), Some(linger)) = (word("onoff")?, word("linger")?) {
        return Ok([(onoff as i32).to_ne_bytes(), (linger as i32).to_ne_bytes()].concat());
    }
    if let (Some(seconds), Some(usecs)) = (word("tv_sec")?, word("tv_usec")?) {
        return Ok([seconds.to_ne_bytes(), usecs.to_ne_bytes()].concat());
    }
    Err(format!("an option cannot be {value:?}"))
}

pub(super) fn set(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (level, name, len) = (arguments.int(1)?, arguments.int(2)?, arguments.number(4)?);
    let mut value = octets(arguments.value(3)?)?;
    // A script may say more than there is: it must at least be ours.
    let room = usize::try_from(len as i32).unwrap_or(0).max(value.len()) + 1;
    value.resize(room, 0);
    Ok(Box::new(move |raw| raw.setsockopt(fd, level, name, value.as_ptr().cast(), len as u32).into()))
}

pub(super) fn get(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (level, name) = (arguments.int(1)?, arguments.int(2)?);
    let expected = match arguments.value(3)? {
        Value::Any => None,
        value => Some(octets(value)?),
    };
    let len = bracketed(arguments.value(4)?)? as u32;
    Ok(Box::new(move |raw| {
        let mut value = vec![0_u8; (len as i32).max(0) as usize + 1];
        let mut live_len = len;
        let answer = raw.getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut live_len);
        let mut finished = Finished::from(answer);
        if live_len != len {
            finished.wrong = Some(format!("expected an option of {len} octets, got {live_len}"));
        } else if let Some(expected) = expected {
            let got = &value[..expected.len().min(value.len())];
            if got != expected.as_slice() {
                finished.wrong = Some(format!("expected the option {}, got {}", show(&expected), show(got)));
            }
        }
        finished
    }))
}

/// An int as such, a text as such.
fn show(octets: &[u8]) -> String {
    match <[u8; 4]>::try_from(octets) {
        Ok(four) if !four.iter().all(u8::is_ascii_alphanumeric) => i32::from_ne_bytes(four).to_string(),
        _ => format!("{:?}", String::from_utf8_lossy(octets)),
    }
}

pub(super) fn fcntl(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let command = arguments.int(1)?;
    let argument = if arguments.count() > 2 { arguments.int(2)? } else { 0 };
    Ok(Box::new(move |raw| raw.fcntl(fd, command, c_long::from(argument)).into()))
}

pub(super) fn ioctl(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let command = arguments.int(1)?;
    let expected = if arguments.count() > 2 { Some(bracketed(arguments.value(2)?)? as i32) } else { None };
    Ok(Box::new(move |raw| {
        let mut told: c_int = 0;
        let to = if expected.is_some() { (&raw mut told).cast() } else { std::ptr::null_mut() };
        let mut finished = Finished::from(raw.ioctl(fd, command as c_ulong, to));
        if let Some(expected) = expected
            && finished.answer.is_ok()
            && expected != told
        {
            finished.wrong = Some(format!("expected ioctl() to tell {expected}, got {told}"));
        }
        finished
    }))
}
