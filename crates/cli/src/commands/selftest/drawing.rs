//! The life of a connection in two columns of states, with what passes between them. Segments that only carry data or
//! acknowledge it are counted, not drawn.

use lastack::observe::{Instant, State};
use lastack::wire::tcp::{Flags, Header};
use std::io::{self, Write};
use std::net::SocketAddr;

/// Columns of the part between the states.
const MIDDLE: usize = 58;

/// A segment on its way.
pub(crate) struct Passing<'a> {
    /// From the client (0) or from the server (1).
    pub(crate) from: usize,
    pub(crate) header: &'a Header,
    /// Sequence numbers from the start of each direction.
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// Octets of data.
    pub(crate) octets: usize,
    pub(crate) lost: bool,
    pub(crate) again: bool,
}

/// Draws to a writer.
pub(crate) struct Drawing<'a> {
    out: &'a mut dyn Write,
    states: [State; 2],
    /// Segments and octets that were not drawn, each way.
    quiet: [(usize, usize); 2],
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Drawing<'a> {
        Drawing { out, states: [State::Closed, State::Listen], quiet: [(0, 0); 2] }
    }

    pub(crate) fn head(&mut self, client: SocketAddr, server: SocketAddr) -> io::Result<()> {
        writeln!(self.out, "      time  {:<MIDDLE$}  {server}", format!("client {}", client.ip()))
    }

    /// One end goes to another state.
    pub(crate) fn state(&mut self, now: Instant, end: usize, to: State, why: &str) -> io::Result<()> {
        self.flush()?;
        self.states[end] = to;
        let middle = if end == 0 { format!("{why:<46}") } else { format!("{why:>46}") };
        self.line(now, &middle)
    }

    pub(crate) fn segment(&mut self, now: Instant, passing: &Passing<'_>) -> io::Result<()> {
        let flags = passing.header.flags;
        let plain = flags.without(Flags::ACK.with(Flags::PSH)) == Flags(0);
        if plain && !passing.lost && !passing.again {
            let (segments, octets) = &mut self.quiet[passing.from];
            *segments += 1;
            *octets += passing.octets;
            return Ok(());
        }
        self.flush()?;
        let what = describe(passing);
        let middle = match (passing.from, passing.lost) {
            (0, false) => format!("{what} {:->width$}", ">", width = rest(&what)),
            (0, true) => format!("{what} {:->width$}", "X lost", width = rest(&what)),
            (_, false) => format!("{:-<width$} {what}", "<", width = rest(&what)),
            (_, true) => format!("{:-<width$} {what}", "lost X", width = rest(&what)),
        };
        self.line(now, &middle)
    }

    /// Tells what was not drawn.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let [there, back] = std::mem::take(&mut self.quiet);
        let said = |(segments, octets): (usize, usize)| format!("{segments} segments, {octets} octets");
        match (there, back) {
            ((0, _), (0, _)) => Ok(()),
            (there, (0, _)) => self.quietly(&format!("{} >", said(there))),
            ((0, _), back) => self.quietly(&format!("< {}", said(back))),
            (there, back) => self.quietly(&format!("{} >   < {}", said(there), said(back))),
        }
    }

    fn quietly(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "            {:<11} {text:^46}", ":")
    }

    fn line(&mut self, now: Instant, middle: &str) -> io::Result<()> {
        let [client, server] = self.states;
        let seconds = now.as_millis() as f64 / 1000.0;
        writeln!(self.out, "{seconds:>10.3}  {:<11} {middle:<46}  {server}", client.name())?;
        // As it happens, also through a pipe.
        self.out.flush()
    }
}

fn rest(what: &str) -> usize {
    45_usize.saturating_sub(what.len()).max(6)
}

/// `SYN|ACK 0 ack 1`, `FIN|ACK 100001 ack 1, 340 octets, again`.
fn describe(passing: &Passing<'_>) -> String {
    let mut text = format!("{:?} {}", passing.header.flags.without(Flags::PSH), passing.seq);
    if passing.header.flags.contains(Flags::ACK) {
        text += &format!(" ack {}", passing.ack);
    }
    if passing.octets > 0 {
        text += &format!(", {} octets", passing.octets);
    }
    if passing.again {
        text += ", again";
    }
    text
}
