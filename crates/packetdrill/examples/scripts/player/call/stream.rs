//! Calls that move octets through one buffer.

use super::Ready;
use crate::player::values::Arguments;
use libc::c_int;

/// Octets of a buffer; null when the script has none.
fn pointer(null: bool, buffer: &mut [u8]) -> *mut libc::c_void {
    if null { std::ptr::null_mut() } else { buffer.as_mut_ptr().cast() }
}

pub(super) fn receive(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (null, len) = (arguments.is_null(1)?, arguments.number(2)? as i32);
    let flags = if arguments.count() > 3 { Some(arguments.int(3)?) } else { None };
    let named = arguments.count() > 4;
    let room = if null { 0 } else { len.max(0) as usize };
    // As the tool hands it over: an int that becomes a size.
    let len = i64::from(len) as usize;
    Ok(Box::new(move |raw| {
        let mut buffer = vec![0; room];
        let to = pointer(null, &mut buffer);
        match flags {
            None => raw.read(fd, to, len).into(),
            Some(flags) if !named => raw.recv(fd, to, len, flags).into(),
            Some(flags) => {
                let (mut name, mut name_len) = ([0_u8; 128], 128);
                raw.recvfrom(fd, to, len, flags, name.as_mut_ptr().cast(), &mut name_len).into()
            }
        }
    }))
}

pub(super) fn send(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let (null, len) = (arguments.is_null(1)?, arguments.number(2)? as i32);
    let flags = if arguments.count() > 3 { Some(arguments.int(3)?) } else { None };
    let room = if null { 0 } else { len.max(0) as usize };
    let len = i64::from(len) as usize;
    Ok(Box::new(move |raw| {
        let mut buffer = vec![0; room];
        let from = pointer(null, &mut buffer).cast_const();
        match flags {
            None => raw.write(fd, from, len).into(),
            Some(flags) => raw.send(fd, from, len, flags).into(),
        }
    }))
}

pub(super) fn send_to(fd: c_int, arguments: Arguments<'_>, name: Vec<u8>) -> Result<Ready, String> {
    let (null, len, flags) = (arguments.is_null(1)?, arguments.number(2)? as i32, arguments.int(3)?);
    let room = if null { 0 } else { len.max(0) as usize };
    let len = i64::from(len) as usize;
    Ok(Box::new(move |raw| {
        let mut buffer = vec![0; room];
        let from = pointer(null, &mut buffer).cast_const();
        raw.sendto(fd, from, len, flags, name.as_ptr().cast(), name.len() as u32).into()
    }))
}
