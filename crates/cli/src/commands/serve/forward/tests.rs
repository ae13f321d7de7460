use super::*;
use lastack::device::memory;
use lastack::net::{Driver, Handle};
use lastack::stack::Config;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener as KernelListener;

const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

/// A forward on an in-memory stack to a kernel listener on loopback; answers with the client's stack as well.
async fn world(target: SocketAddr) -> Handle {
    let (near, far) = memory::pair(memory::Config::default());
    let (client, _) = Driver::spawn(near, Config::new(vec![(IpAddr::V4(CLIENT), 24)])).unwrap();
    let (server, _) = Driver::spawn(far, Config::new(vec![(IpAddr::V4(SERVER), 24)])).unwrap();
    let listener = TcpListener::bind_on(&server, (SERVER, 80)).await.unwrap();
    let forward = Forward { port: 80, host: target.ip().to_string(), host_port: target.port() };
    tokio::spawn(each(listener, forward));
    client
}

async fn kernel() -> (KernelListener, SocketAddr) {
    let listener = KernelListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn joined() -> (TcpStream, KernelStream) {
    let (listener, address) = kernel().await;
    let stack = world(address).await;
    let client = TcpStream::connect_on(&stack, (SERVER, 80)).await.unwrap();
    let (backend, _) = listener.accept().await.unwrap();
    (client, backend)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("done in time")
}

#[tokio::test]
async fn a_half_close_passes_and_the_answer_comes_after_it() {
    soon(async {
        let (mut client, mut backend) = joined().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = Vec::new();
        backend.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"question");
        backend.write_all(b"answer").await.unwrap();
        drop(backend);
        heard.clear();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"answer");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_a_reset_for_the_client() {
    soon(async {
        let (listener, address) = kernel().await;
        drop(listener);
        let stack = world(address).await;
        let mut client = TcpStream::connect_on(&stack, (SERVER, 80)).await.unwrap();
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    })
    .await;
}

#[tokio::test]
async fn a_reset_of_the_service_resets_the_client() {
    soon(async {
        let (mut client, backend) = joined().await;
        backend.set_zero_linger().unwrap();
        drop(backend);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    })
    .await;
}

#[tokio::test]
async fn a_reset_of_the_client_resets_the_service() {
    soon(async {
        let (client, mut backend) = joined().await;
        client.abort();
        let error = backend.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    })
    .await;
}
