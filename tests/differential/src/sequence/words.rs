//! Sequences and steps in words: one line each, for reports and for lists of what is known.

use super::{AckAt, Call, SackAt, SeqAt, Sequence, Shape, Stamp, Step};
use lastack_wire::tcp::Flags;
use std::fmt;

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, index) = self.name;
        write!(f, "seed {seed} number {index}: {:?}", self.setup.start)?;
        self.steps.iter().try_for_each(|step| write!(f, "; {step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Segment(shape) => write!(f, "{shape}"),
            Step::Call(call) => write!(f, "{call}"),
            Step::Wait(ms) => write!(f, "{ms} ms pass"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Listen => f.write_str("listen()"),
            Call::Connect => f.write_str("connect()"),
            Call::Accept => f.write_str("accept()"),
            Call::Read(octets) => write!(f, "read({octets})"),
            Call::Write(octets) => write!(f, "write({octets})"),
            Call::ShutdownRead => f.write_str("shutdown(SHUT_RD)"),
            Call::ShutdownWrite => f.write_str("shutdown(SHUT_WR)"),
            Call::ShutdownBoth => f.write_str("shutdown(SHUT_RDWR)"),
            Call::Close => f.write_str("close()"),
            Call::Abort => f.write_str("close() with SO_LINGER 0"),
            Call::CloseListener => f.write_str("close() of the listener"),
            Call::TakeError => f.write_str("getsockopt(SO_ERROR)"),
            Call::Nodelay(on) => write!(f, "TCP_NODELAY={}", u8::from(*on)),
            Call::Cork(on) => write!(f, "TCP_CORK={}", u8::from(*on)),
            Call::Quickack(on) => write!(f, "TCP_QUICKACK={}", u8::from(*on)),
            Call::Keepalive(on) => write!(f, "SO_KEEPALIVE={}", u8::from(*on)),
        }
    }
}

/// `SYN|ACK`, the bits in the order in which one says them.
pub(crate) fn flags(flags: Flags) -> String {
    const NAMES: [(u8, &str); 8] =
        [(1, "SYN"), (2, "RST"), (0, "FIN"), (3, "PSH"), (4, "ACK"), (5, "URG"), (6, "ECE"), (7, "CWR")];
    let set: Vec<&str> =
        NAMES.iter().filter(|(bit, _)| flags.0 & (1 << bit) != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "no flags".to_owned() } else { set.join("|") }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&flags(self.flags))?;
        match self.seq {
            SeqAt::Next(0) => {}
            SeqAt::Next(by) => write!(f, " seq next{by:+}")?,
            SeqAt::Edge(by) => write!(f, " seq edge{by:+}")?,
            SeqAt::Isn(by) => write!(f, " seq isn{by:+}")?,
        }
        if self.flags.ack() {
            match self.ack {
                AckAt::Next(0) => {}
                AckAt::Next(by) => write!(f, " ack next{by:+}")?,
                AckAt::Una(by) => write!(f, " ack una{by:+}")?,
                AckAt::Iss(by) => write!(f, " ack iss{by:+}")?,
            }
        }
        if self.len > 0 {
            write!(f, " len {}", self.len)?;
        }
        write!(f, " win {}", self.window)?;
        match self.stamp {
            Stamp::Newer => {}
            Stamp::Same => f.write_str(" ts same")?,
            Stamp::Older(by) => write!(f, " ts older by {by}")?,
            Stamp::Missing => f.write_str(" ts missing")?,
            Stamp::Forced => f.write_str(" ts forced")?,
            Stamp::NoEcho => f.write_str(" ts echoes zero")?,
            Stamp::Echo(by) => write!(f, " ts echo{by:+}")?,
        }
        match self.sack {
            SackAt::None => {}
            SackAt::Tail(octets) => write!(f, " sack last {octets}")?,
            SackAt::Below => f.write_str(" sack below")?,
            SackAt::Beyond => f.write_str(" sack beyond")?,
        }
        if self.flags.urg() {
            write!(f, " urg {}", self.urgent)?;
        }
        f.write_str(if self.damaged { " damaged" } else { "" })
    }
}
