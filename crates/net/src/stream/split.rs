//! The two halves of a stream, borrowed (for one task) and owned (for two).

use super::TcpStream;
use bytes::{BufMut, Bytes};
use lastack_stack::Shutdown;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// The reading half, borrowed.
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The writing half, borrowed.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

/// The reading half, owned.
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The writing half, owned. Dropping it shuts the sending side down.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    shutdown_on_drop: bool,
}

/// The halves were of two streams.
#[derive(Debug, thiserror::Error)]
#[error("these halves are not of the same stream")]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn into_split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, shutdown_on_drop: true })
}

fn reunite(read: OwnedReadHalf, mut write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, &write.stream) {
        return Err(ReuniteError(read, write));
    }
    write.shutdown_on_drop = false;
    drop(write);
    Ok(Arc::into_inner(read.0).expect("a stream has two halves, and the other was just dropped"))
}

impl OwnedReadHalf {
    /// Puts the stream together again.
    ///
    /// # Errors
    /// Gives both halves back when they are of two streams.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Puts the stream together again.
    ///
    /// # Errors
    /// Gives both halves back when they are of two streams.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops it without shutting the sending side down.
    pub fn forget(mut self) {
        self.shutdown_on_drop = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shutdown_on_drop {
            // Nobody is left to tell; a connection that has ended needs no shutdown.
            let _ = self.stream.shutdown_now(Shutdown::Write);
        }
    }
}

macro_rules! read_half {
    ($half:ty, $stream:ident => $inner:expr) => {
        impl $half {
            fn stream(&self) -> &TcpStream {
                let $stream = self;
                $inner
            }

            /// As [`TcpStream::peek`].
            ///
            /// # Errors
            /// How the connection ended.
            pub async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.stream().peek(buffer).await
            }

            /// As [`TcpStream::poll_peek`].
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_peek(cx, buffer)
            }

            /// As [`TcpStream::readable`].
            ///
            /// # Errors
            /// `NetworkDown` when the stack has ended.
            pub async fn readable(&self) -> io::Result<()> {
                self.stream().readable().await
            }

            /// As [`TcpStream::try_read`].
            ///
            /// # Errors
            /// `WouldBlock`; how the connection ended.
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.stream().try_read(buffer)
            }

            /// As [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            /// `WouldBlock`; how the connection ended.
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.stream().try_read_vectored(buffers)
            }

            /// As [`TcpStream::try_read_buf`].
            ///
            /// # Errors
            /// `WouldBlock`; how the connection ended.
            pub fn try_read_buf<B: BufMut>(&self, buffer: &mut B) -> io::Result<usize> {
                self.stream().try_read_buf(buffer)
            }

            /// As [`TcpStream::read_bytes`].
            ///
            /// # Errors
            /// How the connection ended.
            pub async fn read_bytes(&mut self, max: usize) -> io::Result<Bytes> {
                self.stream().read_bytes(max).await
            }
        }

        impl AsyncRead for $half {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.stream().read_into(cx, buffer)
            }
        }
    };
}

macro_rules! write_half {
    ($half:ty, $stream:ident => $inner:expr) => {
        impl $half {
            fn stream(&self) -> &TcpStream {
                let $stream = self;
                $inner
            }

            /// As [`TcpStream::writable`].
            ///
            /// # Errors
            /// `NetworkDown` when the stack has ended.
            pub async fn writable(&self) -> io::Result<()> {
                self.stream().writable().await
            }

            /// As [`TcpStream::try_write`].
            ///
            /// # Errors
            /// `WouldBlock`; how the connection ended.
            pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
                self.stream().try_write(buffer)
            }

            /// As [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            /// `WouldBlock`; how the connection ended.
            pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.stream().try_write_vectored(buffers)
            }

            /// As [`TcpStream::write_bytes`].
            ///
            /// # Errors
            /// How the connection ended.
            pub async fn write_bytes(&mut self, chunk: &mut Bytes) -> io::Result<usize> {
                self.stream().write_bytes(chunk).await
            }

            /// As [`TcpStream::write_all_bytes`].
            ///
            /// # Errors
            /// How the connection ended.
            pub async fn write_all_bytes(&mut self, chunk: &mut Bytes) -> io::Result<()> {
                self.stream().write_all_bytes(chunk).await
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.stream().write_from(cx, &[IoSlice::new(buffer)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream().write_from(cx, buffers)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.stream().shutdown_now(Shutdown::Write))
            }
        }
    };
}

macro_rules! both {
    ($($half:ty),*) => {$(
        impl AsRef<TcpStream> for $half {
            fn as_ref(&self) -> &TcpStream {
                self.stream()
            }
        }

        impl $half {
            /// As [`TcpStream::ready`].
            ///
            /// # Errors
            /// `NetworkDown` when the stack has ended.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.stream().ready(interest).await
            }

            /// The peer's address.
            ///
            /// # Errors
            /// `NotConnected` when there never was one.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.stream().peer_addr()
            }

            /// This end's address.
            ///
            /// # Errors
            /// `NotConnected` when it never had one.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.stream().local_addr()
            }
        }
    )*};
}

read_half!(ReadHalf<'_>, half => half.0);
read_half!(OwnedReadHalf, half => &half.0);
write_half!(WriteHalf<'_>, half => half.0);
write_half!(OwnedWriteHalf, half => &half.stream);
both!(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);
