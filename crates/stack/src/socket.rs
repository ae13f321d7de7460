//! Sockets as an application holds them: calls that never block, in a `try_` and a `poll_` form.
//!
//! A [`Socket`] is the application's end of a cell. Calls leave a request in the cell; the shard answers at its next
//! `handle_sockets`. No call here enters the stack, so any thread may call at any time. Errors are Linux's.

pub(crate) mod cell;
mod error;
mod fast_open;
mod icmp;
mod io;
mod options;
pub(crate) mod room;
mod urgent;

pub use error::SocketError;
pub use icmp::IcmpError;

use cell::{Answer, Cell, Dirty, Inner, Phase};
use lastack_observe::State;
use lastack_tcp::knobs::BufferBounds;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Called when a shard's list of sockets to look at becomes non-empty; from any thread, so it should only wake.
pub type Notify = Arc<dyn Fn() + Send + Sync>;

/// The family of a socket. An IPv6 listener on the wildcard address takes IPv4 too, unless it is told not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6.
    V6,
}

impl From<SocketAddr> for Family {
    fn from(address: SocketAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

/// Which directions shutdown() ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// SHUT_RD.
    Read,
    /// SHUT_WR: sends a FIN after what was written.
    Write,
    /// SHUT_RDWR.
    Both,
}

/// Makes sockets of one shard. Cheap to clone; may be held by any thread.
#[derive(Clone)]
pub struct Sockets {
    pub(crate) shared: Arc<Dirty>,
}

impl Sockets {
    pub(crate) fn new(bounds: BufferBounds) -> Sockets {
        Sockets { shared: Arc::new(Dirty::new(bounds)) }
    }

    /// A fresh socket: neither bound nor connected.
    pub fn stream(&self, family: Family) -> Socket {
        Socket { cell: Cell::new(self.shared.clone(), Inner::new(family == Family::V6)) }
    }

    /// Sets who is told that `handle_sockets` has something to do.
    pub fn set_notify(&self, notify: Notify) {
        self.shared.set_notify(notify);
    }

    /// True when `handle_sockets` has something to do.
    pub fn is_dirty(&self) -> bool {
        self.shared.len() > 0
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("dirty", &self.shared.len()).finish()
    }
}

/// One TCP socket. Dropping it is close().
pub struct Socket {
    cell: Arc<Cell>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.cell.lock();
        f.debug_struct("Socket")
            .field("state", &inner.state)
            .field("local", &inner.local)
            .field("peer", &inner.peer)
            .finish_non_exhaustive()
    }
}

impl Socket {
    /// Asks for a local address; port zero asks for a free one. Ask [`Socket::try_bound`] or [`Socket::poll_bound`] for the
    /// answer; listen() and connect() may follow at once and fail with it.
    ///
    /// # Errors
    /// `Invalid` when it is bound already, `FamilyMismatch` for an address of the other family.
    pub fn bind(&self, address: SocketAddr) -> Result<(), SocketError> {
        self.request(|inner| {
            if inner.v6 != address.is_ipv6() {
                return Err(SocketError::FamilyMismatch);
            }
            let asked = matches!(inner.bound, Answer::Awaited);
            if inner.phase != Phase::Fresh || asked || inner.local.is_some() {
                return Err(SocketError::Invalid);
            }
            inner.requests.bind = Some(address);
            inner.bound = Answer::Awaited;
            Ok(())
        })
    }

    /// The answer to bind(): the local address.
    ///
    /// # Errors
    /// `WouldBlock` before the shard has answered; `AddressInUse`, `AddressNotAvailable`, `NetworkDown`.
    pub fn try_bound(&self) -> Result<SocketAddr, SocketError> {
        Self::bound(&mut self.cell.lock())
    }

    /// [`Socket::try_bound`], waiting.
    pub fn poll_bound(&self, cx: &mut Context<'_>) -> Poll<Result<SocketAddr, SocketError>> {
        self.poll_control(cx, Self::bound)
    }

    fn bound(inner: &mut Inner) -> Result<SocketAddr, SocketError> {
        match inner.bound {
            Answer::Given(answer) => answer,
            Answer::Awaited => Err(SocketError::WouldBlock),
            Answer::Unasked => inner.local.ok_or(SocketError::Invalid),
        }
    }

    /// Asks for a listener. The accept queue admits `min(backlog, somaxconn) + 1`, as Linux's does. A second call
    /// changes the backlog.
    ///
    /// # Errors
    /// `Invalid` when the socket is connected or connecting.
    pub fn listen(&self, backlog: u32) -> Result<(), SocketError> {
        self.request(|inner| {
            if !matches!(inner.phase, Phase::Fresh | Phase::Listening) || inner.requests.connect.is_some() {
                return Err(SocketError::Invalid);
            }
            inner.requests.listen = Some(backlog);
            inner.listening = Answer::Awaited;
            Ok(())
        })
    }

    /// The answer to listen().
    ///
    /// # Errors
    /// `WouldBlock` before the shard has answered; what bind() failed with; `AddressInUse`.
    pub fn try_listening(&self) -> Result<(), SocketError> {
        Self::listening(&mut self.cell.lock())
    }

