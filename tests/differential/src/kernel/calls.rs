//! The application's sockets in the kernel: ordinary system calls that never wait.

use crate::sequence::{Call, Setup};
use lastack_sim::octets::Ends;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, accept_with, bind, connect,
    ipproto, listen, recv, send, shutdown, socket_with, sockopt,
};
use std::time::Duration;

const BACKLOG: i32 = 5;

/// The descriptors of one sequence.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    listener: Option<OwnedFd>,
    stream: Option<OwnedFd>,
    written: usize,
}

impl Sockets {
    /// What the call answers, or minus its errno; `None` when its socket is not there.
    pub(super) fn call(&mut self, call: Call, setup: &Setup, ends: Ends) -> Option<i64> {
        let result = match call {
            Call::Listen | Call::Connect | Call::Accept => self.open(call, setup, ends)?,
            Call::CloseListener => {
                drop(self.listener.take()?);
                Ok(0)
            }
            Call::Close => {
                drop(self.stream.take()?);
                Ok(0)
            }
            Call::Abort => {
                let stream = self.stream.take()?;
                sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).map(|()| 0)
            }
            call => self.call_stream(call)?,
        };
        Some(result.unwrap_or_else(|error| -i64::from(error.raw_os_error())))
    }

    fn open(&mut self, call: Call, setup: &Setup, ends: Ends) -> Option<Result<i64, Errno>> {
        match call {
            Call::Listen if self.listener.is_none() => Some(fresh(setup, ends).and_then(|socket| {
                listen(&socket, BACKLOG)?;
                self.listener = Some(socket);
                Ok(0)
            })),
            Call::Connect if self.stream.is_none() => Some(fresh(setup, ends).and_then(|socket| {
                let answer = connect(&socket, &ends.from).map(|()| 0);
                self.stream = Some(socket);
                answer
            })),
            Call::Accept if self.stream.is_none() => {
                let accepted =
                    accept_with(self.listener.as_ref()?, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
                Some(accepted.map(|socket| {
                    self.stream = Some(socket);
                    0
                }))
            }
            _ => None,
        }
    }

    fn call_stream(&mut self, call: Call) -> Option<Result<i64, Errno>> {
        let stream = self.stream.as_ref()?;
        let done = |result: Result<(), Errno>| result.map(|()| 0);
        Some(match call {
            Call::Read(octets) => {
                let mut buffer = vec![0; octets as usize];
                recv(stream, &mut buffer[..], RecvFlags::DONTWAIT).map(|(_, read)| read as i64)
            }
            Call::Write(octets) => {
                let data = crate::wire::written(self.written, octets as usize);
                let taken = send(stream, &data, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
                self.written += *taken.as_ref().unwrap_or(&0);
                taken.map(|taken| taken as i64)
            }
            Call::ShutdownRead => done(shutdown(stream, Shutdown::Read)),
            Call::ShutdownWrite => done(shutdown(stream, Shutdown::Write)),
            Call::ShutdownBoth => done(shutdown(stream, Shutdown::Both)),
            Call::TakeError => sockopt::socket_error(stream)
                .map(|error| error.map_or_else(|error| i64::from(error.raw_os_error()), |()| 0)),
            Call::Nodelay(on) => done(sockopt::set_tcp_nodelay(stream, on)),
            Call::Cork(on) => done(sockopt::set_tcp_cork(stream, on)),
            Call::Quickack(on) => done(sockopt::set_tcp_quickack(stream, on)),
            Call::Keepalive(on) => done(sockopt::set_socket_keepalive(stream, on)),
            _ => return None,
        })
    }
}

fn fresh(setup: &Setup, ends: Ends) -> Result<OwnedFd, Errno> {
    let family = if setup.ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if setup.nodelay {
        sockopt::set_tcp_nodelay(&socket, true)?;
    }
    if let Some(octets) = setup.rcvbuf {
        sockopt::set_socket_recv_buffer_size(&socket, octets as usize)?;
    }
    bind(&socket, &ends.to)?;
    Ok(socket)
}
