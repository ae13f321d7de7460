//! System calls of a script on the stack's sockets.
//!
//! Descriptors are the script's own numbers. A call without `...` must answer at once; one with `...` waits and must
//! answer at the time the script names.

use super::flows::PORT;
use super::numbers::Numbers;
use super::options;
use super::{Failure, Runner, machine, micros};
use crate::octets::Ends;
use crate::script::ast::{Call, Value, When};
use bytes::Bytes;
use lastack_observe::Instant;
use lastack_stack::{Family, Linger, Shutdown, Socket, SocketError};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(super) struct Open {
    pub(super) socket: Socket,
    pub(super) nonblocking: bool,
    /// Octets written and read so far: what stands at each place is known.
    pub(super) written: u64,
    read: u32,
    /// SO_SNDTIMEO: how long connect() waits.
    pub(super) send_timeout: Option<Duration>,
}

impl Open {
    fn new(socket: Socket) -> Open {
        Open { socket, nonblocking: false, written: 0, read: 0, send_timeout: None }
    }
}

/// The script's open descriptors.
pub(super) type Descriptors = BTreeMap<i64, Open>;

/// A call that waits.
pub(super) struct Pending {
    pub(super) line: usize,
    pub(super) window: (Instant, Instant),
    call: Call,
    /// When it was made.
    begun: Instant,
    /// It asked for something that another call has asked for already.
    pub(super) again: bool,
    /// Octets that a waiting write has got rid of.
    pub(super) done: i64,
}

/// What a call answers: a number, an error's name, or not yet.
pub(super) enum Answer {
    Is(i64),
    Failed(&'static str),
    Wait,
}

impl From<Result<i64, SocketError>> for Answer {
    fn from(result: Result<i64, SocketError>) -> Answer {
        match result {
            Ok(number) => Answer::Is(number),
            Err(SocketError::WouldBlock) => Answer::Wait,
            Err(error) => Answer::Failed(error.name()),
        }
    }
}

impl Runner<'_> {
    pub(super) fn start_call(&mut self, call: &Call, when: When, begun: Instant) -> Result<(), Failure> {
        if is_drawn(&call.name) {
            self.machine.said(format!("{}()", call.name));
        }
        let again = self.begin(call)?;
        // The request is in; let the shard answer it, and packets to ourselves arrive, before asking for the answer.
        for _ in 0..1000 {
            if !self.machine.turn() {
                break;
            }
        }
        let mut pending = Pending {
            line: self.line,
            window: (self.base, self.base),
            call: call.clone(),
            begun: self.machine.now,
            again,
            done: 0,
        };
        if let Some(limit) = self.send_timeout(call) {
            self.machine.alarms.insert(self.machine.now + limit);
        }
        let Some(returns) = call.returns else {
            let answer = self.attempt(&mut pending)?;
            let answer = match answer {
                Answer::Wait if self.never_waits(call)? => Answer::Failed(would_block(&call.name)),
                other => other,
            };
            return self.judge(&pending, &answer);
        };
        // The tool reads the end of a relative call from the moment the call's own time counts from.
        let end = match (when, returns) {
            (When::At(_) | When::Between(..), When::At(end)) => machine::START + micros(end),
            (_, When::At(end) | When::After(end)) => begun + micros(end),
            _ => return Err(self.fail("a call returns at one time")),
        };
        pending.window = (end, end);
        self.pending.push(pending);
        Ok(())
    }

    /// Asks the calls that wait again; true when one answered.
    pub(super) fn poll_pending(&mut self) -> Result<bool, Failure> {
        let mut answered = false;
        for mut pending in std::mem::take(&mut self.pending) {
            match self.attempt(&mut pending)? {
                Answer::Wait => self.pending.push(pending),
                answer => {
                    answered = true;
                    self.line = pending.line;
                    self.judge(&pending, &answer)?;
                }
            }
        }
        Ok(answered)
    }

