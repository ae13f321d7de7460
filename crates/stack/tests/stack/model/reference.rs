//! RFC 9293's state machine as a table one can read: states, the four numbers, what each event must do. Written from the RFC (and
//! the measured exceptions, named where they are), not from the engine.
//!
//! Segments acknowledge everything unless they say otherwise, and nothing is ever lost, so that one number each way is enough.

use lastack_stack::observe::State;

/// What the peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Syn,
    Ack,
    /// Acknowledges nothing new.
    AckOld,
    Data(u16),
    Fin,
    /// A FIN that does not acknowledge ours.
    FinCrossing,
    Rst,
    RstInWindow,
    RstOutside,
    SynInWindow,
    Duplicate,
    BeyondWindow,
    AckFuture,
}

/// What the application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Write(u16),
    Read,
    Shutdown,
    Close,
    Abort,
}

/// What must come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Nothing,
    /// One bare acknowledgment.
    Ack,
    /// One reset.
    Reset,
    SynAck,
    /// A FIN, perhaps with data.
    Fin,
    /// Acknowledgments or data or nothing, but no reset.
    Quiet,
    /// RFC and Linux leave it open, or differ in ways that the matrix of scripts covers.
    Open,
}

/// One connection in the model; `None` is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) state: Option<State>,
    /// Our next number, counted from our initial one.
    pub(super) sent: u32,
    /// The highest that was acknowledged.
    pub(super) acked: u32,
    /// The peer's next number, counted from its initial one.
    pub(super) received: u32,
    pub(super) unread: u32,
    /// The application has closed.
    pub(super) orphan: bool,
}

impl Model {
    pub(super) fn new() -> Model {
        Model { state: None, sent: 0, acked: 0, received: 0, unread: 0, orphan: false }
    }

    fn go(&mut self, state: State) {
        self.state = Some(state);
    }

    fn end(&mut self) {
        *self = Model::new();
    }

    /// SEGMENT ARRIVES (3.10.7).
    pub(super) fn arrives(&mut self, segment: Segment) -> Expect {
        let Some(state) = self.state else { return self.arrives_in_listen(segment) };
        match (state, segment) {
            (State::SynRecv, _) => self.arrives_in_syn_received(segment),
            (State::TimeWait, _) => self.arrives_in_time_wait(segment),
            (State::FinWait2, _) if self.orphan => self.arrives_at_orphan(segment),
            (_, Segment::Rst) => {
                self.end();
                Expect::Nothing
            }
            (_, Segment::RstOutside) => Expect::Nothing,
            // RFC 5961: challenges.
            (_, Segment::RstInWindow | Segment::Syn | Segment::SynInWindow | Segment::AckFuture) => {
                Expect::Ack
            }
            (_, Segment::Duplicate | Segment::BeyondWindow) => Expect::Ack,
            (_, Segment::AckOld) => Expect::Quiet,
            (_, Segment::Ack | Segment::Data(_) | Segment::Fin | Segment::FinCrossing) => {
                self.arrives_in_order(state, segment)
            }
        }
    }

    /// The listener stays for the whole run.
    fn arrives_in_listen(&mut self, segment: Segment) -> Expect {
        match segment {
            // Its number is not the one that the rest of the run counts from.
            Segment::SynInWindow => Expect::Open,
            Segment::Syn => {
                *self = Model { state: Some(State::SynRecv), sent: 1, received: 1, ..Model::new() };
                Expect::SynAck
            }
            Segment::Rst | Segment::RstInWindow | Segment::RstOutside => Expect::Nothing,
            _ => Expect::Reset,
        }
    }

    fn arrives_in_syn_received(&mut self, segment: Segment) -> Expect {
        match segment {
            Segment::Syn => Expect::SynAck,
            Segment::Rst => {
                self.end();
                Expect::Nothing
            }
            Segment::RstOutside => Expect::Nothing,
            Segment::RstInWindow | Segment::BeyondWindow | Segment::Duplicate => Expect::Ack,
            // RFC 9293: reset what acknowledges the wrong number, and stay.
            Segment::AckFuture | Segment::AckOld | Segment::FinCrossing => Expect::Reset,
            // Linux drops the request, the RFC would challenge.
            Segment::SynInWindow => Expect::Open,
            Segment::Ack | Segment::Data(_) | Segment::Fin => {
                self.go(State::Established);
                self.arrives_in_order(State::Established, segment)
            }
        }
    }

