//! A connected socket, with the signatures of tokio's. Shutdown is a half close, drop is close().
//!
//! Waiting calls take nothing before they are ready, so all of them are cancellation safe unless they say otherwise.
//! Not here: `from_std`, `into_std`, `AsFd` and their like: there is no descriptor.

mod bytes;
mod io_traits;
mod readiness;
mod split;

pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};

use crate::options::socket_options;
use crate::{Handle, Keepalive, TcpSocket};
use lastack_observe::State;
use lastack_stack::{Shutdown, Socket, SocketError, SocketOptions};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::ToSocketAddrs;

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream {
    socket: Socket,
    handle: Handle,
}

socket_options!(TcpStream);

impl TcpStream {
    /// Connects on the current stack ([`Handle::enter`]). Of several addresses the first that answers is taken.
    /// Dropping the future gives up.
    ///
    /// # Errors
    /// No current stack; `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `AddrNotAvailable` or `NetworkDown` of the last address.
    pub async fn connect<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
        TcpStream::connect_on(&Handle::try_current()?, address).await
    }

    /// Connects on the given stack.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect_on<A: ToSocketAddrs>(handle: &Handle, address: A) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in tokio::net::lookup_host(address).await? {
            match TcpSocket::on(handle, address.into()).connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(crate) fn new(socket: Socket, handle: Handle) -> TcpStream {
        TcpStream { socket, handle }
    }

    /// This end's address.
    ///
    /// # Errors
    /// `NotConnected` when it never had one.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().ok_or_else(|| SocketError::NotConnected.into())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected` once the connection is over in both directions, as getpeername() answers.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let lives = |_: &SocketAddr| self.socket.state() != State::Closed;
        self.socket.peer_addr().filter(lives).ok_or_else(|| SocketError::NotConnected.into())
    }

    /// The socket beneath: state, queues, options and errors as Linux's errno.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Closes gracefully. With a time in SO_LINGER ([`TcpStream::set_linger`]) it waits until the peer has acknowledged all
    /// octets and the FIN, at most that long; without one the stack delivers in the background and this returns at once.
    /// Dropping the future does not wait; the closing goes on.
    ///
    /// # Errors
    /// `TimedOut` when the time is over and the stack goes on in the background; `ConnectionReset` when the peer reset;
    /// `ConnectionAborted` when closing reset the connection itself (octets were left unread, or the linger time is zero);
    /// `NetworkDown`.
    pub async fn close(self) -> io::Result<()> {
        self.socket.close();
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_closed(cx))).await
    }

    /// Closes abortively: RST; what was not delivered is lost.
    pub fn abort(self) {
        self.socket.abort();
    }

    /// Splits it for one task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// Splits it for two tasks. Dropping the write half shuts the sending side down.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }

    /// Ends one direction or both. Shutting down what has ended already is no error, as with tokio.
    pub(crate) fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        match self.socket.shutdown(how) {
            Err(SocketError::NotConnected) => Ok(()),
            answer => Ok(answer?),
        }
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}
