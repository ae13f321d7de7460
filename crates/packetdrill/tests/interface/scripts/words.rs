//! The words of a script's calls as numbers, and the calls made with them.

use super::{CALLS, UNKNOWN};
use crate::tool::{Answer, Raw};
use lastack_sim::script::ast::{Call, Value};
use lastack_stack::SocketError;
use libc::c_int;
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub(super) fn errno(name: &str) -> Option<c_int> {
    SocketError::ALL.iter().find(|error| error.name() == name).map(|error| error.errno())
}

const SO_SNDTIMEO: i64 = 21;

/// A call of a script with its arguments in numbers.
pub(super) struct Prepared {
    name: String,
    fd: c_int,
    numbers: Vec<i64>,
    address: SocketAddr,
    /// The value that getsockopt() must tell.
    told: Option<i32>,
}

impl Prepared {
    pub(super) fn new(
        call: &Call,
        open: &BTreeMap<i64, c_int>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Prepared, String> {
        if !CALLS.contains(&call.name.as_str()) {
            return Err(format!("{UNKNOWN}: {}()", call.name));
        }
        let mut numbers = Vec::new();
        let plain = |value: &&Value| named(value).is_none();
        for argument in call.arguments.iter().filter(plain) {
            numbers.extend(number(argument)?);
        }
        let fd = numbers.first().and_then(|fd| open.get(fd)).copied().unwrap_or(-1);
        let default = if call.name == "bind" { local } else { remote };
        let address = call.arguments.get(1).and_then(named).unwrap_or(default);
        let told = match (call.name.as_str(), call.arguments.get(3)) {
            ("getsockopt", Some(Value::List(list))) => {
                list.first().and_then(|v| number(v).ok()?.first().copied())
            }
            _ => None,
        };
        let told = told.map(|number| number as i32);
        if call.name == "socket" {
            numbers = vec![if local.is_ipv4() { 2 } else { 10 }];
        }
        Ok(Prepared { name: call.name.clone(), fd, numbers, address, told })
    }

    pub(super) fn run(&self, raw: Raw) -> Answer {
        let (fd, at) = (self.fd, |index: usize| self.numbers.get(index).copied().unwrap_or(0));
        match self.name.as_str() {
            "socket" => raw.socket(at(0) as c_int, libc::SOCK_STREAM, 0),
            "bind" => raw.bind_to(fd, self.address),
            "connect" => raw.connect_to(fd, self.address),
            "listen" => raw.listen(fd, at(1) as c_int),
            "accept" => raw.accept(fd, std::ptr::null_mut(), std::ptr::null_mut()),
            "read" => raw.take(fd, at(1) as usize, 0).map(|got| got.len() as i64),
            "write" => raw.put(fd, at(1) as usize),
            "shutdown" => raw.shutdown(fd, at(1) as c_int),
            "close" => raw.close(fd),
            "fcntl" => raw.fcntl(fd, at(1) as c_int, at(2)),
            "setsockopt" => {
                // A struct timeval has longs where the other values have ints.
                if at(2) == SO_SNDTIMEO {
                    let time = [at(3), at(4)];
                    return raw.setsockopt(fd, at(1) as c_int, at(2) as c_int, time.as_ptr().cast(), 16);
                }
                let value: Vec<i32> =
                    self.numbers[3..self.numbers.len() - 1].iter().map(|n| *n as i32).collect();
                raw.set(fd, at(1) as c_int, at(2) as c_int, &value)
            }
            "getsockopt" => {
                let value = raw.option(fd, at(1) as c_int, at(2) as c_int)?;
                assert_eq!(Some(value as i32), self.told, "getsockopt() tells something else");
                Ok(0)
            }
            "recv" => raw.take(fd, at(1) as usize, at(2) as c_int).map(|got| got.len() as i64),
            "sendto" => {
                let (octets, name) = (vec![0; at(1) as usize], Raw::name(self.address));
                let to = name.as_ptr().cast();
                raw.sendto(fd, octets.as_ptr().cast(), octets.len(), at(2) as c_int, to, name.len() as u32)
            }
            "send" => {
                let octets = vec![0; at(1) as usize];
                raw.send(fd, octets.as_ptr().cast(), octets.len(), at(2) as c_int)
            }
            // One descriptor: [{fd=3, events=POLLIN, revents=POLLIN}], 1, 0.
            "poll" => {
                let mut list = libc::pollfd { fd, events: at(1) as i16, revents: 0 };
                let answer = raw.poll(&mut list, 1, at(4) as c_int)?;
                assert_eq!(i64::from(list.revents), at(2), "poll() finds other events");
                Ok(answer)
            }
            "ioctl" => {
                let mut number: c_int = 0;
                let answer = raw.ioctl(fd, at(1) as libc::c_ulong, (&raw mut number).cast())?;
                let told = self.numbers.get(2).is_none_or(|told| *told == i64::from(number));
                assert!(told, "ioctl() tells {number}, not {:?}", self.numbers.get(2));
                Ok(answer)
            }
            other => unreachable!("{other}() was looked up before"),
        }
    }
}

/// `{sa_family = ..., sin_port = htons(1), sin_addr = inet_addr("1.2.3.4")}`.
fn named(value: &Value) -> Option<SocketAddr> {
    let Value::Fields(fields) = value else { return None };
    let argument = |name: &str| match fields.iter().find(|(field, _)| field == name) {
        Some((_, Value::Apply(_, arguments))) => arguments.first(),
        _ => None,
    };
    let (Value::Number(port), Value::Text(ip)) = (argument("sin_port")?, argument("sin_addr")?) else {
        return None;
    };
    Some(SocketAddr::new(ip.parse().ok()?, u16::try_from(*port).ok()?))
}

/// The numbers of an argument; `...` has none.
fn number(value: &Value) -> Result<Vec<i64>, String> {
    match value {
        Value::Any => Ok(Vec::new()),
        Value::Number(number) => Ok(vec![*number]),
        Value::Words(words) => {
            let sum =
                words.iter().map(|word| constant(word)).try_fold(0, |all, one| Ok::<_, String>(all | one?));
            Ok(vec![sum?])
        }
        Value::List(list) => Ok(list.iter().map(number).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::Fields(fields) => {
            Ok(fields.iter().map(|(_, value)| number(value)).collect::<Result<Vec<_>, _>>()?.concat())
        }
        other => Err(format!("{UNKNOWN}: {other:?}")),
    }
}

fn constant(word: &str) -> Result<i64, String> {
    let known = [
        ("SOCK_STREAM", 1),
        ("SOCK_NONBLOCK", 0o4000),
        ("IPPROTO_TCP", 6),
        ("IPPROTO_IP", 0),
        ("IPPROTO_IPV6", 41),
        ("IP_TOS", 1),
        ("IP_TTL", 2),
        ("IPV6_V6ONLY", 26),
        ("SO_SNDBUF", 7),
        ("SO_SNDTIMEO", SO_SNDTIMEO),
        ("SO_RCVBUF", 8),
        ("SO_OOBINLINE", 10),
        ("SO_REUSEPORT", 15),
        ("SO_RCVLOWAT", 18),
        ("TCP_NODELAY", 1),
        ("TCP_MAXSEG", 2),
        ("TCP_CORK", 3),
        ("TCP_SYNCNT", 7),
        ("TCP_LINGER2", 8),
        ("TCP_WINDOW_CLAMP", 10),
        ("TCP_QUICKACK", 12),
        ("TCP_USER_TIMEOUT", 18),
        ("MSG_OOB", 1),
        ("MSG_PEEK", 2),
        ("MSG_DONTWAIT", 0x40),
        ("MSG_FASTOPEN", 0x2000_0000),
        ("SOL_TCP", 6),
        ("TCP_FASTOPEN", 23),
        ("TCP_FASTOPEN_CONNECT", 30),
        ("TCP_FASTOPEN_NO_COOKIE", 34),
        ("MSG_NOSIGNAL", 0x4000),
        ("SIOCINQ", 0x541b),
        ("FIONREAD", 0x541b),
        ("SIOCOUTQ", 0x5411),
        ("POLLIN", 1),
        ("POLLPRI", 2),
        ("POLLOUT", 4),
        ("POLLERR", 8),
        ("POLLHUP", 16),
        ("POLLRDHUP", 0x2000),
        ("SOL_SOCKET", 1),
        ("SO_REUSEADDR", 2),
        ("SO_ERROR", 4),
        ("SO_KEEPALIVE", 9),
        ("SO_LINGER", 13),
        ("TCP_DEFER_ACCEPT", 9),
        ("TCP_KEEPIDLE", 4),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 6),
        ("TCP_SYNCNT", 7),
        ("TCP_LINGER2", 8),
        ("TCP_USER_TIMEOUT", 18),
        ("F_GETFL", 3),
        ("F_SETFL", 4),
        ("O_RDWR", 2),
        ("O_NONBLOCK", 0o4000),
        ("SHUT_RD", 0),
        ("SHUT_WR", 1),
        ("SHUT_RDWR", 2),
    ];
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    found.or_else(|| errno(word).map(i64::from)).ok_or_else(|| format!("{UNKNOWN}: `{word}`"))
}
