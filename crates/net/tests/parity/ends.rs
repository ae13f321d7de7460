//! How streams end, and what is lost when a waiting call is abandoned: nothing.

use super::{TcpListener, TcpStream, connected};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(10);

pub(crate) async fn shutdown_is_a_half_close() {
    let (mut client, mut server) = connected().await;
    client.write_all(b"last").await.unwrap();
    client.shutdown().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last");
    server.write_all(b"after").await.unwrap();
    drop(server);
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "lastafter");
}

pub(crate) async fn writing_after_shutdown_is_a_broken_pipe() {
    let (mut client, _server) = connected().await;
    client.shutdown().await.unwrap();
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

pub(crate) async fn shutting_down_twice_is_no_error() {
    let (mut client, server) = connected().await;
    client.shutdown().await.unwrap();
    client.shutdown().await.unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    client.shutdown().await.unwrap();
}

pub(crate) async fn a_linger_time_of_zero_resets() {
    let (mut client, server) = connected().await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn octets_left_unread_reset() {
    let (mut client, server) = connected().await;
    client.write_all(b"unread").await.unwrap();
    server.readable().await.unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_reset_is_told_once() {
    let (mut client, server) = connected().await;
    server.set_zero_linger().unwrap();
    drop(server);
    client.readable().await.unwrap();
    assert_eq!(client.take_error().unwrap().map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

pub(crate) async fn an_abandoned_read_loses_nothing() {
    let (mut client, mut server) = connected().await;
    let mut buffer = [0; 8];
    assert!(timeout(SHORT, server.read(&mut buffer)).await.is_err());
    assert!(timeout(SHORT, server.peek(&mut buffer)).await.is_err());
    assert!(timeout(SHORT, server.readable()).await.is_err());
    client.write_all(b"kept").await.unwrap();
    assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
    assert_eq!(&buffer[..4], b"kept");
}

pub(crate) async fn an_abandoned_accept_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(timeout(SHORT, listener.accept()).await.is_err());
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

pub(crate) async fn an_abandoned_write_was_not_made() {
    let (mut client, mut server) = connected().await;
    let chunk = [7; 64 * 1024];
    let mut written = 0;
    // Until nothing is taken any more, in the buffers of both ends.
    while let Ok(octets) = timeout(SHORT * 5, client.write(&chunk)).await {
        written += octets.unwrap();
    }
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    assert_eq!(server.read_to_end(&mut received).await.unwrap(), written);
}
