//! A run of two ends as a sequence diagram: what was recorded, its rows, and two ways to print them.
//!
//! The model knows nothing of colours and columns; [`terminal`] and [`svg`] know nothing of stacks. [`states`] draws the
//! state diagram instead, with the edges that runs crossed.

mod recorder;
mod rows;
pub mod states;
pub mod svg;
pub mod terminal;
#[cfg(test)]
mod tests;

pub use recorder::Recorder;

use lastack_observe::{Cause, State};
use std::time::Duration;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Drawn on the left: usually the client.
    Left,
    /// Drawn on the right.
    Right,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// What a diagram shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// One line.
    pub title: String,
    /// Names of the left and the right end.
    pub ends: [String; 2],
    /// What happened, in the order of cause and effect.
    pub moments: Vec<Moment>,
    /// Every packet that was sent.
    pub packets: Vec<Packet>,
    /// What to see, one sentence each.
    pub see: Vec<String>,
}

/// Something that happened at one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Time since the run began.
    pub at: Duration,
    /// Where.
    pub side: Side,
    /// Which flow: its port at the left end.
    pub flow: u16,
    /// What.
    pub what: What,
}

/// What can happen at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A packet left.
    Sent(usize),
    /// It arrived.
    Arrived(usize),
    /// The flow went from one state to another.
    State {
        /// The state it left.
        from: State,
        /// The state it entered.
        to: State,
        /// Why.
        cause: Cause,
    },
    /// The application called, or a call returned.
    Call(String),
    /// The stack's own words: a segment dropped, a request refused.
    Note(String),
}

/// A segment on its way. Numbers count from the initial ones, as tcpdump's do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The end that sent it.
    pub from: Side,
    /// `SYN,ACK`.
    pub flags: String,
    /// First sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: Option<u32>,
    /// Octets of data.
    pub len: u32,
    /// Its SYN, data or FIN was sent before.
    pub again: bool,
    /// The link lost it.
    pub lost: bool,
    /// Which flow: its port at the left end.
    pub flow: u16,
}

impl Packet {
    /// `SYN,ACK seq=0 ack=1`.
    pub fn label(&self) -> String {
        let mut text = format!("{} seq={}", self.flags, self.seq);
        if let Some(ack) = self.ack {
            text += &format!(" ack={ack}");
        }
        if self.len > 0 {
            text += &format!(" len={}", self.len);
        }
        if self.again {
            text += " (again)";
        }
        text
    }
}

impl Diagram {
    /// The same run with left and right exchanged.
    pub fn mirrored(mut self) -> Diagram {
        self.ends.swap(0, 1);
        self.moments.iter_mut().for_each(|moment| moment.side = moment.side.other());
        self.packets.iter_mut().for_each(|packet| packet.from = packet.from.other());
        self
    }

    /// True when flows must be told apart.
    fn has_flows(&self) -> bool {
        let mut flows = self.packets.iter().map(|packet| packet.flow);
        let first = flows.next();
        flows.any(|flow| Some(flow) != first)
    }
}

/// `1.000`: seconds, with as many digits as a table of them wants.
fn seconds(at: Duration) -> String {
    format!("{:.3}", at.as_secs_f64())
}

/// `16 s later`, for a stretch of time in which nothing happens.
fn lapse(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let text = format!("{seconds:.1}");
    format!("{} s later", text.strip_suffix(".0").unwrap_or(&text))
}

/// Words in lines of at most `width` characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}
