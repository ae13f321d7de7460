//! The constants of system calls, addresses, socket options: the script's words as the stack's types.

use crate::script::ast::{Call, Value};
use lastack_stack::{Linger, Socket, SocketOptions};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Waker};
use std::time::Duration;

pub(super) const F_GETFL: i64 = 3;
pub(super) const F_SETFL: i64 = 4;
pub(super) const MSG_OOB: i64 = 1;
pub(super) const MSG_PEEK: i64 = 2;
pub(super) const MSG_FASTOPEN: i64 = 0x2000_0000;
pub(super) const SIOCINQ: i64 = 0x541b;
pub(super) const SIOCOUTQ: i64 = 0x5411;

const POLLIN: i64 = 1;
const POLLOUT: i64 = 4;
const POLLERR: i64 = 8;
const POLLHUP: i64 = 16;
const POLLRDHUP: i64 = 0x2000;

const CONSTANTS: [(&str, i64); 28] = [
    ("F_GETFL", F_GETFL),
    ("F_SETFL", F_SETFL),
    ("O_RDWR", 2),
    ("O_NONBLOCK", 0o4000),
    ("SHUT_RD", 0),
    ("SHUT_WR", 1),
    ("SHUT_RDWR", 2),
    ("MSG_OOB", MSG_OOB),
    ("MSG_PEEK", MSG_PEEK),
    ("MSG_DONTWAIT", 0x40),
    ("MSG_NOSIGNAL", 0x4000),
    ("MSG_FASTOPEN", MSG_FASTOPEN),
    ("SIOCINQ", SIOCINQ),
    ("FIONREAD", SIOCINQ),
    ("SIOCOUTQ", SIOCOUTQ),
    ("POLLIN", POLLIN),
    ("POLLOUT", POLLOUT),
    ("POLLERR", POLLERR),
    ("POLLHUP", POLLHUP),
    ("POLLRDHUP", POLLRDHUP),
    ("EAGAIN", 11),
    ("EPIPE", 32),
    ("ECONNRESET", 104),
    ("ENOTCONN", 107),
    ("ETIMEDOUT", 110),
    ("ECONNREFUSED", 111),
    ("EHOSTUNREACH", 113),
    ("EINPROGRESS", 115),
];

/// A constant's number.
pub(super) fn constant(word: &str) -> Option<i64> {
    CONSTANTS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// `...` is the default; else `{sa_family = ..., sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}`.
pub(super) fn address(value: &Value, default: (IpAddr, u16)) -> Result<SocketAddr, String> {
    let fields = match value {
        Value::Any => return Ok(default.into()),
        Value::Fields(fields) => fields,
        _ => return Err("an address is `...` or `{sa_family = ..., ...}`".to_owned()),
    };
    let mut address = SocketAddr::from(default);
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("sa_family", _) => {}
            ("sin_port" | "sin6_port", Value::Apply(_, arguments)) => {
                let port = arguments.first().and_then(|port| match port {
                    Value::Number(port) => u16::try_from(*port).ok(),
                    _ => None,
                });
                address.set_port(port.ok_or("htons() needs a port")?);
            }
            ("sin_addr" | "sin6_addr", Value::Apply(_, arguments)) => {
                let text = arguments.iter().find_map(|argument| match argument {
                    Value::Text(text) => text.parse::<IpAddr>().ok(),
                    _ => None,
                });
                address.set_ip(text.ok_or("inet_addr() needs an address in double quotes")?);
            }
            _ => return Err(format!("`{name}` is not known in an address")),
        }
    }
    Ok(address)
}

type Change = Box<dyn FnOnce(&mut SocketOptions)>;

/// What a setsockopt() asks for.
pub(super) enum Setting {
    /// It has no meaning here.
    Ignored,
    Options(Change),
    /// SO_SNDTIMEO, which the runner keeps itself: it is about how long calls wait.
    SendTimeout(Duration),
}

pub(super) fn option_name(call: &Call) -> Result<&str, String> {
    match call.arguments.get(2) {
        Some(Value::Words(words)) => Ok(&words[0]),
        _ => Err("the third argument must be the option's name".to_owned()),
    }
}

