//! getsockopt().

use super::{
    IP_LOCAL_PORT_RANGE, SO_MEMINFO, TCP_CC_INFO, TCP_CONGESTION, TCP_DEFER_ACCEPT, TCP_INFO, TCP_INQ,
    TCP_LINGER2, TCP_QUICKACK, TCP_SYNCNT, TCP_TIMESTAMP, TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP, kept,
};
use crate::arrivals::{SO_TIMESTAMP_NEW, SO_TIMESTAMPING_NEW, SO_TIMESTAMPNS_NEW};
use crate::core::{Answer, Core, Errno};
use crate::descriptors::{Descriptor, Open};
use crate::memory::{Place, Span, give};
use lastack_stack::{Family, Knobs, Linger};
use libc::{c_int, socklen_t};
use std::time::Duration;

/// getsockopt().
pub(crate) fn get(
    core: &mut Core,
    fd: c_int,
    level: c_int,
    name: c_int,
    to: Span,
    len: Place<socklen_t>,
) -> Answer {
    core.open(fd)?;
    let to = to.with_room(len)?;
    let value = match (level, name) {
        (libc::IPPROTO_TCP, TCP_INFO) => info(core, fd),
        // Neither Reno nor CUBIC has anything to tell.
        (libc::IPPROTO_TCP, TCP_CC_INFO) => Vec::new(),
        (libc::IPPROTO_TCP, TCP_CONGESTION) => {
            let knobs = core.stack.knobs().clone();
            let mut name =
                core.open(fd)?.socket.options().congestion_control(&knobs).name().as_bytes().to_vec();
            name.resize(16, 0);
            name
        }
        (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_KEY) => keys(core, fd)?,
        (libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE) => pacing(core.open(fd)?, to.len()),
        (libc::SOL_SOCKET, libc::SO_LINGER) => linger(core.open(fd)?),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => time(core.open(fd)?.receive_timeout),
        (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => time(core.open(fd)?.send_timeout),
        (libc::SOL_SOCKET, SO_MEMINFO) => memory(core, fd),
        (libc::SOL_SOCKET, libc::SO_ERROR) => error(core, fd)?.to_ne_bytes().to_vec(),
        (libc::SOL_SOCKET, libc::SO_PEERNAME) => peer_name(core.open(fd)?)?,
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => device(core.open(fd)?, to.len())?,
        (libc::IPPROTO_TCP, libc::TCP_SAVED_SYN) => saved_syn(core.open(fd)?, to.len(), len)?,
        (libc::IPPROTO_IP, libc::IP_MTU) | (libc::IPPROTO_IPV6, libc::IPV6_MTU) => mtu(core, fd)?,
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING | SO_TIMESTAMPING_NEW) => {
            // The second number is a hardware clock's, of which there is none.
            [core.open(fd)?.notices.timestamping(), 0].iter().flat_map(|part| part.to_ne_bytes()).collect()
        }
        _ => {
            let knobs = core.stack.knobs().clone();
            let open = core.open(fd)?;
            let number = match level {
                libc::SOL_SOCKET => socket(open, name)?,
                libc::IPPROTO_TCP => tcp(open, name, &knobs)?,
                libc::IPPROTO_IP => ip(open, name)?,
                libc::IPPROTO_IPV6 if open.family == Family::V6 => ipv6(open, name)?,
                _ => return Err(libc::EOPNOTSUPP),
            };
            // As Linux: a small number of IP fits an octet, when there is no room for an int.
            match (level, to.len(), u8::try_from(number)) {
                (libc::IPPROTO_IP, 1..4, Ok(octet)) => vec![octet],
                _ => number.to_ne_bytes().to_vec(),
            }
        }
    };
    give(&value, to, len, false).map(|()| 0)
}

fn info(core: &Core, fd: c_int) -> Vec<u8> {
    match core.table.get(&fd) {
        Some(Descriptor::Socket(open)) => crate::info::octets(core, open),
        _ => Vec::new(),
    }
}

