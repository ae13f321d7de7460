//! Calls as the tool makes them: each buffer an allocation of its own.

use crate::acts::{Call, Kind};
use crate::library::{Library, empty_message, send_file};
use libc::{c_int, c_long, c_void, epoll_event, iovec, msghdr, pollfd, socklen_t};
use std::net::SocketAddr;
use std::ptr::{null, null_mut};

/// No buffer of an input is longer.
const LEN_MAX: usize = 70_000;

/// Makes one call and returns the descriptors that it opened.
pub fn make(
    library: &Library,
    call: &Call,
    open: &[c_int],
    stack: SocketAddr,
    peer: SocketAddr,
) -> Vec<c_int> {
    let pick = |at: u8| match usize::from(at) {
        at if at < 200 => open[at % open.len()],
        at => [-1, 0, 77_777, c_int::MAX][at % 4],
    };
    let fd = pick(call.fd);
    let mut opened = Vec::new();
    match call.kind.clone() {
        Kind::Socket { domain, kind, protocol } => {
            let domain = [libc::AF_INET, libc::AF_INET6, c_int::from(domain)][usize::from(domain) % 3];
            let kind =
                if kind & 3 == 0 { libc::SOCK_STREAM | libc::SOCK_NONBLOCK } else { c_int::from(kind) };
            opened.push(library.socket(domain, kind, c_int::from(protocol % 8)) as c_int);
        }
        Kind::Bind(name) => {
            let (octets, len) = name.octets(stack, peer);
            library.bind(fd, pointer(&octets).cast(), len);
        }
        Kind::Listen(backlog) => drop(library.listen(fd, c_int::from(backlog))),
        Kind::Accept { room } => match room {
            Some(room) => {
                let (mut name, mut len) = (vec![0_u8; usize::from(room)], socklen_t::from(room));
                opened.push(library.accept(fd, name.as_mut_ptr().cast(), &mut len) as c_int);
            }
            None => opened.push(library.accept(fd, null_mut(), null_mut()) as c_int),
        },
        Kind::Connect(name) => {
            let (octets, len) = name.octets(stack, peer);
            library.connect(fd, pointer(&octets).cast(), len);
        }
        Kind::Fcntl { command, argument } => {
            library.fcntl(
                fd,
                [1, 2, 3, 4, c_int::from(command)][usize::from(command) % 5],
                c_long::from(argument),
            );
        }
        Kind::Ioctl { request, null } => {
            let mut number = Box::new(7_i32);
            let to: *mut i32 = if null { null_mut() } else { &mut *number };
            library.ioctl(fd, request.number(), to.cast());
        }
        Kind::Close => drop(library.close(fd)),
        Kind::Shutdown(how) => drop(library.shutdown(fd, c_int::from(how))),
        Kind::EpollCreate(size) => opened.push(library.epoll_create(c_int::from(size)) as c_int),
        Kind::Pipe => {
            let mut ends = Box::new([-1; 2]);
            if library.pipe(ends.as_mut_ptr()) == 0 {
                for end in *ends {
                    library.fcntl(end, libc::F_SETFL, c_long::from(libc::O_NONBLOCK));
                }
                opened.extend(*ends);
            }
        }
        kind => exchange(library, fd, kind, [stack, peer], &pick),
    }
    opened
}

/// The calls that move octets from or to one buffer.
fn exchange(library: &Library, fd: c_int, kind: Kind, ends: [SocketAddr; 2], pick: &dyn Fn(u8) -> c_int) {
    let [stack, peer] = ends;
    match kind {
        Kind::Read { len, null } => {
            let mut buffer = vec![0_u8; usize::from(len)];
            let to: *mut u8 = if null { null_mut() } else { buffer.as_mut_ptr() };
            library.read(fd, to.cast(), buffer.len());
        }
        Kind::Receive { len, flags, named } => {
            let mut buffer = vec![0_u8; usize::from(len)];
            let (mut name, mut room) = (Box::new([0_u8; 28]), 28);
            let to = buffer.as_mut_ptr().cast();
            if named {
                library.recvfrom(
                    fd,
                    to,
                    buffer.len(),
                    c_int::from(flags),
                    name.as_mut_ptr().cast(),
                    &mut room,
                );
            } else {
                library.recv(fd, to, buffer.len(), c_int::from(flags));
            }
        }
        Kind::Write { len, null } => {
            let buffer = vec![7_u8; usize::from(len)];
            let from: *const u8 = if null { std::ptr::null() } else { buffer.as_ptr() };
            library.write(fd, from.cast(), buffer.len());
        }
        Kind::Send { len, flags, name } => {
            let buffer = vec![8_u8; usize::from(len)];
            let from = buffer.as_ptr().cast();
            match name {
                Some(name) => {
                    let (octets, room) = name.octets(stack, peer);
                    library.sendto(fd, from, buffer.len(), flags, pointer(&octets).cast(), room);
                }
                None => drop(library.send(fd, from, buffer.len(), flags)),
            }
        }
        kind => scatter(library, fd, kind, pick),
    }
}

