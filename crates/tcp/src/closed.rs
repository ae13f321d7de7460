//! A segment that finds no socket (RFC 9293 section 3.10.7.1), and the RST that refuses one.

use crate::{Arrival, Segment, Seq};
use lastack_wire::tcp::{Flags, Header};

#[cfg(test)]
mod tests;

/// The RST that answers a segment nobody wants; `None` for a RST (TIMELINES T33).
///
/// It carries no options and no window. With ACK it takes the segment's acknowledgment as its number; without, it
/// has number zero and acknowledges everything in the segment.
pub fn reset_for(arrival: &Arrival) -> Option<Segment> {
    let flags = arrival.header.flags;
    if flags.rst() {
        return None;
    }
    let header = if flags.ack() {
        Header { seq: arrival.header.ack, flags: Flags::RST, ..Header::default() }
    } else {
        let flags = Flags::RST.with(Flags::ACK);
        Header { seq: Seq(0), ack: arrival.end(), flags, ..Header::default() }
    };
    Some(Segment { header, ..Segment::default() })
}
