//! Files and pipes: what the tool asks libc for, and what goes between them and sockets.

use super::{Finished, Ready};
use crate::player::raw::Answer;
use crate::player::values::{Arguments, bracketed};
use lastack_sim::script::ast::Value;
use libc::c_int;
use std::ffi::CString;
use std::path::PathBuf;

fn answer(number: i64) -> Answer {
    if number >= 0 { Ok(number) } else { Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
}

/// A descriptor that is the kernel's.
pub(super) fn close(fd: c_int) -> Answer {
    // SAFETY: the descriptor is of an open() of this script, and is closed once.
    answer(i64::from(unsafe { lastack_packetdrill::close(fd) }))
}

/// open(), of what the script's commands have made where they have made it here.
pub(super) fn open(
    arguments: Arguments<'_>,
    made: impl Fn(&str) -> Option<PathBuf>,
) -> Result<Ready, String> {
    let Value::Text(name) = arguments.value(0)? else { return Err("open() needs a name".to_owned()) };
    let path = made(name).unwrap_or_else(|| name.into());
    let name = CString::new(path.to_string_lossy().into_owned()).map_err(|_| "a name has no zero in it")?;
    let flags = arguments.int(1)?;
    // SAFETY: a C string that lives as long as the call.
    Ok(Box::new(move |_| answer(i64::from(unsafe { libc::open(name.as_ptr(), flags, 0o600) })).into()))
}

pub(super) fn pipe() -> Result<Ready, String> {
    Ok(Box::new(|raw| {
        let mut ends = [0; 2];
        let answer = raw.pipe(ends.as_mut_ptr());
        Finished { fds: ends.to_vec(), ..answer.into() }
    }))
}

pub(super) fn send_file(to: c_int, from: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (mut offset, len) = (bracketed(arguments.value(2)?)?, arguments.number(3)? as i32);
    Ok(Box::new(move |_| {
        // SAFETY: the offset is a local.
        let sent = unsafe { lastack_packetdrill::sendfile(to, from, &mut offset, i64::from(len) as usize) };
        answer(sent as i64).into()
    }))
}

pub(super) fn splice(from: c_int, to: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (mut before, mut after) = (arguments.number(1)?, arguments.number(3)?);
    let (len, flags) = (arguments.number(4)? as i32, arguments.int(5)?);
    // The tool hands over where the numbers stand, also when they are null pointers in the script.
    Ok(Box::new(move |raw| {
        raw.splice(from, &mut before, to, &mut after, i64::from(len) as usize, flags as u32).into()
    }))
}
