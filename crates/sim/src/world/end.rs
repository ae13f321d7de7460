//! An application at one end of a conversation: it carries out its plan and checks what it reads.

use super::dice::Dice;
use super::plan::{Leave, Plan};
use super::stream::{Side, Stream};
use lastack_observe::{Instant, State};
use lastack_stack::{Shutdown, Socket, SocketError};

/// One end of a conversation.
#[derive(Debug)]
pub(super) struct End {
    /// Which conversation.
    pub(super) conversation: usize,
    /// Which end.
    pub(super) side: Side,
    /// Where it runs.
    pub(super) host: usize,
    /// How it ended, once it has.
    pub(super) outcome: Option<Result<(), SocketError>>,
    /// When the world will wake it.
    pub(super) alarm: Option<Instant>,
    socket: Option<Socket>,
    plan: Plan,
    born: Instant,
    connected: bool,
    half_closed: bool,
    saw_end: bool,
    write_from: Instant,
    read_from: Instant,
}

impl End {
    /// An end with a socket that is connected, or on its way.
    pub(super) fn new(
        conversation: usize,
        side: Side,
        host: usize,
        socket: Socket,
        plan: Plan,
        connected: bool,
        now: Instant,
    ) -> End {
        let read_from = now + plan.read_after;
        End {
            conversation,
            side,
            host,
            outcome: None,
            alarm: None,
            socket: Some(socket),
            plan,
            born: now,
            connected,
            half_closed: false,
            saw_end: false,
            write_from: now,
            read_from,
        }
    }

    /// Does what can be done now. True when something was done; a mistake of the stack's is an error.
    pub(super) fn act(
        &mut self,
        now: Instant,
        dice: &mut Dice,
        streams: &mut [Stream; 2],
    ) -> Result<bool, String> {
        let Some(socket) = self.socket.take() else { return Ok(false) };
        if let Some(acted) = self.leave_now(now, &socket, streams) {
            return Ok(acted);
        }
        if !self.connected {
            match socket.try_connected() {
                Ok(()) => self.connected = true,
                Err(SocketError::WouldBlock) => {
                    self.socket = Some(socket);
                    return Ok(false);
                }
                Err(error) => return Ok(self.is_over(Err(error))),
            }
        }
        let moved = self.write(now, dice, &socket, streams)?;
        let moved = self.read(now, dice, &socket, streams)? || moved;
        let moved = self.finish(&socket, streams) || moved;
        if self.outcome.is_none() {
            self.socket = Some(socket);
        }
        Ok(moved)
    }