fn socket(open: &mut Open, name: c_int) -> Result<i32, Errno> {
    let options = open.socket.options();
    Ok(match name {
        libc::SO_TYPE => libc::SOCK_STREAM,
        libc::SO_PROTOCOL => libc::IPPROTO_TCP,
        libc::SO_DOMAIN => {
            if open.family == Family::V4 {
                libc::AF_INET
            } else {
                libc::AF_INET6
            }
        }
        libc::SO_ACCEPTCONN => i32::from(open.listening.is_some()),
        libc::SO_REUSEADDR => i32::from(options.reuseaddr),
        libc::SO_REUSEPORT => i32::from(options.reuseport),
        libc::SO_KEEPALIVE => i32::from(options.keepalive),
        libc::SO_OOBINLINE => i32::from(options.oobinline),
        libc::SO_RCVBUF => signed(open.socket.receive_buffer()),
        libc::SO_SNDBUF => signed(open.socket.send_buffer()),
        libc::SO_RCVLOWAT => signed(open.socket.receive_low_water()),
        libc::SO_SNDLOWAT => 1,
        libc::SO_ZEROCOPY => i32::from(open.notices.zero_copy),
        // There is one processor only.
        libc::SO_INCOMING_CPU if open.socket.peer_addr().is_some() => 0,
        libc::SO_PRIORITY if !open.kept.contains_key(&(libc::SOL_SOCKET, name)) => priority(options.tos),
        // As Linux: the new name of the one is also true when the other's is.
        SO_TIMESTAMP_NEW => {
            i32::from(open.arrivals.is_plain(name) || open.arrivals.is_plain(SO_TIMESTAMPNS_NEW))
        }
        libc::SO_TIMESTAMP | libc::SO_TIMESTAMPNS | SO_TIMESTAMPNS_NEW => {
            i32::from(open.arrivals.is_plain(name))
        }
        _ => kept::get(open, libc::SOL_SOCKET, name)?,
    })
}

fn tcp(open: &Open, name: c_int, knobs: &Knobs) -> Result<i32, Errno> {
    let options = open.socket.options();
    let seconds =
        |time: Option<Duration>, default: u32| time.map_or(signed(default), |time| time.as_secs() as i32);
    Ok(match name {
        libc::TCP_NODELAY => i32::from(options.nodelay),
        libc::TCP_NOTSENT_LOWAT => options.notsent_lowat.unwrap_or(0).cast_signed(),
        libc::TCP_CORK => i32::from(options.cork),
        libc::TCP_MAXSEG => i32::from(open.socket.segment_max()),
        libc::TCP_KEEPIDLE => seconds(options.keepidle, knobs.tcp_keepalive_time),
        libc::TCP_KEEPINTVL => seconds(options.keepintvl, knobs.tcp_keepalive_intvl),
        libc::TCP_KEEPCNT => i32::from(options.keepcnt.unwrap_or(knobs.tcp_keepalive_probes)),
        TCP_SYNCNT => i32::from(options.syncnt.unwrap_or(knobs.tcp_syn_retries)),
        TCP_DEFER_ACCEPT => signed(options.defer_accept),
        TCP_LINGER2 => {
            options.linger2.filter(|&seconds| seconds != 0).unwrap_or(signed(knobs.tcp_fin_timeout))
        }
        TCP_WINDOW_CLAMP => signed(options.window_clamp.unwrap_or(0)),
        TCP_QUICKACK => i32::from(options.quickack.unwrap_or(true)),
        TCP_USER_TIMEOUT => options.user_timeout.map_or(0, |time| time.as_millis() as i32),
        libc::TCP_FASTOPEN => signed(options.fast_open.queue),
        libc::TCP_FASTOPEN_CONNECT => i32::from(options.fast_open.connect),
        libc::TCP_FASTOPEN_NO_COOKIE => i32::from(options.fast_open.no_cookie),
        TCP_INQ => i32::from(open.inq),
        TCP_TIMESTAMP => return Err(libc::ENOPROTOOPT),
        _ => kept::get(open, libc::IPPROTO_TCP, name)?,
    })
}

/// The priority that a type of service stands for (Linux's ip_tos2prio).
fn priority(tos: u8) -> i32 {
    match tos >> 3 & 3 {
        0 => 0,
        1 => 2,
        2 => 6,
        _ => 4,
    }
}

fn ip(open: &Open, name: c_int) -> Result<i32, Errno> {
    let options = open.socket.options();
    Ok(match name {
        libc::IP_TOS => i32::from(options.tos),
        libc::IP_TTL => i32::from(options.ttl.unwrap_or(64)),
        IP_LOCAL_PORT_RANGE => {
            let [low, high] = options.local_ports.map(u32::from);
            (high << 16 | low).cast_signed()
        }
        _ => kept::get(open, libc::IPPROTO_IP, name)?,
    })
}

