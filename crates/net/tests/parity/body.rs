//! Compiled twice, against tokio's sockets and against ours: `super` says which. 127.0.0.1 is an address of the stack.
//!
//! Not a test of the protocol: of signatures, errors and ends.

use super::{TcpListener, TcpSocket, TcpStream};
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

fn is_a_stream<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug + 'static>(_: &S) {}

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

pub(crate) async fn everything() {
    streams().await;
    halves().await;
    ends().await;
    listeners().await;
    refusals().await;
}

async fn streams() {
    let (mut client, mut server) = connected().await;
    is_a_stream(&client);
    assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.linger().unwrap(), None);
    assert!(client.take_error().unwrap().is_none());

    assert!(client.is_write_vectored());
    let written = client.write_vectored(&[IoSlice::new(b"two "), IoSlice::new(b"parts")]).await.unwrap();
    assert_eq!(written, 9);
    let mut buffer = [0; 16];
    assert_eq!(server.peek(&mut buffer[..4]).await.unwrap(), 4);
    server.read_exact(&mut buffer[..9]).await.unwrap();
    assert_eq!(&buffer[..9], b"two parts");
    assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);

    client.writable().await.unwrap();
    assert_eq!(client.try_write(b"try").unwrap(), 3);
    server.readable().await.unwrap();
    let mut read_buf = ReadBuf::new(&mut buffer);
    assert_eq!(std::future::poll_fn(|cx| server.poll_peek(cx, &mut read_buf)).await.unwrap(), 3);
    assert_eq!(server.try_read(&mut buffer).unwrap(), 3);
}

async fn halves() {
    let (mut client, server) = connected().await;
    {
        let (mut read, mut write) = client.split();
        let (mut server_read, mut server_write) = server.into_split();
        write.write_all(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        server_read.read_exact(&mut buffer).await.unwrap();
        server_write.write_all(&buffer).await.unwrap();
        read.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        assert_eq!(read.peer_addr().unwrap(), server_write.local_addr().unwrap());
        let server = server_read.reunite(server_write).unwrap();
        let (_server_read, server_write) = server.into_split();
        drop(server_write);
        assert_eq!(read.read(&mut buffer).await.unwrap(), 0);
    }
}

async fn ends() {
    let (mut client, mut server) = connected().await;
    client.write_all(b"last").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last");
    server.write_all(b"after").await.unwrap();
    drop(server);
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "lastafter");

    let (mut client, server) = connected().await;
    server.set_zero_linger().unwrap();
    assert_eq!(server.linger().unwrap(), Some(Duration::ZERO));
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    // SO_ERROR is told once; after it there is the end of the stream.
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);

    let (mut client, server) = connected().await;
    client.write_all(b"unread").await.unwrap();
    server.readable().await.unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn listeners() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.0.0.1:4321".parse().unwrap()).unwrap();
    let listener = socket.listen(4).unwrap();
    let client = TcpSocket::new_v4().unwrap();
    client.set_nodelay(true).unwrap();
    client.set_keepalive(true).unwrap();
    let client = client.connect("127.0.0.1:4321".parse().unwrap()).await.unwrap();
    let (server, peer) = std::future::poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    drop((client, server));

    let taken = TcpListener::bind("127.0.0.1:4321").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    drop(listener);
    let again = TcpListener::bind("127.0.0.1:4321").await.expect("free again");
    let abandoned = tokio::time::timeout(Duration::from_millis(5), again.accept()).await;
    assert!(abandoned.is_err());
}

async fn refusals() {
    let error = TcpStream::connect("127.0.0.1:4322").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // TEST-NET-1: nobody has this address.
    let error = TcpListener::bind("192.0.2.1:0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}
