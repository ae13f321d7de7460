//! Reading and writing: tokio's traits over a socket cell, through a shared reference so that both halves can.

use super::TcpStream;
use bytes::{BufMut, Bytes, BytesMut};
use lastack_stack::{Shutdown, SocketError};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

/// Octets that one write takes at most: a chunk is freed as a whole, when its last octet is acknowledged.
const CHUNK_MAX: usize = 64 * 1024;

impl TcpStream {
    pub(super) fn read_into(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let coop = ready!(poll_proceed(cx));
        let first = ready!(self.handle.shared.answered(self.socket.poll_read(cx, buffer.remaining())))?;
        coop.made_progress();
        self.fill(first, buffer);
        Poll::Ready(Ok(()))
    }

    pub(super) fn write_from(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let coop = ready!(poll_proceed(cx));
        loop {
            ready!(self.poll_write_ready(cx))?;
            // At least one octet, so that an end of the connection is told.
            let room = self.socket.send_room().clamp(1, CHUNK_MAX);
            match self.socket.try_write(gather(buffers, len.min(room))) {
                // Another task used the room first.
                Err(SocketError::WouldBlock) => {}
                answer => {
                    coop.made_progress();
                    return Poll::Ready(Ok(answer?));
                }
            }
        }
    }
}

/// The first `len` octets of the buffers in one chunk.
pub(super) fn gather(buffers: &[IoSlice<'_>], len: usize) -> Bytes {
    let mut chunk = BytesMut::with_capacity(len);
    for buffer in buffers {
        chunk.put_slice(&buffer[..buffer.len().min(len - chunk.len())]);
    }
    chunk.freeze()
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.read_into(cx, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.write_from(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_from(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_now(Shutdown::Write))
    }
}
