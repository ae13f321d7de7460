//! What people paste: the output of `ss`, of `netstat`, and the counts of `netstat | awk '{++S[$NF]}'`, as rows and counts.
//!
//! Each line speaks for itself, so that outputs may be cut, joined, or surrounded by a prompt. A line that cannot be read is
//! counted, and the first one is kept to be shown; sockets that are not TCP are passed over. Names instead of numbers (`ss`
//! without `-n`) cannot be told back into numbers and count as unread. Nothing is invented: what a text does not tell stays
//! unknown.

mod address;
mod census;
mod info;
mod netstat;
mod ss;
#[cfg(test)]
mod tests;

use lastack_observe::{Census, SocketRow, State, TimerKind};

/// What a pasted text tells.
#[derive(Clone, Debug, Default)]
pub struct Pasted {
    /// Sockets, in the order of the text.
    pub rows: Vec<SocketRow>,
    /// Counts per state, of lines that hold only a state and a number.
    pub counts: Option<Census>,
    /// Which facts the rows have.
    pub has: Has,
    /// Lines that look like sockets and could not be read.
    pub unread: usize,
    /// The first of them, shortened.
    pub first_unread: Option<String>,
}

/// Which columns a pasted text has. Where one is missing, its absence in a row means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Has {
    /// Which process holds a socket (`-p`).
    pub processes: bool,
    /// Timers (`-o`).
    pub timers: bool,
    /// TCP_INFO (`ss -i`).
    pub info: bool,
    /// Listening sockets (`-a` or `-l`).
    pub listeners: bool,
}

/// What one line is.
enum Line {
    /// A socket.
    Row(Box<SocketRow>),
    /// A state and how many are in it.
    Count(State, u32),
    /// Heading, prompt, another protocol.
    Other,
    /// A socket that cannot be read.
    Unread,
}

/// Octets of a line that is shown.
const SHOWN_MAX: usize = 120;

/// Reads a text. `None` when no line of it is a socket or a count.
pub fn parse(text: &str) -> Option<Pasted> {
    let mut pasted = Pasted::default();
    for line in text.lines() {
        // `ss -i` without `-O` puts TCP_INFO on a line of its own, behind a tab.
        if line.starts_with([' ', '\t'])
            && let Some(row) = pasted.rows.last_mut()
            && info::add(row, line, &mut pasted.has)
        {
            continue;
        }
        match parse_line(line, &mut pasted.has) {
            Line::Row(row) => {
                pasted.has.listeners |= row.state == State::Listen;
                pasted.rows.push(*row);
            }
            Line::Count(state, count) => {
                let counts = pasted.counts.get_or_insert_default();
                // A state comes once in an output: this one is a later output, and the later one counts.
                if counts.count(state) > 0 {
                    *counts = Census::default();
                }
                counts.add(state, count);
            }
            Line::Other => {}
            Line::Unread => {
                pasted.unread += 1;
                pasted.first_unread.get_or_insert_with(|| shown(line));
            }
        }
    }
    (!pasted.rows.is_empty() || pasted.counts.is_some() || pasted.unread > 0).then_some(pasted)
}

fn parse_line(line: &str, has: &mut Has) -> Line {
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else { return Line::Other };
    match first {
        // netstat has a number here, ss with its Netid column a state.
        "tcp" | "tcp6" if words.clone().next().is_some_and(starts_with_digit) => netstat::row(line, has),
        "tcp" => ss::row(words, has),
        _ => {
            let rest = words.clone();
            match first.parse::<State>() {
                Ok(_) if rest.clone().count() >= 4 => ss::row(line.split_ascii_whitespace(), has),
                _ => census::count(first, rest),
            }
        }
    }
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn shown(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect()
}

/// What follows from the rest: nobody holds a socket that has no inode (`-e` tells it), and an orphan's FIN_WAIT2 has the timer
/// of TIME_WAIT (`-o` tells it).
fn settle(row: &mut SocketRow) {
    let without_inode = row.host.as_ref().is_some_and(|facts| facts.cookie != 0 && facts.inode == 0);
    match row.state {
        State::TimeWait => row.timer = TimerKind::Timewait,
        State::FinWait1 | State::Closing | State::LastAck => row.orphan = without_inode,
        State::FinWait2 => row.orphan = without_inode || row.timer == TimerKind::Timewait,
        State::Established | State::CloseWait => row.unaccepted = without_inode,
        State::Listen | State::SynSent | State::SynRecv | State::Closed => {}
    }
}
