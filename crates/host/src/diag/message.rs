//! Netlink messages in a received buffer, and attributes in a message. Every length is checked against what is there.

use super::SocketView;
use crate::Error;
use lastack_observe::{Flow, SocketRow, State};
use rustix::io::Errno;

const HEADER: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const SOCKET: u16 = 20;
/// The answer to the older question for both families.
const SOCKET_OLD: u16 = 18;
const DUMP_INTERRUPTED: u16 = 0x10;

/// One message, its head read.
pub(crate) struct Raw<'a> {
    pub(crate) number: u16,
    pub(super) sequence: u32,
    pub(super) interrupted: bool,
    pub(crate) body: &'a [u8],
}

/// What a message is.
pub(crate) enum Message<'a> {
    Socket(&'a [u8]),
    Done,
    Other,
}

impl<'a> Raw<'a> {
    /// An error that the kernel reports is an error here, but for the "error" zero, which is an acknowledgment.
    pub(crate) fn kind(&self) -> Result<Message<'a>, Error> {
        match self.number {
            SOCKET | SOCKET_OLD => Ok(Message::Socket(self.body)),
            DONE | ERROR => match self.errno() {
                0 if self.number == DONE => Ok(Message::Done),
                0 => Ok(Message::Other),
                errno => Err(Error::Refused(Errno::from_raw_os_error(errno))),
            },
            _ => Ok(Message::Other),
        }
    }

    /// The kernel's errors are -4095 to -1; whatever else stands there is none.
    fn errno(&self) -> i32 {
        match u32_at(self.body, 0) {
            Some(value) if (-4095..0).contains(&value.cast_signed()) => -value.cast_signed(),
            _ => 0,
        }
    }
}

/// The messages of one buffer; None, once, where it breaks off.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Messages<'a> {
        Messages { rest: octets }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Option<Raw<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let raw = head(self.rest);
        self.rest = match raw {
            Some((_, length)) => self.rest.get(aligned(length)..).unwrap_or_default(),
            None => &[],
        };
        Some(raw.map(|(raw, _)| raw))
    }
}

fn head(octets: &[u8]) -> Option<(Raw<'_>, usize)> {
    let length = u32_at(octets, 0)? as usize;
    let body = octets.get(HEADER..length)?;
    let flags = u16_at(octets, 6)?;
    let raw = Raw {
        number: u16_at(octets, 4)?,
        sequence: u32_at(octets, 8)?,
        interrupted: flags & DUMP_INTERRUPTED != 0,
        body,
    };
    Some((raw, length))
}

/// Attributes: number and value. It ends where they break off.
pub(crate) fn attributes(mut octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(octets, 0)?);
        let number = u16_at(octets, 2)?;
        let value = octets.get(4..length)?;
        octets = octets.get(aligned(length)..).unwrap_or_default();
        // The two highest bits are flags.
        Some((number & 0x3fff, value))
    })
}

const fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

pub(super) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*octets.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*octets.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*octets.get(at..)?.first_chunk()?))
}

/// Reads any octets as an answer of sock_diag, as a dump would, and tells how many sockets are in it. For fuzzing.
pub fn parse_any(octets: &[u8]) -> usize {
    let bodies = Messages::new(octets).flatten().filter_map(|raw| match raw.kind() {
        Ok(Message::Socket(body)) => Some(body),
        _ => None,
    });
    let mut row = SocketRow::new(State::Closed, Flow::NONE);
    bodies
        .filter_map(SocketView::parse)
        .map(|view| {
            view.fill(&mut row);
        })
        .count()
}
