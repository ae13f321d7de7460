//! Sockets as the tool follows them: which one is under test, where its packets go, how its numbers lie.
//!
//! A new socket is under test, and so is the child of a listener for which a packet comes. Numbers of packets with SYN are as
//! they stand in the script, all others count from the SYN of their side.

use super::Place;
use lastack_sim::octets::Ends;
use lastack_sim::script::ast::{Opt, Segment};
use libc::c_int;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How far a socket's handshake is, as the script shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Listening,
    Received,
    SynAckSent,
    SynAckAcked,
    Connecting,
    SynSent,
    SynAcked,
}

/// One socket.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) stage: Stage,
    /// The library's descriptor; none before accept().
    pub(super) fd: Option<c_int>,
    /// From the peer to the stack.
    pub(super) ends: Ends,
    local_isn: u32,
    script_isn: u32,
    pub(super) remote_isn: u32,
    /// TSvals of the script and what the stack sent in their place.
    stamps: BTreeMap<u32, u32>,
    first_stamp: Option<(u32, u32)>,
    /// Flow labels: the script's and the stack's.
    label: Option<(u32, u32)>,
}

impl Flow {
    fn new(stage: Stage, fd: Option<c_int>, ends: Ends) -> Flow {
        Flow {
            stage,
            fd,
            ends,
            local_isn: 0,
            script_isn: 0,
            remote_isn: 0,
            stamps: BTreeMap::new(),
            first_stamp: None,
            label: None,
        }
    }

    /// A packet of the script's peer as it goes on the wire.
    pub(super) fn inbound(&self, segment: &Segment, scaled: bool) -> Result<Segment, String> {
        let mut live = segment.clone();
        let syn = live.flags.syn();
        let local = if syn { self.local_isn.wrapping_sub(self.script_isn) } else { self.local_isn };
        if !syn {
            live.start = live.start.wrapping_add(self.remote_isn);
        }
        // Without the flag the number is nobody's.
        if live.flags.ack() {
            live.ack = Some(live.ack.unwrap_or(0).wrapping_add(local));
        }
        for option in live.options.iter_mut().flatten() {
            match option {
                Opt::Sack(blocks) => blocks.iter_mut().for_each(|(left, right)| {
                    *left = left.wrapping_add(local);
                    *right = right.wrapping_add(local);
                }),
                Opt::Timestamps(_, echo) if live.flags.ack() => *echo = self.echo(*echo, scaled)?,
                _ => {}
            }
        }
        Ok(live)
    }

    fn echo(&self, echo: u32, scaled: bool) -> Result<u32, String> {
        match (self.stamps.get(&echo), self.first_stamp) {
            (Some(live), _) => Ok(*live),
            (None, Some((script, live))) if scaled => Ok(echo.wrapping_sub(script).wrapping_add(live)),
            _ => Err(format!("no packet of the stack had the TSval {echo} that this echoes")),
        }
    }

    /// A packet of the stack in the script's numbers.
    pub(super) fn outbound(&self, live: &Segment) -> Segment {
        let mut seen = live.clone();
        let syn = live.flags.syn();
        let local = if syn { self.local_isn.wrapping_sub(self.script_isn) } else { self.local_isn };
        let remote = if syn { 0 } else { self.remote_isn };
        seen.start = seen.start.wrapping_sub(local);
        seen.ack = seen.ack.map(|ack| ack.wrapping_sub(remote));
        for option in seen.options.iter_mut().flatten() {
            if let Opt::Sack(blocks) = option {
                blocks.iter_mut().for_each(|(left, right)| {
                    *left = left.wrapping_sub(remote);
                    *right = right.wrapping_sub(remote);
                });
            }
        }
        seen
    }

    /// Remembers which TSval of the stack stands for one of the script; the stack's in the script's scale.
    pub(super) fn stamp(&mut self, script: u32, live: u32) -> u32 {
        self.stamps.insert(script, live);
        let (first_script, first_live) = *self.first_stamp.get_or_insert((script, live));
        first_script.wrapping_add(live.wrapping_sub(first_live))
    }

    /// Where the stack's numbers begin.
    pub(super) fn begin_local(&mut self, script: u32, live: u32) {
        (self.script_isn, self.local_isn) = (script, live);
    }

    /// The number that an ICMP error quotes, on the wire.
    pub(super) fn quoted(&self, start: u32) -> u32 {
        start.wrapping_add(self.local_isn)
    }

