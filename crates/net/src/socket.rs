//! A socket that is neither connected nor listening yet, with the signatures of tokio's: for options before the handshake.
//!
//! Not here: `device` and `bind_device` (a stack has one device), `from_std_stream`, `AsFd` and their like (there is no
//! descriptor).

use crate::options::socket_options;
use crate::{Handle, Keepalive, TcpListener, TcpStream};
use bytes::Bytes;
use lastack_stack::{Family, Socket, SocketOptions};
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

socket_options!(TcpSocket);

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
    /// [`TcpSocket::bound`], [`TcpListener::listening`], [`TcpListener::accept`] or [`TcpSocket::connect`].
    ///
    /// # Errors
    /// `InvalidInput` when it is bound already, `Unsupported` for an address of the other family.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        Ok(self.socket.bind(address)?)
    }

    /// Waits until the stack has answered bind(), and gives the address with its port. Cancellation safe.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `NetworkDown`; `InvalidInput` without a bind().
    pub async fn bound(&self) -> io::Result<SocketAddr> {
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_bound(cx))).await
    }

    /// Makes it a listener. The accept queue admits `min(backlog, somaxconn) + 1` connections, as Linux's does.
    ///
    /// # Errors
    /// `InvalidInput` when it is connecting.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(backlog)?;
        Ok(TcpListener::new(self.socket, self.handle))
    }

    /// Connects. Dropping the future gives up: the socket goes with it, and a peer that has answered gets a RST.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `AddrNotAvailable`, `AddrInUse`, `NetworkDown`.
    pub async fn connect(self, peer: SocketAddr) -> io::Result<TcpStream> {
        self.socket.connect(peer)?;
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_connected(cx))).await?;
        Ok(TcpStream::new(self.socket, self.handle))
    }

    /// Connects, and when a Fast Open cookie of the peer's is known its SYN carries the first of `octets` (sendto() with
    /// MSG_FASTOPEN, RFC 7413). Says how many went; the rest is to be written to the stream. A server may get them twice
    /// (section 6.1 there), so they should be a request that may be repeated.
    ///
    /// # Errors
    /// `Unsupported` when `tcp_fastopen` does not let clients; else as [`TcpSocket::connect`].
    pub async fn connect_with(self, peer: SocketAddr, octets: &[u8]) -> io::Result<(TcpStream, usize)> {
        self.socket.connect_with(peer, Bytes::copy_from_slice(octets))?;
        let sent = poll_fn(|cx| self.handle.shared.answered(self.socket.poll_sent_with_syn(cx))).await?;
        poll_fn(|cx| self.handle.shared.answered(self.socket.poll_connected(cx))).await?;
        Ok((TcpStream::new(self.socket, self.handle), sent))
    }

    /// TCP_FASTOPEN_CONNECT.
    ///
    /// # Errors
    /// None.
    pub fn fastopen_connect(&self) -> io::Result<bool> {
        Ok(self.socket.options().fast_open.connect)
    }

    /// TCP_FASTOPEN_CONNECT: when a cookie of the peer's is known, connect() returns at once and the first write goes with
    /// the SYN. What it fails with, reads and writes report. The caution of [`TcpSocket::connect_with`] holds.
    ///
    /// # Errors
    /// `Unsupported` when `tcp_fastopen` does not let clients.
    pub fn set_fastopen_connect(&self, on: bool) -> io::Result<()> {
        Ok(self.socket.set_fast_open_connect(on)?)
    }

    /// TCP_FASTOPEN of a listener to be: how many connections may have begun with data in their SYN and wait for their third
    /// segment, at most `somaxconn`; zero: none. `tcp_fastopen` must let servers, too.
    ///
    /// # Errors
    /// None before listen().
    pub fn set_fastopen(&self, queue: u32) -> io::Result<()> {
        Ok(self.socket.set_fast_open_queue(queue)?)
    }

    /// The local address, once the stack has answered bind().
    ///
    /// # Errors
    /// `NotConnected` before that.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// SO_REUSEADDR.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        Ok(self.socket.options().reuseaddr)
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
    pub fn reuseport(&self) -> io::Result<bool> {
        Ok(self.socket.options().reuseport)
    }

    /// SO_REUSEPORT.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.socket.set_options(|options| options.reuseport = reuseport);
        Ok(())
    }

    /// IP_TOS.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn tos_v4(&self) -> io::Result<u32> {
        Ok(self.socket.options().tos.into())
    }

    /// IP_TOS. The two ECN bits are TCP's own and stay zero.
    ///
    /// # Errors
    /// None; as Linux, the lowest octet counts.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.socket.set_options(|options| options.tos = tos as u8 & !3);
        Ok(())
    }

    /// IPV6_TCLASS.
    ///
    /// # Errors
    /// None; the signature is tokio's.
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// IPV6_TCLASS. The two ECN bits are TCP's own and stay zero.
    ///
    /// # Errors
    /// `InvalidInput` above 255.
    pub fn set_tclass_v6(&self, class: u32) -> io::Result<()> {
        if class > 255 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a traffic class is 0 to 255"));
        }
        self.set_tos_v4(class)
    }
}
