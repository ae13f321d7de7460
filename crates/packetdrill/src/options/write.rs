//! setsockopt().

use super::{
    IP_LOCAL_PORT_RANGE, TCP_CONGESTION, TCP_DEFER_ACCEPT, TCP_INQ, TCP_LINGER2, TCP_QUICKACK, TCP_SYNCNT,
    TCP_TIMESTAMP, TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP, kept,
};
use crate::arrivals::{SO_TIMESTAMP_NEW, SO_TIMESTAMPING_NEW, SO_TIMESTAMPNS_NEW};
use crate::calls::linux;
use crate::core::{Answer, Core, Errno};
use crate::descriptors::Open;
use crate::memory::Span;
use lastack_stack::{CongestionControl, Family, FastOpenKeys, Linger};
use libc::c_int;
use std::time::Duration;

/// Seconds that are more ticks than a long holds.
const TICKS_MAX: u64 = i64::MAX as u64 / 1000;

/// setsockopt().
pub(crate) fn set(core: &mut Core, fd: c_int, level: c_int, name: c_int, value: Span) -> Answer {
    let open = core.open(fd)?;
    if (level, name) == (libc::IPPROTO_TCP, TCP_CONGESTION) {
        return set_congestion(open, value);
    }
    match (level, name) {
        (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_KEY) => return set_key(open, value),
        (libc::IPPROTO_IP, IP_LOCAL_PORT_RANGE) => return set_local_ports(open, value),
        (libc::SOL_SOCKET, libc::SO_LINGER) => return set_linger(open, value),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => return set_timeout(open, name, value),
        _ => {}
    }
    if (level, name) == (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) {
        return set_device(open, value);
    }
    let number = number(level, name, value)?;
    match level {
        libc::SOL_SOCKET if name == libc::SO_MAX_PACING_RATE => set_pacing(open, value),
        libc::SOL_SOCKET if matches!(name, libc::SO_TIMESTAMPING | SO_TIMESTAMPING_NEW) => {
            set_timestamping(open, name, number)
        }
        libc::SOL_SOCKET => set_socket(open, name, number),
        libc::IPPROTO_TCP => set_tcp(open, name, number),
        libc::IPPROTO_IP => set_ip(open, name, number),
        libc::IPPROTO_IPV6 if open.family == Family::V6 => set_ipv6(open, name, number),
        _ => Err(libc::ENOPROTOOPT),
    }
}

/// The int that most options take; IP's options take one octet, too, and most of them nothing for zero.
fn number(level: c_int, name: c_int, value: Span) -> Result<i32, Errno> {
    let octets = value.read()?;
    let needed = matches!(name, libc::IP_TTL | libc::IP_FREEBIND | libc::IP_TRANSPARENT | libc::IP_MINTTL);
    match octets.first_chunk::<4>() {
        Some(number) => Ok(i32::from_ne_bytes(*number)),
        None if level == libc::IPPROTO_IP && (!octets.is_empty() || !needed) => {
            Ok(octets.first().copied().map_or(0, i32::from))
        }
        None => Err(libc::EINVAL),
    }
}

/// SO_BINDTODEVICE: a name that the namespace knows, or nothing. Nothing obeys it: the stack has one device.
fn set_device(open: &mut Open, value: Span) -> Answer {
    let octets = value.read()?;
    let mut name: Vec<u8> = octets.into_iter().take(15).take_while(|octet| *octet != 0).collect();
    name.push(0);
    // SAFETY: a C string of ours, which ends with the zero above; the call keeps nothing.
    if name.len() > 1 && unsafe { libc::if_nametoindex(name.as_ptr().cast()) } == 0 {
        return Err(libc::ENODEV);
    }
    let name = if name.len() > 1 { name } else { Vec::new() };
    open.kept.insert((libc::SOL_SOCKET, libc::SO_BINDTODEVICE), name);
    Ok(0)
}

/// A name, with or without the octet that ends it.
fn set_congestion(open: &mut Open, value: Span) -> Answer {
    let octets = value.read()?;
    let wanted = octets.split(|octet| *octet == 0).next().unwrap_or(&[]);
    if octets.is_empty() {
        return Err(libc::EINVAL);
    }
    let name = std::str::from_utf8(wanted).map_err(|_| libc::ENOENT)?;
    let control = CongestionControl::named(name).ok_or(libc::ENOENT)?;
    open.socket.set_options(|options| options.congestion = Some(control));
    Ok(0)
}