    /// [`Socket::try_listening`], waiting.
    pub fn poll_listening(&self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.poll_control(cx, Self::listening)
    }

    fn listening(inner: &mut Inner) -> Result<(), SocketError> {
        match inner.listening {
            Answer::Given(answer) => answer,
            Answer::Awaited => Err(SocketError::WouldBlock),
            Answer::Unasked => Err(SocketError::Invalid),
        }
    }

    /// Takes the oldest connection of the accept queue, and its peer.
    ///
    /// # Errors
    /// `WouldBlock` when the queue is empty; `Invalid` when the socket does not listen; `NetworkDown`.
    pub fn try_accept(&self) -> Result<(Socket, SocketAddr), SocketError> {
        Self::accept(&mut self.cell.lock())
    }

    /// [`Socket::try_accept`], waiting.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<(Socket, SocketAddr), SocketError>> {
        self.poll_control(cx, Self::accept)
    }

    /// Ready when accept() would not wait: a connection or an error is there. Takes nothing.
    pub fn poll_acceptable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.cell.lock();
        if inner.error.is_some() || !inner.accept_queue.is_empty() {
            return Poll::Ready(());
        }
        inner.wait_control(cx.waker());
        Poll::Pending
    }

    /// Connections that accept() has not returned.
    pub fn waiting_to_accept(&self) -> usize {
        self.cell.lock().accept_queue.len()
    }

    fn accept(inner: &mut Inner) -> Result<(Socket, SocketAddr), SocketError> {
        if let Some(error) = inner.take_error() {
            return Err(error);
        }
        if let Some(accepted) = inner.accept_queue.pop_front() {
            accepted.cell.lock().owned = true;
            return Ok((Socket { cell: accepted.cell }, accepted.peer));
        }
        Err(match inner.listening {
            Answer::Given(Err(error)) => error,
            Answer::Given(Ok(())) | Answer::Awaited => SocketError::WouldBlock,
            Answer::Unasked => SocketError::Invalid,
        })
    }

    /// Begins to connect.
    ///
    /// # Errors
    /// `IsConnected`, `Already`, `FamilyMismatch`, `Invalid` for port zero; later ones come from [`Socket::try_connected`].
    pub fn connect(&self, peer: SocketAddr) -> Result<(), SocketError> {
        self.request(|inner| Self::ask_to_connect(inner, peer))
    }

    fn ask_to_connect(inner: &mut Inner, peer: SocketAddr) -> Result<(), SocketError> {
        match inner.phase {
            Phase::Connected | Phase::Listening => return Err(SocketError::IsConnected),
            Phase::Connecting => return Err(SocketError::Already),
            Phase::Fresh => {}
        }
        if inner.v6 != peer.is_ipv6() {
            return Err(SocketError::FamilyMismatch);
        }
        inner.phase = Phase::Connecting;
        inner.requests.connect = Some(peer);
        inner.connected = None;
        Ok(())
    }

    /// The answer to connect().
    ///
    /// # Errors
    /// `WouldBlock` while the handshake goes on; `Refused`, `TimedOut`, `HostUnreachable`, `AddressNotAvailable`,
    /// `AddressInUse`, what bind() failed with; `NotConnected` when connect() was not called.
    pub fn try_connected(&self) -> Result<(), SocketError> {
        Self::connected(&mut self.cell.lock())
    }

    /// [`Socket::try_connected`], waiting.
    pub fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.poll_control(cx, Self::connected)
    }

    fn connected(inner: &mut Inner) -> Result<(), SocketError> {
        if let Some(Err(error)) = inner.connected {
            inner.connected = None;
            inner.error = None;
            return Err(error);
        }
        match inner.phase {
            Phase::Connected => Ok(()),
            Phase::Connecting if inner.syn_room.is_some() => Ok(()),
            Phase::Connecting => Err(SocketError::WouldBlock),
            Phase::Fresh | Phase::Listening => Err(SocketError::NotConnected),
        }
    }

    /// The local address, once bound or connected.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.cell.lock().local
    }

    /// The peer, once connect() was called or accept() returned.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.cell.lock().peer
    }

    /// The state, as of the shard's last turn.
    pub fn state(&self) -> State {
        self.cell.lock().state
    }

    /// Takes SO_ERROR. `NetworkDown` stays: nothing can work any more.
    pub fn take_error(&self) -> Option<SocketError> {
        self.cell.lock().take_error()
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.cell
    }

    fn request(&self, ask: impl FnOnce(&mut Inner) -> Result<(), SocketError>) -> Result<(), SocketError> {
        ask(&mut self.cell.lock())?;
        self.cell.mark();
        Ok(())
    }

    fn poll_control<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut Inner) -> Result<R, SocketError>,
    ) -> Poll<Result<R, SocketError>> {
        let mut inner = self.cell.lock();
        match attempt(&mut inner) {
            Err(SocketError::WouldBlock) => {
                inner.wait_control(cx.waker());
                Poll::Pending
            }
            answer => Poll::Ready(answer),
        }
    }
}
