//! What must hold after each step, whatever the network did: windows respected, tables within bounds, timers where
//! something waits.

use super::host::Host;
use crate::octets::{Ends, Seen, decode};
use crate::script::ast::Opt;
use lastack_observe::{Instant, SocketRow, State, TimerKind};
use lastack_wire::Seq;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What one end of a flow has told the other.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Its window scale, when its SYN had one.
    scale: Option<u8>,
    /// Its initial number.
    isn: Option<Seq>,
    /// The furthest right edge that reached the other end.
    edge: Option<Seq>,
    /// The first number that it acknowledged after its SYN.
    acknowledged: Option<Seq>,
}

/// Follows every packet of a world.
#[derive(Debug, Default)]
pub(super) struct Watch {
    told: BTreeMap<(SocketAddr, SocketAddr), Told>,
}

fn key(ends: Ends) -> (SocketAddr, SocketAddr) {
    (ends.from, ends.to)
}

fn back(ends: Ends) -> (SocketAddr, SocketAddr) {
    (ends.to, ends.from)
}

impl Watch {
    /// A stack sends a packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn sent(&mut self, octets: &[u8]) -> Result<Option<Seen>, String> {
        let Some(seen) = decode(octets).map_err(|wrong| format!("a bad packet was sent: {wrong}"))? else {
            return Ok(None);
        };
        let segment = &seen.segment;
        if segment.flags.syn() {
            self.begin(&seen);
            return Ok(Some(seen));
        }
        if let (Some(ack), false) = (segment.ack, segment.flags.rst()) {
            self.told.entry(key(seen.ends)).or_default().acknowledged.get_or_insert(Seq(ack));
        }
        if segment.len > 0
            && let Some(edge) = self.told.get(&back(seen.ends)).and_then(|told| told.edge)
        {
            let end = Seq(segment.start) + segment.len;
            if end.gt(edge) {
                let beyond = end.since(edge);
                return Err(format!(
                    "{} -> {}: {segment} goes {beyond} beyond the window",
                    seen.ends.from, seen.ends.to
                ));
            }
        }
        Ok(Some(seen))
    }

    /// The number that a host's last SYN to a peer began with.
    pub(super) fn isn(&self, from: SocketAddr, to: SocketAddr) -> Option<Seq> {
        self.told.get(&(from, to))?.isn
    }

    /// The first number of a peer's that a host acknowledged after its last SYN.
    pub(super) fn acknowledged(&self, from: SocketAddr, to: SocketAddr) -> Option<Seq> {
        self.told.get(&(from, to))?.acknowledged
    }

    fn begin(&mut self, seen: &Seen) {
        let scale = seen.segment.options.iter().flatten().find_map(|option| match option {
            Opt::WindowScale(scale) => Some((*scale).min(14)),
            _ => None,
        });
        let isn = Some(Seq(seen.segment.start));
        let told = self.told.entry(key(seen.ends)).or_default();
        if told.isn != isn {
            *told = Told { scale, isn, edge: None, acknowledged: None };
        } else {
            // A SYN-ACK without the option takes back what the SYN of a crossing offered.
            told.scale = scale;
        }
    }

    /// A packet arrives as it was sent.
    pub(super) fn arrived(&mut self, seen: &Seen) {
        let Some(ack) = seen.segment.ack else { return };
        let window = u32::from(seen.segment.window.unwrap_or(0));
        let syn = seen.segment.flags.syn();
        let theirs = self.told.get(&back(seen.ends)).and_then(|told| told.scale);
        let told = self.told.entry(key(seen.ends)).or_default();
        let shift = match (told.scale, theirs) {
            (Some(ours), Some(_)) if !syn => ours,
            _ => 0,
        };
        let right = Seq(ack) + (window << shift);
        told.edge = Some(told.edge.map_or(right, |edge| edge.max(right)));
    }
}

/// Looks at every row of a host.
///
/// # Errors
/// The first row that breaks a rule.
pub(super) fn rows(host: &mut Host, now: Instant) -> Result<(), String> {
    let rows = host.rows(now);
    let next = host.deadline();
    for row in &rows {
        if let Some(wrong) = unwatched(row) {
            return Err(format!("{} {}: {wrong}", row.flow, row.state));
        }
        // A timer that a row shows is one that the stack will be woken for.
        if let (Some(left), true) = (row.timer_left, row.timer != TimerKind::Off)
            && next.is_none_or(|at| at > now + left)
        {
            return Err(format!("{} {}: its timer is later than the stack's deadline", row.flow, row.state));
        }
    }
    for state in State::ALL {
        let counted = rows.iter().filter(|row| row.state == state).count();
        if counted != host.count(state) as usize {
            return Err(format!("the census has {} in {state}, the rows {counted}", host.count(state)));
        }
    }
    let knobs = host.knobs();
    let waiting = rows.iter().filter(|row| row.state == State::TimeWait).count();
    if waiting > knobs.tcp_max_tw_buckets as usize {
        return Err(format!("{waiting} TIME_WAITs, tcp_max_tw_buckets is {}", knobs.tcp_max_tw_buckets));
    }
    Ok(())
}

/// Why a row waits for something that no timer will bring.
fn unwatched(row: &SocketRow) -> Option<&'static str> {
    let idle = row.timer == TimerKind::Off;
    match row.state {
        State::SynSent | State::SynRecv if idle => Some("a handshake without a timer"),
        State::FinWait1 | State::Closing | State::LastAck if idle => Some("a FIN without a timer"),
        State::TimeWait if idle => Some("TIME_WAIT without a timer"),
        State::FinWait2 if idle && row.orphan => Some("an orphan in FIN_WAIT2 without a timer"),
        State::Established | State::CloseWait
            if row.send_queue > 0 && row.timer != TimerKind::On && row.timer != TimerKind::Persist =>
        {
            Some("unacknowledged data without a timer")
        }
        // The accept queue admits one more than the backlog.
        State::Listen if row.recv_queue > row.send_queue.saturating_add(1) => {
            Some("an accept queue over its bound")
        }
        _ => None,
    }
}