/// 16 octets, or 32 with a backup.
fn set_key(open: &mut Open, value: Span) -> Answer {
    let keys = FastOpenKeys::from_octets(&value.read()?).ok_or(libc::EINVAL)?;
    open.socket.set_fast_open_keys(keys);
    Ok(0)
}

/// The lower end in the lower half; a zero leaves that end to the sysctl.
fn set_local_ports(open: &mut Open, value: Span) -> Answer {
    let octets = <[u8; 4]>::try_from(value.read()?).map_err(|_| libc::EINVAL)?;
    let range = u32::from_ne_bytes(octets);
    let [low, high] = [range as u16, (range >> 16) as u16];
    if low != 0 && high != 0 && low > high {
        return Err(libc::EINVAL);
    }
    open.socket.set_options(|options| options.local_ports = [low, high]);
    Ok(0)
}

fn set_linger(open: &mut Open, value: Span) -> Answer {
    let octets = value.read()?;
    let Some((on, seconds)) = octets.first_chunk::<4>().zip(octets.get(4..8)) else {
        return Err(libc::EINVAL);
    };
    let seconds = i32::from_ne_bytes([seconds[0], seconds[1], seconds[2], seconds[3]]);
    let linger = match (i32::from_ne_bytes(*on), seconds) {
        (0, _) => Linger::Off,
        (_, 0) => Linger::Reset,
        // A negative time is a very long one.
        (_, seconds) => Linger::Wait(Duration::from_secs(u64::from(seconds.cast_unsigned()))),
    };
    open.socket.set_options(|options| options.linger = linger);
    Ok(0)
}

fn set_pacing(open: &mut Open, value: Span) -> Answer {
    let octets = value.read()?;
    let len = if octets.len() >= 8 { 8 } else { 4 };
    open.kept.insert((libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE), octets[..len].to_vec());
    Ok(0)
}

fn set_timestamping(open: &mut Open, name: c_int, number: i32) -> Answer {
    use lastack_stack::observe::State;
    let flags = number.cast_unsigned();
    // Without a connection there is nothing to count octets in.
    let acknowledged = match open.socket.state() {
        State::Closed | State::Listen => None,
        State::SynSent => Some(-1),
        _ => Some(open.notices.written().saturating_sub(open.socket.unsent() as u64) as i64),
    };
    open.notices.set_timestamping(flags, acknowledged).ok_or(libc::EINVAL)?;
    open.arrivals.set_timestamping(flags, name == SO_TIMESTAMPING_NEW);
    Ok(0)
}

fn set_timeout(open: &mut Open, name: c_int, value: Span) -> Answer {
    let octets = value.read()?;
    let Some((seconds, micros)) = octets.first_chunk::<8>().zip(octets.get(8..16)) else {
        return Err(libc::EINVAL);
    };
    let seconds = i64::from_ne_bytes(*seconds);
    let micros = i64::from_ne_bytes(micros.try_into().map_err(|_| libc::EINVAL)?);
    if !(0..1_000_000).contains(&micros) {
        return Err(libc::EDOM);
    }
    let time = match (u64::try_from(seconds), micros.cast_unsigned()) {
        (Ok(0), 0) => None,
        // Beyond what Linux can count, in ticks, it waits for ever.
        (Ok(TICKS_MAX..), _) => None,
        (Ok(seconds), micros) => Some(Duration::from_secs(seconds) + Duration::from_micros(micros)),
        // Linux: a negative time does not wait at all.
        (Err(_), _) => Some(Duration::ZERO),
    };
    if name == libc::SO_RCVTIMEO {
        open.receive_timeout = time;
    } else {
        open.send_timeout = time;
    }
    Ok(0)
}

