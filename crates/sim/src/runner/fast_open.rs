//! TCP Fast Open in scripts: sendto() with MSG_FASTOPEN, and the options of it.

use super::calls::{Answer, Open, Pending};
use super::flows::PORT;
use super::numbers::Numbers;
use super::{Failure, Runner, machine, options};
use crate::octets::Ends;
use crate::script::ast::Call;
use bytes::Bytes;
use lastack_observe::State;
use lastack_stack::SocketError;
use std::net::SocketAddr;

impl Runner<'_> {
    fn is_fast_open(&self, call: &Call) -> Result<bool, Failure> {
        Ok(self.number(call, 3)? & options::MSG_FASTOPEN != 0)
    }

    /// The request of a sendto(). True when the socket refused it.
    pub(super) fn begin_send_to(&mut self, call: &Call) -> Result<bool, Failure> {
        if !self.is_fast_open(call)? {
            return Ok(false);
        }
        let Some(value) = call.arguments.get(4) else {
            return Err(self.fail("sendto() needs an address"));
        };
        let default = (machine::PEER[self.family()], PORT);
        let peer: SocketAddr = options::address(value, default).map_err(|wrong| self.fail(wrong))?;
        let octets = self.octets_to_write(call)?;
        if self.descriptor(call)?.socket.connect_with(peer, octets).is_err() {
            return Ok(true);
        }
        self.machine.turn();
        if let Some(local) = self.descriptor(call)?.socket.local_addr() {
            self.begin_flow(Ends { from: peer, to: local });
        }
        Ok(false)
    }

    /// All that a call writes, from where its stream is.
    fn octets_to_write(&self, call: &Call) -> Result<Bytes, Failure> {
        let (len, open) = (self.number(call, 2)?.max(0) as u64, self.descriptor(call)?);
        Ok((0..len).map(|at| Numbers::written_octet(open.written + at)).collect())
    }

    /// Linux: what is not nonblocking waits for the handshake, and then writes what the SYN did not take.
    pub(super) fn send_to(&mut self, call: &Call, pending: &mut Pending) -> Result<Answer, Failure> {
        if !self.is_fast_open(call)? {
            return self.write(call, &mut pending.done);
        }
        let open = self.descriptor_mut(call)?;
        if pending.again {
            let refusal = open.socket.connect_with(SocketAddr::from(([0, 0, 0, 0], 0)), Bytes::new());
            return Ok(refusal.map(|()| 0).into());
        }
        let sent = match open.socket.try_sent_with_syn() {
            Ok(sent) => sent as i64,
            Err(error) => return Ok(Err(error).into()),
        };
        open.written += (sent - pending.done).max(0) as u64;
        pending.done = pending.done.max(sent);
        if self.never_waits(call)? {
            return Ok(if sent == 0 { Answer::Failed("EINPROGRESS") } else { Answer::Is(sent) });
        }
        match self.descriptor(call)?.socket.try_connected() {
            Ok(()) => self.write(call, &mut pending.done),
            Err(error) => Ok(Err(error).into()),
        }
    }

    /// setsockopt() of Fast Open; `None`: it is another option.
    pub(super) fn set_fast_open(&mut self, call: &Call) -> Result<Option<Answer>, Failure> {
        let name = options::option_name(call).map_err(|wrong| self.fail(wrong))?;
        if !name.starts_with("TCP_FASTOPEN") {
            return Ok(None);
        }
        let number = options::option_number(call).map_err(|wrong| self.fail(wrong))?;
        let socket = &self.descriptor(call)?.socket;
        let answer = match (name, number) {
            ("TCP_FASTOPEN", 0..) => socket.set_fast_open_queue(u32::try_from(number).unwrap_or(u32::MAX)),
            ("TCP_FASTOPEN_CONNECT", 0..=1) => socket.set_fast_open_connect(number != 0),
            ("TCP_FASTOPEN_NO_COOKIE", 0..=1) => socket.set_fast_open_no_cookie(number != 0),
            ("TCP_FASTOPEN" | "TCP_FASTOPEN_CONNECT" | "TCP_FASTOPEN_NO_COOKIE", _) => {
                Err(SocketError::Invalid)
            }
            _ => return Err(self.fail(format!("the socket option {name} is not known here"))),
        };
        Ok(Some(answer.map(|()| 0).into()))
    }
}

impl Open {
    /// A write that went with the SYN waits for the handshake, as Linux's does when it may wait.
    pub(super) fn waits_for_handshake(&self) -> bool {
        !self.nonblocking && self.socket.state() == State::SynSent
    }
}
