//! A socket of a running stack, lent over its control socket.
//!
//! From the client the octets come as they are, and the end of them is a half close. To the client they come in pieces with
//! a length before them (four octets, network order), so that the end of the stream (length zero) and a reset (no more
//! pieces) are not the same.

use super::Reply;
use super::server::send;
use lastack::net::{Handle, TcpStream};
use std::io;
use std::net::SocketAddr;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::UnixStream;

/// How much one read takes.
const CHUNK: usize = 64 << 10;

/// Connects for a client and joins it to the connection until both directions have ended.
pub(super) async fn serve(mut client: BufReader<UnixStream>, handle: &Handle, peer: SocketAddr) {
    let mut stream = match TcpStream::connect_on(handle, peer).await {
        Ok(stream) => stream,
        Err(error) => {
            // The client may be gone.
            let _ = send(client.get_mut(), &Reply::Error(format!("connecting to {peer}: {error}"))).await;
            return;
        }
    };
    if send(client.get_mut(), &Reply::Connected).await.is_err() {
        return stream.abort();
    }
    let (mut reads, mut writes) = stream.split();
    let (from, mut to) = tokio::io::split(client);
    let mut from = BufReader::new(from);
    let joined = tokio::try_join!(take(&mut from, &mut writes), give(&mut reads, &mut to));
    if joined.is_err() {
        stream.abort();
    }
}

async fn take(from: &mut (impl AsyncBufRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    loop {
        let chunk = from.fill_buf().await?;
        if chunk.is_empty() {
            return to.shutdown().await;
        }
        let length = chunk.len();
        to.write_all(chunk).await?;
        from.consume(length);
    }
}

async fn give(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        to.write_all(&(read as u32).to_be_bytes()).await?;
        if read == 0 {
            return to.flush().await;
        }
        to.write_all(&chunk[..read]).await?;
    }
}

/// What the client reads: the next piece into `chunk`; zero is the end of the stream.
pub(crate) async fn next_piece(
    from: &mut (impl AsyncRead + Unpin),
    chunk: &mut Vec<u8>,
) -> io::Result<usize> {
    let reset = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::ErrorKind::ConnectionReset.into(),
        _ => error,
    };
    let length = from.read_u32().await.map_err(reset)? as usize;
    if length > CHUNK {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the stack does not speak this protocol"));
    }
    chunk.resize(length, 0);
    from.read_exact(chunk).await.map_err(reset)
}
