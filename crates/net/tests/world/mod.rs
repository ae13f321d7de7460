//! Two stacks joined by an in-memory link, and the chores of tests that move octets.
//!
//! `spy` is a device between: it sees what passes and can fall silent.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod spy;

use lastack_device::{Device, memory};
use lastack_net::stack::Config;
use lastack_net::{Driver, Ended, Handle, TcpListener, TcpStream};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

pub(crate) const LEFT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
pub(crate) const RIGHT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
pub(crate) const RIGHT_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 2);
const LEFT_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 1);

/// One stack of the pair.
pub(crate) struct Side {
    pub(crate) handle: Handle,
    pub(crate) driver: JoinHandle<Result<(), Ended>>,
}

pub(crate) fn config(v4: Ipv4Addr, v6: Ipv6Addr) -> Config {
    Config::new(vec![(IpAddr::V4(v4), 24), (IpAddr::V6(v6), 64)])
}

/// Two stacks on one link, each driven by a task of the current runtime.
pub(crate) fn pair(link: memory::Config) -> (Side, Side) {
    let (left, right) = memory::pair(link);
    (side(left, config(LEFT, LEFT_6)), side(right, config(RIGHT, RIGHT_6)))
}

/// The same with a spy on the left stack's device.
pub(crate) fn pair_with_spy(link: memory::Config) -> (Side, Side, Arc<spy::Spy>) {
    let (left, right) = memory::pair(link);
    let (left, spy) = spy::watch(left);
    (side(left, config(LEFT, LEFT_6)), side(right, config(RIGHT, RIGHT_6)), spy)
}

fn side(device: impl Device + Unpin + 'static, config: Config) -> Side {
    let (handle, driver) = Driver::spawn(device, config).expect("the runtime has I/O");
    Side { handle, driver }
}

/// A listener on the right and a connection to it from the left: (client, server).
pub(crate) async fn connected(left: &Side, right: &Side) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind_on(&right.handle, (RIGHT, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (client, accepted) = tokio::join!(TcpStream::connect_on(&left.handle, address), listener.accept());
    let (server, peer) = accepted.expect("a connection");
    let client = client.expect("a listener");
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), address);
    assert_eq!(server.local_addr().unwrap(), address);
    (client, server)
}

pub(crate) fn right(port: u16) -> SocketAddr {
    SocketAddr::from((RIGHT, port))
}

/// Fails the test when `future` takes longer than a test may.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("done within a minute")
}

/// Octet `at` of the stream that starts with `seed`: no two places within 64 KiB look alike by accident.
pub(crate) fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| seed.wrapping_add((at ^ (at >> 8) ^ (at >> 16)) as u8)).collect()
}

/// Sends what it receives until the end of stream, then ends its own side.
pub(crate) async fn echo(stream: TcpStream) -> io::Result<u64> {
    let (mut read, mut write) = stream.into_split();
    let octets = tokio::io::copy(&mut read, &mut write).await?;
    write.shutdown().await?;
    Ok(octets)
}

/// Reads to the end and compares.
pub(crate) async fn expect_stream(mut from: impl AsyncRead + Unpin, expected: &[u8]) {
    let mut octets = Vec::with_capacity(expected.len());
    from.read_to_end(&mut octets).await.expect("an orderly end");
    assert_eq!(octets.len(), expected.len());
    assert!(octets == expected, "the octets differ");
}
