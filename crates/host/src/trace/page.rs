//! One page of the kernel's ring buffer, as `trace_pipe_raw` gives it: a time stamp, how much is filled, then records.
//!
//! The form is the kernel's promise to readers of that file (`events/header_page`, `events/header_event`). A page is believed
//! no further than its own length.

use super::format::{Field, field};

/// Where the parts of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageLayout {
    timestamp: Field,
    commit: Field,
    data: Field,
}

/// How much of a page is filled; above it stand the marks of lost records.
const FILLED: u64 = (1 << 27) - 1;
const PADDING: u32 = 29;
const TIME_EXTEND: u32 = 30;
const TIME_STAMP: u32 = 31;
const DELTA_BITS: u32 = 27;

impl PageLayout {
    /// From the text of `events/header_page`.
    pub(super) fn parse(text: &str) -> Option<PageLayout> {
        Some(PageLayout {
            timestamp: field(text, "timestamp")?,
            commit: field(text, "commit")?,
            data: field(text, "data")?,
        })
    }

    /// How long a page is.
    pub(super) fn length(&self) -> usize {
        self.data.offset + self.data.size
    }

    /// Hands every record with its time (in nanoseconds of the trace clock) to `each`; false when the page breaks off.
    pub(super) fn records(&self, page: &[u8], each: &mut dyn FnMut(u64, &[u8])) -> bool {
        let (Some(begin), Some(commit)) = (self.timestamp.number(page), self.commit.number(page)) else {
            return false;
        };
        let filled = (commit & FILLED) as usize;
        let Some(mut rest) = page.get(self.data.offset..).and_then(|data| data.get(..filled)) else {
            return false;
        };
        let mut time = begin;
        while !rest.is_empty() {
            match next(rest) {
                Some(Next::Record { delta, record, rest: after }) => {
                    time = time.wrapping_add(delta);
                    each(time, record);
                    rest = after;
                }
                Some(Next::Later { delta, rest: after }) => {
                    time = time.wrapping_add(delta);
                    rest = after;
                }
                Some(Next::At { stamp, rest: after }) => {
                    // The highest five bits are those of the page.
                    time = stamp | (begin & !((1 << 59) - 1));
                    rest = after;
                }
                Some(Next::End) => return true,
                None => return false,
            }
        }
        true
    }
}

/// What stands next.
enum Next<'a> {
    Record {
        delta: u64,
        record: &'a [u8],
        rest: &'a [u8],
    },
    /// Time passes, or room is left out.
    Later {
        delta: u64,
        rest: &'a [u8],
    },
    At {
        stamp: u64,
        rest: &'a [u8],
    },
    End,
}

/// The head holds a kind or length in five bits and the time since the one before in the others.
fn next(octets: &[u8]) -> Option<Next<'_>> {
    let (head, body) = word(octets)?;
    let (kind, delta) = if cfg!(target_endian = "big") {
        (head >> DELTA_BITS, head & ((1 << DELTA_BITS) - 1))
    } else {
        (head & 31, head >> 5)
    };
    let delta = u64::from(delta);
    match kind {
        // Without a time the rest of the page is empty.
        PADDING if delta == 0 => Some(Next::End),
        PADDING => {
            let (length, _) = word(body)?;
            Some(Next::Later { delta, rest: body.get(length.max(4) as usize..)? })
        }
        TIME_EXTEND | TIME_STAMP => {
            let (high, rest) = word(body)?;
            let time = u64::from(high) << DELTA_BITS | delta;
            Some(if kind == TIME_STAMP {
                Next::At { stamp: time, rest }
            } else {
                Next::Later { delta: time, rest }
            })
        }
        0 => {
            let (length, body) = word(body)?;
            let length = (length as usize).checked_sub(4)?.next_multiple_of(4);
            Some(Next::Record { delta, record: body.get(..length)?, rest: body.get(length..)? })
        }
        words => {
            let length = words as usize * 4;
            Some(Next::Record { delta, record: body.get(..length)?, rest: body.get(length..)? })
        }
    }
}

fn word(octets: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = octets.split_first_chunk()?;
    Some((u32::from_ne_bytes(*word), rest))
}
