//! Octets in and out of a socket, and its end: read, write, shutdown, close, abort.
//!
//! The order in which data, errors and ends are reported is Linux's: data first, then SO_ERROR once, then end of stream or EPIPE
//! (TIMELINES T34, T37b).

use super::cell::{Inner, Phase, Written};
use super::{Shutdown, Socket, SocketError};
use bytes::Bytes;
use lastack_observe::State;
use std::task::{Context, Poll};

impl Socket {
    /// Takes received octets, at most `max`: one chunk, or a part of it. Empty means end of stream.
    ///
    /// # Errors
    /// `WouldBlock`, `NotConnected`, or how the connection ended (`Reset`, `TimedOut`, ...), once.
    pub fn try_read(&self, max: usize) -> Result<Bytes, SocketError> {
        let chunk = Self::read(&mut self.cell.lock(), max)?;
        if !chunk.is_empty() {
            self.cell.mark();
        }
        Ok(chunk)
    }

    /// [`Socket::try_read`], waiting until as much is there as SO_RCVLOWAT says, or no more can come.
    pub fn poll_read(&self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Bytes, SocketError>> {
        let answer = {
            let mut inner = self.cell.lock();
            if Self::must_wait_to_read(&inner) {
                inner.wait_read(cx.waker());
                return Poll::Pending;
            }
            let answer = Self::read(&mut inner, max);
            if answer == Err(SocketError::WouldBlock) {
                inner.wait_read(cx.waker());
                return Poll::Pending;
            }
            answer
        };
        if answer.as_ref().is_ok_and(|chunk| !chunk.is_empty()) {
            self.cell.mark();
        }
        Poll::Ready(answer)
    }

    /// There is something, but less than the low-water mark.
    fn must_wait_to_read(inner: &Inner) -> bool {
        inner.received_len > 0 && !inner.has_enough_to_read()
    }

    fn read(inner: &mut Inner, max: usize) -> Result<Bytes, SocketError> {
        let max = inner.up_to_mark(max);
        if let Some(front) = inner.received.front_mut() {
            let chunk = front.split_to(max.min(front.len()));
            if front.is_empty() {
                inner.received.pop_front();
            }
            inner.received_len -= chunk.len();
            inner.consumed += chunk.len();
            inner.moved_towards_mark(chunk.len());
            // Linux takes the FIN with the last octet.
            inner.end_was_read = inner.peer_finished && inner.received_len == 0;
            return Ok(chunk);
        }
        inner.passes_mark();
        Self::nothing_to_read(inner)?;
        inner.end_was_read = inner.peer_finished;
        Ok(Bytes::new())
    }

    /// The first received octets, at most `max`, without taking them. Empty means end of stream.
    ///
    /// # Errors
    /// As [`Socket::try_read`].
    pub fn try_peek(&self, max: usize) -> Result<Bytes, SocketError> {
        Self::peek(&mut self.cell.lock(), max)
    }

    /// [`Socket::try_peek`] over as many chunks as `max` octets need, waiting as [`Socket::poll_read`] does. No chunk means
    /// end of stream.
    pub fn poll_peek(&self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Vec<Bytes>, SocketError>> {
        let mut inner = self.cell.lock();
        if Self::must_wait_to_read(&inner) {
            inner.wait_read(cx.waker());
            return Poll::Pending;
        }
        match Self::peek_all(&mut inner, max) {
            Err(SocketError::WouldBlock) => {
                inner.wait_read(cx.waker());
                Poll::Pending
            }
            answer => Poll::Ready(answer),
        }
    }

    fn peek(inner: &mut Inner, max: usize) -> Result<Bytes, SocketError> {
        if let Some(front) = inner.received.front() {
            return Ok(front.slice(..inner.up_to_mark(max).min(front.len())));
        }
        Self::nothing_to_read(inner).map(|()| Bytes::new())
    }

    fn peek_all(inner: &mut Inner, max: usize) -> Result<Vec<Bytes>, SocketError> {
        if inner.received.is_empty() {
            return Self::nothing_to_read(inner).map(|()| Vec::new());
        }
        let mut chunks = Vec::new();
        let mut room = inner.up_to_mark(max);
        for chunk in &inner.received {
            if room == 0 {
                break;
            }
            chunks.push(chunk.slice(..room.min(chunk.len())));
            room -= room.min(chunk.len());
        }
        Ok(chunks)
    }

    /// Ok is end of stream.
    fn nothing_to_read(inner: &mut Inner) -> Result<(), SocketError> {
        // Linux (SOCK_DONE): behind a FIN reading ends in peace; an error that came later waits for a write (T34).
        if inner.peer_finished && inner.error != Some(SocketError::NetworkDown) {
            return Ok(());
        }
        if let Some(error) = inner.take_error() {
            return Err(error);
        }
        if inner.end_of_stream || inner.read_shutdown {
            return Ok(());
        }
        match inner.phase {
            Phase::Fresh | Phase::Listening => Err(SocketError::NotConnected),
            Phase::Connecting | Phase::Connected => Err(SocketError::WouldBlock),
        }
    }

    /// Hands octets over, as many as the send buffer has room for, and says how many. The chunk is shared, not copied.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room, how the connection ended (once), then `BrokenPipe`.
    pub fn try_write(&self, chunk: Bytes) -> Result<usize, SocketError> {
        let (answer, starves) = {
            let mut inner = self.cell.lock();
            let known = inner.known_of_writer();
            (Self::write(&mut inner, chunk), known != inner.known_of_writer())
        };
        // The shard hears of a writer that finds no room, once.
        if answer.is_ok() || starves {
            self.cell.mark();
        }
        answer
    }

    /// [`Socket::try_write`], waiting. The chunk is only taken when ready.
    pub fn poll_write(&self, cx: &mut Context<'_>, chunk: Bytes) -> Poll<Result<usize, SocketError>> {
        let answer = {
            let mut inner = self.cell.lock();
            let known = inner.known_of_writer();
            let answer = Self::write(&mut inner, chunk);
            if answer == Err(SocketError::WouldBlock) {
                inner.write_waits |= inner.phase == Phase::Connecting;
                inner.wait_write(cx.waker());
                let starves = known != inner.known_of_writer();
                drop(inner);
                if starves {
                    self.cell.mark();
                }
                return Poll::Pending;
            }
            answer
        };
        if answer.is_ok() {
            self.cell.mark();
        }
        Poll::Ready(answer)
    }

    pub(super) fn write(inner: &mut Inner, mut chunk: Bytes) -> Result<usize, SocketError> {
        if let Some(error) = inner.take_error() {
            return Err(error);
        }
        // In SYN_RECV shutdown() waits for the end of the handshake, and so does a writer (Linux, measured).
        let waits = inner.phase == Phase::Connecting && inner.state == State::SynRecv;
        if (inner.write_shutdown && !waits) || matches!(inner.phase, Phase::Fresh | Phase::Listening) {
            return Err(SocketError::BrokenPipe);
        }
        let sends_syn = inner.phase == Phase::Connecting && inner.syn_room.is_some_and(|room| room > 0);
        if chunk.is_empty() && !sends_syn {
            return Ok(0);
        }
        let room = match inner.phase {
            Phase::Connecting => inner.syn_room.unwrap_or(0),
            _ => inner.send_room(),
        };
        inner.writer_waits = room < chunk.len();
        if room == 0 {
            // What a writer has got rid of until it must wait is pushed, too (Linux).
            inner.requests.end_write |= std::mem::take(&mut inner.write_goes_on);
            return Err(SocketError::WouldBlock);
        }
        inner.syn_room = inner.syn_room.map(|_| 0);
        chunk.truncate(room);
        let taken = chunk.len();
        inner.sending_len += taken;
        inner.sending.push_back(Written { octets: chunk, ends: !inner.writer_waits });
        inner.write_goes_on = inner.writer_waits;
        Ok(taken)
    }

    /// Ready when a read would not wait: octets (as many as SO_RCVLOWAT says), end of stream or an error are there. Takes nothing.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.cell.lock();
        let waits = inner.error.is_none()
            && if inner.received.is_empty() {
                Self::nothing_to_read(&mut inner) == Err(SocketError::WouldBlock)
            } else {
                Self::must_wait_to_read(&inner)
            };
        if waits {
            inner.wait_read(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Ready when a write would not wait: there is room, the sending side has ended or an error is there.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.cell.lock();
        let waits = inner.error.is_none()
            && !inner.write_shutdown
            && match inner.phase {
                Phase::Fresh | Phase::Listening => false,
                Phase::Connecting => inner.syn_room.unwrap_or(0) == 0,
                Phase::Connected => inner.send_room() == 0,
            };
        if waits {
            inner.wait_write(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// True when nothing will be received any more: the peer's FIN, shutdown() or the end of the connection.
    pub fn is_read_closed(&self) -> bool {
        let inner = self.cell.lock();
        inner.end_of_stream || inner.read_shutdown
    }

    /// True when the peer's FIN came, and all that it sent before.
    pub fn is_peer_finished(&self) -> bool {
        self.cell.lock().peer_finished
    }

    /// True when nothing can be written any more.
    pub fn is_write_closed(&self) -> bool {
        self.cell.lock().write_shutdown
    }

    /// Ready when an error waits to be told. Takes nothing.
    pub fn poll_error(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.cell.lock();
        if inner.error.is_none() {
            inner.wait_read(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Octets that a write would take now.
    pub fn send_room(&self) -> usize {
        self.cell.lock().send_room()
    }

    /// True when a writer is told that there is room (Linux's EPOLLOUT): a third of the send buffer is free, and half of
    /// TCP_NOTSENT_LOWAT.
    pub fn is_roomy(&self) -> bool {
        self.cell.lock().is_roomy()
    }

    /// Somebody watches for room, as if a write had found none.
    pub fn await_room(&self) {
        let starves = {
            let mut inner = self.cell.lock();
            let news = !inner.writer_waits && !inner.is_roomy();
            inner.writer_waits |= news;
            news
        };
        if starves {
            self.cell.mark();
        }
    }

    /// How often there was room again for one who waited for it.
    pub fn room_made(&self) -> u64 {
        self.cell.lock().room_made
    }

    /// Octets received and not read.
    pub fn unread(&self) -> usize {
        self.cell.lock().received_len
    }

    /// Octets written and not acknowledged by the peer.
    pub fn unsent(&self) -> usize {
        let inner = self.cell.lock();
        inner.sending_len + inner.in_flight
    }

    /// Ends one direction or both; the socket stays open. While connect() waits for the peer's first answer it ends the
    /// attempt instead (`Reset` waits to be told), and later in the handshake it takes effect when that is done.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), SocketError> {
        self.cell.update(|inner, wakes| {
            let early = how == Shutdown::Write && inner.syn_room == Some(0);
            if inner.phase == Phase::Connecting && inner.state != State::SynRecv && !early {
                // Linux ends the attempt without a word, whatever the direction (inet_shutdown). But a SYN that carries the
                // first write is as good as a connection: the FIN follows the handshake.
                inner.requests.give_up = true;
                return Ok(());
            }
            let known = matches!(inner.phase, Phase::Connected | Phase::Connecting);
            if !known || inner.flow.is_none() {
                return Err(SocketError::NotConnected);
            }
            if how != Shutdown::Write {
                inner.read_shutdown = true;
                inner.requests.shutdown_read = true;
                wakes.read = true;
            }
            if how != Shutdown::Read {
                inner.write_shutdown = true;
                inner.requests.shutdown_write = true;
                wakes.write = true;
            }
            Ok(())
        })?;
        self.cell.mark();
        Ok(())
    }

    /// close(): what was written is still delivered, unless octets stay unread or SO_LINGER says otherwise. Dropping the
    /// socket does the same.
    pub fn close(&self) {
        self.end(|inner| inner.requests.close = true);
    }

    /// Resets the connection; what was not delivered is lost.
    pub fn abort(&self) {
        self.end(|inner| {
            inner.requests.close = true;
            inner.requests.abort = true;
        });
    }

    fn end(&self, ask: impl FnOnce(&mut Inner)) {
        self.cell.update(|inner, wakes| {
            ask(inner);
            inner.read_shutdown = true;
            inner.write_shutdown = true;
            wakes.all();
        });
        self.cell.mark();
    }

    /// After close() with SO_LINGER: ready when the data and the FIN are acknowledged, the flow is gone or the linger time
    /// is over. Without SO_LINGER: ready at the shard's next turn; the stack delivers in the background.
    ///
    /// # Errors
    /// Once: `TimedOut` when the linger time is over and the stack goes on in the background, how the connection ended, or
    /// `Aborted` when close() itself reset it (unread octets, a linger time of zero).
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let mut inner = self.cell.lock();
        if inner.closed {
            return Poll::Ready(inner.take_error().map_or(Ok(()), Err));
        }
        inner.wait_control(cx.waker());
        Poll::Pending
    }

    /// [`Socket::poll_closed`] without waiting.
    pub fn is_closed(&self) -> bool {
        self.cell.lock().closed
    }
}
