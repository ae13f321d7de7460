//! A socket that is neither connected nor listening yet, with the signatures of tokio's: for options before the handshake.

use crate::{Handle, TcpListener, TcpStream};
use lastack_stack::{Family, Linger, Socket, SocketOptions};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A fresh TCP socket.
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
    handle: Handle,
}

impl TcpSocket {
    /// An IPv4 socket of the current stack.
    ///
    /// # Errors
    /// No current stack.
    pub fn new_v4() -> io::Result<TcpSocket> {
        Ok(TcpSocket::on(&Handle::try_current()?, Family::V4))
    }

    /// An IPv6 socket of the current stack.
    ///
    /// # Errors
    /// No current stack.
    pub fn new_v6() -> io::Result<TcpSocket> {
        Ok(TcpSocket::on(&Handle::try_current()?, Family::V6))
    }

    /// A socket of the given stack.
    pub fn on(handle: &Handle, family: Family) -> TcpSocket {
        TcpSocket { socket: handle.socket(family), handle: handle.clone() }
    }

    /// Asks for a local address. Unlike the kernel the stack answers later: an address that is taken is reported by
    /// [`TcpListener::listening`], [`TcpListener::accept`] or [`TcpSocket::connect`].
    ///
    /// # Errors
    /// `InvalidInput` when it is bound already, `Unsupported` for an address of the other family.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        Ok(self.socket.bind(address)?)
    }

    /// Makes it a listener. The accept queue admits `min(backlog, somaxconn) + 1` connections, as Linux's does.
    ///
    /// # Errors
    /// `InvalidInput` when it is connecting.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(backlog)?;
        Ok(TcpListener::new(self.socket, self.handle))
    }

    /// Connects. Dropping the future gives up.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `AddrNotAvailable`, `AddrInUse`, `NetworkDown`.
    pub async fn connect(self, peer: SocketAddr) -> io::Result<TcpStream> {
        self.socket.connect(peer)?;
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_connected(cx))).await?;
        Ok(TcpStream::new(self.socket, self.handle))
    }

    /// The local address, once the stack has answered bind().
    ///
    /// # Errors
    /// `NotConnected` before that.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The options as last set.
    pub fn options(&self) -> SocketOptions {
        self.socket.options()
    }

    /// Changes any option.
    pub fn set_options(&self, change: impl FnOnce(&mut SocketOptions)) {
        self.socket.set_options(change);
    }

    /// SO_REUSEADDR.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.reuseaddr = reuseaddr);
        Ok(())
    }

    /// SO_REUSEPORT.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.reuseport = reuseport);
        Ok(())
    }

    /// SO_KEEPALIVE.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.keepalive = keepalive);
        Ok(())
    }

    /// TCP_NODELAY.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.nodelay = nodelay);
        Ok(())
    }

    /// SO_LINGER: `None` closes in the background, zero resets, any other time waits in the stack.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_options(|options| options.linger = linger_of(linger));
        Ok(())
    }
}

pub(crate) fn linger_of(time: Option<Duration>) -> Linger {
    match time {
        None => Linger::Off,
        Some(Duration::ZERO) => Linger::Reset,
        Some(time) => Linger::Wait(time),
    }
}