    /// Flow labels change when the script's change, and only then.
    pub(super) fn label_fits(&mut self, script: u32, live: u32) -> Result<(), String> {
        if script == 0 {
            return Ok(());
        }
        let before = self.label.replace((script, live));
        match before {
            _ if live == 0 => Err("the packet has no flow label".to_owned()),
            Some((old, was)) if old == script && was != live => Err("the flow label changed".to_owned()),
            Some((old, was)) if old != script && was == live => {
                Err("the flow label did not change".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// All sockets of a script.
#[derive(Debug)]
pub(super) struct Flows {
    all: Vec<Flow>,
    under: Option<usize>,
    local: SocketAddr,
    remote: SocketAddr,
    next_port: u16,
}

impl Flows {
    pub(super) fn new(place: &Place) -> Flows {
        Flows {
            all: Vec::new(),
            under: None,
            local: SocketAddr::new(place.local, place.bind_port),
            remote: SocketAddr::new(place.remote, place.connect_port),
            next_port: 41_001,
        }
    }

    pub(super) fn under(&mut self) -> Option<&mut Flow> {
        self.all.get_mut(self.under?)
    }

    fn of(&mut self, fd: c_int) -> Option<&mut Flow> {
        self.all.iter_mut().rev().find(|flow| flow.fd == Some(fd))
    }

    /// socket() returned this descriptor.
    pub(super) fn opened(&mut self, fd: c_int) {
        let ends = Ends { from: self.remote, to: self.local };
        self.all.push(Flow::new(Stage::New, Some(fd), ends));
        self.under = Some(self.all.len() - 1);
    }

    pub(super) fn listens(&mut self, fd: c_int) {
        if let Some(flow) = self.of(fd) {
            flow.stage = Stage::Listening;
        }
    }

    /// connect(), or a send that may connect; `None`: to no address, which ends an association.
    pub(super) fn connects(&mut self, fd: c_int, somewhere: bool) {
        let remote = self.remote;
        let Some(flow) = self.of(fd) else { return };
        if !somewhere {
            flow.stage = Stage::New;
        } else if flow.stage == Stage::New {
            flow.stage = Stage::Connecting;
            flow.ends.from = remote;
        }
    }

    /// accept() returned this descriptor for a connection from there.
    pub(super) fn accepted(&mut self, fd: c_int, from: SocketAddr) -> Result<(), String> {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let waits = |flow: &Flow| matches!(flow.stage, Stage::SynAckSent | Stage::SynAckAcked);
        let of_peer = |flow: &&mut Flow| waits(flow) && flow.ends.from == from;
        match self.all.iter_mut().rev().find(of_peer) {
            Some(flow) => {
                flow.fd = Some(fd);
                Ok(())
            }
            None => Err(format!("accept() tells of {from}, from where no SYN came")),
        }
    }

    pub(super) fn closed(&mut self, fd: c_int) {
        self.all.iter_mut().filter(|flow| flow.fd == Some(fd)).for_each(|flow| flow.fd = None);
    }

    /// The flow for a packet of the peer: a listener gets a child.
    pub(super) fn for_inbound(&mut self, segment: &Segment) -> &mut Flow {
        let index = match self.under {
            Some(under) if self.all[under].stage != Stage::Listening => under,
            _ => {
                let from = SocketAddr::new(self.remote.ip(), self.next_port);
                self.next_port += 1;
                let mut child = Flow::new(Stage::Received, None, Ends { from, to: self.local });
                child.remote_isn = segment.start;
                self.all.push(child);
                self.all.len() - 1
            }
        };
        self.under = Some(index);
        let flow = &mut self.all[index];
        if flow.stage == Stage::SynAckSent && segment.flags.ack() {
            flow.stage = Stage::SynAckAcked;
        } else if flow.stage == Stage::SynSent && segment.flags.ack() && segment.flags.syn() {
            flow.stage = Stage::SynAcked;
            flow.remote_isn = segment.start;
        }
        flow
    }

    /// Before a packet of the stack is expected: a SYN is that of connect().
    pub(super) fn expects(&mut self, segment: &Segment) -> Result<(), String> {
        let flow = self.under().ok_or("no socket is under test")?;
        if flow.stage == Stage::Connecting && segment.flags.syn() && !segment.flags.ack() {
            flow.stage = Stage::SynSent;
            flow.begin_local(segment.start, 0);
        }
        Ok(())
    }

    /// True when a packet of the stack belongs to the flow under test; learns from SYN and SYN-ACK where its numbers begin.
    pub(super) fn takes(&mut self, ends: Ends, live: &Segment, wanted: &Segment) -> bool {
        let (under, route) = (self.under, (ends.to, ends.from));
        // A SYN that a socket which is known, though not under test, sends again begins nothing.
        let other = |(index, flow): (usize, &Flow)| {
            Some(index) != under && (flow.ends.from, flow.ends.to) == route && flow.local_isn == live.start
        };
        let of_other = self.all.iter().enumerate().any(other);
        let Some(flow) = self.under() else { return false };
        let syn = live.flags.syn() && !live.flags.ack();
        let known = (flow.ends.from, flow.ends.to) == (ends.to, ends.from);
        if flow.stage == Stage::SynSent && syn && flow.ends.from == ends.to && !of_other {
            flow.ends.to = ends.from;
            flow.local_isn = live.start;
            return true;
        }
        if known && flow.stage == Stage::Received && wanted.flags.syn() && wanted.flags.ack() {
            flow.stage = Stage::SynAckSent;
            flow.begin_local(wanted.start, live.start);
        }
        known
    }
}
