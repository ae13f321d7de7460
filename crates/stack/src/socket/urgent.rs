//! Urgent octets as Linux has them (RFC 6093): MSG_OOB both ways, SIOCATMARK, and reads that stop at the mark.
//!
//! One octet is urgent at a time; a later one takes the place of one that nobody read. RFC 6093 advises against new uses.
//! As in Linux, who reads on at the mark passes it, and an unread urgent octet is lost with it.

use super::cell::{Inner, Phase};
use super::{Socket, SocketError};
use bytes::Bytes;
use lastack_tcp::Urgent;
use std::task::{Context, Poll};

/// Where the reader meets an urgent octet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    octet: u8,
    /// It can be read apart: it was not yet, and does not stay in the stream.
    apart: bool,
    /// It stays in the stream (SO_OOBINLINE).
    inline: bool,
    /// Octets to be read before it.
    ahead: usize,
}

impl Inner {
    /// An urgent octet arrived, behind what waits here and what the engine still has.
    pub(crate) fn mark_urgent(&mut self, urgent: Urgent) {
        self.return_octet();
        let (octet, inline) = (urgent.octet, urgent.inline);
        self.urgent = Some(Mark { octet, apart: !inline, inline, ahead: self.received_len + urgent.ahead });
    }

    /// Another octet is urgent from now on: the old one is an octet of the stream like others (Linux), read apart or not,
    /// unless the reader is just before it: then it is gone.
    fn return_octet(&mut self) {
        let Some(Mark { octet, ahead, .. }) = self.urgent.filter(|mark| !mark.inline && mark.ahead > 0)
        else {
            return;
        };
        let (mut left, mut at) = (ahead, 0);
        while let Some(chunk) = self.received.get_mut(at) {
            if left < chunk.len() {
                let rest = chunk.split_off(left);
                self.received.insert(at + 1, rest);
            }
            if left <= self.received[at].len() {
                break;
            }
            left -= self.received[at].len();
            at += 1;
        }
        self.received.insert((at + 1).min(self.received.len()), Bytes::copy_from_slice(&[octet]));
        self.received_len += 1;
    }

    /// An urgent octet apart from the stream that the reader has not passed: its number counts in Recv-Q.
    pub(crate) fn holds_urgent(&self) -> bool {
        self.urgent.is_some_and(|mark| !mark.inline)
    }

    /// A reader at the mark asks for what is behind it, and there is nothing yet.
    pub(super) fn passes_mark(&mut self) {
        if self.urgent.is_some_and(|mark| mark.ahead == 0 && !mark.inline) {
            self.urgent = None;
        }
    }

    /// At most `max`, and not beyond the mark.
    pub(super) fn up_to_mark(&self, max: usize) -> usize {
        match self.urgent {
            Some(Mark { ahead, .. }) if ahead > 0 => max.min(ahead),
            _ => max,
        }
    }

    /// The reader took this many; who goes on behind the mark leaves it.
    pub(super) fn moved_towards_mark(&mut self, octets: usize) {
        match &mut self.urgent {
            Some(mark) if mark.ahead > 0 => mark.ahead -= octets.min(mark.ahead),
            Some(_) if octets > 0 => self.urgent = None,
            _ => {}
        }
    }

    fn urgent_octet(&self) -> Option<u8> {
        self.urgent.filter(|mark| mark.apart).map(|mark| mark.octet)
    }
}

impl Socket {
    /// send(MSG_OOB): as [`Socket::try_write`], and the last octet is urgent. When fewer are taken none is urgent yet: hand
    /// over the rest in the same way.
    ///
    /// # Errors
    /// As [`Socket::try_write`].
    pub fn try_write_urgent(&self, chunk: Bytes) -> Result<usize, SocketError> {
        let wanted = chunk.len();
        let taken = {
            let mut inner = self.cell.lock();
            let taken = Self::write(&mut inner, chunk)?;
            if taken == wanted && taken > 0 {
                inner.sending_urgent = Some(inner.sending_len);
            }
            taken
        };
        self.cell.mark();
        Ok(taken)
    }

    /// recv(MSG_OOB): the urgent octet, once; `None` when the stream ended before it came.
    ///
    /// # Errors
    /// `Invalid` when there is none, when it was read, or with SO_OOBINLINE; `WouldBlock` when the peer announced it and it
    /// did not arrive; `NotConnected`.
    pub fn try_read_urgent(&self) -> Result<Option<u8>, SocketError> {
        let mut inner = self.cell.lock();
        let octet = Self::look_for_urgent(&inner)?;
        if octet.is_some()
            && let Some(mark) = &mut inner.urgent
        {
            mark.apart = false;
        }
        Ok(octet)
    }

    /// [`Socket::try_read_urgent`] that leaves the octet to be read (recv() with MSG_OOB and MSG_PEEK).
    ///
    /// # Errors
    /// As [`Socket::try_read_urgent`].
    pub fn try_peek_urgent(&self) -> Result<Option<u8>, SocketError> {
        Self::look_for_urgent(&self.cell.lock())
    }

    fn look_for_urgent(inner: &Inner) -> Result<Option<u8>, SocketError> {
        if inner.phase != Phase::Connected {
            return Err(SocketError::NotConnected);
        }
        if let Some(octet) = inner.urgent_octet() {
            return Ok(Some(octet));
        }
        if inner.options.oobinline || !inner.urgent_announced {
            return Err(SocketError::Invalid);
        }
        if inner.end_of_stream || inner.read_shutdown { Ok(None) } else { Err(SocketError::WouldBlock) }
    }

    /// Waits for an urgent octet apart from the stream (POLLPRI): false when the stream ended and none can come.
    pub fn poll_urgent(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut inner = self.cell.lock();
        if inner.urgent_octet().is_some() {
            return Poll::Ready(true);
        }
        if inner.end_of_stream || inner.read_shutdown {
            return Poll::Ready(false);
        }
        inner.wait_read(cx.waker());
        Poll::Pending
    }

    /// Octets of the stream before the mark of an urgent octet that is kept apart and was not passed; it need not have been
    /// read by itself.
    pub fn ahead_of_mark(&self) -> Option<usize> {
        self.cell.lock().urgent.filter(|mark| !mark.inline).map(|mark| mark.ahead)
    }

    /// True while an urgent octet that arrived was neither read apart nor passed, wherever it is kept (Linux's EPOLLPRI).
    pub fn has_urgent(&self) -> bool {
        self.cell.lock().urgent.is_some_and(|mark| mark.apart || mark.inline)
    }

    /// True while the reader has not passed the mark of an urgent octet that arrived.
    pub fn has_mark(&self) -> bool {
        self.cell.lock().urgent.is_some()
    }

    /// SIOCATMARK: everything before an urgent octet that arrived was read, and nothing behind it.
    pub fn is_at_mark(&self) -> bool {
        self.cell.lock().urgent.is_some_and(|mark| mark.ahead == 0)
    }
}