    fn judge(&mut self, pending: &Pending, answer: &Answer) -> Result<(), Failure> {
        let call = &pending.call;
        let (seen, errno) = match answer {
            Answer::Is(number) => (*number, None),
            Answer::Failed(name) => (-1, Some(*name)),
            Answer::Wait => return Err(self.fail(format!("{}() would wait here", call.name))),
        };
        let waited = call.returns.is_some();
        if is_drawn(&call.name) && (waited || seen != 0) {
            let answer = errno.map_or_else(|| seen.to_string(), str::to_owned);
            self.machine.said(format!("{}() = {answer}", call.name));
        }
        let now = self.machine.now;
        let (from, to) = pending.window;
        if now + self.tolerance < from || now > to + self.tolerance {
            let message = format!("{}() returned at the wrong time", call.name);
            return Err(self.fail_sides(message, self.clock(from), self.clock(now)));
        }
        let text = |number: i64, errno: Option<&str>| match errno {
            Some(name) => format!("{number} {name}"),
            None => number.to_string(),
        };
        let Some(expected) = call.result else { return Ok(()) };
        // A descriptor's number is the script's to choose.
        let chosen = matches!(call.name.as_str(), "socket" | "accept" | "accept4") && expected >= 0;
        let same = if chosen { seen >= 0 } else { expected == seen };
        let errno_same = call.errno.is_none() || call.errno.as_deref() == errno;
        if same && errno_same {
            return Ok(());
        }
        let message = format!("{}() answered something else", call.name);
        Err(self.fail_sides(message, text(expected, call.errno.as_deref()), text(seen, errno)))
    }

    pub(super) fn never_waits(&self, call: &Call) -> Result<bool, Failure> {
        let dont_wait = call
            .arguments
            .iter()
            .any(|value| matches!(value, Value::Words(words) if words.iter().any(|w| w == "MSG_DONTWAIT")));
        Ok(dont_wait || self.descriptor(call)?.nonblocking)
    }

    pub(super) fn descriptor(&self, call: &Call) -> Result<&Open, Failure> {
        let number = self.number(call, 0)?;
        self.descriptors.get(&number).ok_or_else(|| self.fail(format!("{number} is no open descriptor")))
    }

    pub(super) fn descriptor_mut(&mut self, call: &Call) -> Result<&mut Open, Failure> {
        self.descriptor(call)?;
        let number = self.number(call, 0)?;
        Ok(self.descriptors.get_mut(&number).expect("it was looked up a line above"))
    }

    /// A numeric argument; a constant counts as its number.
    pub(super) fn number(&self, call: &Call, index: usize) -> Result<i64, Failure> {
        match call.arguments.get(index) {
            Some(Value::Number(number)) => Ok(*number),
            Some(Value::Words(words)) => words
                .iter()
                .map(|word| {
                    options::constant(word).ok_or_else(|| self.fail(format!("`{word}` is not known")))
                })
                .try_fold(0, |all, one| Ok(all | one?)),
            _ => Err(self.fail(format!("argument {} of {}() must be a number", index + 1, call.name))),
        }
    }

    /// What a call does at once: its request. True when that had been asked for before.
    fn begin(&mut self, call: &Call) -> Result<bool, Failure> {
        match call.name.as_str() {
            "socket" => self.open(call)?,
            "bind" => self.bind(call)?,
            "listen" => {
                let backlog = self.number(call, 1)?;
                let socket = &self.descriptor(call)?.socket;
                // A listener that cannot be says so when it is asked for its answer.
                let _ = socket.listen(u32::try_from(backlog).unwrap_or(u32::MAX));
            }
            "connect" => return self.connect(call),
            "sendto" => return self.begin_send_to(call),
            "close" => self.descriptor(call)?.socket.close(),
            "shutdown" | "setsockopt" | "getsockopt" | "fcntl" | "accept" | "accept4" | "read" | "recv"
            | "write" | "send" | "poll" | "ioctl" => {}
            other => return Err(self.fail(format!("the system call {other}() is not known here"))),
        }
        Ok(false)
    }

    fn attempt(&mut self, pending: &mut Pending) -> Result<Answer, Failure> {
        let call = &pending.call.clone();
        match call.name.as_str() {
            "socket" => Ok(Answer::Is(call.result.unwrap_or(0))),
            "bind" => Ok(self.descriptor(call)?.socket.try_bound().map(|_| 0).into()),
            "listen" => self.listening(call),
            "accept" | "accept4" => self.accept(call),
            "connect" => self.connected(pending),
            "read" | "recv" => self.read(call),
            "write" | "send" => self.write(call, &mut pending.done),
            "sendto" => self.send_to(call, pending),
            "shutdown" => self.shutdown(call),
            "close" => self.close(call),
            "setsockopt" => self.set_option(call),
            "getsockopt" => self.option(call),
            "fcntl" => self.fcntl(call),
            "poll" => self.poll(call, pending.window.1),
            "ioctl" => self.ioctl(call),
            other => Err(self.fail(format!("the system call {other}() is not known here"))),
        }
    }

