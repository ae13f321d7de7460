//! When octets came: SO_TIMESTAMP, SO_TIMESTAMPNS and the receiving half of SO_TIMESTAMPING, told beside recvmsg().
//!
//! A read tells the time of the last octet that it took. Times are kept only while somebody wants them, in a short list: when
//! it is full, octets that came later pass for ones of its last time.

use crate::notices::Control;
use libc::c_int;
use std::collections::VecDeque;

/// Times that wait at most.
const MARKS_MAX: usize = 1024;
const RX_SOFTWARE: u32 = 1 << 3;
const REPORT_SOFTWARE: u32 = 1 << 4;
/// The options' numbers for 64-bit times on all machines; the layout is the same here.
pub(crate) const SO_TIMESTAMP_NEW: c_int = 63;
pub(crate) const SO_TIMESTAMPNS_NEW: c_int = 64;
pub(crate) const SO_TIMESTAMPING_NEW: c_int = 65;

/// The times of one socket's octets.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// SO_TIMESTAMP or SO_TIMESTAMPNS, old or new: the one that was set last.
    plain: Option<c_int>,
    /// SO_TIMESTAMPING, and by which of its two names it was set.
    flags: u32,
    new_name: bool,
    /// Up to which octet of the stream, and when (gettimeofday() in microseconds).
    marks: VecDeque<(u64, u64)>,
    seen: u64,
    /// What the last read tells.
    last: Option<u64>,
}

impl Arrivals {
    /// The settings that accept() hands on.
    pub(crate) fn inherited(&self) -> Arrivals {
        Arrivals { plain: self.plain, flags: self.flags, new_name: self.new_name, ..Arrivals::default() }
    }

    pub(crate) fn set_plain(&mut self, name: c_int, on: bool) {
        self.plain = on.then_some(name);
    }

    pub(crate) fn is_plain(&self, name: c_int) -> bool {
        self.plain == Some(name)
    }

    pub(crate) fn set_timestamping(&mut self, flags: u32, new_name: bool) {
        (self.flags, self.new_name) = (flags, new_name);
    }

    fn is_detailed(&self) -> bool {
        self.flags & RX_SOFTWARE != 0 && self.flags & REPORT_SOFTWARE != 0
    }

    /// True when somebody wants times.
    pub(crate) fn is_wanted(&self) -> bool {
        self.plain.is_some() || self.flags & RX_SOFTWARE != 0
    }

    /// So many octets have come by now.
    pub(crate) fn came(&mut self, total: u64, now_usecs: u64) {
        if total > self.seen {
            self.seen = total;
            if self.marks.len() < MARKS_MAX {
                self.marks.push_back((total, now_usecs));
            }
        }
    }

    /// A call begins.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Octets were taken up to here.
    pub(crate) fn read_to(&mut self, taken: u64) {
        self.peeked_to(taken);
        while self.marks.front().is_some_and(|(end, _)| *end <= taken) {
            self.marks.pop_front();
        }
    }

    /// Octets were looked at up to here.
    pub(crate) fn peeked_to(&mut self, end: u64) {
        let mark = self.marks.iter().find(|(to, _)| *to >= end).or(self.marks.back());
        self.last = mark.map(|(_, at)| *at);
    }

    /// What the last read has to tell.
    pub(crate) fn controls(&self) -> Vec<Control> {
        let Some(at) = self.last else { return Vec::new() };
        let (seconds, micros) = ((at / 1_000_000) as i64, (at % 1_000_000) as i64);
        let layout = |times: &[i64]| times.iter().flat_map(|part| part.to_ne_bytes()).collect::<Vec<u8>>();
        let mut controls = Vec::new();
        if let Some(name) = self.plain {
            let nanos = matches!(name, libc::SO_TIMESTAMPNS | SO_TIMESTAMPNS_NEW);
            let part = if nanos { micros * 1000 } else { micros };
            controls.push((libc::SOL_SOCKET, name, layout(&[seconds, part])));
        }
        if self.is_detailed() {
            let name = if self.new_name { SO_TIMESTAMPING_NEW } else { libc::SO_TIMESTAMPING };
            controls.push((libc::SOL_SOCKET, name, layout(&[seconds, micros * 1000, 0, 0, 0, 0])));
        }
        controls
    }
}

#[cfg(test)]
mod tests;