pub(super) fn option_number(call: &Call) -> Result<i64, String> {
    match call.arguments.get(3) {
        Some(Value::List(values)) => match values.first() {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err("the option's value must be a number".to_owned()),
        },
        _ => Err("the option's value must stand in brackets".to_owned()),
    }
}

/// Reads a setsockopt().
pub(super) fn setting(call: &Call) -> Result<Setting, String> {
    let name = option_name(call)?;
    if name == "SO_LINGER" {
        let linger = linger(call)?;
        return Ok(Setting::Options(Box::new(move |options| options.linger = linger)));
    }
    if name == "SO_SNDTIMEO" {
        let (seconds, micros) = two_fields(call, "SO_SNDTIMEO needs {tv_sec=..., tv_usec=...}")?;
        let (seconds, micros) = (seconds.max(0) as u64, micros.max(0) as u64);
        return Ok(Setting::SendTimeout(Duration::from_secs(seconds) + Duration::from_micros(micros)));
    }
    let number = option_number(call)?;
    let seconds = Duration::from_secs(number.max(0) as u64);
    let change: Change = match name {
        "SO_REUSEADDR" => Box::new(move |options| options.reuseaddr = number != 0),
        "SO_REUSEPORT" => Box::new(move |options| options.reuseport = number != 0),
        "SO_KEEPALIVE" => Box::new(move |options| options.keepalive = number != 0),
        "SO_OOBINLINE" => Box::new(move |options| options.oobinline = number != 0),
        // Linux doubles what is asked for: the other half is its own overhead.
        "SO_RCVBUF" => Box::new(move |options| options.rcvbuf = Some(number as u32 * 2)),
        "SO_SNDBUF" => Box::new(move |options| options.sndbuf = Some(number as u32 * 2)),
        "IPV6_V6ONLY" => Box::new(move |options| options.v6only = number != 0),
        "TCP_NODELAY" => Box::new(move |options| options.nodelay = number != 0),
        "TCP_CORK" => Box::new(move |options| options.cork = number != 0),
        "TCP_QUICKACK" => Box::new(move |options| options.quickack = Some(number != 0)),
        "TCP_KEEPIDLE" => Box::new(move |options| options.keepidle = Some(seconds)),
        "TCP_KEEPINTVL" => Box::new(move |options| options.keepintvl = Some(seconds)),
        "TCP_KEEPCNT" => Box::new(move |options| options.keepcnt = u8::try_from(number).ok()),
        "TCP_USER_TIMEOUT" => Box::new(move |options| {
            options.user_timeout = (number > 0).then(|| Duration::from_millis(number as u64));
        }),
        "TCP_SYNCNT" => Box::new(move |options| options.syncnt = u8::try_from(number).ok()),
        "TCP_DEFER_ACCEPT" => Box::new(move |options| options.defer_accept = number.max(0) as u32),
        "TCP_LINGER2" => Box::new(move |options| options.linger2 = Some(number as i32)),
        "TCP_MAXSEG" => Box::new(move |options| options.maxseg = u16::try_from(number).ok()),
        "SO_RCVLOWAT" => Box::new(move |options| options.rcvlowat = u32::try_from(number.max(1)).ok()),
        "TCP_WINDOW_CLAMP" => Box::new(move |options| {
            options.window_clamp = u32::try_from(number).ok().filter(|&octets| octets > 0);
        }),
        "IP_TOS" => Box::new(move |options| options.tos = number as u8),
        "IP_TTL" => Box::new(move |options| options.ttl = u8::try_from(number).ok()),
        "SO_PRIORITY" | "SO_RCVTIMEO" => return Ok(Setting::Ignored),
        _ => return Err(format!("the socket option {name} is not known here")),
    };
    Ok(Setting::Options(change))
}

fn two_fields(call: &Call, form: &str) -> Result<(i64, i64), String> {
    match call.arguments.get(3) {
        Some(Value::Fields(fields)) => match fields.as_slice() {
            [(_, Value::Number(first)), (_, Value::Number(second))] => Ok((*first, *second)),
            _ => Err(form.to_owned()),
        },
        _ => Err(form.to_owned()),
    }
}

fn linger(call: &Call) -> Result<Linger, String> {
    Ok(match two_fields(call, "SO_LINGER needs {onoff=..., linger=...}")? {
        (0, _) => Linger::Off,
        (_, 0) => Linger::Reset,
        (_, seconds) => Linger::Wait(Duration::from_secs(seconds.max(0) as u64)),
    })
}

