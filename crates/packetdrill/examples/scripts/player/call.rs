//! System calls of a script: their arguments as C has them, the call, and whether it did what the script says.

mod files;
mod messages;
mod options;
mod ready;
mod stream;

use super::raw::{Answer, Blocked, Raw, in_thread};
use super::run::{Due, Player};
use super::symbols::{error_name, symbol};
use super::values::{Arguments, list, number};
use lastack_sim::script::ast::{Call, Value, When};
use libc::c_int;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a call did.
pub(super) struct Finished {
    pub(super) answer: Answer,
    /// What it told that the script has otherwise.
    pub(super) wrong: Option<String>,
    /// Descriptors that it made, beside its answer.
    fds: Vec<c_int>,
    from: Option<SocketAddr>,
}

impl From<Answer> for Finished {
    fn from(answer: Answer) -> Finished {
        Finished { answer, wrong: None, fds: Vec::new(), from: None }
    }
}

/// A call ready to be made, on whatever thread.
type Ready = Box<dyn FnOnce(Raw) -> Finished + Send>;

/// A call that waits.
pub(super) struct Blocking {
    blocked: Blocked<Finished>,
    pub(super) call: Call,
    pub(super) line: usize,
    /// When it began and when it must return, since the script began.
    pub(super) started: i64,
    pub(super) end: i64,
}

impl Blocking {
    pub(super) fn poll(&self, patient: bool) -> Option<(Finished, i64)> {
        self.blocked.poll(patient)
    }
}

/// The script's descriptors and the library's.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<i64, c_int>);

impl Files {
    fn live(&self, script: i64) -> Result<c_int, String> {
        self.0.get(&script).copied().ok_or_else(|| format!("{script} is no open descriptor"))
    }

    /// As the tool leaves: what is still open is closed.
    pub(super) fn close_all(&mut self, raw: Raw) {
        for fd in std::mem::take(&mut self.0).into_values() {
            // Files and pipes are the kernel's.
            if raw.close(fd) == Err(libc::EBADF) {
                let _ = files::close(fd);
            }
        }
    }
}

