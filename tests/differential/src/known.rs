//! Differences that are known: what they look like, why they are there, and the line that does it.
//!
//! A matcher sees one difference, its sequence and the other differences of that. It must not excuse more than it says: it names
//! the fields and the state, the segment or the call, and where it can the numbers.

mod case;
mod crossing;
mod memory;
mod sending;
mod timers;
mod urgent;

#[cfg(test)]
mod tests;

use crate::compare::Difference;
use crate::sequence::Sequence;
use anyhow::{Context, Result};
use case::Case;
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
    matches: fn(&Case<'_>) -> bool,
}

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
        why: "Linux shifts its window field by the scale it offered although the peer offered none (its SYN-SENT \
              forgets to clear it when SYNs cross): a fault that lastack does not copy",
        file: "crates/tcp/src/active_open.rs",
        line: "self.window = self.window.next_multiple_of(1 << shift)",
        matches: crossing::window,
    },
    Known {
        name: "simultaneous open: close() before the third segment",
        why: "Linux sends its FIN from SYN_RECV; lastack's connection begins when the handshake is done, so the \
              FIN waits for that",
        file: "crates/stack/src/calls.rs",
        line: "In SYN_RECV the handshake goes on",
        matches: crossing::close,
    },
    Known {
        name: "simultaneous open: an acknowledgment of nothing",
        why: "it completes the handshake on both sides, but Linux's SYN stays in flight and lastack's is taken for \
              acknowledged",
        file: "crates/tcp/src/active_open.rs",
        line: "if arrival.header.ack == self.iss {",
        matches: crossing::unacknowledged,
    },
    Known {
        name: "simultaneous open: the FIN before the answer",
        why: "shutdown() in SYN_RECV waits for the end of the handshake; when that is the peer's SYN-ACK, Linux \
              sends the FIN before it answers, lastack after",
        file: "crates/stack/src/ingress/handshake.rs",
        line: "It came before the handshake was done",
        matches: crossing::fin_before_answer,
    },
    Known {
        name: "blocks in the segment that ends a handshake",
        why: "Linux counts SACK blocks there, too, because its SYN is in flight; lastack's handshake looks at none",
        file: "crates/tcp/src/send/sack.rs",
        line: "DsackRecv",
        matches: crossing::blocks,
    },
    Known {
        name: "a request that gets data with a second SYN-ACK",
        why: "Linux makes a full socket of the request before it looks at the SYN bit, and challenges; lastack \
              looks first and resets, as both do without the data",
        file: "crates/tcp/src/half_open.rs",
        line: "reset(arrival, ResetReason::InvalidSyn, out)",
        matches: crossing::request,
    },
    Known {
        name: "a cookie one beside",
        why: "Linux keeps the MSS in the lowest bits of a cookie, so that a number beside a cookie is one with \
              another MSS; in lastack's every bit is mixed",
        file: "crates/tcp/src/cookie.rs",
        line: "pub fn",
        matches: crossing::cookie,
    },
    Known {
        name: "the clock of a cookie",
        why: "Linux takes what it adds to its clock for a peer from the echo of its cookie (cookie_timestamp_decode), and \
              begins at its bare clock when that is zero; lastack's clock goes on as the cookie began. And what a \
              cookie put into the lowest bits of the clock decides whether an echo beside it passes",
        file: "crates/tcp/src/cookie.rs",
        line: "pub fn",
        matches: crossing::cookie_clock,
    },
    Known {
        name: "a bad acknowledgment of a request, tried as a cookie",
        why: "Linux hands it to the listener, which counts a cookie that is none; lastack's request answers itself",
        file: "crates/tcp/src/half_open.rs",
        line: "reset(arrival, ResetReason::InvalidAck, out)",
        matches: crossing::tried_as_cookie,
    },
    Known {
        name: "octets joined to the last packet",
        why: "whether octets are copied into the last packet's free room (TCPRcvCoalesce) depends on what the \
              driver allocated for it (skb_try_coalesce); lastack's chunks are joined by their own rule",
        file: "crates/tcp/src/chunk.rs",
        line: "fn push_copied",
        matches: memory::coalescing,
    },
    Known {
        name: "octets on the fast path",
        why: "Linux's header prediction takes octets only while the socket has memory for them at hand (truesize \
              <= sk_forward_alloc), which what it sent and gave back before decides; lastack has no such reserve \
              and does not count hits",
        file: "crates/tcp/src/connection/arrives/acknowledgment.rs",
        line: "fn is_foreseen",
        matches: memory::fast_path,
    },
    Known {
        name: "octets with an ancient acknowledgment",
        why: "Linux's fast path takes octets before it looks at the acknowledgment, its slow path discards them \
              (RFC 5961 section 5.2) and leaves the clock as it was; memory at hand decides which it is. lastack \
              discards, and takes the clock",
        file: "crates/tcp/src/connection/arrives/acknowledgment.rs",
        line: "Linux's fast path takes its clock",
        matches: memory::ancient,
    },
    Known {
        name: "a window by one packet's memory",
        why: "how much of a packet is payload follows from what the driver allocated for it; where that was not as \
              usual, a segment more or less is offered",
        file: "crates/tcp/src/receive/cost.rs",
        line: "pub(crate) fn of_packet",
        matches: memory::window,
    },
    Known {
        name: "a small buffer's window is one packet beside",
        why: "with SO_RCVBUF of a few packets such a window decides whether a segment fits, and whether a reader's \
              progress is told",
        file: "crates/tcp/src/receive/window.rs",
        line: "pub(crate) fn is_update_worth_sending",
        matches: memory::after_window,
    },
    Known {
        name: "a send buffer in small packets",
        why: "Linux charges every waiting packet with its bookkeeping, so small ones fill the buffer early; \
              lastack's limit counts octets",
        file: "crates/tcp/src/connection/rows.rs",
        line: "pub fn send_limit",
        matches: sending::buffer,
    },
    Known {
        name: "where writes are cut",
        why: "Linux cuts what is written into packets at once, by the window and the MSS of that moment, and marks \
              them with PSH or FIN then; lastack cuts and marks anew when the window or the MSS has moved",
        file: "crates/tcp/src/connection/transmit.rs",
        line: "fn plan_new",
        matches: sending::cut,
    },
    Known {
        name: "a burst that waits for a larger window",
        why: "Linux holds a burst of less than a third of the window back when the last one left less than half a round \
              trip ago (tcp_tso_should_defer), and round trips here are microseconds; lastack sends",
        file: "crates/tcp/src/connection/packets.rs",
        line: "fn quota",
        matches: sending::deferred,
    },
    Known {
        name: "a D-SACK that waited",
        why: "Linux tells a D-SACK that no acknowledgment has told yet no more when a hole opens (measured); lastack tells both",
        file: "crates/tcp/src/receive/reassembly.rs",
        line: "blocks.extend(self.duplicate.take()",
        matches: sending::forgotten_report,
    },
    Known {
        name: "the rest of a segment",
        why: "Linux takes it for reordering when the rest of a segment is acknowledged after a part of it, because \
              its packet begins before SND.UNA (tcp_clean_rtx_queue); lastack's begins there",
        file: "crates/tcp/src/send/scoreboard.rs",
        line: "self.runs.shorten_first(ack)",
        matches: sending::part,
    },
    Known {
        name: "the tick of a FIN's acknowledgment",
        why: "Linux's delayed acknowledgment of a bare FIN fires at the next tick, 0 to 4 ms later, so a step that \
              comes before it is answered first; lastack's comes after 1 ms",
        file: "crates/tcp/src/connection/ack.rs",
        line: "const TICK: Duration",
        matches: timers::fin,
    },
    Known {
        name: "the tick of a loss probe",
        why: "Linux's loss probe of several segments fires two ticks of 4 ms later at the earliest, and so does \
              what it moves; lastack's clock is exact",
        file: "crates/tcp/src/send/probe.rs",
        line: "PROBE_SLACK",
        matches: timers::probe,
    },
    Known {
        name: "a loss probe after a closed window",
        why: "Linux gives its loss probe up when it finds the window closed, and the timeout comes (tcp_send_loss_probe); \
              lastack's probe is due later and finds the window open again",
        file: "crates/tcp/src/connection/timeouts.rs",
        line: "fn loss_probe_timeout",
        matches: timers::probe_given_up,
    },
    Known {
        name: "the urgent octet and a reader",
        why: "Linux takes an urgent octet out of the stream when a reader passes it, lastack as it arrives: when \
              another one came meanwhile a count differs",
        file: "crates/tcp/src/connection/incoming.rs",
        line: "incoming.ready.push(octets.slice(..at)",
        matches: urgent::octet,
    },
];

/// The one of `kinds` that explains a difference; `found` are all of the sequence.
pub fn explains(
    kinds: &'static [Known],
    difference: &Difference,
    found: &[Difference],
    sequence: &Sequence,
) -> Option<&'static Known> {
    kinds.iter().find(|known| (known.matches)(&Case { difference, sequence, found }))
}