    /// When it wants to act next although nothing happens.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.socket.as_ref()?;
        let leave = match self.plan.leave {
            Leave::CloseAt(after) | Leave::AbortAt(after) => self.born + after,
            Leave::HalfCloseAt(after, _) if !self.half_closed => self.born + after,
            Leave::HalfCloseAt(_, after) => self.born + after,
            Leave::HalfClose | Leave::CloseAfterEnd => now,
        };
        [leave, self.write_from, self.read_from].into_iter().filter(|at| *at > now).min()
    }

    /// Closes the socket whatever the plan says.
    pub(super) fn give_up(&mut self) {
        self.socket = None;
        self.outcome.get_or_insert(Ok(()));
    }

    fn is_over(&mut self, outcome: Result<(), SocketError>) -> bool {
        self.outcome = Some(outcome);
        true
    }

    /// The ways to leave that look at nothing but the clock. Takes effect when it is time.
    fn leave_now(&mut self, now: Instant, socket: &Socket, streams: &mut [Stream; 2]) -> Option<bool> {
        let mine = &mut streams[self.side as usize];
        match self.plan.leave {
            Leave::CloseAt(after) if now >= self.born + after => {
                mine.finished = true;
                Some(self.is_over(Ok(())))
            }
            Leave::AbortAt(after) if now >= self.born + after => {
                socket.abort();
                Some(self.is_over(Ok(())))
            }
            Leave::HalfCloseAt(_, after) if now >= self.born + after => {
                mine.finished = true;
                Some(self.is_over(Ok(())))
            }
            Leave::HalfCloseAt(after, _) if now >= self.born + after && !self.half_closed => {
                self.half_closed = socket.shutdown(Shutdown::Write).is_ok();
                mine.finished |= self.half_closed;
                None
            }
            _ => None,
        }
    }

    fn write(
        &mut self,
        now: Instant,
        dice: &mut Dice,
        socket: &Socket,
        streams: &mut [Stream; 2],
    ) -> Result<bool, String> {
        let mine = &mut streams[self.side as usize];
        let listens = self.plan.listens_first || self.plan.leave == Leave::CloseAfterEnd;
        let waits = listens && !self.saw_end;
        if self.half_closed || waits || self.outcome.is_some() {
            return Ok(false);
        }
        let mut moved = false;
        while mine.written < self.plan.octets && now >= self.write_from {
            let most = dice.between(1, self.plan.write_max).min(self.plan.octets - mine.written);
            match socket.try_write(mine.chunk(most as usize)) {
                Ok(taken) => {
                    if taken as u64 > most {
                        return Err(format!("a write of {most} octets took {taken}"));
                    }
                    mine.written += taken as u64;
                    moved = true;
                    if !self.plan.write_pause.is_zero() {
                        self.write_from = now + dice.micros(0, self.plan.write_pause.as_micros() as u64);
                    }
                }
                Err(SocketError::WouldBlock) => break,
                Err(error) => return Ok(self.is_over(Err(error))),
            }
        }
        if mine.written >= self.plan.octets && self.plan.leave == Leave::HalfClose {
            match socket.shutdown(Shutdown::Write) {
                Ok(()) => (self.half_closed, mine.finished) = (true, true),
                Err(error) => return Ok(self.is_over(Err(socket.take_error().unwrap_or(error)))),
            }
            return Ok(true);
        }
        Ok(moved)
    }

    fn read(
        &mut self,
        now: Instant,
        dice: &mut Dice,
        socket: &Socket,
        streams: &mut [Stream; 2],
    ) -> Result<bool, String> {
        let theirs = &mut streams[self.side.peer() as usize];
        let mut moved = false;
        while self.outcome.is_none() && !self.saw_end && now >= self.read_from {
            match socket.try_read(dice.between(1, self.plan.read_max) as usize) {
                Ok(chunk) if chunk.is_empty() => {
                    theirs.end()?;
                    self.saw_end = true;
                    moved = true;
                }
                Ok(chunk) => {
                    theirs.take(&chunk)?;
                    moved = true;
                    if !self.plan.read_pause.is_zero() {
                        self.read_from = now + dice.micros(0, self.plan.read_pause.as_micros() as u64);
                    }
                }
                Err(SocketError::WouldBlock) => break,
                Err(error) => return Ok(self.is_over(Err(error))),
            }
        }
        Ok(moved)
    }

    fn finish(&mut self, socket: &Socket, streams: &mut [Stream; 2]) -> bool {
        let mine = &mut streams[self.side as usize];
        let orderly = matches!(self.plan.leave, Leave::HalfClose | Leave::CloseAfterEnd);
        if !orderly || !self.saw_end || mine.written < self.plan.octets || self.outcome.is_some() {
            return false;
        }
        if self.plan.patient && (socket.unsent() > 0 || fin_waits(socket.state())) {
            return false;
        }
        mine.finished = true;
        // A reset now is the answer of a peer whose TIME_WAIT is over: it has read everything.
        let gone = socket.take_error().filter(|error| *error == SocketError::TimedOut);
        self.is_over(gone.map_or(Ok(()), Err))
    }

    /// Its socket still lives.
    pub(super) fn is_alive(&self) -> bool {
        self.socket.is_some()
    }
}

/// After a half close: its FIN is not acknowledged. In the states before it the stack has not taken the call yet.
fn fin_waits(state: State) -> bool {
    use State::{CloseWait, Closing, Established, FinWait1, LastAck, SynRecv};
    matches!(state, SynRecv | Established | CloseWait | FinWait1 | Closing | LastAck)
}
