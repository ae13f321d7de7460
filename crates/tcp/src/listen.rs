//! A segment that finds a listener and nothing else (RFC 9293 section 3.10.7.2).

use crate::closed::reset_for;
use crate::{Arrival, Segment};
use lastack_observe::DropReason;

#[cfg(test)]
mod tests;

/// What a listener does with a segment.
#[derive(Clone, Debug)]
pub enum ListenVerdict {
    /// A connection request: the queues decide.
    Request,
    /// It is refused with this RST.
    Reset(Segment),
    /// It is thrown away.
    Ignore(DropReason),
}

/// Judges a segment in LISTEN: a RST is ignored, an ACK (SYN-ACK too) is refused, a SYN asks for a connection, all
/// else is ignored.
///
/// RFC 9293 lets a SYN bring data and FIN; Linux reads neither without Fast Open (TIMELINES T24), and throws a
/// SYN with FIN away.
pub fn judge_in_listen(arrival: &Arrival) -> ListenVerdict {
    let flags = arrival.header.flags;
    if flags.rst() {
        return ListenVerdict::Ignore(DropReason::UnwantedInListen);
    }
    if flags.ack() {
        return match reset_for(arrival) {
            Some(reset) => ListenVerdict::Reset(reset),
            None => ListenVerdict::Ignore(DropReason::UnwantedInListen),
        };
    }
    if flags.syn() && !flags.fin() {
        return ListenVerdict::Request;
    }
    ListenVerdict::Ignore(DropReason::UnwantedInListen)
}
