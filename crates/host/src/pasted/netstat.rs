//! A line of `netstat -an`, with what `-p`, `-o` and `-e` add: `tcp 0 0 10.0.0.1:80 10.0.0.2:4000 ESTABLISHED 25/nginx off (0.00/0/0)`.

use super::{Has, Line, address, settle};
use lastack_observe::{Flow, Holder, SocketRow, State, TimerKind};
use std::time::Duration;

pub(super) fn row(line: &str, has: &mut Has) -> Line {
    read(line, has).map_or(Line::Unread, |row| Line::Row(Box::new(row)))
}

fn read(line: &str, has: &mut Has) -> Option<SocketRow> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let recv_queue = words.next()?.parse().ok()?;
    let send_queue = words.next()?.parse().ok()?;
    let local = address::parse(words.next()?)?;
    let remote = address::parse(words.next()?)?;
    let state: State = words.next()?.parse().ok()?;
    let mut row = SocketRow { recv_queue, send_queue, ..SocketRow::new(state, Flow { local, remote }) };
    let rest: Vec<&str> = words.collect();
    has.processes |= rest.iter().any(|word| *word == "-" || holder(word).is_some());
    if let Some(holder) = rest.iter().find_map(|word| holder(word)) {
        row.host.get_or_insert_default().holders.push(holder);
    }
    timer(&mut row, &rest, has);
    settle(&mut row);
    Some(row)
}

/// `25/nginx`. netstat tells no descriptor.
fn holder(word: &str) -> Option<Holder> {
    let (pid, name) = word.split_once('/')?;
    let pid = pid.parse().ok()?;
    (!name.contains('/')).then(|| Holder { name: name.trim_end_matches(':').to_owned(), pid, fd: 0 })
}

/// `keepalive (119.50/0/0)`: seconds left, timeouts in a row, probes.
fn timer(row: &mut SocketRow, rest: &[&str], has: &mut Has) {
    let Some([kind, figures]) = rest.windows(2).rev().find(|pair| pair[1].starts_with('(')) else { return };
    let kind = match *kind {
        "off" => TimerKind::Off,
        "on" => TimerKind::On,
        "keepalive" => TimerKind::Keepalive,
        "timewait" => TimerKind::Timewait,
        "probe" => TimerKind::Persist,
        _ => return,
    };
    has.timers = true;
    let mut figures = figures.trim_matches(['(', ')']).split('/');
    let left = figures.next().and_then(|left| left.parse().ok());
    row.timer = kind;
    row.timer_left =
        left.filter(|_| kind != TimerKind::Off).and_then(|left| Duration::try_from_secs_f64(left).ok());
    row.retransmits = figures.next().and_then(|number| number.parse().ok()).unwrap_or(0);
}
