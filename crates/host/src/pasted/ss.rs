//! A line of ss: `ESTAB 0 0 10.0.0.1:80 10.0.0.2:4000 users:(("nginx",pid=25,fd=3)) timer:(keepalive,119min,0)`, and what `-e`
//! and `-O -i` put behind.

use super::{Has, Line, address, info, settle};
use lastack_observe::{Flow, Holder, SocketRow, State, TimerKind};
use std::time::Duration;

pub(super) fn row<'a>(words: impl Iterator<Item = &'a str>, has: &mut Has) -> Line {
    read(words, has).map_or(Line::Unread, |row| Line::Row(Box::new(row)))
}

fn read<'a>(mut words: impl Iterator<Item = &'a str>, has: &mut Has) -> Option<SocketRow> {
    let state: State = words.next()?.parse().ok()?;
    let recv_queue = words.next()?.parse().ok()?;
    let send_queue = words.next()?.parse().ok()?;
    let local = address::parse(words.next()?)?;
    let remote = address::parse(words.next()?)?;
    let mut row = SocketRow { recv_queue, send_queue, ..SocketRow::new(state, Flow { local, remote }) };
    // A program's name may hold blanks: joined again, whatever stood between the words.
    let rest = words.collect::<Vec<_>>().join(" ");
    if let Some((users, _)) = within(&rest, "users:((", "))") {
        has.processes = true;
        row.host.get_or_insert_default().holders = holders(users);
    }
    if let Some((timer, _)) = within(&rest, "timer:(", ")") {
        has.timers = true;
        set_timer(&mut row, timer);
    }
    let rest = rest.split_once("))").map_or(rest.as_str(), |(_, behind)| behind);
    info::add(&mut row, rest, has);
    settle(&mut row);
    Some(row)
}

/// What stands between two marks, and what behind.
fn within<'a>(text: &'a str, from: &str, to: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(from)?.1.split_once(to)
}

/// `"nginx",pid=25,fd=3),("nginx",pid=26,fd=3`
fn holders(users: &str) -> Vec<Holder> {
    let holder = |text: &str| {
        let (name, numbers) = text.strip_prefix('"')?.rsplit_once("\",pid=")?;
        let (pid, fd) = numbers.split_once(",fd=")?;
        let name = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        Some(Holder { name, pid: pid.parse().ok()?, fd: fd.parse().ok()? })
    };
    users.split("),(").filter_map(holder).collect()
}

fn set_timer(row: &mut SocketRow, text: &str) {
    let mut parts = text.split(',');
    row.timer = match parts.next() {
        Some("on") => TimerKind::On,
        Some("keepalive") => TimerKind::Keepalive,
        Some("timewait") => TimerKind::Timewait,
        Some("persist") => TimerKind::Persist,
        _ => return,
    };
    row.timer_left = parts.next().and_then(time);
    row.retransmits = parts.next().and_then(|number| number.parse().ok()).unwrap_or(0);
}

/// `204ms`, `1.204ms` (seconds and milliseconds), `59sec`, `1min20sec`, `119min`, `2hr`.
pub(super) fn time(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, behind) = rest.split_at(unit_at);
        let unit_end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        let part = match (unit, number.split_once('.')) {
            ("ms", Some((seconds, millis))) => {
                Duration::from_secs(u64::from(seconds.parse::<u32>().ok()?))
                    .checked_add(Duration::from_millis(u64::from(millis.parse::<u16>().ok()?)))?
            }
            ("ms", None) => Duration::from_millis(u64::from(number.parse::<u32>().ok()?)),
            ("sec", None) => Duration::from_secs(u64::from(number.parse::<u32>().ok()?)),
            ("min", None) => Duration::from_secs(60 * u64::from(number.parse::<u32>().ok()?)),
            ("hr", None) => Duration::from_secs(3600 * u64::from(number.parse::<u32>().ok()?)),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}
