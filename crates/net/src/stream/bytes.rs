//! Reads and writes that hand buffers over instead of copying them: beside tokio's traits, which must copy.
//!
//! A chunk that was read is a part of the frame it came in, unless it was so small that the stack collapsed it into another
//! buffer; a chunk that is written is kept until the peer has acknowledged its last octet.

use super::TcpStream;
use bytes::{Buf, Bytes};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::task::coop::poll_proceed;

impl TcpStream {
    /// The next chunk of received octets, at most `max` long, waiting for one; an empty chunk is end of stream.
    /// Cancellation safe: nothing is taken before it is returned.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn read_bytes(&self, max: usize) -> io::Result<Bytes> {
        poll_fn(|cx| self.poll_read_bytes(cx, max)).await
    }

    /// [`TcpStream::read_bytes`] by polling.
    pub fn poll_read_bytes(&self, cx: &mut Context<'_>, max: usize) -> Poll<io::Result<Bytes>> {
        if max == 0 {
            return Poll::Ready(Ok(Bytes::new()));
        }
        let coop = ready!(poll_proceed(cx));
        let answer = ready!(self.handle.shared.answered(self.socket.poll_read(cx, max)));
        coop.made_progress();
        Poll::Ready(answer)
    }

    /// [`TcpStream::read_bytes`] without waiting.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_read_bytes(&self, max: usize) -> io::Result<Bytes> {
        Ok(self.socket.try_read(max)?)
    }

    /// Hands over as much of `chunk` as there is room for, waiting for some, and advances it. Cancellation safe: `chunk` is
    /// what the connection has not taken.
    ///
    /// # Errors
    /// How the connection ended, then `BrokenPipe`.
    pub async fn write_bytes(&self, chunk: &mut Bytes) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write_bytes(cx, chunk)).await
    }

    /// [`TcpStream::write_bytes`] by polling.
    pub fn poll_write_bytes(&self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<usize>> {
        if chunk.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let coop = ready!(poll_proceed(cx));
        let taken = ready!(self.handle.shared.answered(self.socket.poll_write(cx, chunk.clone())))?;
        coop.made_progress();
        chunk.advance(taken);
        Poll::Ready(Ok(taken))
    }

    /// [`TcpStream::write_bytes`] without waiting.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended, then `BrokenPipe`.
    pub fn try_write_bytes(&self, chunk: &mut Bytes) -> io::Result<usize> {
        let taken = self.socket.try_write(chunk.clone())?;
        chunk.advance(taken);
        Ok(taken)
    }

    /// Hands all of `chunk` over. Cancellation safe: `chunk` is what the connection has not taken.
    ///
    /// # Errors
    /// As [`TcpStream::write_bytes`].
    pub async fn write_all_bytes(&self, chunk: &mut Bytes) -> io::Result<()> {
        while !chunk.is_empty() {
            self.write_bytes(chunk).await?;
        }
        Ok(())
    }
}