    fn arrives_in_time_wait(&mut self, segment: Segment) -> Expect {
        match segment {
            Segment::Rst => {
                self.end();
                Expect::Nothing
            }
            Segment::RstInWindow | Segment::RstOutside | Segment::Ack | Segment::AckOld => Expect::Nothing,
            Segment::Data(_) | Segment::Fin | Segment::FinCrossing | Segment::Duplicate => Expect::Ack,
            Segment::BeyondWindow => Expect::Ack,
            // Linux does not look at the acknowledgment here; the RFC would answer.
            Segment::AckFuture => Expect::Nothing,
            // May begin a new connection (RFC 6191).
            Segment::Syn | Segment::SynInWindow => Expect::Open,
        }
    }

    /// FIN-WAIT-2 of an application that is gone: a record, which knows less.
    fn arrives_at_orphan(&mut self, segment: Segment) -> Expect {
        match segment {
            Segment::Rst | Segment::RstInWindow => {
                self.end();
                Expect::Nothing
            }
            Segment::Data(_) => {
                self.end();
                Expect::Reset
            }
            Segment::Fin | Segment::FinCrossing => {
                self.received += 1;
                self.go(State::TimeWait);
                Expect::Ack
            }
            Segment::Ack | Segment::AckOld | Segment::AckFuture => Expect::Nothing,
            Segment::RstOutside | Segment::Duplicate | Segment::BeyondWindow => Expect::Ack,
            Segment::Syn | Segment::SynInWindow => Expect::Open,
        }
    }

    fn arrives_in_order(&mut self, state: State, segment: Segment) -> Expect {
        let acknowledges = segment != Segment::FinCrossing || self.acked == self.sent;
        let fin_sent = matches!(state, State::FinWait1 | State::Closing | State::LastAck);
        if acknowledges {
            self.acked = self.sent;
        }
        let fin_acked = fin_sent && acknowledges;
        let state = match state {
            State::FinWait1 if fin_acked => State::FinWait2,
            State::Closing if fin_acked => {
                self.go(State::TimeWait);
                return Expect::Nothing;
            }
            State::LastAck if fin_acked => {
                self.end();
                return Expect::Nothing;
            }
            other => other,
        };
        self.go(state);
        match segment {
            Segment::Data(octets) => self.take_data(state, octets),
            Segment::Fin | Segment::FinCrossing => self.take_fin(state),
            _ => Expect::Quiet,
        }
    }

    fn take_data(&mut self, state: State, octets: u16) -> Expect {
        match state {
            State::Established | State::FinWait1 | State::FinWait2 if !self.orphan => {
                self.received += u32::from(octets);
                self.unread += u32::from(octets);
                Expect::Quiet
            }
            State::FinWait1 | State::FinWait2 => {
                self.end();
                Expect::Reset
            }
            // After the peer's FIN: ignored.
            _ => Expect::Quiet,
        }
    }

    fn take_fin(&mut self, state: State) -> Expect {
        let next = match state {
            State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            // Again: nothing new.
            _ => return Expect::Quiet,
        };
        self.received += 1;
        self.go(next);
        if state == State::Established { Expect::Quiet } else { Expect::Ack }
    }

    /// The user's calls (3.10.1 to 3.10.6).
    pub(super) fn call(&mut self, call: Call) -> Expect {
        let Some(state) = self.state.filter(|_| !self.orphan) else { return Expect::Nothing };
        let open = matches!(state, State::Established | State::CloseWait);
        match call {
            Call::Write(octets) if open => {
                self.sent += u32::from(octets);
                Expect::Quiet
            }
            Call::Write(_) => Expect::Nothing,
            Call::Read => {
                self.unread = 0;
                Expect::Quiet
            }
            Call::Shutdown if open => self.send_fin(state),
            Call::Shutdown => Expect::Nothing,
            // RFC 2525 section 2.17: what was not read is lost, and the peer must know.
            Call::Close if self.unread > 0 => {
                let silent = matches!(state, State::TimeWait);
                self.end();
                if silent { Expect::Open } else { Expect::Reset }
            }
            Call::Close => {
                self.orphan = true;
                if open { self.send_fin(state) } else { Expect::Nothing }
            }
            Call::Abort => {
                // Linux (tcp_need_reset): after both FINs nobody needs to be told.
                let told = !matches!(state, State::Closing | State::LastAck | State::TimeWait);
                if state == State::TimeWait {
                    self.orphan = true;
                    return Expect::Nothing;
                }
                self.end();
                if told { Expect::Reset } else { Expect::Nothing }
            }
        }
    }

    fn send_fin(&mut self, state: State) -> Expect {
        self.sent += 1;
        self.go(if state == State::Established { State::FinWait1 } else { State::LastAck });
        Expect::Fin
    }
}