    pub(super) fn family(&self) -> usize {
        usize::from(self.script.ipv6)
    }

    fn open(&mut self, call: &Call) -> Result<(), Failure> {
        let Some(number) = call.result else {
            return Err(self.fail("socket() needs the number of its descriptor"));
        };
        let family = if self.script.ipv6 { Family::V6 } else { Family::V4 };
        let nonblocking = matches!(call.arguments.get(1), Some(Value::Words(words))
            if words.iter().any(|word| word == "SOCK_NONBLOCK"));
        let open = Open { nonblocking, ..Open::new(self.machine.sockets.stream(family)) };
        if self.descriptors.insert(number, open).is_some() {
            return Err(self.fail(format!("{number} is open already")));
        }
        Ok(())
    }

    fn address(&self, call: &Call, default: (IpAddr, u16)) -> Result<SocketAddr, Failure> {
        let Some(value) = call.arguments.get(1) else {
            return Err(self.fail(format!("{}() needs an address", call.name)));
        };
        options::address(value, default).map_err(|wrong| self.fail(wrong))
    }

    fn bind(&mut self, call: &Call) -> Result<(), Failure> {
        let address = self.address(call, (machine::STACK[self.family()], PORT))?;
        // A refusal is also the answer that the attempt gets.
        let _ = self.descriptor(call)?.socket.bind(address);
        Ok(())
    }

    fn listening(&mut self, call: &Call) -> Result<Answer, Failure> {
        let socket = &self.descriptor(call)?.socket;
        let (answer, local) = (socket.try_listening(), socket.local_addr());
        if answer.is_ok()
            && let Some(local) = local
        {
            self.begin_flow_to(local);
        }
        Ok(answer.map(|()| 0).into())
    }

    fn connect(&mut self, call: &Call) -> Result<bool, Failure> {
        let peer = self.address(call, (machine::PEER[self.family()], PORT))?;
        if self.descriptor(call)?.socket.connect(peer).is_err() {
            return Ok(true);
        }
        self.machine.turn();
        if let Some(local) = self.descriptor(call)?.socket.local_addr() {
            self.begin_flow(Ends { from: peer, to: local });
        }
        Ok(false)
    }

    /// How long a connect() waits at most.
    fn send_timeout(&self, call: &Call) -> Option<Duration> {
        if call.name != "connect" {
            return None;
        }
        self.descriptor(call).ok()?.send_timeout
    }

    fn connected(&mut self, pending: &Pending) -> Result<Answer, Failure> {
        let open = self.descriptor(&pending.call)?;
        let answer = open.socket.try_connected().map(|()| 0);
        let over = open.send_timeout.is_some_and(|limit| self.machine.now >= pending.begun + limit);
        Ok(match answer {
            Err(SocketError::WouldBlock) if over && pending.again => Answer::Failed("EALREADY"),
            Err(SocketError::WouldBlock) if over => Answer::Failed("EINPROGRESS"),
            answer => answer.into(),
        })
    }

    fn accept(&mut self, call: &Call) -> Result<Answer, Failure> {
        let answer = self.descriptor(call)?.socket.try_accept();
        let number = call.result.unwrap_or(-1);
        Ok(match answer {
            Ok((socket, peer)) => {
                // A connection over the loopback address is under test from its client's side.
                if self.flow.is_some_and(|flow| flow.from != peer && flow.to != peer) {
                    return Err(self.fail(format!("accept() returned another peer: {peer}")));
                }
                if self.descriptors.contains_key(&number) {
                    return Err(self.fail(format!("{number} is open already")));
                }
                self.descriptors.insert(number, Open::new(socket));
                Answer::Is(number)
            }
            Err(error) => Err(error).into(),
        })
    }

