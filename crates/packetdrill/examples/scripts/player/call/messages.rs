//! readv(), writev(), sendmsg() and recvmsg(), with the ancillary data that scripts expect.

mod ancillary;

use super::{Finished, Ready};
use crate::player::values::{Arguments, field, list, number};
use ancillary::{Clock, Item};
use lastack_sim::script::ast::Value;
use libc::{c_int, iovec, msghdr};

/// Lengths of `[{..., 1000}, {..., 500}]`.
fn lengths(value: &Value) -> Result<Vec<usize>, String> {
    let length = |entry: &Value| {
        let len = field(entry, "1").ok_or_else(|| format!("{entry:?} is no buffer with its length"))?;
        number(len).map(|len| len as usize)
    };
    list(value)?.iter().map(length).collect()
}

fn vectors(buffers: &mut [Vec<u8>]) -> Vec<iovec> {
    let vector = |buffer: &mut Vec<u8>| iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    buffers.iter_mut().map(vector).collect()
}

pub(super) fn vector(fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
    let reads = arguments.0.name == "readv";
    let lengths = lengths(arguments.value(1)?)?;
    let count = arguments.int(2)?;
    if count as usize != lengths.len() {
        return Err(format!("{count} is not the number of buffers"));
    }
    Ok(Box::new(move |raw| {
        let mut buffers: Vec<Vec<u8>> = lengths.iter().map(|len| vec![0; *len]).collect();
        let list = vectors(&mut buffers);
        if reads { raw.readv(fd, list.as_ptr(), count) } else { raw.writev(fd, list.as_ptr(), count) }.into()
    }))
}

/// A message header over these parts.
fn header(
    name: &mut [u8],
    list: &mut [iovec],
    control: &mut [u64],
    control_len: usize,
    flags: c_int,
) -> msghdr {
    // SAFETY: all zeros are a message header.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = name.len() as u32;
    message.msg_iov = list.as_mut_ptr();
    message.msg_iovlen = list.len();
    // The tool has memory for it also when its length is nothing.
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control_len;
    message.msg_flags = flags;
    message
}

fn parts(value: &Value) -> Result<(Vec<usize>, Vec<Item>, c_int), String> {
    let lengths = lengths(field(value, "msg_iov").ok_or("a message needs `msg_iov`")?)?;
    let items = match field(value, "msg_control") {
        Some(control) => list(control)?.iter().map(Item::new).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let flags = field(value, "msg_flags").map(number).transpose()?.unwrap_or(0);
    Ok((lengths, items, flags as c_int))
}

const CONTROL_WORDS: usize = 1024;

pub(super) fn send(fd: c_int, arguments: Arguments<'_>, mut name: Vec<u8>) -> Result<Ready, String> {
    let (lengths, items, _) = parts(arguments.value(1)?)?;
    let flags = arguments.int(2)?;
    Ok(Box::new(move |raw| {
        let mut buffers: Vec<Vec<u8>> = lengths.iter().map(|len| vec![0; *len]).collect();
        let mut list = vectors(&mut buffers);
        let mut control = vec![0_u64; CONTROL_WORDS];
        let len = ancillary::write(&mut control, &items);
        let message = header(&mut name, &mut list, &mut control, len, 0);
        raw.sendmsg(fd, &message, flags).into()
    }))
}

pub(super) fn receive(
    fd: c_int,
    arguments: Arguments<'_>,
    begun: i64,
    tolerance: i64,
) -> Result<Ready, String> {
    let (lengths, items, expected_flags) = parts(arguments.value(1)?)?;
    let flags = arguments.int(2)?;
    Ok(Box::new(move |raw| {
        let mut buffers: Vec<Vec<u8>> = lengths.iter().map(|len| vec![0; *len]).collect();
        let mut list = vectors(&mut buffers);
        let (mut name, mut control) = (vec![0; 128], vec![0_u64; CONTROL_WORDS]);
        // As much room as what is expected takes.
        let room = ancillary::write(&mut control, &items);
        let mut message = header(&mut name, &mut list, &mut control, room, expected_flags);
        let mut finished = Finished::from(raw.recvmsg(fd, &mut message, flags));
        let got_flags = message.msg_flags;
        let got_len = message.msg_controllen;
        if got_flags != expected_flags {
            finished.wrong = Some(format!("expected msg_flags {expected_flags:#x}, got {got_flags:#x}"));
        } else {
            finished.wrong = ancillary::compare(&control, got_len, &items, Clock { begun, tolerance }).err();
        }
        finished
    }))
}
