//! poll() and epoll.

use super::{Files, Finished, Ready};
use crate::player::values::{Arguments, field, list, number};
use lastack_sim::script::ast::Value;
use libc::{c_int, epoll_event, pollfd};

pub(super) fn poll(arguments: Arguments<'_>, files: &Files) -> Result<Ready, String> {
    let mut wishes = Vec::new();
    let mut expected = Vec::new();
    for entry in list(arguments.value(0)?)? {
        let one = |name: &str| field(entry, name).map(number).transpose();
        let fd = files.live(one("fd")?.ok_or("poll() needs a descriptor")?)?;
        let events = one("events")?.ok_or("poll() needs events")? as i16;
        let revents = one("revents")?.unwrap_or(0) as i16;
        wishes.push((fd, events, revents));
        expected.push(revents);
    }
    let (count, timeout) = (arguments.number(1)?, arguments.int(2)?);
    Ok(Box::new(move |raw| {
        let mut fds: Vec<pollfd> =
            wishes.iter().map(|&(fd, events, revents)| pollfd { fd, events, revents }).collect();
        let mut finished = Finished::from(raw.poll(fds.as_mut_ptr(), count as u64, timeout));
        let got: Vec<i16> = fds.iter().map(|fd| fd.revents).collect();
        if got != expected {
            finished.wrong = Some(format!("expected events {expected:#x?}, got {got:#x?}"));
        }
        finished
    }))
}

/// `{events=EPOLLIN, fd=4}`, or with `ptr`, `u32` or `u64` in the place of the descriptor.
fn event(value: &Value, files: &Files) -> Result<(u32, u64), String> {
    let events = field(value, "events").ok_or("an event needs `events`")?;
    let events = number(events)? as u32;
    if let Some(fd) = field(value, "fd") {
        return Ok((events, u64::from(files.live(number(fd)?)? as u32)));
    }
    let data = ["ptr", "u32", "u64"].iter().find_map(|name| field(value, name));
    Ok((events, number(data.ok_or("an event needs `fd`, `ptr`, `u32` or `u64`")?)? as u64))
}

pub(super) fn control(set: c_int, arguments: Arguments<'_>, files: &Files) -> Result<Ready, String> {
    let command = arguments.int(1)?;
    let fd = files.live(arguments.number(2)?)?;
    let (events, data) = event(arguments.value(3)?, files)?;
    Ok(Box::new(move |raw| {
        let mut event = epoll_event { events, u64: data };
        raw.epoll_ctl(set, command, fd, &mut event).into()
    }))
}

pub(super) fn wait(set: c_int, arguments: Arguments<'_>, files: &Files) -> Result<Ready, String> {
    let expected = event(arguments.value(1)?, files)?;
    let (most, timeout) = (arguments.int(2)?, arguments.int(3)?);
    Ok(Box::new(move |raw| {
        let mut got = vec![epoll_event { events: 0, u64: 0 }; most.max(1) as usize];
        let mut finished = Finished::from(raw.epoll_wait(set, got.as_mut_ptr(), most, timeout));
        let (events, data) = (got[0].events, got[0].u64);
        // Without an event the tool finds what calloc() left.
        let told = events == expected.0 && (data == expected.1 || finished.answer == Ok(0));
        if !told {
            finished.wrong = Some(format!("expected the event {expected:#x?}, got {:#x?}", (events, data)));
        }
        finished
    }))
}
