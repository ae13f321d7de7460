//! Which state follows which: one declarative table per lifetime type, joined they are the diagram of
//! RFC 9293 section 3.3.2 (figure 5) with what Linux adds.
//!
//! Nothing here looks at a segment. The lifetime types decide what happened and name it with a [`Cause`]; the table
//! says which state that leads to. A pair that no row names is an illegal transition.

use crate::Output;
use lastack_observe::{Cause, State};

mod dot;
#[cfg(test)]
mod tests;

pub use dot::dot;

/// One edge of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The state that is left.
    pub from: State,
    /// What happened.
    pub cause: Cause,
    /// The state that is entered.
    pub to: State,
}

impl Edge {
    const fn is(&self, other: &Edge) -> bool {
        self.from as u8 == other.from as u8
            && self.cause as u8 == other.cause as u8
            && self.to as u8 == other.to as u8
    }
}

/// The edges of one lifetime type.
#[derive(Debug)]
pub struct Table {
    /// The type, for messages and for the diagram.
    pub name: &'static str,
    /// Its edges; no two have the same `from` and `cause`.
    pub edges: &'static [Edge],
}

macro_rules! table {
    ($(#[$doc:meta])* $table:ident, $name:literal, { $($from:ident { $($cause:ident => $to:ident,)* })* }) => {
        $(#[$doc])*
        pub const $table: Table = Table {
            name: $name,
            edges: &[$($(
                Edge { from: State::$from, cause: Cause::$cause, to: State::$to },
            )*)*],
        };
    };
}

table! {
    /// A port, with and without a listener.
    LISTENER, "listener", {
        Closed { PassiveOpen => Listen, }
        Listen { Close => Closed, DeviceLost => Closed, }
    }
}

table! {
    /// From connect() to the end of the handshake, simultaneous open included.
    ACTIVE_OPEN, "active open", {
        Closed { ActiveOpen => SynSent, }
        SynSent {
            SynAckReceived => Established,
            SynReceived => SynRecv,
            Refused => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Close => Closed,
            Abort => Closed,
            DeviceLost => Closed,
        }
        SynRecv {
            SynAcked => Established,
            SynAckReceived => Established,
            Reset => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            DeviceLost => Closed,
        }
    }
}

table! {
    /// A listener's request. Its connection exists only after the third segment.
    HALF_OPEN, "half-open", {
        Listen { SynReceived => SynRecv, }
        SynRecv {
            SynAcked => Established,
            Reset => Closed,
            InvalidSyn => Closed,
            SynAckRetriesExceeded => Closed,
            Unreachable => Closed,
            AbortOnOverflow => Closed,
            ListenerClosed => Closed,
            DeviceLost => Closed,
        }
    }
}

table! {
    /// The six states in which both sequence spaces are known, and the SYN-RECEIVED of a Fast Open server.
    CONNECTION, "connection", {
        SynRecv {
            SynAcked => Established,
            Close => FinWait1,
            Reset => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            ListenerClosed => Closed,
            DeviceLost => Closed,
        }
        Established {
            FinReceived => CloseWait,
            Close => FinWait1,
            Shutdown => FinWait1,
            Reset => Closed,
            TimedOut => Closed,
            KeepaliveTimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            ListenerClosed => Closed,
            DeviceLost => Closed,
        }
        CloseWait {
            Close => LastAck,
            Shutdown => LastAck,
            Reset => Closed,
            TimedOut => Closed,
            KeepaliveTimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            ListenerClosed => Closed,
            DeviceLost => Closed,
        }
        FinWait1 {
            FinAcked => FinWait2,
            FinReceived => Closing,
            DataAfterClose => Closed,
            Reset => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            TooManyOrphans => Closed,
            DeviceLost => Closed,
        }
        FinWait2 {
            FinReceived => TimeWait,
            DataAfterClose => Closed,
            FinWait2Expired => Closed,
            Reset => Closed,
            KeepaliveTimedOut => Closed,
            Abort => Closed,
            UnreadData => Closed,
            TooManyOrphans => Closed,
            TableFull => Closed,
            DeviceLost => Closed,
        }
        Closing {
            FinAcked => TimeWait,
            Reset => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            TooManyOrphans => Closed,
            DeviceLost => Closed,
        }
        LastAck {
            FinAcked => Closed,
            Reset => Closed,
            TimedOut => Closed,
            Unreachable => Closed,
            Abort => Closed,
            UnreadData => Closed,
            TooManyOrphans => Closed,
            DeviceLost => Closed,
        }
    }
}

table! {
    /// What is left of a connection after both FINs, or after our FIN when nobody holds the socket any more.
    TIME_WAIT, "time-wait", {
        FinWait2 {
            FinReceived => TimeWait,
            FinWait2Expired => Closed,
            DataAfterClose => Closed,
            InvalidSyn => Closed,
            Reset => Closed,
            DeviceLost => Closed,
        }
        TimeWait {
            TimeWaitExpired => Closed,
            TableFull => Closed,
            Reopened => SynRecv,
            Reused => Closed,
            Reset => Closed,
            DeviceLost => Closed,
        }
    }
}

/// Every table.
pub const TABLES: [&Table; 5] = [&LISTENER, &ACTIVE_OPEN, &HALF_OPEN, &CONNECTION, &TIME_WAIT];

/// Every edge of every table once, in a stable order: an edge's place is its [`edge_index`].
pub static EDGES: &[Edge] = &JOINED;

const JOINED: [Edge; count_edges()] = join();

const fn is_new(table: usize, row: usize) -> bool {
    let edge = &TABLES[table].edges[row];
    let (mut t, mut r) = (0, 0);
    while t < table || r < row {
        if r == TABLES[t].edges.len() {
            (t, r) = (t + 1, 0);
            continue;
        }
        if t == table && r == row {
            break;
        }
        if TABLES[t].edges[r].is(edge) {
            return false;
        }
        r += 1;
    }
    true
}

const fn count_edges() -> usize {
    let (mut count, mut t) = (0, 0);
    while t < TABLES.len() {
        let mut r = 0;
        while r < TABLES[t].edges.len() {
            count += is_new(t, r) as usize;
            r += 1;
        }
        t += 1;
    }
    count
}

const fn join() -> [Edge; count_edges()] {
    let mut all = [TABLES[0].edges[0]; count_edges()];
    let (mut next, mut t) = (0, 0);
    while t < TABLES.len() {
        let mut r = 0;
        while r < TABLES[t].edges.len() {
            if is_new(t, r) {
                all[next] = TABLES[t].edges[r];
                next += 1;
            }
            r += 1;
        }
        t += 1;
    }
    all
}

/// The state that `cause` leads to; `None` when the table has no such edge.
pub fn step(table: &Table, from: State, cause: Cause) -> Option<State> {
    table.edges.iter().find(|edge| edge.from == from && edge.cause == cause).map(|edge| edge.to)
}

/// The place of an edge in [`EDGES`].
pub fn edge_index(from: State, cause: Cause, to: State) -> Option<usize> {
    EDGES.iter().position(|edge| *edge == Edge { from, cause, to })
}

impl Table {
    /// Goes from `from` by `cause`, reports the change and returns the new state.
    ///
    /// An edge that the table does not have is a mistake in this crate, not in a segment: it panics when debug
    /// assertions are on, and otherwise leaves the state as it is.
    pub fn go(&self, from: State, cause: Cause, out: &mut Output) -> State {
        let Some(to) = step(self, from, cause) else {
            debug_assert!(false, "{}: no edge from {from} by {cause:?}", self.name);
            return from;
        };
        out.state_changed(from, to, cause);
        to
    }

    /// Every pair of a state of this table and a cause that has no edge.
    pub fn illegal(&self) -> impl Iterator<Item = (State, Cause)> + '_ {
        State::ALL
            .into_iter()
            .filter(|state| self.edges.iter().any(|edge| edge.from == *state))
            .flat_map(|state| Cause::ALL.iter().map(move |&cause| (state, cause)))
            .filter(|&(state, cause)| step(self, state, cause).is_none())
    }
}
