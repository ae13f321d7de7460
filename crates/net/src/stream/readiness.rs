//! Waiting for readiness, and the calls that never wait: tokio's `ready`, `readable`, `writable`, `peek` and `try_` forms.
//!
//! Unlike tokio's, readiness here is asked of the socket each time: there are no false positives to clear.

use super::TcpStream;
use super::io_traits::gather;
use bytes::{BufMut, Bytes};
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};
use tokio::io::{Interest, ReadBuf, Ready};

impl TcpStream {
    /// Waits until one of the interests is met, and says which. Urgent octets are not among them: [`Interest::PRIORITY`] is
    /// never met, but by
    /// an error.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        poll_fn(|cx| self.poll_ready(cx, interest)).await
    }

    fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<Ready>> {
        let mut ready = Ready::EMPTY;
        if interest.is_readable() && self.poll_read_ready(cx)?.is_ready() {
            ready |= Ready::READABLE;
            if self.socket.is_read_closed() {
                ready |= Ready::READ_CLOSED;
            }
        }
        if interest.is_writable() && self.poll_write_ready(cx)?.is_ready() {
            ready |= Ready::WRITABLE;
            if self.socket.is_write_closed() {
                ready |= Ready::WRITE_CLOSED;
            }
        }
        // Who waits for what never comes is told of the end.
        let errors = interest.is_error() || interest.is_priority();
        if errors && self.handle.shared.answered(self.socket.poll_error(cx).map(Ok))?.is_ready() {
            ready |= Ready::ERROR;
        }
        if ready.is_empty() { Poll::Pending } else { Poll::Ready(Ok(ready)) }
    }

    /// Waits until a read would not.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    /// [`TcpStream::readable`] by polling.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.shared.answered(self.socket.poll_readable(cx).map(Ok))
    }

    /// Waits until a write would not.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_ready(cx)).await
    }

    /// [`TcpStream::writable`] by polling.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.shared.answered(self.socket.poll_writable(cx).map(Ok))
    }

    /// Calls `attempt` when one of the interests is met.
    ///
    /// # Errors
    /// `WouldBlock` when none is; what `attempt` answers.
    pub fn try_io<R>(&self, interest: Interest, attempt: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        let nobody = &mut Context::from_waker(std::task::Waker::noop());
        match self.poll_ready(nobody, interest)? {
            Poll::Ready(_) => attempt(),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Calls `attempt` whenever one of the interests is met, until it does not answer `WouldBlock`.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended; what `attempt` answers.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            match attempt() {
                // It wants more than there is: the others' turn.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    }

    /// Copies the first received octets without taking them, waiting for some; zero is end of stream.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        poll_fn(|cx| self.poll_peek(cx, &mut buffer)).await
    }

    /// [`TcpStream::peek`] by polling.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.handle.shared.answered(self.socket.poll_peek(cx, buffer.remaining())).map_ok(|chunks| {
            chunks.iter().for_each(|chunk| buffer.put_slice(chunk));
            chunks.iter().map(Bytes::len).sum()
        })
    }

    /// Reads what is there; zero is end of stream.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let first = self.socket.try_read(buffer.remaining())?;
        self.fill(first, &mut buffer);
        Ok(buffer.filled().len())
    }

    /// Reads what is there into the buffers, one after the other; zero is end of stream.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut octets = 0;
        for buffer in buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
            if octets > 0 && self.socket.unread() == 0 {
                break;
            }
            match self.try_read(buffer) {
                Ok(0) => break,
                Ok(read) => octets += read,
                // An error behind octets is for the next call.
                Err(error) if octets == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(octets)
    }

    /// Reads what is there into the buffer's spare room, and advances it; zero is end of stream.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_read_buf<B: BufMut>(&self, buffer: &mut B) -> io::Result<usize> {
        let mut octets = 0;
        // As much as tokio would take: what is there without growing the buffer again.
        let room = buffer.chunk_mut().len();
        while octets < room && (octets == 0 || self.socket.unread() > 0) {
            match self.socket.try_read(room - octets) {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    octets += chunk.len();
                    buffer.put_slice(&chunk);
                }
                Err(error) if octets == 0 => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok(octets)
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(buffer)])
    }

    /// Writes what there is room for, one buffer after the other.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let len: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        // At least one octet, so that an end or a full buffer is told.
        Ok(self.socket.try_write(gather(buffers, len.min(self.socket.send_room().max(1))))?)
    }

    /// Copies `first` and what else is there already. An error or the end of stream behind it is for the next call.
    pub(super) fn fill(&self, first: Bytes, buffer: &mut ReadBuf<'_>) {
        let mut chunk = first;
        loop {
            buffer.put_slice(&chunk);
            if chunk.is_empty() || buffer.remaining() == 0 || self.socket.unread() == 0 {
                return;
            }
            match self.socket.try_read(buffer.remaining()) {
                Ok(next) => chunk = next,
                Err(_) => return,
            }
        }
    }
}
