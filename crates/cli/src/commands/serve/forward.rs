//! A port of the stack with a service of the host behind it. Half closes and resets pass through both ways, and a service
//! that refuses is a reset for the client: not an empty answer.

#[cfg(test)]
mod tests;

use crate::values::Forward;
use lastack::net::{TcpListener, TcpStream};
use std::io::{self, Write};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream as KernelStream;

/// How much one read takes.
const CHUNK: usize = 128 << 10;

/// Serves one forward until the stack ends.
pub(crate) async fn each(listener: TcpListener, forward: Forward) {
    let forward = Arc::new(forward);
    while let Ok((client, peer)) = listener.accept().await {
        let forward = forward.clone();
        tokio::spawn(async move {
            match KernelStream::connect((forward.host.as_str(), forward.host_port)).await {
                Ok(backend) => join(client, backend).await,
                Err(error) => {
                    client.abort();
                    // Nobody may be there to read it.
                    let _ = writeln!(io::stderr(), "forward {forward}: {peer} was reset: {error}");
                }
            }
        });
    }
}

/// Joins two streams until both directions have ended, or one end is reset: then the other is, too.
async fn join(mut client: TcpStream, mut backend: KernelStream) {
    // Requests and answers pass at once, as they would without us.
    let _ = (client.set_nodelay(true), backend.set_nodelay(true));
    let outcome = {
        let (mut client_reads, mut client_writes) = client.split();
        let (mut backend_reads, mut backend_writes) = backend.split();
        tokio::try_join!(
            pour(&mut client_reads, &mut backend_writes),
            pour(&mut backend_reads, &mut client_writes)
        )
    };
    if outcome.is_err() {
        let _ = backend.set_zero_linger();
        client.abort();
    }
}

/// Copies to the end of stream and passes that on as a half close.
async fn pour(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..read]).await?;
    }
}