    fn read(&mut self, call: &Call) -> Result<Answer, Failure> {
        let most = usize::try_from(self.number(call, 2)?).unwrap_or(0);
        let flags = if call.name == "recv" { self.number(call, 3)? } else { 0 };
        let isn = self.numbers.peer_isn;
        let open = self.descriptor_mut(call)?;
        if flags & options::MSG_PEEK != 0 {
            return Ok(open.socket.try_peek(most).map(|chunk| chunk.len() as i64).into());
        }
        if flags & options::MSG_OOB != 0 {
            return Ok(open.socket.try_read_urgent().map(|octet| i64::from(octet.is_some())).into());
        }
        let mut taken = 0;
        // A read ends at the mark, and the urgent octet behind it is not in the stream.
        // Neither does it go on to an error behind the last octet: the next read tells that.
        let more = |socket: &Socket| socket.unread() > 0 && !socket.is_at_mark();
        while taken < most && (taken == 0 || more(&open.socket)) {
            let at_hole = open.socket.is_at_mark() && !open.socket.options().oobinline;
            match open.socket.try_read(most - taken) {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => {
                    open.read = open.read.wrapping_add(u32::from(at_hole));
                    let first = isn.map(|isn| isn.wrapping_add(1).wrapping_add(open.read));
                    open.read = open.read.wrapping_add(chunk.len() as u32);
                    taken += chunk.len();
                    let good = first.is_none_or(|first| stream_fits(&chunk, first));
                    if !good {
                        return Err(self.fail("read() returned octets that the peer did not send there"));
                    }
                }
                Err(error) if taken == 0 => return Ok(Err(error).into()),
                Err(_) => break,
            }
        }
        Ok(Answer::Is(taken as i64))
    }

    pub(super) fn write(&mut self, call: &Call, done: &mut i64) -> Result<Answer, Failure> {
        let all = self.number(call, 2)?;
        let urgent = call.name == "send" && self.number(call, 3)? & options::MSG_OOB != 0;
        let waits = call.returns.is_some();
        let open = self.descriptor_mut(call)?;
        loop {
            let left = all - *done;
            let chunk: Vec<u8> =
                (0..left as u64).map(|at| Numbers::written_octet(open.written + at)).collect();
            let chunk = Bytes::from(chunk);
            let answer = match () {
                () if urgent => open.socket.try_write_urgent(chunk),
                () if waits => waiting_write(&open.socket, chunk),
                () => open.socket.try_write(chunk),
            };
            match answer {
                Ok(taken) => {
                    open.written += taken as u64;
                    *done += taken as i64;
                    if *done >= all && open.waits_for_handshake() {
                        return Ok(Answer::Wait);
                    }
                    if *done >= all || taken == 0 {
                        return Ok(Answer::Is(*done));
                    }
                }
                Err(SocketError::WouldBlock) if *done > 0 && open.nonblocking => {
                    return Ok(Answer::Is(*done));
                }
                Err(error) => return Ok(Err(error).into()),
            }
        }
    }

    fn shutdown(&mut self, call: &Call) -> Result<Answer, Failure> {
        let how = match self.number(call, 1)? {
            0 => Shutdown::Read,
            1 => Shutdown::Write,
            2 => Shutdown::Both,
            _ => return Ok(Answer::Failed("EINVAL")),
        };
        Ok(self.descriptor(call)?.socket.shutdown(how).map(|()| 0).into())
    }

    fn close(&mut self, call: &Call) -> Result<Answer, Failure> {
        let number = self.number(call, 0)?;
        let socket = &self.descriptor(call)?.socket;
        let lingers = matches!(socket.options().linger, Linger::Wait(_));
        if lingers && !socket.is_closed() && call.returns.is_some() {
            return Ok(Answer::Wait);
        }
        self.descriptors.remove(&number);
        Ok(Answer::Is(0))
    }
}

/// A write that waits says so to its socket, as a task that awaits it does.
fn waiting_write(socket: &Socket, chunk: Bytes) -> Result<usize, SocketError> {
    match socket.poll_write(&mut Context::from_waker(Waker::noop()), chunk) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(SocketError::WouldBlock),
    }
}

fn stream_fits(chunk: &[u8], first: u32) -> bool {
    chunk.iter().zip(0u32..).all(|(octet, at)| *octet == Numbers::peer_octet(first.wrapping_add(at)))
}

/// Calls that have something to do with what is on the wire.
fn is_drawn(call: &str) -> bool {
    !matches!(call, "socket" | "bind" | "setsockopt" | "getsockopt" | "fcntl" | "ioctl")
}

/// What a call that may not wait says instead.
fn would_block(call: &str) -> &'static str {
    if call == "connect" { "EINPROGRESS" } else { "EAGAIN" }
}
