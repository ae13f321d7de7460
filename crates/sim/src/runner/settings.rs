//! Calls about a socket rather than its stream: options, flags, queues, readiness.

use super::calls::Answer;
use super::options::{self, Setting};
use super::{Failure, Runner};
use crate::script::ast::{Call, Value};
use lastack_observe::Instant;

impl Runner<'_> {
    pub(super) fn set_option(&mut self, call: &Call) -> Result<Answer, Failure> {
        if let Some(answer) = self.set_fast_open(call)? {
            return Ok(answer);
        }
        let change = options::setting(call).map_err(|wrong| self.fail(wrong))?;
        let open = self.descriptor_mut(call)?;
        match change {
            Setting::Ignored => {}
            Setting::Options(change) => open.socket.set_options(change),
            Setting::SendTimeout(limit) => open.send_timeout = Some(limit),
        }
        Ok(Answer::Is(0))
    }

    pub(super) fn option(&mut self, call: &Call) -> Result<Answer, Failure> {
        let socket = &self.descriptor(call)?.socket;
        let seen = options::value(call, socket).map_err(|wrong| self.fail(wrong))?;
        let expected = match call.arguments.get(3) {
            Some(Value::List(values)) => values.first().cloned(),
            _ => None,
        };
        let expected = match expected {
            Some(Value::Number(number)) => Some(number),
            Some(Value::Words(words)) => options::constant(&words[0]),
            _ => None,
        };
        if expected.is_some_and(|expected| expected != seen) {
            let expected = expected.map_or_else(String::new, |number| number.to_string());
            return Err(self.fail_sides("the socket option has another value", expected, seen.to_string()));
        }
        Ok(Answer::Is(0))
    }

    pub(super) fn fcntl(&mut self, call: &Call) -> Result<Answer, Failure> {
        const NONBLOCK: i64 = 0o4000;
        match self.number(call, 1)? {
            options::F_GETFL => {
                let nonblocking = self.descriptor(call)?.nonblocking;
                Ok(Answer::Is(2 | if nonblocking { NONBLOCK } else { 0 }))
            }
            options::F_SETFL => {
                let flags = self.number(call, 2)?;
                self.descriptor_mut(call)?.nonblocking = flags & NONBLOCK != 0;
                Ok(Answer::Is(0))
            }
            _ => Err(self.fail("fcntl() knows F_GETFL and F_SETFL here")),
        }
    }

    pub(super) fn ioctl(&mut self, call: &Call) -> Result<Answer, Failure> {
        let socket = &self.descriptor(call)?.socket;
        let seen = match self.number(call, 1)? {
            options::SIOCINQ => socket.unread() as i64,
            options::SIOCOUTQ => socket.unsent() as i64,
            _ => return Err(self.fail("ioctl() knows SIOCINQ and SIOCOUTQ here")),
        };
        match call.arguments.get(2) {
            Some(Value::List(values)) if values.first() != Some(&Value::Number(seen)) => {
                Err(self.fail_sides("ioctl() found another number", format!("{values:?}"), seen.to_string()))
            }
            _ => Ok(Answer::Is(0)),
        }
    }

    pub(super) fn poll(&mut self, call: &Call, until: Instant) -> Result<Answer, Failure> {
        let wanted = options::poll_wish(call).map_err(|wrong| self.fail(wrong))?;
        let Some(open) = self.descriptors.get(&wanted.descriptor) else {
            return Err(self.fail(format!("{} is no open descriptor", wanted.descriptor)));
        };
        let seen = options::ready(&open.socket, wanted.events);
        if seen == 0 {
            let timed_out = wanted.timeout_ms == 0 || (wanted.timeout_ms > 0 && self.machine.now >= until);
            return Ok(if timed_out { Answer::Is(0) } else { Answer::Wait });
        }
        match wanted.revents {
            Some(expected) if expected != seen => {
                let sides = (format!("{expected:#x}"), format!("{seen:#x}"));
                Err(self.fail_sides("poll() found other events", sides.0, sides.1))
            }
            _ => Ok(Answer::Is(1)),
        }
    }
}
