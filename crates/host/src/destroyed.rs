//! Sockets as they end: the kernel sends each full TCP socket that is destroyed, with its last TCP_INFO, to whoever listens.
//!
//! Nothing comes for TIME_WAIT, for what TIME_WAIT took over, and for half-open requests. The state is CLOSED already, the inode
//! zero; it comes when the descriptor is closed, not when the connection died.

use crate::diag::message::{Message, Messages};
use crate::{Error, SocketView};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};

/// SKNLGRP_INET_TCP_DESTROY (1) and SKNLGRP_INET6_TCP_DESTROY (3), as bits.
const GROUPS: u32 = 1 << 0 | 1 << 2;
/// Some ten thousand sockets wait here.
const BACKLOG: usize = 8 << 20;
const BUFFER: usize = 64 << 10;

/// Listens for the sockets of the network namespace that the thread was in.
#[derive(Debug)]
pub struct Destroyed {
    socket: OwnedFd,
    buffer: Vec<u8>,
    losses: u64,
    unreadable: u64,
}

impl Destroyed {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the kernel has no such groups, or does not let this user listen.
    pub fn open() -> Result<Destroyed, Error> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(SOCK_DIAG))
                .map_err(Error::Open)?;
        // Beyond the machine's limit only root may go.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BACKLOG).is_err() {
            let _ = sockopt::set_socket_recv_buffer_size(&socket, BACKLOG);
        }
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS)).map_err(Error::Netlink)?;
        Ok(Destroyed { socket, buffer: vec![0; BUFFER], losses: 0, unreadable: 0 })
    }

    /// Hands every socket that was destroyed since the last call to `each`.
    ///
    /// # Errors
    /// When the netlink socket fails.
    pub fn drain(&mut self, each: &mut dyn FnMut(&SocketView<'_>)) -> Result<(), Error> {
        loop {
            let received = rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty());
            let length = match received {
                Ok((_, length)) => length,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(Errno::NOBUFS) => {
                    self.losses += 1;
                    continue;
                }
                Err(errno) => return Err(Error::Netlink(errno)),
            };
            for message in Messages::new(self.buffer.get(..length).unwrap_or_default()) {
                let view = message.and_then(|message| match message.kind() {
                    Ok(Message::Socket(body)) => SocketView::parse(body),
                    _ => None,
                });
                match view {
                    Some(view) => each(&view),
                    None => self.unreadable += 1,
                }
            }
        }
    }

    /// How often sockets were lost because they came faster than they were read.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Messages that were not understood.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }
}
