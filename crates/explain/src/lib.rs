//! One sentence per socket: why it is in its state, what it waits for, what ends it and when, which knob governs that.
//!
//! Pure: a row and the values of the knobs come in, words go out. It serves a lastack stack and the Linux kernel alike, and
//! says no number that is in neither the row nor the knobs, but for Linux's constants. Not here: how rows are had
//! (`lastack_stack`, `lastack_host`), and what is wrong with many of them.
//!
//! What governs which state: RFC 9293 section 3.10.8 as Linux does it (measured, `tests/pkt/timelines`).

mod closing;
mod data;
mod opening;
mod rules;
mod schedule;
#[cfg(test)]
mod tests;
mod words;

use lastack_observe::{SocketRow, State};
pub use rules::{Rule, Rules};
use std::fmt;
use std::time::Duration;

/// What can be said of one socket. Displayed, it is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Why it is in its state and what it waits for.
    pub why: String,
    /// What ends that, and when.
    pub end: String,
    /// The knobs that govern it with their values, `tcp_fin_timeout = 60`; a name alone when the value is not known.
    pub knobs: Vec<String>,
    /// Time until it ends when nothing more is heard from the peer or the application. None: it never does, or that cannot be
    /// told from the row.
    pub left: Option<Duration>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.why, self.end)?;
        match self.knobs.split_last() {
            None => f.write_str("; no knob governs it."),
            Some((only, [])) => write!(f, "; governed by {only}."),
            Some((last, others)) => write!(f, "; governed by {} and {last}.", others.join(", ")),
        }
    }
}

/// Explains one socket by the rules of the TCP that it belongs to.
pub fn explain(row: &SocketRow, rules: &Rules) -> Explanation {
    match row.state {
        State::Closed => opening::closed(),
        State::Listen => opening::listen(row, rules),
        State::SynSent => opening::syn_sent(row, rules),
        State::SynRecv => opening::syn_recv(row, rules),
        State::Established if row.unaccepted => opening::unaccepted(row, rules),
        State::Established => data::established(row, rules),
        State::CloseWait => data::close_wait(row, rules),
        State::FinWait1 | State::Closing | State::LastAck => closing::unacknowledged_fin(row, rules),
        State::FinWait2 => closing::fin_wait_2(row, rules),
        State::TimeWait => closing::time_wait(row, rules),
    }
}
