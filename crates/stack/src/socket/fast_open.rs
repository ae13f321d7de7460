//! A connect() whose SYN carries data: MSG_FASTOPEN (RFC 7413), and Fast Open's options.
//!
//! TCP_FASTOPEN_CONNECT needs no call of its own: `Socket::connect` is answered at once when a cookie is known, and the first
//! write goes with the SYN.

use super::cell::{Answer, Inner, Phase};
use super::{Socket, SocketError};
use bytes::Bytes;
use lastack_tcp::FastOpenKeys;
use std::net::SocketAddr;
use std::task::{Context, Poll};

impl Socket {
    /// sendto() with MSG_FASTOPEN: connects, and when a cookie of the peer's is known the SYN carries what of `octets` fits.
    /// [`Socket::try_sent_with_syn`] says how many went; the rest is to be written once the socket is connected.
    ///
    /// # Errors
    /// `NotSupported` when `tcp_fastopen` does not let clients; else as [`Socket::connect`].
    pub fn connect_with(&self, peer: SocketAddr, octets: Bytes) -> Result<(), SocketError> {
        let bounds = self.cell.bounds();
        self.request(|inner| {
            if !bounds.lets_clients_fast_open() {
                return Err(SocketError::NotSupported);
            }
            Self::ask_to_connect(inner, peer)?;
            inner.with_syn = Some(octets);
            inner.sent_with_syn = Answer::Awaited;
            Ok(())
        })
    }

    /// The answer to [`Socket::connect_with`]: how many octets the SYN carries. Zero: no cookie is known, it asks for one.
    ///
    /// # Errors
    /// `WouldBlock` before the shard has answered, `Invalid` when it was not asked, what connect() failed with.
    pub fn try_sent_with_syn(&self) -> Result<usize, SocketError> {
        Self::sent_with_syn(&mut self.cell.lock())
    }

    /// [`Socket::try_sent_with_syn`], waiting.
    pub fn poll_sent_with_syn(&self, cx: &mut Context<'_>) -> Poll<Result<usize, SocketError>> {
        self.poll_control(cx, Self::sent_with_syn)
    }

    fn sent_with_syn(inner: &mut Inner) -> Result<usize, SocketError> {
        match (inner.sent_with_syn, inner.connected) {
            (Answer::Given(answer), _) => answer,
            (_, Some(Err(error))) => Err(error),
            (Answer::Awaited, _) => Err(SocketError::WouldBlock),
            (Answer::Unasked, _) => Err(SocketError::Invalid),
        }
    }

    /// The caller waits in a call whose octets did not all go with the SYN: the third segment can wait for them.
    pub fn await_handshake(&self) {
        let mut inner = self.cell.lock();
        inner.write_waits |= inner.phase == Phase::Connecting;
    }

    /// True once octets may flow: connected, or accepted before the third segment.
    pub fn is_open(&self) -> bool {
        self.cell.lock().phase == Phase::Connected
    }

    /// True while a connected-looking socket (TCP_FASTOPEN_CONNECT) waits for its first write to send the SYN.
    pub fn defers_connect(&self) -> bool {
        self.cell.lock().syn_room.is_some_and(|room| room > 0)
    }

    /// True when `tcp_fastopen` lets clients use it.
    pub fn may_fast_open(&self) -> bool {
        self.cell.bounds().lets_clients_fast_open()
    }

    /// TCP_FASTOPEN: how many connections of this listener may wait for their proof, at most `somaxconn`; zero ends Fast Open.
    ///
    /// # Errors
    /// `Invalid` on a socket that is connecting or connected.
    pub fn set_fast_open_queue(&self, limit: u32) -> Result<(), SocketError> {
        self.refuse_connected()?;
        let limit = self.cell.bounds().fast_open_queue(limit);
        self.set_options(|options| options.fast_open.queue = limit);
        Ok(())
    }

    /// TCP_FASTOPEN_CONNECT.
    ///
    /// # Errors
    /// `NotSupported` when `tcp_fastopen` does not let clients, `Invalid` when connect() or listen() was called.
    pub fn set_fast_open_connect(&self, on: bool) -> Result<(), SocketError> {
        if !self.cell.bounds().lets_clients_fast_open() {
            return Err(SocketError::NotSupported);
        }
        if self.cell.lock().phase != Phase::Fresh {
            return Err(SocketError::Invalid);
        }
        self.set_options(|options| options.fast_open.connect = on);
        Ok(())
    }

    /// TCP_FASTOPEN_NO_COOKIE: data goes with the SYN, or is taken from one, without a cookie.
    ///
    /// # Errors
    /// `Invalid` on a socket that is connecting or connected.
    pub fn set_fast_open_no_cookie(&self, on: bool) -> Result<(), SocketError> {
        self.refuse_connected()?;
        self.set_options(|options| options.fast_open.no_cookie = on);
        Ok(())
    }

    /// TCP_FASTOPEN_KEY of a listener: what makes its cookies, in place of `tcp_fastopen_key`.
    pub fn set_fast_open_keys(&self, keys: FastOpenKeys) {
        self.set_options(|options| options.fast_open.keys = Some(Box::new(keys)));
    }

    fn refuse_connected(&self) -> Result<(), SocketError> {
        match self.cell.lock().phase {
            Phase::Fresh | Phase::Listening => Ok(()),
            Phase::Connecting | Phase::Connected => Err(SocketError::Invalid),
        }
    }
}
