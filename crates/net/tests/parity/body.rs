//! Compiled twice, against tokio's sockets and against ours: `super` says which. 127.0.0.1 is an address of the stack.
//!
//! Not tests of the protocol: of signatures, errors and ends.

use super::{TcpListener, TcpSocket, TcpStream};

mod ends;
mod listeners;
mod streams;

pub(crate) use ends::*;
pub(crate) use listeners::*;
pub(crate) use streams::*;

/// A listener, and a connection to it: (client, server).
async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}
