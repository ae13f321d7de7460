//! A connected socket, with the signatures of tokio's. Shutdown is a half close, drop is close().

mod io_traits;
mod split;

pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};

use crate::socket::linger_of;
use crate::{Handle, TcpSocket};
use bytes::Bytes;
use lastack_stack::{Linger, Shutdown, Socket, SocketError, SocketOptions};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::net::ToSocketAddrs;

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream {
    socket: Socket,
    handle: Handle,
}

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
    /// `NotConnected` when there never was one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr().ok_or_else(|| SocketError::NotConnected.into())
    }

    /// Takes SO_ERROR.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.socket.take_error().map(io::Error::from))
    }

    /// The socket beneath: state, queues, options and errors as Linux's errno.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Resets the connection; what was not delivered is lost.
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

    /// Copies the first received octets without taking them, waiting for some; zero is end of stream.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        poll_fn(|cx| self.poll_peek(cx, &mut buffer)).await
    }

    /// [`TcpStream::peek`] by polling.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.handle.shared.answered(self.socket.poll_peek(cx, buffer.remaining())).map_ok(|chunk| {
            buffer.put_slice(&chunk);
            chunk.len()
        })
    }

    /// Waits until a read would not.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    /// [`TcpStream::readable`] by polling.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.shared.answered(self.socket.poll_readable(cx).map(Ok))
    }

    /// Waits until a write would not.
    ///
    /// # Errors
    /// `NetworkDown` when the stack has ended.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_ready(cx)).await
    }

    /// [`TcpStream::writable`] by polling.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.handle.shared.answered(self.socket.poll_writable(cx).map(Ok))
    }

    /// Reads what is there; zero is end of stream.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.socket.try_read(buffer.len())?;
        buffer[..chunk.len()].copy_from_slice(&chunk);
        Ok(chunk.len())
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock`; how the connection ended.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        // At least one octet, so that an end or a full buffer is told.
        let len = buffer.len().min(self.socket.send_room().max(1));
        Ok(self.socket.try_write(Bytes::copy_from_slice(&buffer[..len]))?)
    }

    /// The options as last set.
    pub fn options(&self) -> SocketOptions {
        self.socket.options()
    }

    /// Changes any option.
    pub fn set_options(&self, change: impl FnOnce(&mut SocketOptions)) {
        self.socket.set_options(change);
    }

    /// TCP_NODELAY.
    ///
    /// # Errors
    /// None; the signature is tokio's, as in the options below.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.socket.options().nodelay)
    }

    /// TCP_NODELAY: small segments leave at once.
    ///
    /// # Errors
    /// None.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.nodelay = nodelay);
        Ok(())
    }

    /// SO_LINGER.
    ///
    /// # Errors
    /// None.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(match self.socket.options().linger {
            Linger::Off => None,
            Linger::Reset => Some(Duration::ZERO),
            Linger::Wait(time) => Some(time),
        })
    }

    /// SO_LINGER: `None` closes in the background, zero resets on drop. With any other time drop does not wait either;
    /// the stack resets what is not delivered in that time.
    ///
    /// # Errors
    /// None.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_options(|options| options.linger = linger_of(linger));
        Ok(())
    }

    /// SO_LINGER with zero: drop resets.
    ///
    /// # Errors
    /// None.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// SO_KEEPALIVE; its times are in [`TcpStream::set_options`].
    ///
    /// # Errors
    /// None.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.keepalive = keepalive);
        Ok(())
    }

    /// Ends one direction or both. Shutting down what has ended already is no error, as with tokio.
    pub(crate) fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        match self.socket.shutdown(how) {
            Err(SocketError::NotConnected) => Ok(()),
            answer => Ok(answer?),
        }
    }
}