impl Player<'_> {
    pub(super) fn call(&mut self, call: &Call, due: Due) -> Result<(), String> {
        self.reap(true)?;
        self.wait_for(due)?;
        let ready = self.prepare(call)?;
        let Some(returns) = call.returns else {
            let finished = ready(self.raw);
            return self.judge(call, finished);
        };
        if self.blocking.is_some() {
            return Err("a call waits already, and there is only one thread for such".to_owned());
        }
        let end = match returns {
            When::At(end) | When::After(end) => end + if due.relative { self.base() } else { 0 },
            _ => return Err("a call returns at one time".to_owned()),
        };
        let blocked = in_thread(self.raw, ready);
        self.blocking =
            Some(Blocking { blocked, call: call.clone(), line: self.line, started: due.from, end });
        self.reap(false)
    }

    fn prepare(&mut self, call: &Call) -> Result<Ready, String> {
        let arguments = Arguments(call);
        match call.name.as_str() {
            "socket" => {
                let domain = match arguments.value(0)? {
                    Value::Any => self.domain(),
                    other => number(other)? as c_int,
                };
                let (kind, protocol) = (arguments.int(1)?, arguments.int(2)?);
                Ok(Box::new(move |raw| raw.socket(domain, kind, protocol).into()))
            }
            "open" => files::open(arguments, |path| {
                let made = self.script.zeros.iter().position(|(name, _)| name == path);
                made.map(|index| self.knobs.zeros(index))
            }),
            "epoll_create" => {
                let size = arguments.int(0)?;
                Ok(Box::new(move |raw| raw.epoll_create(size).into()))
            }
            "pipe" => files::pipe(),
            "poll" => ready::poll(arguments, &self.files),
            "cap_set" => Ok(Box::new(|_| Ok(0).into())),
            _ => {
                let fd = self.files.live(arguments.number(0)?)?;
                self.prepare_of(fd, arguments)
            }
        }
    }

    fn prepare_of(&mut self, fd: c_int, arguments: Arguments<'_>) -> Result<Ready, String> {
        match arguments.0.name.as_str() {
            "bind" => {
                let name = Raw::name(self.address(self.place.local, self.place.bind_port));
                Ok(Box::new(move |raw| raw.bind(fd, name.as_ptr().cast(), name.len() as u32).into()))
            }
            "listen" => {
                let backlog = arguments.int(1)?;
                Ok(Box::new(move |raw| raw.listen(fd, backlog).into()))
            }
            "accept" => Ok(Box::new(move |raw| accept(raw, fd))),
            "connect" => {
                let name = self.connecting(fd, arguments.value(1)?)?;
                Ok(Box::new(move |raw| raw.connect(fd, name.as_ptr().cast(), name.len() as u32).into()))
            }
            "sendto" => {
                let name = self.connecting(fd, arguments.value(4)?)?;
                stream::send_to(fd, arguments, name)
            }
            "sendmsg" => {
                let name = self.connecting(fd, &Value::Any)?;
                messages::send(fd, arguments, name)
            }
            "recvmsg" => messages::receive(fd, arguments, self.begun, self.tolerance),
            "read" | "recv" | "recvfrom" => stream::receive(fd, arguments),
            "write" | "send" => stream::send(fd, arguments),
            "readv" | "writev" => messages::vector(fd, arguments),
            "fcntl" => options::fcntl(fd, arguments),
            "ioctl" => options::ioctl(fd, arguments),
            "getsockopt" => options::get(fd, arguments),
            "setsockopt" => options::set(fd, arguments),
            "shutdown" => {
                let how = arguments.int(1)?;
                Ok(Box::new(move |raw| raw.shutdown(fd, how).into()))
            }
            "close" => Ok(Box::new(move |raw| match raw.close(fd) {
                Err(libc::EBADF) => files::close(fd).into(),
                answer => answer.into(),
            })),
            "epoll_ctl" => ready::control(fd, arguments, &self.files),
            "epoll_wait" => ready::wait(fd, arguments, &self.files),
            "sendfile" => files::send_file(fd, self.files.live(arguments.number(1)?)?, arguments),
            "splice" => files::splice(fd, self.files.live(arguments.number(2)?)?, arguments),
            other => Err(format!("{other}() is not known here")),
        }
    }

    /// The address in the form that the sockets of this run take.
    fn address(&self, ip: IpAddr, port: u16) -> SocketAddr {
        let ip = match ip {
            IpAddr::V4(v4) if self.is_mapped() => IpAddr::V6(Ipv4Addr::to_ipv6_mapped(&v4)),
            other => other,
        };
        SocketAddr::new(ip, port)
    }

    /// Where a connect() goes, and what that says of the socket.
    fn connecting(&mut self, fd: c_int, family: &Value) -> Result<Vec<u8>, String> {
        let name = match family {
            Value::Any => Raw::name(self.address(self.place.remote, self.place.connect_port)),
            other => {
                let family = number(other)?;
                let any = if family == i64::from(libc::AF_INET) {
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED)
                } else {
                    IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                };
                let mut name = Raw::name(SocketAddr::new(any, 0));
                name[..2].copy_from_slice(&(family as u16).to_ne_bytes());
                // The tool has room for any kind of address and says so.
                name.resize(size_of::<libc::sockaddr_storage>(), 0);
                name
            }
        };
        let unspecified = name.starts_with(&(libc::AF_UNSPEC as u16).to_ne_bytes());
        self.flows.connects(fd, !unspecified);
        Ok(name)
    }

    /// New descriptors, listeners and connections.
    pub(super) fn learn(&mut self, call: &Call, finished: &Finished) -> Result<(), String> {
        let Ok(answer) = finished.answer else { return Ok(()) };
        let script = call.result.unwrap_or(answer);
        let arguments = Arguments(call);
        match call.name.as_str() {
            "socket" => {
                self.files.0.insert(script, answer as c_int);
                self.flows.opened(answer as c_int);
            }
            "accept" => {
                self.files.0.insert(script, answer as c_int);
                self.flows.accepted(answer as c_int, finished.from.ok_or("accept() tells no address")?)?;
            }
            "open" | "epoll_create" => {
                self.files.0.insert(script, answer as c_int);
            }
            "pipe" => {
                for (value, fd) in list(arguments.value(0)?)?.iter().zip(&finished.fds) {
                    self.files.0.insert(number(value)?, *fd);
                }
            }
            "listen" => self.flows.listens(self.files.live(arguments.number(0)?)?),
            "close" => {
                if let Some(fd) = self.files.0.remove(&arguments.number(0)?) {
                    self.flows.closed(fd);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn accept(raw: Raw, fd: c_int) -> Finished {
    let mut name = [0_u8; 128];
    let mut len = 128;
    let answer = raw.accept(fd, name.as_mut_ptr().cast(), &mut len);
    let port = u16::from_be_bytes([name[2], name[3]]);
    let octets = |at: usize| <[u8; 16]>::try_from(&name[at..at + 16]).unwrap_or_default();
    let ip = match len {
        16 => IpAddr::V4(Ipv4Addr::new(name[4], name[5], name[6], name[7])),
        _ => IpAddr::V6(Ipv6Addr::from(octets(8))),
    };
    Finished { from: Some(SocketAddr::new(ip, port)), ..answer.into() }
}

/// Compares an answer with the script's.
pub(super) fn judge(call: &Call, answer: &Answer) -> Result<(), String> {
    let makes = matches!(call.name.as_str(), "socket" | "accept" | "open" | "epoll_create");
    let outcome = call.outcome.as_ref().map(number).transpose()?;
    let Some(expected) = call.result.or(outcome) else { return Ok(()) };
    let errno = match &call.errno {
        Some(name) => Some(symbol(name).ok_or_else(|| format!("`{name}` is no error known here"))?),
        None => None,
    };
    let fits = match *answer {
        Ok(number) if makes && expected >= 0 => number >= 0 && errno.is_none(),
        // The tool compares ints.
        Ok(number) => number as i32 == expected as i32 && errno.is_none(),
        Err(seen) => expected == -1 && errno.is_none_or(|errno| errno == i64::from(seen)),
    };
    if fits {
        return Ok(());
    }
    let got = match *answer {
        Ok(number) => number.to_string(),
        Err(errno) => format!("-1 {}", error_name(errno)),
    };
    let errno = call.errno.as_deref().map_or_else(String::new, |name| format!(" {name}"));
    Err(format!("expected {}() = {expected}{errno}, got {got}", call.name))
}
