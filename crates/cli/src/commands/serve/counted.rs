//! A stream that counts its octets and, when it is dropped, says on stderr what passed.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `SERVICE PEER was served: N octets in, M octets out`, once, at the end.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    stream: S,
    service: &'static str,
    peer: SocketAddr,
    octets_in: u64,
    octets_out: u64,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S, service: &'static str, peer: SocketAddr) -> Counted<S> {
        Counted { stream, service, peer, octets_in: 0, octets_out: 0 }
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        let Counted { service, peer, octets_in, octets_out, .. } = self;
        // Nobody may be there to read it.
        let _ = writeln!(
            io::stderr(),
            "{service} {peer} was served: {octets_in} octets in, {octets_out} octets out"
        );
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.octets_in += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, octets))?;
        self.octets_out += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