/// The calls with several buffers.
fn scatter(library: &Library, fd: c_int, kind: Kind, pick: &dyn Fn(u8) -> c_int) {
    match kind {
        Kind::ReceiveVector { lens, message, flags, control } => {
            let mut buffers = buffers(&lens);
            let mut vector = vectors(&mut buffers);
            if !message {
                library.readv(fd, vector.as_ptr(), vector.len() as c_int);
                return;
            }
            let mut room = vec![0_u8; usize::from(control)];
            let mut header = message_of(&mut vector, &mut room);
            library.recvmsg(fd, &mut header, c_int::from(flags));
        }
        Kind::SendVector { lens, message, flags, mut control } => {
            let mut buffers = buffers(&lens);
            let mut vector = vectors(&mut buffers);
            if message {
                let header = message_of(&mut vector, &mut control);
                library.sendmsg(fd, &header, flags);
            } else {
                library.writev(fd, vector.as_ptr(), vector.len() as c_int);
            }
        }
        kind => others(library, fd, kind, pick),
    }
}

/// Options, readiness, splice() and sendfile().
fn others(library: &Library, fd: c_int, kind: Kind, pick: &dyn Fn(u8) -> c_int) {
    match kind {
        Kind::Get { option, room } => {
            let (mut value, mut len) = (vec![0_u8; usize::from(room)], socklen_t::from(room));
            let (level, name) = option.pair();
            let answer = library.getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut len);
            // An error may say how much room it takes.
            assert!(answer < 0 || len <= socklen_t::from(room));
        }
        Kind::Set { option, value } => {
            let (level, name) = option.pair();
            library.setsockopt(fd, level, name, value.as_ptr().cast(), value.len() as socklen_t);
        }
        Kind::SetNumber { option, value } => {
            let (level, name) = option.pair();
            let value = Box::new(value);
            library.setsockopt(fd, level, name, (&raw const *value).cast(), 4);
        }
        Kind::Poll { events, timeout } => {
            let mut list: Vec<pollfd> =
                events.iter().map(|&(fd, events)| pollfd { fd: pick(fd), events, revents: 0 }).collect();
            library.poll(list.as_mut_ptr(), list.len() as libc::nfds_t, c_int::from(timeout));
        }
        Kind::Splice { to, len, flags, offset } => {
            let mut position = 0_i64;
            let at: *mut i64 = if offset { &mut position } else { null_mut() };
            library.splice(fd, at, pick(to), null_mut(), usize::from(len), u32::from(flags));
        }
        Kind::SendFile { from, len, offset } => {
            let mut position = offset.map(i64::from);
            let at = position.as_mut().map_or(null_mut(), |position| &raw mut *position);
            // Only between descriptors of the library: others are the fuzzer's own.
            let (to, from) = (fd, pick(from));
            if to > 2 && from > 2 {
                send_file(to, from, at, usize::from(len));
            }
        }
        Kind::EpollControl { command, fd: of, events, null } => {
            let mut event = Box::new(epoll_event { events, u64: 3 });
            let at: *mut epoll_event = if null { null_mut() } else { &mut *event };
            library.epoll_ctl(fd, c_int::from(command % 5), pick(of), at);
        }
        Kind::EpollWait { most, timeout } => {
            let mut list = vec![epoll_event { events: 0, u64: 0 }; usize::try_from(most).unwrap_or(0)];
            library.epoll_wait(fd, list.as_mut_ptr(), c_int::from(most), c_int::from(timeout));
        }
        kind => unreachable!("made elsewhere: {kind:?}"),
    }
}

fn buffers(lens: &[u16]) -> Vec<Vec<u8>> {
    let mut left = LEN_MAX;
    lens.iter()
        .take(1100)
        .map(|len| {
            let len = usize::from(*len).min(left);
            left -= len;
            vec![9; len]
        })
        .collect()
}

fn vectors(buffers: &mut [Vec<u8>]) -> Vec<iovec> {
    buffers
        .iter_mut()
        .map(|buffer| iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
        .collect()
}

fn message_of(vector: &mut [iovec], control: &mut [u8]) -> msghdr {
    let mut header = empty_message();
    header.msg_iov = vector.as_mut_ptr();
    header.msg_iovlen = vector.len();
    if !control.is_empty() {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
    }
    header
}

fn pointer(octets: &Option<Vec<u8>>) -> *const c_void {
    octets.as_ref().map_or(null::<c_void>(), |octets| octets.as_ptr().cast())
}