fn set_socket(open: &mut Open, name: c_int, number: i32) -> Answer {
    let socket = &open.socket;
    let flag = number != 0;
    let octets = number.max(0).cast_unsigned();
    match name {
        libc::SO_REUSEADDR => socket.set_options(|options| options.reuseaddr = flag),
        libc::SO_REUSEPORT => socket.set_options(|options| options.reuseport = flag),
        libc::SO_KEEPALIVE => socket.set_options(|options| options.keepalive = flag),
        libc::SO_OOBINLINE => socket.set_options(|options| options.oobinline = flag),
        // A negative number is a very large one to Linux, and bounded as that.
        libc::SO_RCVBUF => socket.set_receive_buffer(number.cast_unsigned().min(i32::MAX.cast_unsigned())),
        libc::SO_SNDBUF => socket.set_send_buffer(number.cast_unsigned().min(i32::MAX.cast_unsigned())),
        libc::SO_RCVBUFFORCE => {
            socket.set_options(|options| options.rcvbuf = Some(octets.saturating_mul(2).max(2304)));
        }
        libc::SO_SNDBUFFORCE => {
            socket.set_options(|options| options.sndbuf = Some(octets.saturating_mul(2).max(4608)));
        }
        libc::SO_RCVLOWAT => {
            socket.set_receive_low_water(if number < 0 { i32::MAX.cast_unsigned() } else { octets })
        }
        libc::SO_TIMESTAMP | libc::SO_TIMESTAMPNS | SO_TIMESTAMP_NEW | SO_TIMESTAMPNS_NEW => {
            open.arrivals.set_plain(name, flag);
        }
        libc::SO_ZEROCOPY => {
            open.notices.zero_copy = match number {
                0 | 1 => flag,
                _ => return Err(libc::EINVAL),
            };
        }
        libc::SO_SNDLOWAT
        | libc::SO_TYPE
        | libc::SO_ERROR
        | libc::SO_PROTOCOL
        | libc::SO_DOMAIN
        | libc::SO_ACCEPTCONN => return Err(libc::ENOPROTOOPT),
        _ => return kept::set(open, libc::SOL_SOCKET, name, number),
    }
    Ok(0)
}

fn set_tcp(open: &mut Open, name: c_int, number: i32) -> Answer {
    let socket = &open.socket;
    let seconds = |range: std::ops::RangeInclusive<i32>| {
        let time = range.contains(&number).then(|| Duration::from_secs(u64::from(number.unsigned_abs())));
        time.ok_or(libc::EINVAL)
    };
    match name {
        libc::TCP_NODELAY => {
            socket.set_options(|options| options.nodelay = number != 0);
            if number != 0 {
                socket.push();
            }
        }
        libc::TCP_NOTSENT_LOWAT => {
            let octets = number.cast_unsigned();
            socket.set_options(|options| options.notsent_lowat = (octets > 0).then_some(octets));
        }
        libc::TCP_CORK => socket.set_options(|options| options.cork = number != 0),
        libc::TCP_MAXSEG => {
            let octets = u16::try_from(number).map_err(|_| libc::EINVAL)?;
            linux(socket.set_segment_max(octets))?;
        }
        libc::TCP_KEEPIDLE => {
            let time = seconds(1..=32_767)?;
            socket.set_options(|options| options.keepidle = Some(time));
        }
        libc::TCP_KEEPINTVL => {
            let time = seconds(1..=32_767)?;
            socket.set_options(|options| options.keepintvl = Some(time));
        }
        libc::TCP_KEEPCNT | TCP_SYNCNT => {
            let count =
                Some(u8::try_from(number).ok().filter(|n| (1..=127).contains(n)).ok_or(libc::EINVAL)?);
            socket.set_options(|options| match name {
                TCP_SYNCNT => options.syncnt = count,
                _ => options.keepcnt = count,
            });
        }
        TCP_DEFER_ACCEPT => {
            let seconds = deferred(number.max(0).cast_unsigned());
            socket.set_options(|options| options.defer_accept = seconds);
        }
        // Two minutes at most; every negative number is the same (Linux's TCP_FIN_TIMEOUT_MAX).
        TCP_LINGER2 => socket.set_options(|options| options.linger2 = Some(number.clamp(-1, 120))),
        TCP_WINDOW_CLAMP => set_clamp(socket, number)?,
        TCP_QUICKACK => socket.set_options(|options| options.quickack = Some(number != 0)),
        TCP_USER_TIMEOUT => {
            let time = u64::try_from(number).map_err(|_| libc::EINVAL)?;
            socket.set_options(|options| {
                options.user_timeout = (time > 0).then(|| Duration::from_millis(time));
            });
        }
        libc::TCP_FASTOPEN => {
            let limit = u32::try_from(number).map_err(|_| libc::EINVAL)?;
            linux(socket.set_fast_open_queue(limit))?;
        }
        libc::TCP_FASTOPEN_CONNECT | libc::TCP_FASTOPEN_NO_COOKIE if !(0..=1).contains(&number) => {
            return Err(libc::EINVAL);
        }
        libc::TCP_FASTOPEN_CONNECT => linux(socket.set_fast_open_connect(number == 1))?,
        libc::TCP_FASTOPEN_NO_COOKIE => linux(socket.set_fast_open_no_cookie(number == 1))?,
        TCP_INQ => return set_inq(open, number),
        TCP_TIMESTAMP => return Err(libc::EPERM),
        libc::TCP_REPAIR_OPTIONS => return Err(libc::EINVAL),
        _ => return kept::set(open, libc::IPPROTO_TCP, name, number),
    }
    Ok(0)
}

