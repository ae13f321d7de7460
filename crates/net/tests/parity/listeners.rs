//! Sockets before they are connected, and what answers a connection attempt.

use super::{TcpListener, TcpSocket, TcpStream};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) async fn a_socket_keeps_its_options() {
    let socket = TcpSocket::new_v4().unwrap();
    let before = [socket.reuseaddr(), socket.reuseport(), socket.keepalive(), socket.nodelay()];
    assert_eq!(before.map(Result::unwrap), [false; 4]);
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.set_keepalive(true).unwrap();
    socket.set_nodelay(true).unwrap();
    let after = [socket.reuseaddr(), socket.reuseport(), socket.keepalive(), socket.nodelay()];
    assert_eq!(after.map(Result::unwrap), [true; 4]);
    assert_eq!(socket.linger().unwrap(), None);
    socket.set_zero_linger().unwrap();
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    assert_eq!(socket.tos_v4().unwrap(), 0);
    // The ECN bits are TCP's own.
    socket.set_tos_v4(0x2b).unwrap();
    assert_eq!(socket.tos_v4().unwrap(), 0x28);
    assert!(socket.take_error().unwrap().is_none());
}

pub(crate) async fn buffer_sizes_are_doubled_and_bounded() {
    let socket = TcpSocket::new_v4().unwrap();
    assert_eq!(socket.recv_buffer_size().unwrap(), 131_072);
    assert_eq!(socket.send_buffer_size().unwrap(), 16_384);
    socket.set_recv_buffer_size(30_000).unwrap();
    socket.set_send_buffer_size(40_000).unwrap();
    assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
    assert_eq!(socket.send_buffer_size().unwrap(), 80_000);
    socket.set_recv_buffer_size(1).unwrap();
    socket.set_send_buffer_size(1).unwrap();
    assert_eq!(socket.recv_buffer_size().unwrap(), 2304);
    assert_eq!(socket.send_buffer_size().unwrap(), 4608);
}

pub(crate) async fn a_socket_listens_with_a_backlog() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(any_port()).unwrap();
    let listener = socket.listen(4).unwrap();
    let address = loop {
        match listener.local_addr() {
            Ok(address) if address.port() != 0 => break address,
            _ => tokio::task::yield_now().await,
        }
    };
    let client = TcpStream::connect(address).await.unwrap();
    let (_server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

pub(crate) async fn a_socket_connects_from_its_address() {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    socket.set_nodelay(true).unwrap();
    let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.local_addr().unwrap().ip().to_string(), "127.0.0.9");
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert!(!server.nodelay().unwrap());
}

pub(crate) async fn a_listener_keeps_its_ttl() {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    assert_eq!(listener.ttl().unwrap(), 64);
    listener.set_ttl(9).unwrap();
    assert_eq!(listener.ttl().unwrap(), 9);
    assert_eq!(listener.set_ttl(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    assert_eq!((client.ttl().unwrap(), server.ttl().unwrap()), (64, 9));
}

pub(crate) async fn several_tasks_accept() {
    let listener = Arc::new(TcpListener::bind(any_port()).await.unwrap());
    let address = listener.local_addr().unwrap();
    let mut acceptors = JoinSet::new();
    for _ in 0..4 {
        let listener = listener.clone();
        acceptors.spawn(async move { listener.accept().await.unwrap().1 });
    }
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    let mut peers = acceptors.join_all().await;
    let mut addresses: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    peers.sort();
    addresses.sort();
    assert_eq!(peers, addresses);
}

pub(crate) async fn an_address_in_use_is_refused() {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let taken = TcpListener::bind(listener.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
}

pub(crate) async fn an_address_is_free_again() {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    // The server closes first and keeps a TIME_WAIT: SO_REUSEADDR passes over it.
    drop(listener.accept().await.unwrap());
    drop((listener, client));
    TcpListener::bind(address).await.expect("free again");
}

pub(crate) async fn a_port_without_listener_refuses() {
    let address = TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap();
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

pub(crate) async fn a_foreign_address_cannot_be_bound() {
    // TEST-NET-1: nobody has this address.
    let error = TcpListener::bind("192.0.2.1:0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

pub(crate) async fn the_first_address_that_answers_is_taken() {
    let closed = TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let open = listener.local_addr().unwrap();
    let client = TcpStream::connect(&[closed, open][..]).await.unwrap();
    assert_eq!(client.peer_addr().unwrap(), open);
    let error = TcpStream::connect(&[][..]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

pub(crate) async fn an_address_of_the_other_family_is_refused() {
    let socket = TcpSocket::new_v4().unwrap();
    assert!(socket.bind("[::1]:0".parse().unwrap()).is_err());
    let socket = TcpSocket::new_v4().unwrap();
    assert!(socket.connect("[::1]:9".parse().unwrap()).await.is_err());
}
