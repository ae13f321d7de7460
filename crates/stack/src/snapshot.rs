//! What `ss` shows: a row per socket, told in bounded portions that a cursor joins.

use crate::flows::{FlowKind, FlowRef};
use crate::stack::Stack;
use lastack_observe::{Flow, Instant, SocketRow, State, TcpInfo, TimerKind};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

/// Empty chunks of a table that one portion walks over.
const CHUNKS_PER_TURN: usize = 64;

/// Where a snapshot goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cursor {
    part: u8,
    slot: u32,
    info: bool,
}

impl Cursor {
    /// Rows of connections come with TCP_INFO.
    pub fn with_info(self) -> Cursor {
        Cursor { info: true, ..self }
    }
}

/// The tables in the order in which they are told.
const PARTS: u8 = 7;

impl Stack {
    /// Hands at most `rows_max` socket rows to the sink, listeners included; `None` when the last was told. Start with the
    /// default cursor. Between two turns sockets may come and go: each that stays is told once.
    pub fn snapshot(
        &self,
        now: Instant,
        cursor: Cursor,
        rows_max: usize,
        sink: &mut dyn FnMut(SocketRow),
    ) -> Option<Cursor> {
        let Cursor { mut part, mut slot, info } = cursor;
        let mut rows = 0;
        while part < PARTS {
            match self.next_in(part, slot) {
                Ok(Some(used)) if rows == rows_max => return Some(Cursor { part, slot: used, info }),
                Ok(Some(used)) => {
                    if let Some(mut row) = self.row(part, used, now) {
                        if info {
                            row.info = self.info_of(part, used, now);
                            row.congestion = self.congestion_of(part, used);
                        }
                        sink(row);
                    }
                    rows += 1;
                    slot = used + 1;
                }
                Ok(None) => (part, slot) = (part + 1, 0),
                Err(later) => return Some(Cursor { part, slot: later, info }),
            }
        }
        None
    }

    fn next_in(&self, part: u8, slot: u32) -> Result<Option<u32>, u32> {
        let slabs = &self.flows.slabs;
        match part {
            0 => self.listeners.next_used(slot, CHUNKS_PER_TURN),
            1 => slabs.active.next_used(slot, CHUNKS_PER_TURN),
            2 => slabs.connections.next_used(slot, CHUNKS_PER_TURN),
            3 => slabs.half.v4.next_used(slot, CHUNKS_PER_TURN),
            4 => slabs.half.v6.next_used(slot, CHUNKS_PER_TURN),
            5 => slabs.waits.v4.next_used(slot, CHUNKS_PER_TURN),
            _ => slabs.waits.v6.next_used(slot, CHUNKS_PER_TURN),
        }
    }

    fn row(&self, part: u8, slot: u32, now: Instant) -> Option<SocketRow> {
        match part {
            0 => self.listener_row(slot),
            1 => self.active_row(slot, now),
            2 => self.connection_row(slot, now),
            3 | 4 => self.half_open_row(FlowRef::new(FlowKind::HalfOpen, part == 4, slot), now),
            _ => self.wait_row(FlowRef::new(FlowKind::TimeWait, part == 6, slot), now),
        }
    }

    /// TIME_WAIT and half-open requests have none.
    fn info_of(&self, part: u8, slot: u32, now: Instant) -> Option<Box<TcpInfo>> {
        match part {
            1 => self.opening_info(slot, now).map(Box::new),
            2 => self.flow_info(slot, now).map(Box::new),
            _ => None,
        }
    }

    fn congestion_of(&self, part: u8, slot: u32) -> Option<Cow<'static, str>> {
        let connection = self.flows.slabs.connections.get(slot).filter(|_| part == 2)?;
        Some(connection.engine.congestion_control().name().into())
    }

    /// Recv-Q is the accept queue, Send-Q its limit, as `ss` shows a listener.
    fn listener_row(&self, slot: u32) -> Option<SocketRow> {
        let listener = self.listeners.get(slot as u16).filter(|l| !l.closed && l.home == self.me())?;
        let peer =
            SocketAddr::new(if listener.address.is_ipv4() { [0; 4].into() } else { [0; 16].into() }, 0);
        let queued = listener.cell.lock().accept_queue.len();
        Some(SocketRow {
            recv_queue: clamp(queued),
            send_queue: clamp(listener.limit(self.config.knobs.somaxconn)),
            ..SocketRow::new(State::Listen, Flow { local: listener.address, remote: peer })
        })
    }

    fn active_row(&self, slot: u32, now: Instant) -> Option<SocketRow> {
        let entry = self.flows.slabs.active.get(slot)?;
        Some(SocketRow {
            // Our SYN is not acknowledged.
            send_queue: 1,
            timer: if entry.engine.is_deferred() { TimerKind::Off } else { TimerKind::On },
            timer_left: left(entry.engine.deadline(), now),
            retransmits: entry.engine.retransmits(),
            age: Some(now.since(entry.since)),
            orphan: entry.cell.is_none(),
            ..SocketRow::new(entry.state, entry.tuple)
        })
    }

    fn connection_row(&self, slot: u32, now: Instant) -> Option<SocketRow> {
        let entry = self.flows.slabs.connections.get(slot)?;
        let timer = entry.engine.row_timer();
        // The peer's FIN counts as one octet until a reader was told of it (REQUIREMENTS DI-07).
        let (end_was_read, urgent) = match &entry.cell {
            Some(cell) => {
                let inner = cell.lock();
                (inner.end_was_read, usize::from(inner.holds_urgent()))
            }
            None => (false, 0),
        };
        let read = entry.end_was_read || end_was_read;
        let fin = matches!(entry.state, State::CloseWait | State::LastAck | State::Closing) && !read;
        Some(SocketRow {
            recv_queue: clamp(entry.engine.unread() + usize::from(fin) + entry.engine.fins_again() + urgent),
            send_queue: clamp(entry.engine.send_queue()),
            timer: timer.map_or(TimerKind::Off, |(kind, _)| kind),
            timer_left: left(timer.map(|(_, at)| at), now),
            retransmits: entry.engine.retransmits(),
            rto: Some(entry.engine.current_rto(&self.config.knobs)),
            age: Some(now.since(entry.since)),
            orphan: entry.orphan,
            unaccepted: entry.cell.as_ref().is_some_and(|cell| !cell.lock().owned),
            negotiated: Some(entry.engine.negotiated()),
            ..SocketRow::new(entry.state, entry.tuple)
        })
    }

    fn half_open_row(&self, flow: FlowRef, now: Instant) -> Option<SocketRow> {
        let (record, _) = self.flows.slabs.half.get(flow)?;
        Some(SocketRow {
            timer: TimerKind::On,
            timer_left: left(self.flows.slabs.half.deadline_of(flow, now), now),
            retransmits: record.timeouts(),
            age: Some(record.age(now)),
            ..SocketRow::new(State::SynRecv, self.flows.tuple(flow)?)
        })
    }

    fn wait_row(&self, flow: FlowRef, now: Instant) -> Option<SocketRow> {
        let (record, _) = self.flows.slabs.waits.get(flow)?;
        Some(SocketRow {
            timer: TimerKind::Timewait,
            timer_left: left(self.flows.slabs.waits.deadline_of(flow, now), now),
            orphan: record.state() == State::FinWait2,
            ..SocketRow::new(record.state(), self.flows.tuple(flow)?)
        })
    }
}

fn left(at: Option<Instant>, now: Instant) -> Option<Duration> {
    at.map(|at| at.since(now))
}

fn clamp(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}
