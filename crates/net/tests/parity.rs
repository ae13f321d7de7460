//! One body of test code, compiled and run against tokio's sockets and against ours.
//!
//! The kernel's side takes two fixed ports of 127.0.0.1.

#![allow(clippy::duplicate_mod, reason = "that is the point")]

#[path = "parity"]
mod kernel {
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    #[path = "body.rs"]
    pub(crate) mod body;
}

#[path = "parity"]
mod ours {
    use lastack_net::{TcpListener, TcpSocket, TcpStream};
    #[path = "body.rs"]
    pub(crate) mod body;
}

use lastack_device::memory;
use lastack_net::Driver;
use lastack_net::stack::Config;
use std::time::Duration;

#[tokio::test]
async fn our_sockets_pass() {
    let (device, _other_end) = memory::pair(memory::Config::default());
    let config = Config::new(vec![("127.0.0.1".parse().unwrap(), 8)]);
    let (handle, _driver) = Driver::spawn(device, config).unwrap();
    let body = handle.scope(ours::body::everything());
    tokio::time::timeout(Duration::from_secs(30), body).await.expect("done within half a minute");
}

#[tokio::test]
async fn the_kernels_sockets_pass() {
    tokio::time::timeout(Duration::from_secs(30), kernel::body::everything())
        .await
        .expect("done within half a minute");
}
