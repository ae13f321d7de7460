//! The three services of the old internet that show a TCP at work: echo (RFC 862), discard (RFC 863) and chargen (RFC 864).
//! They take any stream, so their tests need no stack.

#[cfg(test)]
mod tests;

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much one read takes. Two super-frames: enough to keep a window open, little enough for many connections.
const CHUNK: usize = 128 << 10;

/// Characters of one line of chargen, without its end.
const LINE: usize = 72;
/// Printable ASCII, space included: the ring that the lines are cut from.
const RING: usize = 95;

/// Sends back what comes. A half close is answered with a half close after the last octet.
pub(crate) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return stream.shutdown().await;
        }
        stream.write_all(&chunk[..read]).await?;
    }
}

/// Reads until the peer has said everything.
pub(crate) async fn discard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while stream.read(&mut chunk).await? != 0 {}
    stream.shutdown().await
}

/// Sends the pattern until the peer closes. What the peer sends is thrown away; that it has said everything ends nothing,
/// because a peer may close its half and go on reading.
pub(crate) async fn chargen<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let pattern = pattern();
    let (mut from, mut to) = tokio::io::split(stream);
    let mut ignored = vec![0; 4096];
    let listen = async {
        while from.read(&mut ignored).await? != 0 {}
        std::future::pending::<io::Result<()>>().await
    };
    let talk = async {
        loop {
            to.write_all(&pattern).await?;
        }
    };
    tokio::select! {
        end = listen => end,
        end = talk => end,
    }
}

/// One turn of the pattern: 95 lines of 72 characters, each one character further round the ring.
pub(crate) fn pattern() -> Vec<u8> {
    let mut pattern = Vec::with_capacity(RING * (LINE + 2));
    for first in 0..RING {
        pattern.extend((first..first + LINE).map(|at| b' ' + (at % RING) as u8));
        pattern.extend(b"\r\n");
    }
    pattern
}
