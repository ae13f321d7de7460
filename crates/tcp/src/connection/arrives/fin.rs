//! Eighth check: the FIN bit (RFC 9293 section 3.10.7.4).

use super::Check;
use crate::connection::{Connection, Turn};
use lastack_observe::{Cause, State};
use std::ops::ControlFlow::{Break, Continue};

impl Connection {
    /// Everything before the peer's FIN was taken.
    pub(in crate::connection) fn take_fin(&mut self, turn: &mut Turn) -> Check {
        self.receive.nxt += 1;
        if self.peer_finished {
            self.incoming().fins_again += 1;
        }
        self.peer_finished = true;
        self.receive_closed = true;
        self.autotune = None;
        self.ack.owe();
        if matches!(self.state, State::FinWait1 | State::FinWait2) {
            self.send_ack(turn);
        }
        // Beyond a FIN there is nothing: what lies out of order there is an error of the peer's.
        self.forget_out_of_order();
        match self.state {
            State::Established => {
                self.go(Cause::FinReceived, turn);
                // The answer to a FIN is mostly data or our own FIN: the acknowledgment waits for it (T13, T14).
                self.ack.enter_interactive_mode();
                Continue(())
            }
            State::FinWait1 => {
                self.go(Cause::FinReceived, turn);
                Continue(())
            }
            State::FinWait2 => {
                self.go(Cause::FinReceived, turn);
                // Even while the application holds the socket; it reads what is left, and then the end (T14b).
                Break(self.leave(turn))
            }
            State::CloseWait | State::Closing | State::LastAck => Continue(()),
            state => unreachable!("no connection is in {state}"),
        }
    }
}
