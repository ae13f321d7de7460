//! Differences that are known: what they look like, why they are there, and the line that does it.
//!
//! A matcher sees one difference and its sequence. It must not excuse more than it says: it names the fields, and where it can
//! the state, the call or the setup.

mod among;
mod shapes;

#[cfg(test)]
mod tests;

use crate::compare::Difference;
use crate::sequence::Sequence;
use anyhow::{Context, Result};
use std::path::Path;

/// One known kind of difference.
#[derive(Debug)]
pub struct Known {
    /// Its name, in a few words.
    pub name: &'static str,
    /// Why the stack does otherwise.
    pub why: &'static str,
    /// The file that does it, from the repository's root.
    pub file: &'static str,
    /// Words of the line that does it.
    pub line: &'static str,
    matches: Matcher,
}

/// What it looks at.
#[derive(Clone, Copy, Debug)]
enum Matcher {
    /// The difference alone.
    Alone(fn(&Difference, &Sequence) -> bool),
    /// All differences of the sequence: it is what follows from another.
    Among(fn(&Difference, &Sequence, &[Difference]) -> bool),
}
use Matcher::{Alone, Among};

impl Known {
    /// `FILE:LINE`, from the sources as they are.
    ///
    /// # Errors
    /// The line is no longer there.
    pub fn place(&self, root: &Path) -> Result<String> {
        let path = root.join(self.file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let line = text.lines().position(|line| line.contains(self.line));
        let line = line.with_context(|| format!("{} has no line with `{}`", self.file, self.line))?;
        Ok(format!("{}:{}", self.file, line + 1))
    }
}

/// All of them. The first that matches explains a difference.
pub const ALL: &[Known] = &[
    Known {
        name: "simultaneous open: windows without a scale",
        why: "Linux shifts its window field by the scale it offered although the peer offered none (its SYN-SENT forgets to \
              clear it when SYNs cross), and bounds numbers by the peer's unscaled window: a fault that lastack does not copy",
        file: "crates/tcp/src/active_open.rs",
        line: "self.window = self.window.next_multiple_of(1 << shift)",
        matches: Alone(shapes::simultaneous_window),
    },
    Known {
        name: "simultaneous open: close() before the third segment",
        why: "Linux sends its FIN from SYN_RECV, and its RST with window and timestamps of a full socket; lastack's connection \
              begins when the handshake is done, so the FIN waits for that, and a reset is as bare as that of a request",
        file: "crates/stack/src/calls.rs",
        line: "In SYN_RECV the handshake goes on",
        matches: Alone(shapes::simultaneous_close),
    },
    Known {
        name: "simultaneous open: what comes in SYN_RECV",
        why: "Linux's SYN_RECV of crossed SYNs is a full socket: it reports old octets by D-SACK, judges SACK blocks, keeps the newer of two \
              timestamps and lets a writer wait although sending was shut down; lastack's is a record without these",
        file: "crates/tcp/src/active_open/syn_received.rs",
        line: "fn handle_in_syn_received",
        matches: Alone(shapes::simultaneous_extras),
    },
    Known {
        name: "D-SACKs that prove nothing, counted",
        why: "Linux counts a D-SACK in the segment that ends a handshake, too, and calls it dubious by the sizes of its own \
              packets; lastack's handshake does not look at SACK blocks, and its sizes are the MSS",
        file: "crates/tcp/src/send/sack.rs",
        line: "fn judge_duplicate",
        matches: Alone(shapes::counted_reports),
    },
    Known {
        name: "a request that gets data with a second SYN-ACK",
        why: "Linux makes a full socket of the request before it looks at the SYN bit, and challenges; lastack looks first and \
              resets, as both do without the data",
        file: "crates/tcp/src/half_open.rs",
        line: "reset(arrival, ResetReason::InvalidSyn, out)",
        matches: Alone(shapes::request_syn_ack),
    },
    Known {
        name: "the fast path, counted",
        why: "whether Linux takes a segment on its fast path (TCPHPHits, TCPHPAcks) depends on memory that both directions of the \
              socket scheduled by pages, and on predictions that its own writes renew; lastack follows the receiving side only",
        file: "crates/tcp/src/connection/scarce.rs",
        line: "pub(super) fn takes_fast_path",
        matches: Alone(shapes::fast_path),
    },
    Known {
        name: "a send buffer in small segments",
        why: "Linux charges every queued segment with its bookkeeping, so tiny segments fill the buffer early; lastack's limit \
              counts octets, and doubles with the congestion window",
        file: "crates/tcp/src/connection/rows.rs",
        line: "pub fn send_limit",
        matches: Alone(shapes::send_buffer),
    },
    Known {
        name: "where writes are cut",
        why: "Linux cuts what is written into segments at once, by the window and the MSS of that moment, marks them with PSH \
              then, and joins the FIN to the last; lastack cuts and marks when it sends",
        file: "crates/tcp/src/connection/transmit.rs",
        line: "fn plan_new",
        matches: Alone(shapes::cut_of_writes),
    },
    Known {
        name: "the urgent octet in Recv-Q",
        why: "Linux's Recv-Q counts the urgent octet until the reader passes its place; lastack takes it out of the stream at \
              once",
        file: "crates/tcp/src/connection/incoming.rs",
        line: "incoming.ready.push(octets.slice(..at), pinned)",
        matches: Alone(shapes::urgent_octet),
    },
    Known {
        name: "a timer of a few milliseconds",
        why: "Linux's delayed acknowledgment of a bare FIN and its loss probe of several segments fire at a tick of 4 ms, so a \
              step that comes before it is answered first; lastack's clock is exact",
        file: "crates/tcp/src/connection/ack.rs",
        line: "const TICK: Duration",
        matches: Alone(shapes::short_timer),
    },
    Known {
        name: "a cookie one beside",
        why: "Linux keeps the MSS in the lowest bits of a cookie, so that a number beside a cookie is one with another MSS; in \
              lastack's every bit is mixed",
        file: "crates/tcp/src/cookie.rs",
        line: "pub fn",
        matches: Alone(shapes::cookie_beside),
    },
    Known {
        name: "octets with an ancient acknowledgment",
        why: "RFC 5961 section 5.2: a segment that acknowledges what was long acknowledged is discarded; Linux's fast path \
              challenges it and takes its octets all the same",
        file: "crates/tcp/src/connection/arrives/acknowledgment.rs",
        line: "turn.out.dropped(DropReason::OldAck)",
        matches: Alone(shapes::ancient_acknowledgment),
    },
    Known {
        name: "the urgent octet and a reader",
        why: "Linux stops a read() at the urgent mark and leaves the octet out when the reader passes it; lastack \
              takes it out of the stream as it arrives, so a count differs by the urgent octets",
        file: "crates/tcp/src/connection/incoming.rs",
        line: "incoming.ready.push(octets.slice(..at), pinned)",
        matches: Among(among::urgent_octet_read),
    },
];

/// The one of `kinds` that explains a difference; `found` are all of the sequence.
pub fn explains(
    kinds: &'static [Known],
    difference: &Difference,
    found: &[Difference],
    sequence: &Sequence,
) -> Option<&'static Known> {
    kinds.iter().find(|known| match known.matches {
        Alone(matches) => matches(difference, sequence),
        Among(matches) => matches(difference, sequence, found),
    })
}