fn ipv6(open: &Open, name: c_int) -> Result<i32, Errno> {
    let options = open.socket.options();
    Ok(match name {
        libc::IPV6_V6ONLY => i32::from(options.v6only),
        libc::IPV6_UNICAST_HOPS => i32::from(options.ttl.unwrap_or(64)),
        libc::IPV6_TCLASS => i32::from(options.tos),
        _ => kept::get(open, libc::IPPROTO_IPV6, name)?,
    })
}

/// The socket's keys, or the stack's as the sysctl has them; nothing when both have none.
fn keys(core: &mut Core, fd: c_int) -> Result<Vec<u8>, Errno> {
    let common = core.stack.knobs().tcp_fastopen_key;
    let own = core.open(fd)?.socket.options().fast_open.keys;
    Ok(own.map(|keys| *keys).or(common).map(|keys| keys.octets()).unwrap_or_default())
}

fn linger(open: &Open) -> Vec<u8> {
    let (on, seconds) = match open.socket.options().linger {
        Linger::Off => (0_i32, 0_i32),
        Linger::Reset => (1, 0),
        Linger::Wait(time) => (1, time.as_secs() as i32),
    };
    [on.to_ne_bytes(), seconds.to_ne_bytes()].concat()
}

fn time(time: Option<Duration>) -> Vec<u8> {
    let time = time.unwrap_or_default();
    let (seconds, micros) = (time.as_secs() as i64, i64::from(time.subsec_micros()));
    [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat()
}

/// SO_MAX_PACING_RATE: a long where there is room for it, else an int at most.
fn pacing(open: &Open, room: usize) -> Vec<u8> {
    let rate = open.pacing_max().unwrap_or(u64::MAX);
    if room >= 8 {
        return rate.to_ne_bytes().to_vec();
    }
    u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes().to_vec()
}

/// SO_ERROR: what waits to be told, or what the network said of the peer, once.
fn error(core: &mut Core, fd: c_int) -> Result<i32, Errno> {
    let open = core.open(fd)?;
    let error = open.socket.take_error().map(|error| error.errno()).or(open.error.take());
    if error.is_some() || open.listening.is_some() {
        return Ok(error.unwrap_or(0));
    }
    let Core { stack, table, .. } = core;
    let soft =
        table.get(&fd).and_then(Descriptor::socket).and_then(|open| stack.take_soft_error(&open.socket));
    Ok(soft.map_or(0, |error| error.errno()))
}

fn peer_name(open: &Open) -> Result<Vec<u8>, Errno> {
    let peer = open.socket.peer_addr().ok_or(libc::ENOTCONN)?;
    Ok(crate::address::write(peer, open.family))
}

/// SO_BINDTODEVICE: the name and the octet that ends it; nothing when there is none.
fn device(open: &Open, room: usize) -> Result<Vec<u8>, Errno> {
    let name = open.kept.get(&(libc::SOL_SOCKET, libc::SO_BINDTODEVICE)).cloned().unwrap_or_default();
    if !name.is_empty() && room < 16 {
        return Err(libc::EINVAL);
    }
    Ok(name)
}

/// TCP_SAVED_SYN, once. Without enough room Linux says how much it takes, and keeps it.
fn saved_syn(open: &mut Open, room: usize, len: Place<socklen_t>) -> Result<Vec<u8>, Errno> {
    match &open.saved_syn {
        Some(syn) if room < syn.len() => {
            len.set(syn.len() as socklen_t)?;
            Err(libc::EINVAL)
        }
        _ => Ok(open.saved_syn.take().unwrap_or_default()),
    }
}

fn mtu(core: &mut Core, fd: c_int) -> Result<Vec<u8>, Errno> {
    let Some(Descriptor::Socket(open)) = core.table.get(&fd) else { return Err(libc::EBADF) };
    let info =
        core.stack.connection_info(&open.socket, core.now).filter(|_| open.socket.peer_addr().is_some());
    info.map(|info| info.pmtu.to_ne_bytes().to_vec()).ok_or(libc::ENOTCONN)
}

/// SO_MEMINFO: nine numbers. Packets on their way to the device, memory reserved ahead, option memory, the backlog of a
/// socket in use and its drops are zero: the stack has nothing of the kind.
fn memory(core: &Core, fd: c_int) -> Vec<u8> {
    let Some(Descriptor::Socket(open)) = core.table.get(&fd) else { return Vec::new() };
    let [received, queued] = core.stack.connection_memory(&open.socket).unwrap_or_default();
    let word = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    let (rcvbuf, sndbuf) = (open.socket.receive_buffer(), open.socket.send_buffer());
    let numbers = [word(received), rcvbuf, 0, sndbuf, 0, word(queued), 0, 0, 0];
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
