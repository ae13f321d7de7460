//! A listening socket, with the signatures of tokio's.

use crate::{Handle, TcpSocket, TcpStream};
use lastack_stack::{Socket, SocketOptions};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::net::ToSocketAddrs;

/// The backlog that std and tokio ask for.
const BACKLOG: u32 = 1024;

/// Accepts connections.
#[derive(Debug)]
pub struct TcpListener {
    socket: Socket,
    handle: Handle,
}

impl TcpListener {
    /// Listens on the current stack ([`Handle::enter`]). With port zero the stack chooses one. Of several addresses the
    /// first that works is taken.
    ///
    /// # Errors
    /// No current stack; `AddrInUse`, `AddrNotAvailable` or another error of the last address tried.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpListener> {
        TcpListener::bind_on(&Handle::try_current()?, address).await
    }

    /// Listens on the given stack.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub async fn bind_on<A: ToSocketAddrs>(handle: &Handle, address: A) -> io::Result<TcpListener> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in tokio::net::lookup_host(address).await? {
            match TcpListener::bind_one(handle, address).await {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn bind_one(handle: &Handle, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = TcpSocket::on(handle, address.into());
        // As tokio does on Unix: a restarted server is not kept out by its own TIME_WAITs.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        listener.listening().await?;
        Ok(listener)
    }

    pub(crate) fn new(socket: Socket, handle: Handle) -> TcpListener {
        TcpListener { socket, handle }
    }

    /// Waits until the stack has answered bind() and listen(). Only needed after [`TcpSocket::listen`]; an error is
    /// reported by [`TcpListener::accept`], too.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `NetworkDown`.
    pub async fn listening(&self) -> io::Result<()> {
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_listening(cx))).await
    }

    /// Takes the oldest established connection; waits for one. Cancellation safe: losing the race of a `select!` loses no
    /// connection.
    ///
    /// # Errors
    /// `NetworkDown` when the stack ends.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`TcpListener::accept`] by polling. Each of several waiting tasks is woken.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.handle
            .shared
            .answered(self.socket.poll_accept(cx))
            .map_ok(|(socket, peer)| (TcpStream::new(socket, self.handle.clone()), peer))
    }

    /// IP_TTL, or the hop limit.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.socket.options().ttl.map_or(64, u32::from))
    }

    /// IP_TTL of the connections to come: 1 to 255.
    ///
    /// # Errors
    /// `InvalidInput` for another number.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = crate::options::ttl_of(ttl)?;
        self.socket.set_options(|options| options.ttl = Some(ttl));
        Ok(())
    }

    /// Changes any option; connections accepted later inherit it.
    pub fn set_options(&self, change: impl FnOnce(&mut SocketOptions)) {
        self.socket.set_options(change);
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// `NotConnected` before the stack has answered bind().
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
