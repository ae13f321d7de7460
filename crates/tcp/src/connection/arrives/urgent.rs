//! Sixth check: the URG bit (RFC 9293 section 3.8.5, RFC 6093).
//!
//! RFC 6093 section 2.1: the pointer names the octet *after* the urgent one, whatever RFC 1122 said; everybody,
//! Linux included, does so. One octet is urgent. Unless SO_OOBINLINE is set it leaves the stream.

use crate::Arrival;
use crate::connection::{Connection, Turn};

impl Connection {
    pub(super) fn check_urgent(&mut self, arrival: &Arrival, _turn: &mut Turn) {
        let header = &arrival.header;
        // After the peer's FIN there is no urgent octet to come.
        if !header.flags.urg() || header.urgent == 0 || self.peer_finished {
            return;
        }
        let octet = header.seq + u32::from(header.urgent) - 1;
        // What was already passed to the reader is not urgent again, and an older pointer says nothing new.
        if octet.lt(self.receive.nxt)
            || self
                .incoming
                .as_ref()
                .and_then(|incoming| incoming.urgent_mark)
                .is_some_and(|mark| octet.le(mark))
        {
            return;
        }
        self.incoming().urgent_mark = Some(octet);
    }
}