/// A negative clamp is the least one.
fn set_clamp(socket: &lastack_stack::Socket, number: i32) -> Result<(), Errno> {
    let octets = if number < 0 { 1 } else { number.cast_unsigned() };
    linux(socket.set_window_clamp(octets))
}

/// The seconds of whole retransmissions: 1, 3, 7 and so on, steps of two minutes at most, 255 of them (Linux's
/// secs_to_retrans and back).
fn deferred(seconds: u32) -> u32 {
    let (mut step, mut sum) = (1, 0);
    for _ in 0..255 {
        if sum >= seconds {
            break;
        }
        sum += step;
        step = (step * 2).min(120);
    }
    sum
}

fn set_inq(open: &mut Open, number: i32) -> Answer {
    open.inq = match number {
        0 | 1 => number == 1,
        _ => return Err(libc::EINVAL),
    };
    Ok(0)
}

fn set_ip(open: &mut Open, name: c_int, number: i32) -> Answer {
    match name {
        // The two ECN bits are TCP's own.
        libc::IP_TOS => {
            open.socket.set_options(|options| options.tos = (number & 0xfc) as u8);
            // Linux derives the priority anew.
            open.kept.remove(&(libc::SOL_SOCKET, libc::SO_PRIORITY));
        }
        libc::IP_TTL => set_ttl(open, number, 1)?,
        libc::IP_MINTTL => return set_least(open, libc::IPPROTO_IP, name, number),
        libc::IP_RECVERR => {
            kept::set(open, libc::IPPROTO_IP, name, number)?;
            open.socket.set_options(|options| options.recverr = number != 0);
        }
        _ => return kept::set(open, libc::IPPROTO_IP, name, number),
    }
    Ok(0)
}

fn set_ipv6(open: &mut Open, name: c_int, number: i32) -> Answer {
    match name {
        libc::IPV6_V6ONLY if open.socket.local_addr().is_some() => return Err(libc::EINVAL),
        libc::IPV6_V6ONLY => open.socket.set_options(|options| options.v6only = number != 0),
        libc::IPV6_UNICAST_HOPS => set_ttl(open, number, 0)?,
        libc::IPV6_MINHOPCOUNT => return set_least(open, libc::IPPROTO_IPV6, name, number),
        libc::IPV6_RECVERR => {
            kept::set(open, libc::IPPROTO_IPV6, name, number)?;
            open.socket.set_options(|options| options.recverr = number != 0);
        }
        libc::IPV6_TCLASS => {
            let class = match number {
                -1 => 0,
                0..=255 => number & 0xfc,
                _ => return Err(libc::EINVAL),
            };
            open.socket.set_options(|options| options.tos = class as u8);
        }
        _ => return kept::set(open, libc::IPPROTO_IPV6, name, number),
    }
    Ok(0)
}

/// The least hop limit of what comes, for both families.
fn set_least(open: &mut Open, level: c_int, name: c_int, number: i32) -> Answer {
    kept::set(open, level, name, number)?;
    open.socket.set_options(|options| options.minttl = number as u8);
    Ok(0)
}

fn set_ttl(open: &mut Open, number: i32, least: i32) -> Result<(), Errno> {
    let ttl = match number {
        -1 => None,
        number if (least..=255).contains(&number) => Some(number as u8),
        _ => return Err(libc::EINVAL),
    };
    open.socket.set_options(|options| options.ttl = ttl);
    Ok(())
}