/// The value that getsockopt() returns.
pub(super) fn value(call: &Call, socket: &Socket) -> Result<i64, String> {
    let options = socket.options();
    let flag = |set: bool| Ok(i64::from(set));
    let seconds =
        |time: Option<Duration>, default: i64| Ok(time.map_or(default, |time| time.as_secs() as i64));
    match option_name(call)? {
        "SO_ERROR" => Ok(socket.take_error().map_or(0, |error| i64::from(error.errno()))),
        "SO_REUSEADDR" => flag(options.reuseaddr),
        "SO_REUSEPORT" => flag(options.reuseport),
        "SO_KEEPALIVE" => flag(options.keepalive),
        "SO_OOBINLINE" => flag(options.oobinline),
        "TCP_NODELAY" => flag(options.nodelay),
        "TCP_CORK" => flag(options.cork),
        "TCP_KEEPIDLE" => seconds(options.keepidle, 7200),
        "TCP_KEEPINTVL" => seconds(options.keepintvl, 75),
        "TCP_KEEPCNT" => Ok(options.keepcnt.map_or(9, i64::from)),
        "TCP_USER_TIMEOUT" => Ok(options.user_timeout.map_or(0, |time| time.as_millis() as i64)),
        "TCP_FASTOPEN" => Ok(i64::from(options.fast_open.queue)),
        "TCP_FASTOPEN_CONNECT" => flag(options.fast_open.connect),
        "TCP_FASTOPEN_NO_COOKIE" => flag(options.fast_open.no_cookie),
        name => Err(format!("the socket option {name} is not known here")),
    }
}

/// What a poll() asks for. One descriptor is enough for a script.
pub(super) struct PollWish {
    pub(super) descriptor: i64,
    pub(super) events: i64,
    /// `None`: not looked at.
    pub(super) revents: Option<i64>,
    pub(super) timeout_ms: i64,
}

pub(super) fn poll_wish(call: &Call) -> Result<PollWish, String> {
    const FORM: &str = "poll() needs ([{fd=3, events=POLLIN, revents=POLLIN}], 1, timeout)";
    let [Value::List(list), _, Value::Number(timeout_ms)] = call.arguments.as_slice() else {
        return Err(FORM.to_owned());
    };
    let [Value::Fields(fields)] = list.as_slice() else {
        return Err(FORM.to_owned());
    };
    let number = |name: &str| -> Result<Option<i64>, String> {
        match fields.iter().find(|(field, _)| field == name) {
            None => Ok(None),
            Some((_, Value::Number(number))) => Ok(Some(*number)),
            Some((_, Value::Words(words))) => words
                .iter()
                .map(|word| constant(word).ok_or(format!("`{word}` is not known")))
                .try_fold(Some(0), |all, one| {
                    let one = one?;
                    Ok(all.map(|all| all | one))
                }),
            Some(_) => Err(FORM.to_owned()),
        }
    };
    Ok(PollWish {
        descriptor: number("fd")?.ok_or(FORM)?,
        events: number("events")?.unwrap_or(0),
        revents: number("revents")?,
        timeout_ms: *timeout_ms,
    })
}

/// The events of `wanted` that poll() would report now, and those it always reports.
pub(super) fn ready(socket: &Socket, wanted: i64) -> i64 {
    let mut cx = Context::from_waker(Waker::noop());
    let ended = socket.state() == lastack_observe::State::Closed && socket.peer_addr().is_some();
    let mut events = 0;
    if socket.state() == lastack_observe::State::Listen {
        let waits = socket.poll_acceptable(&mut cx).is_ready();
        return if waits { POLLIN & wanted } else { 0 };
    }
    if socket.poll_readable(&mut cx).is_ready() {
        events |= POLLIN;
    }
    if socket.poll_writable(&mut cx).is_ready() {
        events |= POLLOUT;
    }
    // Known as soon as the FIN is here, whatever is still to be read.
    if !ended && socket.is_read_closed() {
        events |= POLLRDHUP;
    }
    if ended {
        events |= POLLHUP | POLLERR;
    }
    events & (wanted | POLLERR | POLLHUP)
}
